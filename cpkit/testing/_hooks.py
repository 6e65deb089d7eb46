"""What cpkit tells pytest: its options, its marker, and a section in the reports of failures."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from ._report import add_section

MARKER = (
    "cherrypy(*, root=None, mount='', config={}, isolation=True): mount root (an object, a class "
    "or an Application), else what the fixture cp_app returns, at mount; config holds sections "
    "(keys that begin with a slash) of the application and entries of the global config."
)


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
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Print CherryPy's error log with a test that fails."""
    report = yield
    add_section(item, report)
    return report
