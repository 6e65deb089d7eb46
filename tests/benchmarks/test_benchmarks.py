"""Every question as pytest-benchmark asks it: one variant after another, in groups.

Good for a look while developing (``make bench-look``); what is published comes from the
interleaved runner. Each question is built twice: here for its variants' names, then for timing.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

pytest.importorskip("pytest_benchmark", reason="the dependency group bench is not installed")

from cpkit.testing._isolation import Isolation
from tests.benchmarks.questions import Case, Question, load, names, verify

SECONDS = 0.2
ASKED = [(asked, name) for asked in load() for name in names(asked)]


@pytest.fixture(scope="module")
def case(request: pytest.FixtureRequest) -> Iterator[tuple[Question, Case]]:
    """Build a question, which pytest then asks for all its variants, and clean up after it."""
    with ExitStack() as isolation:
        isolation.callback(Isolation().end)
        case = request.param.build()
        isolation.callback(case.cleanup)
        verify(case)
        yield request.param, case


# What the case has set up in CherryPy outlives the test: the fixture puts it back.
@pytest.mark.cherrypy(isolation=False)
@pytest.mark.parametrize(
    ("case", "name"), ASKED, indirect=["case"], ids=[f"{a.piece}: {a.title} {n}" for a, n in ASKED]
)
def test_variant(benchmark: object, case: tuple[Question, Case], name: str) -> None:
    asked, built = case
    benchmark.group, benchmark.name = f"{asked.piece}: {asked.title}", name
    benchmark.extra_info["calls"] = built.calls
    benchmark._max_time = SECONDS
    benchmark(built.variants[name])
