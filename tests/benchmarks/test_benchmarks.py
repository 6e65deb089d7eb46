"""Every question as pytest-benchmark asks it: one variant after another, in groups.

Good for a look while developing (``make bench-look``); what is published comes from the
interleaved runner. Each question is built twice: here for its variants' names, then for timing.
"""

from collections.abc import Iterator

import pytest

pytest.importorskip("pytest_benchmark", reason="the dependency group bench is not installed")

from tests.benchmarks.questions import Case, Question, load, names, verify

SECONDS = 0.2


def _variants() -> list[object]:
    return [
        pytest.param(asked, name, id=f"{asked.piece}: {asked.title} {name}")
        for asked in load()
        for name in names(asked)
    ]


@pytest.fixture(scope="module")
def cases() -> Iterator[dict[Question, Case]]:
    """Hold the one case that is being asked; the next question cleans it up."""
    from cpkit.testing._isolation import Isolation

    isolation = Isolation()
    built: dict[Question, Case] = {}
    yield built
    for case in built.values():
        case.cleanup()
    isolation.end()


def _case(cases: dict[Question, Case], asked: Question) -> Case:
    if asked not in cases:
        while cases:
            cases.popitem()[1].cleanup()
        cases[asked] = asked.build()
    verify(cases[asked])
    return cases[asked]


# The case outlives the test, and what it has set up in CherryPy with it: the module puts it back.
@pytest.mark.cherrypy(isolation=False)
@pytest.mark.parametrize(("asked", "name"), _variants())
def test_variant(
    benchmark: object, cases: dict[Question, Case], asked: Question, name: str
) -> None:
    case = _case(cases, asked)
    benchmark.group = f"{asked.piece}: {asked.title}"
    benchmark.name = name
    benchmark.extra_info["calls"] = case.calls
    benchmark._max_time = SECONDS
    benchmark(case.variants[name])
