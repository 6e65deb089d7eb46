"""Fail when a variant of cpkit's takes more instructions than it did: ``make bench-gate``.

The counts are committed in ``counts.json`` with the environment in which they were taken. In
another environment (another Python build, another version of CherryPy) they mean nothing:
there the cpkit of the commit that brought the counts is counted too, in the same run, and is
what the present one is compared with.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.benchmarks import icount, machine
from tests.benchmarks.icount import Counts
from tests.benchmarks.questions import load

COUNTS = Path(__file__).with_name("counts.json")
LIMIT = 0.02
PLANTED = 0.03
Count = Callable[..., Counts]


def changes(recorded: Counts, counted: Counts) -> dict[str, float]:
    """Return by what share each count that stands in both differs from the record."""
    both = recorded.keys() & counted.keys()
    return {name: counted[name] / recorded[name] - 1 for name in sorted(both)}


def grown(recorded: Counts, counted: Counts) -> dict[str, float]:
    """Return the changes over the limit."""
    return {name: by for name, by in changes(recorded, counted).items() if by > LIMIT}


def main(argv: Sequence[str] | None = None) -> int:
    """Count, compare or record; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gate", description=__doc__)
    parser.add_argument("piece", nargs="*", help="routing, accept, timing, … (default: all)")
    parser.add_argument("--write", action="store_true", help="record the counts, rivals' too")
    parser.add_argument("--prove", type=int, metavar="N", help="show that the gate can be trusted")
    options = parser.parse_args(argv)
    if not shutil.which("valgrind"):
        sys.exit("valgrind is not installed: on Debian, apt-get install valgrind")
    pieces = list(dict.fromkeys(asked.piece for asked in load(*options.piece)))
    ours = partial(icount.count_all, pieces, ours_only=True)
    if options.write:
        return _record(pieces, recorded_here() if options.piece else None)
    if options.prove:
        return prove(ours, options.prove)
    return judge(_reference(ours, pieces), ours())


def _record(pieces: Sequence[str], kept: Counts | None) -> int:
    """Record the counts of *pieces*, beside those that are *kept* if they are a part."""
    if kept == {}:
        print("The record is of another environment: count all pieces.", file=sys.stderr)
        return 2
    counts = {**(kept or {}), **icount.count_all(pieces)}
    record = {"environment": machine.counting_environment(), "counts": dict(sorted(counts.items()))}
    COUNTS.write_text(json.dumps(record, indent=1) + "\n")
    print(f"{len(counts)} counts recorded in {COUNTS.name}")
    return 0


def recorded_here() -> Counts:
    """Return the recorded counts, if they were taken in this environment."""
    record = json.loads(COUNTS.read_text())
    same = record["environment"] == machine.counting_environment()
    return dict(record["counts"]) if same else {}


def _reference(ours: Count, pieces: Sequence[str]) -> Counts:
    if recorded := recorded_here():
        print("same environment as the record: compared with the committed counts")
        found = (name for name in recorded if f" | {icount.OURS}" in name)
        return {name: recorded[name] for name in found if _piece(name) in pieces}
    print("another environment than the record's: its commit is counted in the same run")
    with _tree_of_the_record() as tree:
        return ours(tree=tree)


@contextmanager
def _tree_of_the_record() -> Iterator[Path]:
    """Lay out the cpkit of the commit that brought the counts, under today's questions."""
    git = ["git", "log", "-1", "--format=%H", "--", str(COUNTS)]
    commit = subprocess.check_output(git, cwd=machine.ROOT, text=True).strip() or "HEAD"
    with tempfile.TemporaryDirectory() as folder:
        lay_out = f"git archive {commit} cpkit demo | tar -x -C {folder}"
        subprocess.run(lay_out, shell=True, cwd=machine.ROOT, check=True)
        shutil.copytree(Path(__file__).parent, Path(folder, "tests", "benchmarks"))
        yield Path(folder)


def judge(recorded: Counts, counted: Counts) -> int:
    """Print every change, the largest first; return 1 if one is over or gone, or none compared."""
    over, gone = grown(recorded, counted), sorted(recorded.keys() - counted.keys())
    differ = changes(recorded, counted)
    for name, by in sorted(differ.items(), key=lambda item: -item[1]):
        print(f"{by:+8.2%}  {counted[name]:>12,}  {name}{'  OVER' if name in over else ''}")
    for name in sorted(counted.keys() - recorded.keys()):
        print(f"     new  {counted[name]:>12,}  {name}  (record it: make bench-count)")
    for name in gone:
        print(f"    gone  {recorded[name]:>12,}  {name}  (meant? record it: make bench-count)")
    print(f"{len(over)} of {len(differ)} over {LIMIT:+.0%}, {len(gone)} gone")
    return 1 if over or gone or not differ else 0


def prove(ours: Count, runs: int) -> int:
    """Count unchanged code *runs* times, and once with a slowdown planted in every variant.

    Print of each piece what passed and what was caught; return 0 if the gate can be trusted.
    """
    first, again, slow = ours(), [ours() for _ in range(runs)], ours(planted=PLANTED)
    proven = bool(first)
    for piece in dict.fromkeys(map(_piece, first)):
        of, *more, slowed = (
            {name: made for name, made in counts.items() if _piece(name) == piece}
            for counts in (first, *again, slow)
        )
        passed = sum(of.keys() == run.keys() and not grown(of, run) for run in more)
        apart = max((abs(by) for run in more for by in changes(of, run).values()), default=0)
        caught = len(grown(of, slowed))
        proven &= passed == runs and caught == len(of)
        print(
            f"{piece}: unchanged passed {passed} of {runs}, furthest apart {apart:.3%};"
            f" planted {PLANTED:+.0%} caught in {caught} of {len(of)}"
        )
    return 0 if proven else 1


def _piece(name: str) -> str:
    return name.partition(" | ")[0]


if __name__ == "__main__":
    sys.exit(main())
