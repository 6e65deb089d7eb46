"""The database on the bus: opened after the fork, before the server; closed after both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import cherrypy
from cherrypy.process.plugins import SimplePlugin
from sqlalchemy import Connection, Engine, make_url

from cpkit.errors import DatabaseNotRunningError, DatabaseSettingError
from cpkit.transactions import mask_password

from ._backend import Backend
from ._lanes import Lane, Lanes
from ._sqlite import SqliteBackend
from ._unit import DriverUnit, SessionUnit, Unit

T = TypeVar("T")
HANDLES = {"connection": Unit, "session": SessionUnit, "dbapi": DriverUnit}
BACKENDS: dict[str, type[Backend]] = {"sqlite": SqliteBackend}


class DatabasePlugin(SimplePlugin):
    """Keep the connections to one database for the life of the process.

    Assigned to ``cherrypy.engine.db`` it is configured by ``engine.db.on = True``,
    ``engine.db.url = "sqlite:////var/lib/shop.db"`` and the settings below, as keyword arguments
    or config keys. What is not listed here goes to ``sqlalchemy.create_engine``.
    """

    url: str | None = None
    """SQLAlchemy's URL of the database."""

    timeout: float = 3.0
    """Seconds a request waits for a connection, or for its turn to write, before it is refused."""

    pool_size: int | None = None
    """How many connections at most; as many as the server has threads, unless given."""

    max_age: float = 1800.0
    """Seconds after which a connection is replaced when it is next lent."""

    slow_write: float = 1.0
    """Seconds after which a unit that writes is logged for holding up the others."""

    synchronous: str = "FULL"
    """SQLite: FULL survives a power cut, NORMAL may lose the last commits then, but is faster."""

    pragmas: dict[str, object] | None = None
    """SQLite: further pragmas for each connection."""

    setup: Callable[[Connection], object] | None = None
    """Called with a connection, in a transaction, when the database has been opened."""

    cleanup: Callable[[Connection], object] | None = None
    """Called likewise before the database is closed."""

    def __init__(self, bus: Any, url: str | None = None, **engine_options: Any) -> None:
        super().__init__(bus)
        self.engine_options: dict[str, Any] = {}
        self._lanes: Lanes | None = None
        self._backend: Backend | None = None
        for name, value in {"url": url, **engine_options}.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        """Take a setting; a name that is none of ours is an option of ``create_engine``."""
        if name.startswith("_") or name in ("bus", "engine_options") or hasattr(type(self), name):
            super().__setattr__(name, value)
        else:
            self.engine_options[name] = value

    @property
    def connections(self) -> int:
        """Return the size of the pool."""
        return self.pool_size or cherrypy.server.thread_pool or 10

    @property
    def masked_url(self) -> str:
        """Return the URL without its password."""
        return mask_password(str(self.url))

    @property
    def backend(self) -> Backend:
        """Return what is particular to this kind of database."""
        if self._backend is None:
            raise DatabaseNotRunningError("db")
        return self._backend

    @property
    def running(self) -> bool:
        """Tell whether the plugin was started."""
        return self._lanes is not None

    @property
    def engine(self) -> Engine:
        """Return SQLAlchemy's engine, for use outside of requests; readers' in SQLite."""
        return self.lane(write=False).engine

    def engines(self) -> list[Engine]:
        """Return every engine, each once."""
        return self._lanes.engines() if self._lanes else []

    def graceful(self) -> None:
        """Swap the pool: idle connections are closed now, lent ones as they come back."""
        if self._backend is not None and not self._backend.keeps_data_in_connection:
            for engine in self.engines():
                engine.dispose()

    def lane(self, write: bool) -> Lane:
        """Return the way to a connection that reads or writes."""
        if self._lanes is None:
            raise DatabaseNotRunningError("db")
        return self._lanes.write if write else self._lanes.read

    def reach(self, take: Callable[[], T], since: float) -> T:
        """Return the connection that *take* returns."""
        return take()

    def unit(self, handle: str = "connection", *, write: bool = True, **options: Any) -> Unit:
        """Return a unit of work; *handle* is connection, session or dbapi."""
        if handle not in HANDLES:
            raise DatabaseSettingError("handle", handle, f"take one of {', '.join(HANDLES)}.")
        return HANDLES[handle](self, write, **options)

    @contextmanager
    def begin(self, handle: str = "connection", *, write: bool = True) -> Iterator[Any]:
        """Lend a connection for a ``with`` block outside of a request: commits at its end."""
        with self.unit(handle, write=write) as unit:
            yield unit

    def held(self, unit: Unit, seconds: float) -> None:
        """Log a unit that held up other writers."""
        if unit.write and seconds > self.slow_write:
            self.bus.log(f"Database {self.masked_url}: a write took {seconds:.1f} s.", level=30)

    def start(self) -> None:
        """Open the database."""
        if self._lanes is None:
            url = make_url(self._required_url())
            self._backend = BACKENDS.get(url.get_backend_name(), Backend)(self, url)
            self._lanes = self._backend.lanes()
            if self.setup is not None:
                self._call(self.setup)
            self.bus.log(f"Database {self.masked_url} opened.")

    # After Daemonizer has forked (65); before monitors (70) and the server (75) may use it.
    start.priority = 67  # type: ignore[attr-defined]

    def stop(self) -> None:
        """Close every connection."""
        if self._lanes is None:
            return
        try:
            if self.cleanup is not None:
                self._call(self.cleanup)
        finally:
            engines, self._lanes = self._lanes.engines(), None
            for engine in engines:
                engine.dispose()
            self.bus.log(f"Database {self.masked_url} closed.")

    # After the server has drained (25) and plugins have flushed what they hold (50).
    stop.priority = 90  # type: ignore[attr-defined]

    def _call(self, function: Callable[[Connection], object]) -> None:
        with self.begin() as unit:
            function(unit.handle)

    def _required_url(self) -> str:
        if not self.url:
            raise DatabaseSettingError("engine.db.url", self.url, "give the URL of the database.")
        return self.url
