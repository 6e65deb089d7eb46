"""What a failing test prints: the requests that it made and CherryPy's error log."""

from __future__ import annotations

import logging
from collections import deque

import pytest

KEPT = 200
_LINES = pytest.StashKey["Lines"]()


class Lines(logging.Handler):
    """Keep the last lines of CherryPy's error log, and of the requests, in the order they came."""

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


def add_section(item: pytest.Item, report: pytest.TestReport) -> None:
    """Add what was kept to the report of a test that failed, but nothing that is in it already."""
    if not report.failed or _LINES not in item.stash:
        return
    captured = any(title.startswith("Captured log") for title, _ in report.sections)
    kept = item.stash[_LINES].text(records=not captured)
    if kept:
        report.sections.append((f"CherryPy {report.when}", kept))
