"""Which tests run which lines of cpkit: a pytest plugin that notes it, and one that runs these.

``tests.mutants`` asks for it, so that a change is judged by the tests that reach it, and by those
of the whole room only if it survives them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import coverage
import pytest

NOTED = "CPKIT_COVERING_NOTED"  # the file that a run writes
WANTED = "CPKIT_COVERING_WANTED"  # a file with the ids of the tests that are to run
_BUDGET = 30.0  # how long the tests of a line may take, in seconds of the run that was noted


@dataclass(frozen=True)
class Map:
    """The tests that reach each line, by file and line, and how long each test takes."""

    lines: dict[str, dict[int, list[str]]]
    seconds: dict[str, float]

    @classmethod
    def read(cls, noted: Path, tree: Path) -> Map:
        """Return what a run on the copy *tree* noted in the file *noted*."""
        data = coverage.CoverageData(str(noted))
        data.read()
        lines = {
            str(Path(name).relative_to(tree)): data.contexts_by_lineno(name)
            for name in data.measured_files()
        }
        return cls(lines, json.loads(noted.with_suffix(".json").read_text()))

    def tests(self, path: Path, line: int) -> list[str]:
        """Return the ids of the tests that reach *line*, the quickest first, within the budget."""
        reaching = [each for each in self.lines.get(str(path), {}).get(line, ()) if each]
        chosen, spent = [], 0.0
        for each in sorted(reaching, key=lambda test: self.seconds.get(test, 1.0)):
            spent += self.seconds.get(each, 1.0)
            if chosen and spent > _BUDGET:
                break
            chosen.append(each)
        return chosen

    def time(self, tests: list[str]) -> float:
        """Return how many seconds *tests*, ids or paths, took in the run that was noted."""
        asked = tuple(tests)
        return sum(taken for each, taken in self.seconds.items() if each.startswith(asked))


class Noting:
    """Notes the lines that each test runs."""

    def __init__(self, noted: Path) -> None:
        self._noted, self._seconds = noted, dict[str, float]()
        self._coverage = coverage.Coverage(
            data_file=str(noted), config_file=False, include=[f"{Path.cwd()}/cpkit/*"]
        )
        self._coverage.start()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._coverage.switch_context(item.nodeid)
        begun = perf_counter()
        result = yield
        self._seconds[item.nodeid] = perf_counter() - begun
        self._coverage.switch_context("")
        return result

    def pytest_unconfigure(self) -> None:
        self._coverage.stop()
        self._coverage.save()
        self._noted.with_suffix(".json").write_text(json.dumps(self._seconds))


class Choosing:
    """Runs the tests that are wanted, in the order in which they are."""

    def __init__(self, wanted: Path) -> None:
        self._wanted = {each: at for at, each in enumerate(json.loads(wanted.read_text()))}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        kept = [item for item in items if item.nodeid in self._wanted]
        items[:] = sorted(kept, key=lambda item: self._wanted[item.nodeid])


def pytest_configure(config: pytest.Config) -> None:
    if noted := os.environ.pop(NOTED, ""):
        config.pluginmanager.register(Noting(Path(noted)))
    if wanted := os.environ.pop(WANTED, ""):
        config.pluginmanager.register(Choosing(Path(wanted)))
