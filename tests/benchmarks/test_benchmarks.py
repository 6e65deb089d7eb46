"""Every question, asked in turns: ``make bench of=routing seconds=0.4``."""

import pytest

from tests.benchmarks import gate, results
from tests.benchmarks.questions import Question
from tests.benchmarks.turns import answer

COUNTS = gate.recorded_here()


def test_question(asked: Question, pytestconfig: pytest.Config) -> None:
    found = answer(asked, pytestconfig.getoption("seconds"))
    pytestconfig._benchmarksession.benchmarks += results.benchmarks(found, COUNTS)
    print(f"noise {found.noise:.2%}", end=" ", flush=True)
