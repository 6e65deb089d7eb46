"""Fail when a variant of cpkit's takes more instructions than it did: ``make bench-gate``.

The counts are committed in ``counts.json`` with the environment in which they were taken. In
another environment (another Python build, another version of CherryPy) they mean nothing:
there the cpkit of the commit that brought the counts is counted too, in the same run, and is
what the present one is compared with.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import icount, machine
from tests.benchmarks.icount import Counts
from tests.benchmarks.questions import Question, load

COUNTS = Path(__file__).with_name("counts.json")
LIMIT = 0.02
PLANTED = 0.03


@dataclass(frozen=True)
class Proof:
    """Tell how the gate judged one piece: unchanged in *runs* runs, then slowed down."""

    piece: str
    runs: int
    passed: int
    apart: float
    variants: int
    caught: int

    @property
    def holds(self) -> bool:
        """Say whether every unchanged run passed, and every slower variant was caught."""
        return self.passed == self.runs and self.caught == self.variants

    def __str__(self) -> str:
        return (
            f"{self.piece}: unchanged passed {self.passed} of {self.runs}, furthest apart"
            f" {self.apart:.3%}; planted {PLANTED:+.0%} caught in {self.caught} of {self.variants}"
        )


def changes(recorded: Mapping[str, int], counted: Mapping[str, int]) -> dict[str, float]:
    """Return by what share each count that stands in both differs from the record."""
    both = recorded.keys() & counted.keys()
    return {name: counted[name] / recorded[name] - 1 for name in sorted(both)}


def grown(recorded: Mapping[str, int], counted: Mapping[str, int]) -> dict[str, float]:
    """Return the changes over the limit."""
    return {name: by for name, by in changes(recorded, counted).items() if by > LIMIT}


def main(argv: Sequence[str] | None = None) -> int:
    """Count, compare or record; return the exit code."""
    options = _parser().parse_args(argv)
    if not shutil.which("valgrind"):
        print("valgrind is not installed: on Debian, apt-get install valgrind", file=sys.stderr)
        return 2
    questions = load(*options.piece)
    if options.write:
        return _record(questions, options.jobs)
    if options.prove:
        return _prove(questions, options.prove, options.jobs)
    return judge(_reference(questions, options.jobs), _count(questions, options.jobs))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gate", description=__doc__)
    parser.add_argument("piece", nargs="*", help="routing, accept, timing, … (default: all)")
    parser.add_argument("--write", action="store_true", help="record the counts, rivals' too")
    parser.add_argument("--prove", type=int, metavar="N", help="show that the gate can be trusted")
    parser.add_argument("--jobs", type=int, default=2, help="questions counted at a time")
    return parser


def _count(questions: Sequence[Question], jobs: int, tree: Path = machine.ROOT) -> Counts:
    return icount.count_all(questions, ours_only=True, jobs=jobs, tree=tree, progress=_progress)


def _progress(line: str) -> None:
    print(f"  {line}", flush=True)


def _record(questions: Sequence[Question], jobs: int) -> int:
    counts = icount.count_all(questions, jobs=jobs, progress=_progress)
    kept = {} if len(questions) == len(load()) else recorded_here()
    record = {
        "environment": machine.counting_environment(),
        "counts": dict(sorted({**kept, **counts}.items())),
    }
    COUNTS.write_text(json.dumps(record, indent=1) + "\n")
    print(f"{len(counts)} counts recorded in {COUNTS.name}")
    return 0


def _read() -> dict[str, dict[str, int]]:
    """Return the record: the environment and the counts."""
    if not COUNTS.exists():
        return {"environment": {}, "counts": {}}
    return dict(json.loads(COUNTS.read_text()))


def recorded_here() -> Counts:
    """Return the recorded counts, if they were taken in this environment."""
    record = _read()
    same = record["environment"] == machine.counting_environment()
    return record["counts"] if same else {}


def _reference(questions: Sequence[Question], jobs: int) -> Mapping[str, int]:
    if recorded := recorded_here():
        print("same environment as the record: compared with the committed counts")
        return _ours(recorded, questions)
    print("another environment than the record's: its commit is counted in the same run")
    with _tree_of_the_record() as tree:
        return _count(questions, jobs, tree)


def _ours(recorded: Mapping[str, int], questions: Sequence[Question]) -> Counts:
    """Return those of the recorded counts that cpkit's variants of *questions* have."""
    pieces = {asked.piece for asked in questions}
    named = {name: name.split(" | ") for name in recorded}
    return {
        name: recorded[name]
        for name, (piece, *_, variant) in named.items()
        if piece in pieces and variant.startswith(icount.OURS)
    }


@contextmanager
def _tree_of_the_record() -> Iterator[Path]:
    """Lay out the cpkit of the commit that brought the counts, under today's questions."""
    commit = _git("log", "-1", "--format=%H", "--", str(COUNTS)).decode().strip()
    with tempfile.TemporaryDirectory() as folder:
        packed = io.BytesIO(_git("archive", commit or "HEAD", "cpkit", "demo"))
        with tarfile.open(fileobj=packed) as archive:
            archive.extractall(folder, filter="data")
        here = Path(__file__).parent
        shutil.copytree(here, Path(folder, "tests", "benchmarks"))
        yield Path(folder)


def _git(*arguments: str) -> bytes:
    return subprocess.run(
        ["git", *arguments], cwd=machine.ROOT, check=True, capture_output=True, timeout=60
    ).stdout


def judge(recorded: Mapping[str, int], counted: Mapping[str, int]) -> int:
    """Print every change, the largest first; return 1 if one is over the limit or missing."""
    over, gone = grown(recorded, counted), sorted(recorded.keys() - counted.keys())
    differ = changes(recorded, counted)
    for name, by in sorted(differ.items(), key=lambda item: -item[1]):
        print(f"{by:+8.2%}  {counted[name]:>12,}  {name}{'  OVER' if name in over else ''}")
    for name in sorted(counted.keys() - recorded.keys()):
        print(f"     new  {counted[name]:>12,}  {name}  (record it: make bench-count)")
    for name in gone:
        print(f"    gone  {recorded[name]:>12,}  {name}  (meant? record it: make bench-count)")
    print(f"{len(over)} of {len(differ)} over {LIMIT:+.0%}, {len(gone)} gone")
    return 1 if over or gone else 0


def _prove(questions: Sequence[Question], runs: int, jobs: int) -> int:
    """Count unchanged code *runs* times, and once with a slowdown planted in every variant."""
    first, again = _count(questions, jobs), []
    for run in range(runs):
        again.append(icount.count_all(questions, ours_only=True, jobs=jobs))
        apart = max(map(abs, changes(first, again[-1]).values()), default=0.0)
        _progress(f"unchanged, run {run + 1} of {runs}: furthest apart {apart:.3%}")
    slow = icount.count_all(questions, ours_only=True, planted=PLANTED, jobs=jobs)
    proofs = [_proof(piece, first, again, slow) for piece in _pieces(first)]
    for proof in proofs:
        print(proof)
    return 0 if proofs and all(proof.holds for proof in proofs) else 1


def _pieces(counts: Counts) -> list[str]:
    return list(dict.fromkeys(name.split(" | ")[0] for name in counts))


def _proof(piece: str, first: Counts, again: Sequence[Counts], slow: Counts) -> Proof:
    """Judge one *piece* by what was counted first, then again unchanged, then slowed down."""

    def of(counts: Counts) -> Counts:
        return {name: made for name, made in counts.items() if name.startswith(f"{piece} | ")}

    begun = of(first)
    return Proof(
        piece,
        runs=len(again),
        passed=sum(begun.keys() == of(run).keys() and not grown(begun, of(run)) for run in again),
        apart=max((abs(by) for run in again for by in changes(begun, of(run)).values()), default=0),
        variants=len(begun),
        caught=len(grown(begun, of(slow))),
    )


if __name__ == "__main__":
    sys.exit(main())
