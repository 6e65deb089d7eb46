"""Ask the questions, in turns, and write the report: ``python -m tests.benchmarks --help``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks import gate, machine, results
from tests.benchmarks.drawing import duration
from tests.benchmarks.interleave import Answer, answer
from tests.benchmarks.questions import Question, load

SECONDS, QUICK_SECONDS = 4.0, 0.4


def main(argv: Sequence[str] | None = None) -> int:
    """Run the questions of the named pieces; return the exit code."""
    options = _parser().parse_args(argv)
    if options.rewrite:
        return _publish(json.loads(results.LATEST.read_text()))
    questions = load(*options.piece)
    if not questions:
        print(f"no question of {', '.join(options.piece) or 'any piece'}", file=sys.stderr)
        return 2
    seconds = QUICK_SECONDS if options.quick else options.seconds
    place = machine.describe()
    answers = list(_ask(questions, seconds))
    if not options.piece:
        measured = results.record(answers, place, seconds, gate.recorded_here())
        if options.quick:
            return _publish(measured, machine.ROOT / "docs" / "_build" / "benchmarks")
        results.save(measured)
        _publish(measured)
    return 0 if len(answers) == len(questions) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("piece", nargs="*", help="routing, timing, … (default: all, and a report)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="a question (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the time, not published")
    parser.add_argument(
        "--rewrite", action="store_true", help="write the report anew from the latest results"
    )
    return parser


def _ask(questions: Sequence[Question], seconds: float) -> Iterator[Answer]:
    begun = time.monotonic()
    for place, asked in enumerate(questions, 1):
        print(f"[{place}/{len(questions)}] {asked.piece}: {asked.title}", flush=True)
        try:
            found = answer(asked, seconds)
        except Exception as error:  # one broken question must not cost the others
            print(f"    FAILED: {type(error).__name__}: {error}", flush=True)
            continue
        print(_summary(found))
        print(f"    {_remaining(time.monotonic() - begun, place, len(questions))}", flush=True)
        yield found


def _summary(found: Answer) -> str:
    lines = [
        f"    {name:48.48} {duration(made.p10):>9}  x {made.ratio:<8.3f}"
        f" [{made.low:.3f}, {made.high:.3f}]"
        for name, made in found.estimates.items()
    ]
    verdict = "" if found.publishable else ": too noisy to publish"
    return "\n".join([*lines, f"    noise {found.noise:.2%}{verdict}, {found.rounds} rounds"])


def _remaining(spent: float, done: int, of: int) -> str:
    return f"{spent:.0f} s so far, about {spent / done * (of - done):.0f} s to go"


def _publish(measured: dict[str, object], folder: Path = results.DOCS) -> int:
    for path in results.publish(measured, folder):
        print(f"wrote {path.relative_to(machine.ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
