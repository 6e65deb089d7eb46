"""Ask the questions, in turns, and write the report: ``python -m tests.benchmarks --help``."""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks import gate, machine, report, results
from tests.benchmarks.questions import Question, load
from tests.benchmarks.turns import NOISE_LIMIT, Answer, answer
from tests.benchmarks.words import duration

SECONDS, QUICK_SECONDS = 4.0, 0.4
DOCS = machine.ROOT / "docs"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the questions of the named pieces; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    say = parser.add_argument
    say("piece", nargs="*", help="routing, timing, … (default: all, and a report)")
    say("--seconds", type=float, default=SECONDS, help="a question (%(default)s)")
    say("--quick", action="store_true", help="a tenth of the time, not published")
    say("--json", type=Path, help="write the results, in pytest-benchmark's format")
    say("--rewrite", action="store_true", help="write the report anew from the latest results")
    options = parser.parse_args(argv)
    if options.rewrite:
        return _publish(json.loads(results.LATEST.read_text()), DOCS)
    questions = load(*options.piece)
    if not questions:
        print(f"no question of {', '.join(options.piece) or 'any piece'}", file=sys.stderr)
        return 2
    place = machine.describe()
    answers = list(_ask(questions, QUICK_SECONDS if options.quick else options.seconds))
    measured = results.document(answers, place, gate.recorded_here())
    if options.json:
        results.save(measured, options.json)
    if not options.piece:
        _keep(measured, options.quick)
    return 0 if len(answers) == len(questions) else 1


def _ask(questions: Sequence[Question], seconds: float) -> Iterator[Answer]:
    begun = time.monotonic()
    for place, asked in enumerate(questions, 1):
        print(f"[{place}/{len(questions)}] {asked.piece}: {asked.title}", flush=True)
        try:
            found = answer(asked, seconds)
        except Exception as error:  # one broken question must not cost the others
            print(f"    FAILED: {type(error).__name__}: {error}", flush=True)
            continue
        _tell(found)
        spent = time.monotonic() - begun
        print(f"    {spent:.0f} s so far, {spent / place * (len(questions) - place):.0f} s to go")
        yield found


def _tell(found: Answer) -> None:
    base = found.low(found.case.baseline)
    for name, (low, high) in found.intervals.items():
        made, ratio = duration(found.low(name)), found.low(name) / base
        print(f"    {name:48.48} {made:>9}  x {ratio:<8.3f} [{low:.3f}, {high:.3f}]")
    verdict = "" if found.noise <= NOISE_LIMIT else ": too noisy to publish"
    rounds = len(found.rounds[found.case.baseline])
    print(f"    noise {found.noise:.2%}{verdict}, {rounds} rounds", flush=True)


def _keep(measured: results.Result, quick: bool) -> None:
    """Save and publish a run, unless it was quick or of files that no commit has."""
    if quick or measured["commit_info"]["dirty"]:
        print("Not published, being quick or of uncommitted changes: docs/_build/benchmarks")
        _publish(measured, DOCS / "_build" / "benchmarks")
    else:
        results.save(measured)
        _publish(measured, DOCS)


def _publish(measured: results.Result, folder: Path) -> int:
    for path in report.publish(measured, folder):
        print(f"wrote {path.relative_to(machine.ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
