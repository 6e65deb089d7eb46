"""Every question, asked in turns: ``make bench of=routing seconds=0.4``."""

import pytest

from tests.benchmarks import results
from tests.benchmarks.questions import Question
from tests.benchmarks.turns import NOISE_LIMIT, answer
from tests.benchmarks.words import duration


def test_question(asked: Question, counts: dict[str, int], pytestconfig: pytest.Config) -> None:
    found = answer(asked, pytestconfig.getoption("seconds"))
    pytestconfig._benchmarksession.benchmarks += results.benchmarks(found, counts)
    base = found.low(found.case.baseline)
    print()
    for name, (low, high) in found.intervals.items():
        made, ratio = duration(found.low(name)), found.low(name) / base
        print(f"    {name:48.48} {made:>9}  x {ratio:<8.3f} [{low:.3f}, {high:.3f}]")
    verdict = "" if found.noise <= NOISE_LIMIT else ": too noisy to publish"
    rounds = len(found.rounds[found.case.baseline])
    print(f"    noise {found.noise:.2%}{verdict}, {rounds} rounds", flush=True)
