"""Every question, asked in turns: ``make bench of=routing seconds=0.4``."""

import pytest

from tests.benchmarks import results
from tests.benchmarks.questions import Question
from tests.benchmarks.turns import answer


def test_question(asked: Question, counts: dict[str, int], pytestconfig: pytest.Config) -> None:
    found = answer(asked, pytestconfig.getoption("seconds"))
    pytestconfig._benchmarksession.benchmarks += results.benchmarks(found, counts)
    print(f"noise {found.noise:.2%}", end=" ", flush=True)
