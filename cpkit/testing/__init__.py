"""Pytest fixtures for CherryPy applications: a client, a server, an engine, and a clean slate.

The package is a pytest plugin, found through its entry point in every project that has cpkit
installed. Until a test asks for CherryPy, it imports none of it.
"""

from __future__ import annotations

try:
    import pytest  # noqa: F401
except ModuleNotFoundError as error:
    from cpkit.errors import MissingExtraError

    raise MissingExtraError("pytest", "testing") from error

from ._client import Client
from ._cookies import Cookies
from ._fixtures import (
    cp_app,
    cp_class_isolation,
    cp_client,
    cp_db,
    cp_db_class,
    cp_db_module,
    cp_db_session,
    cp_db_url,
    cp_engine,
    cp_http,
    cp_isolation,
    cp_mounted,
    cp_prepared,
    cp_server,
    cp_session,
)
from ._isolated import isolated
from ._report import pytest_addoption, pytest_configure, pytest_runtest_makereport
from ._response import Response, Timing

__all__ = [
    "Client",
    "Cookies",
    "Response",
    "Timing",
    "cp_app",
    "cp_class_isolation",
    "cp_client",
    "cp_db",
    "cp_db_class",
    "cp_db_module",
    "cp_db_session",
    "cp_db_url",
    "cp_engine",
    "cp_http",
    "cp_isolation",
    "cp_mounted",
    "cp_prepared",
    "cp_server",
    "cp_session",
    "isolated",
    "pytest_addoption",
    "pytest_configure",
    "pytest_runtest_makereport",
]
