"""What cpkit tells pytest: its setting, its marker, and what a failing test prints.

That is the requests that it made and CherryPy's error log.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator

import pytest

from ._marker import MARKER

KEPT = 200
_LINES = pytest.StashKey["Lines"]()


class Lines(logging.Handler):
    """The last lines of CherryPy's error log, and of the requests, in the order they came."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: deque[str | logging.LogRecord] = deque(maxlen=KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep *record*; it is written out only if the test fails."""
        self._kept.append(record)

    def note(self, line: str) -> None:
        """Keep *line*."""
        self._kept.append(line)

    def text(self, *, records: bool) -> str:
        """Return what was kept; without *records* only the requests."""
        kept = [each for each in self._kept if records or isinstance(each, str)]
        return "\n".join(each if isinstance(each, str) else self.format(each) for each in kept)


def lines_of(item: pytest.Item) -> Lines:
    """Return the lines that are kept for *item*."""
    return item.stash.setdefault(_LINES, Lines())


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the setting ``cherrypy_isolation``."""
    parser.addini(
        "cherrypy_isolation",
        "put CherryPy's process-wide state back after each test (default: true)",
        type="bool",
        default=True,
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", MARKER)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Print what was kept with a test that fails, but nothing that is in the report already.

    It is forgotten with the test: pytest keeps the items of all tests to the end of its run, and
    a line of the log may hold a traceback, and by it the whole application.
    """
    report = yield
    if report.failed and _LINES in item.stash:
        captured = any(title.startswith("Captured log") for title, _ in report.sections)
        kept = item.stash[_LINES].text(records=not captured)
        if kept:
            report.sections.append((f"CherryPy {report.when}", kept))
    if report.when == "teardown" and _LINES in item.stash:
        del item.stash[_LINES]
    return report
