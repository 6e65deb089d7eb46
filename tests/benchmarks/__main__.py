"""Ask the questions, in turns, and write the report: ``python -m tests.benchmarks --help``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence

from tests.benchmarks.interleave import Answer, answer
from tests.benchmarks.questions import Question, load

SECONDS, QUICK_SECONDS = 4.0, 0.4


def main(argv: Sequence[str] | None = None) -> int:
    """Run the questions of the named pieces; return the exit code."""
    options = _parser().parse_args(argv)
    questions = load(*options.piece)
    if not questions:
        print(f"no question of {', '.join(options.piece) or 'any piece'}", file=sys.stderr)
        return 2
    seconds = QUICK_SECONDS if options.quick else SECONDS
    answers = list(_ask(questions, seconds))
    return 0 if len(answers) == len(questions) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("piece", nargs="*", help="routing, accept, timing, … (default: all)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the time, wider intervals")
    return parser


def _ask(questions: Sequence[Question], seconds: float) -> Iterator[Answer]:
    begun = time.monotonic()
    for place, asked in enumerate(questions, 1):
        print(f"[{place}/{len(questions)}] {asked.piece}: {asked.title}", flush=True)
        try:
            found = answer(asked, seconds)
        except Exception as error:  # one broken question must not cost the others
            print(f"    failed: {type(error).__name__}: {error}", flush=True)
            continue
        print(_summary(found), f"    {time.monotonic() - begun:.0f} s so far", sep="\n", flush=True)
        yield found


def _summary(found: Answer) -> str:
    lines = [
        f"    {name:44.44} {made.p10 / 1000:12.3f} us  x{made.ratio:<8.3f}"
        f" [{made.low:.3f}, {made.high:.3f}]"
        for name, made in found.estimates.items()
    ]
    verdict = "" if found.publishable else ": too noisy to publish"
    return "\n".join([*lines, f"    noise {found.noise:.2%}{verdict}, {found.rounds} rounds"])


if __name__ == "__main__":
    sys.exit(main())
