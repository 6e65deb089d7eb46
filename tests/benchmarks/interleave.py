"""Time the variants of a question in turns: what the report publishes.

Run one after another, the same code came out between 0.71 and 1.46 of itself on a shared
machine. Here every round times one small batch of each variant, in random order, so that a slow
second meets all of them; the baseline takes part twice, which tells how much to believe.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.benchmarks import estimates
from tests.benchmarks.questions import Call, Case, Question, verify

Clock = Callable[[], int]
AGAIN = "baseline again"
# The clock itself costs about 100 ns, a five-hundredth of the least. What is fast gets more calls
# where it follows on what is slow.
LEAST_BATCH_NS, MOST_BATCH_NS, SHARE_OF_SLOWEST = 50_000, 1_000_000, 0.05
FEWEST_ROUNDS, ENOUGH_ROUNDS, MOST_ROUNDS = 12, 120, 6000
PATIENCE = 4  # times the seconds that were given, for questions with slow variants
WARM_NS = 100_000_000
ATTEMPTS = 3


@dataclass(frozen=True)
class Answer:
    """Hold what was measured for one question; *noise* is baseline against baseline."""

    question: Question
    baseline: str
    estimates: dict[str, estimates.Estimate]
    noise: float
    rounds: int
    without: tuple[str, ...]
    headline: tuple[str, str] | None

    @property
    def publishable(self) -> bool:
        """Say whether the machine was quiet enough for the figures to mean something."""
        return self.noise <= estimates.NOISE_LIMIT


def answer(asked: Question, seconds: float, seed: int = 0) -> Answer:
    """Build, verify and time one question; try again while the machine is too noisy."""
    case = asked.build()
    try:
        verify(case)
        best = _attempt(asked, case, seconds, seed)
        for attempt in range(1, ATTEMPTS):
            if best.publishable:
                break
            best = min(best, _attempt(asked, case, seconds, seed + attempt), key=lambda a: a.noise)
        verify(case)  # a variant that broke on the way has been timed failing
        return best
    finally:
        case.cleanup()


def _attempt(asked: Question, case: Case, seconds: float, seed: int) -> Answer:
    rounds = take_rounds(case, seconds, seed)
    noise = estimates.noise(rounds, case.baseline, AGAIN)
    count = len(rounds.pop(AGAIN))
    found = estimates.estimate(rounds, case.baseline)
    return Answer(asked, case.baseline, found, noise, count, tuple(case.without), case.headline)


def take_rounds(
    case: Case, seconds: float, seed: int = 0, clock: Clock = time.perf_counter_ns
) -> dict[str, list[float]]:
    """Return the nanoseconds a unit of work, one timing a round, of each variant and AGAIN."""
    calls = {**case.variants, AGAIN: case.variants[case.baseline]}
    costs = {name: _cost(call, clock) for name, call in case.variants.items()}
    costs[AGAIN] = costs[case.baseline]
    batches = _batches(costs)
    is_short = {name: cost < MOST_BATCH_NS for name, cost in costs.items()}
    order, shuffle = list(calls), random.Random(seed).shuffle
    taken: dict[str, list[float]] = {name: [] for name in calls}
    begun, count = clock(), 0
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        while _go_on(count, (clock() - begun) / (seconds * 1e9)):
            shuffle(order)
            for name in order:
                if is_short[name]:
                    # Untimed: a server's request follows on one of its own kind, and finds its
                    # code in the caches; these follow on their rivals.
                    _spent(calls[name], batches[name], clock)
                spent = _spent(calls[name], batches[name], clock)
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


def _batches(costs: Mapping[str, int]) -> dict[str, int]:
    """Return how many calls of each variant are timed together, by what one call costs."""
    wanted = min(MOST_BATCH_NS, max(LEAST_BATCH_NS, SHARE_OF_SLOWEST * max(costs.values())))
    return {name: max(1, round(wanted / max(1, cost))) for name, cost in costs.items()}


def _cost(call: Call, clock: Clock) -> int:
    """Return the nanoseconds of one call; the trials warm the variant up."""
    begun, trials = clock(), []
    while len(trials) < 2 or (len(trials) < 10 and clock() - begun < WARM_NS):
        trials.append(_spent(call, 1, clock))
    return min(trials)


def _spent(call: Call, times: int, clock: Clock) -> int:
    repeat = range(times)
    begun = clock()
    for _ in repeat:
        call()
    return clock() - begun
