"""The fixtures themselves; pytest finds them through the entry point ``cpkit.testing``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from ._client import Client
from ._marker import options_of
from ._report import lines_of

if TYPE_CHECKING:
    from cpkit.plugins import DatabasePlugin

    from ._database import Told
    from ._server import Server
    from ._session import Session


_FIXTURES = frozenset({"cp_app", "cp_client", "cp_server", "cp_engine", "cp_db"})


@pytest.fixture(autouse=True)
def cp_isolation(request: pytest.FixtureRequest) -> Iterator[None]:
    """Put CherryPy's process-wide state back after the test; on by default.

    Runs only once CherryPy is imported, or if the test uses a fixture or the marker of cpkit's.
    ``cherrypy_isolation = false`` in pytest's configuration switches it off for good,
    ``@pytest.mark.cherrypy(isolation=False)`` for a test.
    """
    if not (_wanted(request) and ("cherrypy" in sys.modules or _asked(request))):
        yield
        return
    from ._isolation import Isolation

    isolation = Isolation()
    lines, log = lines_of(request.node), logging.getLogger("cherrypy.error")
    log.addHandler(lines)
    try:
        yield
    finally:
        log.removeHandler(lines)
        isolation.end()


@pytest.fixture(autouse=True, scope="class")
def cp_class_isolation(request: pytest.FixtureRequest) -> Iterator[None]:
    """Put the state back after a class of CherryPy's CPWebCase, whose engine runs for all of it."""
    helper = sys.modules.get("cherrypy.test.helper")
    is_old = helper and request.cls and issubclass(request.cls, helper.CPWebCase)
    if not (is_old and _wanted(request)):
        yield
        return
    from ._isolation import Isolation

    isolation = Isolation()
    yield
    isolation.end()


@pytest.fixture(autouse=True)
def cp_prepared(request: pytest.FixtureRequest, cp_isolation: None) -> None:
    """Mount before a test's own fixtures run, if it uses a fixture or the marker of cpkit's."""
    if _asked(request):
        request.getfixturevalue("cp_mounted")


@pytest.fixture
def cp_mounted(request: pytest.FixtureRequest, cp_isolation: None) -> None:
    """Apply the configuration, mount the application and start the engine, as the test asks."""
    from ._mounted import mount

    options = options_of(request.node)
    app = request.getfixturevalue("cp_app") if options.root is None else options.root
    mount(options, app)
    if options.engine:
        # Before the engine opens the databases, so that it finds them open already: the copies.
        if "cp_db" in request.fixturenames:
            request.getfixturevalue("cp_db")
        request.getfixturevalue("cp_engine").start()


@pytest.fixture
def cp_app() -> Any:
    """Return the application under test: a root object or an Application; override it.

    It is mounted before a test that uses ``cp_client``, ``cp_server`` or the marker.
    """
    return None


# NOTE: the two name cp_app, which cp_mounted looks up, so that pytest sees how it is parametrized.
@pytest.fixture
def cp_client(request: pytest.FixtureRequest, cp_mounted: None, cp_app: object) -> Iterator[Client]:
    """Send requests to what is mounted on ``cherrypy.tree``, without a server."""
    client = Client(log=lines_of(request.node).note)
    yield client
    client.close()


@pytest.fixture(scope="session")
def cp_http() -> Iterator[Server]:
    """Run the one HTTP server of the session; ``cp_server`` is what tests use."""
    from ._server import Server

    server = Server()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def cp_server(cp_mounted: None, cp_app: object, cp_http: Server) -> Iterator[Server]:
    """Serve what is mounted on ``cherrypy.tree`` over real HTTP, on a free port."""
    from ._mounted import ServedMounted

    cp_http.swap(ServedMounted())
    yield cp_http
    cp_http.swap(None)


@pytest.fixture
def cp_engine(cp_isolation: None) -> Iterator[Any]:
    """Return CherryPy's engine, to start and stop plugins without HTTP.

    The HTTP servers and the autoreloader are unsubscribed, CherryPy's checks are left out unless
    ``checker.on`` is set; the engine is stopped after the test.
    """
    from ._mounted import stopped_engine

    with stopped_engine() as engine:
        yield engine


@pytest.fixture(scope="session")
def cp_db_url() -> str | None:
    """Return the URL of the database that ``cp_db`` copies; override it.

    Unless given it is the URL that ``cherrypy.engine.db`` has, else that of an empty SQLite file.
    For several databases return a dict of URLs by the names of the plugins.
    """
    return None


@pytest.fixture
def cp_db(cp_isolation: None, cp_db_url: Told) -> Iterator[DatabasePlugin]:
    """Run ``cherrypy.engine.db`` on a copy of its database, which is gone after the test.

    Every other database plugin of the engine runs on a copy of its own database, too.
    """
    yield from _databases(cp_db_url)


@pytest.fixture(scope="class")
def cp_db_class(cp_db_url: Told) -> Iterator[DatabasePlugin]:
    """Do as ``cp_db``, once for a class; a ``cp_db`` of its tests begins with what is in it."""
    yield from _databases(cp_db_url)


@pytest.fixture(scope="module")
def cp_db_module(cp_db_url: Told) -> Iterator[DatabasePlugin]:
    """Do as ``cp_db``, once for a module."""
    yield from _databases(cp_db_url)


@pytest.fixture(scope="session")
def cp_db_session(cp_db_url: Told) -> Iterator[DatabasePlugin]:
    """Do as ``cp_db``, once for the session."""
    yield from _databases(cp_db_url)


def _databases(told: Told) -> Iterator[DatabasePlugin]:
    from ._database import databases

    with databases(told) as db:
        yield db


@pytest.fixture
def cp_session(cp_client: Client) -> Session:
    """Read and write the session of ``cp_client`` like a dict, wherever it is stored."""
    from ._session import Session

    return Session(cp_client)


def _wanted(request: pytest.FixtureRequest) -> bool:
    """Tell whether the marker or pytest's configuration want isolation."""
    wanted = options_of(request.node).isolation
    return bool(request.config.getini("cherrypy_isolation")) if wanted is None else wanted


def _asked(request: pytest.FixtureRequest) -> bool:
    """Tell whether the test uses a fixture or the marker of cpkit's."""
    marked = request.node.get_closest_marker("cherrypy") is not None
    return marked or not _FIXTURES.isdisjoint(request.fixturenames)
