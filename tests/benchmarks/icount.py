"""Count the instructions of a variant under valgrind: repeatable where no clock is.

Callgrind begins anew where the C function ``getppid`` is entered and writes what it counted where
``getpgrp`` is, which Python code can do: so one process counts one call after another. While a
question is built it doesn't count at all, which is five times as fast: imports and tables of 1,000
routes are most of the work.
"""

import gc
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.benchmarks.machine import ROOT
from tests.benchmarks.questions import Call, Question, load

ENOUGH = 3_000_000  # instructions a count; the marks themselves are some hundreds
TIMEOUT = 1800  # seconds a piece
JOBS = 2  # processes at a time
OURS = "cpkit"

Counts = dict[str, int]


class ValgrindError(Exception):
    """Raised if questions could not be counted; tells what the process wrote."""


def key(asked: Question, variant: str) -> str:
    """Return the name under which a variant's count is recorded."""
    return f"{asked.piece} | {asked.title} | {variant}"


def count_all(pieces: Iterable[str], tree: Path = ROOT, **how: Any) -> Counts:
    """Return the instructions a unit of work of each variant; what can't be counted is left out.

    *tree* is the source tree whose cpkit is counted; *how* is told to :func:`count_question`.
    """

    def counts_of(piece: str) -> Counts:
        try:
            counts: Counts = under_valgrind(__name__, json.dumps([piece, how]), tree)
        except (ValgrindError, subprocess.TimeoutExpired) as error:
            print(f"  FAILED: {piece}: {error}", flush=True)
            return {}
        print(f"  {piece}: {len(counts)} counts", flush=True)
        return counts

    with ThreadPoolExecutor(JOBS) as pool:
        return {name: made for of in pool.map(counts_of, pieces) for name, made in of.items()}


def under_valgrind(module: str, argument: str, tree: Path = ROOT) -> Any:
    """Run *module* with *argument* and the file of a Counter; return the JSON that it prints."""
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder, "callgrind"))
        command = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={out}"]
        command += ["--instr-atstart=no", "--zero-before=getppid", "--dump-before=getpgrp"]
        command += ["--dump-line=no", "--compress-strings=no"]
        command += [sys.executable, "-m", module, argument, out]
        environ = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONWARNINGS": "ignore"}
        ended = subprocess.run(
            command, cwd=tree, env=environ, capture_output=True, text=True, timeout=TIMEOUT
        )
    if ended.returncode:
        raise ValgrindError(ended.stderr[-500:])
    return json.loads(ended.stdout)


class Counter:
    """What callgrind counts of calls, from the files that it writes."""

    def __init__(self, out: str) -> None:
        self.files = (Path(f"{out}.{number}") for number in itertools.count(1))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count for as long as the block lasts."""
        _instrumentation("on")
        yield
        _instrumentation("off")

    def written(self, call: Call, times: int) -> str:
        """Return what callgrind wrote about so many calls."""
        repeat = range(times)
        os.getppid()
        for _ in repeat:
            call()
        os.getpgrp()
        return next(self.files).read_text()

    def count(self, call: Call, times: int) -> int:
        return total(self.written(call, times))


def _instrumentation(state: str) -> None:
    command = ["vgdb", f"--pid={os.getpid()}", "instrumentation", state]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as switch:
        while switch.poll() is None:  # valgrind listens while code runs, and not while it waits
            pass
        if switch.returncode:
            raise ValgrindError(switch.stdout.read().decode())


def total(written: str) -> int:
    """Return the instructions that a file of callgrind's sums up."""
    found = re.search(r"^totals: (\d+)", written, re.MULTILINE)
    if not found:
        raise ValgrindError("callgrind wrote no total")
    return int(found[1])


def repeats(instructions: int, enough: int = ENOUGH, most: int = 500) -> int:
    """Return how often to call what takes so many *instructions*: 1, 2, 5, 10, 20…

    Round steps, so that a few instructions more or less don't change the number of calls.
    """
    steps = (step * 10**power for power in range(6) for step in (1, 2, 5))
    return max(step for step in steps if step <= max(1, min(most, enough / instructions)))


def whole_periods(times: int, period: int) -> int:
    """Return *times*, rounded up to whole periods."""
    return -(-times // period) * period


def _slower(call: Call, loops: int) -> Call:
    def slow() -> object:
        for _ in itertools.repeat(None, loops):
            pass
        return call()

    return slow


def _planted(counter: Counter, call: Call, period: int, share: float) -> Call:
    # As few calls as can be: the more warm a call is, the fewer instructions it takes.
    loops, times = 2000, whole_periods(2, period)
    loop = counter.count(_slower(lambda: None, loops), 20) / 20 / loops
    return _slower(call, round(share * counter.count(call, times) / times / loop))


def _count_variant(counter: Counter, call: Call, period: int, planted: float) -> float:
    first = counter.count(call, 2) // 2
    for _ in range(repeats(first, 5 * ENOUGH, 40)):  # the interpreter specializes what is warm
        call()
    if planted:
        call = _planted(counter, call, period, planted)
    times = whole_periods(repeats(first), period)
    gc.collect()
    gc.disable()
    try:
        # A table that grows now and then meets one round; a long count is even by itself.
        rounds = 4 if period == 1 else 1
        return min(counter.count(call, times) for _ in range(rounds)) / times
    finally:
        gc.enable()


def count_question(
    asked: Question, counter: Counter, ours_only: bool = False, planted: float = 0.0
) -> Counts:
    """Return the counts of a question's variants, without rivals if it is *ours_only*.

    Every call is made slower by the share *planted*.
    """
    counts = {}
    with asked.built() as case, counter.running():
        ours = [name for name in case.variants if name.startswith(OURS)]
        for name in ours if ours_only else case.variants:
            call, period = case.variants[name], case.periods.get(name, 1)
            # Fifty times slower, a rival may run into its own time-outs.
            with suppress(*[] if name in ours else [Exception]):
                made = _count_variant(counter, call, period, planted)
                counts[key(asked, name)] = round(made / case.calls)
    return counts


def _child(order: str, out: str) -> None:
    (piece, how), counter, counts = json.loads(order), Counter(out), {}
    for asked in load(piece):
        if asked.counted:
            counts |= count_question(asked, counter, **how)
    print(json.dumps(counts))


if __name__ == "__main__":
    _child(*sys.argv[1:])
