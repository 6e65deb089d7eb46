"""The database on the bus: opened after the fork, before the server; closed after both."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import cherrypy
from cherrypy.process.plugins import SimplePlugin
from sqlalchemy import Connection, Engine, make_url

from cpkit.errors import DatabaseNotRunningError, DatabaseSettingError
from cpkit.transactions import Fault, backoff, fault_of, mask_password

from ._backend import Backend
from ._borrowed import take_back
from ._driver import DriverUnit
from ._health import Health, Pinger, PoolFigures, figures_of, measured
from ._lanes import Lane, Lanes
from ._mariadb import MariadbBackend
from ._outage import Outage
from ._pool import INHERITED
from ._postgresql import PostgresqlBackend
from ._sqlite import SqliteBackend
from ._unit import SessionUnit, Unit
from ._watchdog import Watchdog

T = TypeVar("T")

_HANDLES = {"connection": Unit, "session": SessionUnit, "dbapi": DriverUnit}
_BACKENDS: dict[tuple[str, str], type[Backend]] = {
    ("sqlite", "pysqlite"): SqliteBackend,
    ("postgresql", "psycopg"): PostgresqlBackend,
    ("mysql", "pymysql"): MariadbBackend,
    ("mariadb", "pymysql"): MariadbBackend,
}


class DatabasePlugin(SimplePlugin):
    """Keep the connections to one database for the life of the process.

    Assigned to ``cherrypy.engine.db`` it is configured by ``engine.db.on = True``,
    ``engine.db.url = "sqlite:////var/lib/shop.db"`` and the settings below, as config keys or
    keyword arguments. What is not listed here goes to ``sqlalchemy.create_engine``.
    """

    url: str | None = None
    """SQLAlchemy's URL of the database."""

    required: bool = True
    """Whether the process ends if the database is not there at the start; if not, it answers 503
    until the database is there."""

    wait: float = 10.0
    """Seconds for which the start waits for the database."""

    timeout: float = 3.0
    """Seconds a request waits for a connection, or for its turn to write, before it is refused."""

    pool_size: int | None = None
    """How many connections at most; as many as the server has threads, unless given."""

    max_age: float = 1800.0
    """Seconds after which a connection is replaced when it is next lent."""

    statement_timeout: float | None = None
    """Seconds after which PostgreSQL or MariaDB cancels a statement; None: never. A second later
    its connection is cut, should the server hang."""

    slow_write: float = 1.0
    """Seconds after which a SQLite unit that writes is logged for holding up the others."""

    read_only: bool = False
    """Whether nothing of this database is ever written, so that its file need not be writable."""

    synchronous: str = "FULL"
    """SQLite: FULL survives a power cut, NORMAL may lose the last commits then, but is faster."""

    pragmas: dict[str, object] | None = None
    """SQLite: further pragmas for each connection."""

    setup: Callable[[Connection], object] | None = None
    """Called with a connection, in a transaction, when the database has been opened."""

    cleanup: Callable[[Connection], object] | None = None
    """Called likewise before the database is closed."""

    watchdog: Watchdog | None = None

    def __init__(self, bus: Any, url: str | None = None, **engine_options: Any) -> None:
        super().__init__(bus)
        # A channel of our own is not subscribed to by SimplePlugin unless it is there already.
        bus.listeners.setdefault("database_health", set())
        self.engine_options: dict[str, Any] = {}
        self._lanes: Lanes | None = None
        self._backend: Backend | None = None
        self._mutex = threading.Lock()
        self._pid = self._uid = -1
        for name, value in {"url": url, **engine_options}.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        """Take a setting; a name that is none of ours is an option of ``create_engine``."""
        if name.startswith("_") or name in ("bus", "engine_options") or hasattr(type(self), name):
            super().__setattr__(name, value)
        else:
            self.engine_options[name] = value

    # ------------------------------ what the bus calls ------------------------------

    def subscribe(self) -> None:
        """Listen to the bus."""
        super().subscribe()
        for channel, listener, priority in self._further_listeners():
            self.bus.subscribe(channel, listener, priority)

    def unsubscribe(self) -> None:
        """Listen no more."""
        super().unsubscribe()
        for channel, listener, _ in self._further_listeners():
            self.bus.unsubscribe(channel, listener)

    def _further_listeners(self) -> list[tuple[str, Callable[[], None], int]]:
        return [
            # Before Daemonizer forks (65), while the exit code can still tell; leaves nothing open.
            ("start", self.preflight, 60),
            # After DropPrivileges (77).
            ("start", self.recheck, 78),
            ("after_request", self.reclaim, 50),
        ]

    def preflight(self) -> None:
        """Wait for the database; end the process if it does not come and is required."""
        try:
            self._await(self._configured())
        except Exception as error:
            if self.required:
                self._end(error)
            self.say(f"not there yet: {_one_line(error)}", 40)

    def start(self) -> None:
        """Open the database and run ``setup``."""
        if self._lanes is not None:
            return
        self._is_set_up = False
        try:
            self._backend = self._configured()
            self._open()
            self._probe()
        except Exception as error:
            if self.required or fault_of(error) is not Fault.GONE:
                self._end(error)
            self._outage.begin(error)
        else:
            self.say("opened.")

    # After Daemonizer has forked (65); before monitors (70) and the server (75) may use it.
    start.priority = 67  # type: ignore[attr-defined]

    def recheck(self) -> None:
        """See that the user the process now runs as can use the database as well."""
        if self._uid == _user() or self._backend is None:
            return
        self.graceful()
        try:
            self._backend.probe()
        except Exception as error:
            self.say(f"cannot be used after privileges were dropped: {error}", 40)
            # NOTE: the server runs already; SystemExit would leave it running and the bus stuck.
            self.bus.exit()

    def graceful(self) -> None:
        """Swap the pool: idle connections are closed now, lent ones as they come back."""
        if self._backend is not None and not self._backend.keeps_data_in_connection:
            for engine in self.engines():
                engine.dispose()

    def stop(self) -> None:
        """Run ``cleanup`` and close every connection."""
        if self._lanes is None:
            return
        try:
            if self.cleanup is not None:
                self._in_transaction(self.cleanup)
        finally:
            engines, self._lanes = self._lanes.engines(), None
            self._outage.stop()
            if self.watchdog is not None:
                self.watchdog.stop()
            for engine in engines:
                engine.dispose()
            self.say("closed.")

    # After the server has drained (25) and plugins have flushed what they hold (50).
    stop.priority = 90  # type: ignore[attr-defined]

    def reclaim(self) -> None:
        """Take back the connections that a request has kept."""
        take_back(self.say)

    def database_health(self, deadline: float = 1.0) -> Health:
        """Tell how the database is; the channel asks every database of the process."""
        up, seconds = measured(lambda: self.ping(deadline))
        return Health(self.name, self.masked_url, up, seconds, self.figures())

    # ------------------------------ what applications call ------------------------------

    def unit(self, handle: str = "connection", *, write: bool = True, **options: Any) -> Unit:
        """Return a unit of work, for a ``with`` block; *handle*: connection, session or dbapi."""
        if handle not in _HANDLES:
            raise DatabaseSettingError("handle", handle, f"take one of {', '.join(_HANDLES)}.")
        return _HANDLES[handle](self, write and not self.read_only, **options)

    begin = unit

    def ping(self, deadline: float = 1.0) -> bool:
        """Tell whether the database answers within *deadline* seconds, whatever state it is in."""
        return self.running and not self._outage.lasts and self._pinger.ping(deadline)

    def figures(self) -> PoolFigures:
        """Return how busy the connections are."""
        lanes = self._lanes
        turns = lanes.write.turns if lanes else None
        return figures_of([engine.pool for engine in self.engines()], len(turns) if turns else 0)

    @property
    def engine(self) -> Engine:
        """Return SQLAlchemy's engine, for use outside of units; in SQLite the readers'."""
        return self.lane(write=False).engine

    def engines(self) -> list[Engine]:
        """Return every engine, each once."""
        return self._lanes.engines() if self._lanes else []

    @property
    def running(self) -> bool:
        """Tell whether the plugin was started."""
        return self._lanes is not None

    @property
    def name(self) -> str:
        """Return the name under which the plugin stands on the engine."""
        return next((name for name, it in vars(self.bus).items() if it is self), "db")

    @property
    def masked_url(self) -> str:
        """Return the URL without its password."""
        return mask_password(str(self.url))

    # ------------------------------ what units call ------------------------------

    @property
    def connections(self) -> int:
        """Return the size of the pool: a request that has a thread then never has to wait."""
        return self.pool_size or cherrypy.server.thread_pool or 10

    @property
    def backend(self) -> Backend:
        """Return what is particular to this kind of database."""
        if self._backend is None:
            raise DatabaseNotRunningError(self.name)
        return self._backend

    def lane(self, write: bool) -> Lane:
        """Return the way to a connection of this process that reads or writes."""
        if self._lanes is None:
            raise DatabaseNotRunningError(self.name)
        if self._pid != os.getpid():
            self._renew()
        return self._lanes.write if write else self._lanes.read

    def reach(self, take: Callable[[], T], since: float) -> T:
        """Return the connection that *take* returns, waiting for a database that is gone."""
        return self._outage.reach(take, since + self.timeout)

    def held(self, unit: Unit, seconds: float) -> None:
        """Log a unit that held up other writers."""
        if seconds > self.slow_write and self.lane(unit.write).turns is not None:
            self.say(f"a unit of work kept others from writing for {seconds:.1f} s.", 30)

    def say(self, message: str, level: int = 20) -> None:
        """Log *message* about this database."""
        self.bus.log(f"Database {self.masked_url}: {message}", level)

    # ------------------------------ inside ------------------------------

    def _configured(self) -> Backend:
        if not self.url:
            remedy = "give the URL of the database."
            raise DatabaseSettingError(f"engine.{self.name}.url", self.url, remedy)
        url = make_url(self.url)
        kind = (url.get_backend_name(), url.get_driver_name())
        return _BACKENDS.get(kind, Backend)(self, url)

    def _open(self) -> None:
        backend = self.backend
        self._outage = Outage(self._probe, self.say)
        self._pinger = Pinger(self._ask)
        if self.statement_timeout is not None:
            self.watchdog = Watchdog(self.statement_timeout, backend.descriptor, self.say)
        self._pid, self._uid = os.getpid(), _user()
        self._lanes = backend.lanes()

    def _renew(self) -> None:
        """Leave to the parent what was opened before a fork, and begin with an empty pool."""
        with self._mutex:
            if self._pid != os.getpid():
                INHERITED.append(self._lanes)
                self._open()

    def _await(self, backend: Backend) -> None:
        deadline = time.monotonic() + self.wait
        for pause in backoff():
            try:
                backend.probe()
                return
            except Exception as error:
                transient = fault_of(error) in (Fault.GONE, Fault.BUSY)
                if not transient or time.monotonic() + pause > deadline:
                    raise
            time.sleep(pause)

    def _end(self, error: Exception) -> NoReturn:
        """End the process before anything is served: other exceptions let the server come up."""
        self.say(f"cannot be used, so nothing is served: {_one_line(error)}", 40)
        raise SystemExit(1) from error

    def _probe(self) -> None:
        """See that the database can be worked with; the first time, set it up."""
        self.backend.probe()
        if self.setup is not None and not self._is_set_up:
            self._in_transaction(self.setup)
        self._is_set_up = True

    def _in_transaction(self, function: Callable[[Connection], object]) -> None:
        with self.unit() as unit:
            self.backend.serialize_setup(unit.handle)
            function(unit.handle)

    def _ask(self) -> None:
        with self.unit(write=False) as unit:
            self.backend.ping(unit.handle.connection.driver_connection)


def _user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0


def _one_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return " ".join(str(cause).split()) or type(cause).__name__
