"""Time the variants of a question in turns, and say what the timings come to.

Every round times one small batch of each variant, in random order, so that a slow second meets all
of them; the baseline takes part twice, which tells how much to believe.
"""

import gc
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from timeit import Timer

from tests.benchmarks.questions import Case, Question

AGAIN = "baseline again"
SECONDS = 4.0  # a question
LOW = 0.10  # the published quantile: other processes only ever add time
NOISE_LIMIT = 0.01
ALIKE = 0.005  # so far apart two identical variants were seen
BLOCKS, RESAMPLES = 40, 200
# The clock itself costs about 100 ns, a five-hundredth of the least. What is fast gets more calls
# where it follows on what is slow.
LEAST_BATCH_NS, MOST_BATCH_NS, SHARE_OF_SLOWEST = 50_000, 1_000_000, 0.05
FEWEST_ROUNDS, ENOUGH_ROUNDS, MOST_ROUNDS = 12, 120, 6000
PATIENCE = 4  # times the seconds that were given, for questions with slow variants
WARM_NS = 100_000_000
ATTEMPTS = 3

Clock = Callable[[], int]
Rounds = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Answer:
    """What was measured for one question: nanoseconds a unit of work, one a round.

    *noise* is how far the baseline's two timings lie apart; *intervals* hold the ratio to the
    baseline in 95 of 100 resamplings.
    """

    question: Question
    case: Case
    rounds: Rounds
    noise: float
    intervals: Mapping[str, tuple[float, float]]

    def low(self, name: str) -> float:
        """Return the published time of a variant."""
        return quantile(self.rounds[name], LOW)


def answer(asked: Question, seconds: float) -> Answer:
    """Build, verify and time one question; try again while the machine is too noisy."""
    attempts: list[Answer] = []
    with asked.built() as case:
        while not attempts or (attempts[-1].noise > NOISE_LIMIT and len(attempts) < ATTEMPTS):
            rounds = take_rounds(case, seconds, seed=len(attempts))
            noise = abs(quantile(rounds.pop(AGAIN), LOW) / quantile(rounds[case.baseline], LOW) - 1)
            intervals = ratio_intervals(rounds, case.baseline)
            attempts.append(Answer(asked, case, rounds, noise, intervals))
        case.verify()  # a variant that broke on the way has been timed failing
    return min(attempts, key=lambda one: one.noise)


def take_rounds(
    case: Case, seconds: float, seed: int = 0, clock: Clock = time.perf_counter_ns
) -> dict[str, list[float]]:
    """Return the nanoseconds a unit of work, one timing a round, of each variant and AGAIN."""
    timers = {name: Timer(call, timer=clock) for name, call in case.variants.items()}
    costs = {name: _cost(timer, clock) for name, timer in timers.items()}
    timers[AGAIN], costs[AGAIN] = timers[case.baseline], costs[case.baseline]
    wanted = min(MOST_BATCH_NS, max(LEAST_BATCH_NS, SHARE_OF_SLOWEST * max(costs.values())))
    batches = {name: max(1, round(wanted / max(1, cost))) for name, cost in costs.items()}
    order, shuffle = list(timers), random.Random(seed).shuffle
    taken: dict[str, list[float]] = {name: [] for name in timers}
    begun, count = clock(), 0
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        while _go_on(count, (clock() - begun) / (seconds * 1e9)):
            shuffle(order)
            for name in order:
                if costs[name] < MOST_BATCH_NS:
                    # Untimed: a server's request follows on one of its own kind, and finds its
                    # code in the caches; these follow on their rivals.
                    timers[name].timeit(batches[name])
                spent = timers[name].timeit(batches[name])
                taken[name].append(spent / (batches[name] * case.calls))
            count += 1
            if count % 50 == 0:
                gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
    return taken


def _go_on(rounds: int, spent: float) -> bool:
    """Say whether another round is due; *spent* is the share of the time that is used up."""
    if rounds < ENOUGH_ROUNDS:
        return spent < PATIENCE or rounds < FEWEST_ROUNDS
    return spent < 1 and rounds < MOST_ROUNDS


def _cost(timer: Timer, clock: Clock) -> float:
    """Return the nanoseconds of one call; the trials warm the variant up."""
    begun, trials = clock(), []
    while len(trials) < 2 or (len(trials) < 10 and clock() - begun < WARM_NS):
        trials.append(timer.timeit(1))
    return min(trials)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least *share* of the *values* don't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def ratio_intervals(rounds: Rounds, baseline: str, seed: int = 0) -> dict[str, tuple[float, float]]:
    """Return, for each variant, the 95 % bootstrap interval of its ratio to *baseline*.

    Blocks of neighbouring rounds are drawn together: a slow second slows all variants of its
    rounds.
    """
    drawn, count = random.Random(seed), len(rounds[baseline])
    width = max(1, count // BLOCKS)
    blocks = [range(start, min(start + width, count)) for start in range(0, count, width)]
    ratios: dict[str, list[float]] = {name: [] for name in rounds}
    for _ in range(RESAMPLES):
        chosen = [place for block in drawn.choices(blocks, k=len(blocks)) for place in block]
        lows = {name: quantile([taken[i] for i in chosen], LOW) for name, taken in rounds.items()}
        for name, low in lows.items():
            ratios[name].append(low / lows[baseline])
    return {name: (quantile(of, 0.025), quantile(of, 0.975)) for name, of in ratios.items()}
