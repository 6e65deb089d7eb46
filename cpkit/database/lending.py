"""A database that this process has opened, and the units of work that it lends."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError

from cpkit.errors import DatabaseError, DatabaseNotRunningError, SettingError

from .backends.base import Backend
from .backends.mariadb import MariadbBackend
from .backends.postgresql import PostgresqlBackend
from .backends.sqlite import SqliteBackend
from .driver import DriverUnit
from .health import Pinger, PoolFigures, figures_of
from .lanes import Lane, Lanes
from .outage import Outage
from .pool import INHERITED
from .session import SessionUnit
from .settings import Settings
from .unit import Unit
from .watchdog import Watchdog

T = TypeVar("T")

_URLS = "write it like sqlite:///shop.sqlite or postgresql+psycopg://user@host/shop."

_HANDLES = {"connection": Unit, "session": SessionUnit, "dbapi": DriverUnit}
_BACKENDS: dict[tuple[str, str], type[Backend]] = {
    ("sqlite", "pysqlite"): SqliteBackend,
    ("postgresql", "psycopg"): PostgresqlBackend,
    ("mysql", "pymysql"): MariadbBackend,
    ("mariadb", "pymysql"): MariadbBackend,
}


class Lending(Settings):
    """Open a database, lend units of work on it, and close it; after a fork, open it anew."""

    watchdog: Watchdog | None = None

    def __init__(self, bus: Any, given: dict[str, Any]) -> None:
        self._lanes: Lanes | None = None
        self._backend: Backend | None = None
        self._mutex = threading.Lock()
        self._pid = self._uid = -1
        self._is_set_up = False
        super().__init__(bus, given)

    # ------------------------------ what applications call ------------------------------

    def unit(self, handle: str = "connection", *, write: bool = True, **options: Any) -> Unit:
        """Return a unit of work, for a ``with`` block; *handle*: connection, session or dbapi."""
        if handle not in _HANDLES:
            raise SettingError("handle", handle, f"take one of {', '.join(_HANDLES)}.")
        return _HANDLES[handle](self, write and not self.read_only, **options)

    begin = unit

    def ping(self, deadline: float = 1.0) -> bool:
        """Tell whether the database answers within *deadline* seconds, whatever state it is in."""
        if not self.running:
            return False
        self.lane(write=False)  # after a fork, what the parent knew counts no more
        return not self._outage.lasts and self._pinger.ping(deadline)

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

    # ------------------------------ what the host may know better ------------------------------

    @property
    def threads(self) -> int:
        """Return how many threads may work with the database at a time."""
        return 10

    def lent(self, driver: Any, record: Any, fairy: Any) -> None:
        """Note that a connection is lent (SQLAlchemy's event ``checkout``)."""

    # ------------------------------ what units call ------------------------------

    @property
    def connections(self) -> int:
        """Return the size of the pool: who has a thread then never has to wait."""
        return self.pool_size or self.threads

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
        lanes = self._lanes  # None if the plugin was stopped meanwhile
        lane = lanes and (lanes.write if unit.write else lanes.read)
        if lane and lane.turns is not None and seconds > self.slow_write:
            self.say(f"a unit of work kept others from writing for {seconds:.1f} s.", 30)

    def say(self, message: str, level: int = 20) -> None:
        """Log *message* about this database."""
        self.bus.log(f"Database {self.masked_url}: {message}", level)

    # ------------------------------ inside ------------------------------

    def _configured(self) -> Backend:
        """Return what serves this kind of database; raise SettingError if nothing can."""
        self.check()
        try:
            url = make_url(self.url or "")
            kind = (url.get_backend_name(), url.get_driver_name())
        except (ArgumentError, ValueError):
            # NOTE: without the cause, whose message may hold the URL, and with it the password.
            raise self.unusable("url", _URLS) from None
        backend = _BACKENDS.get(kind, Backend)(self, url)
        self._try_options(backend)
        return backend

    def _try_options(self, backend: Backend) -> None:
        """Build engines, which connect to nothing yet, to see that SQLAlchemy takes the options."""
        try:
            backend.lanes()
        except ImportError as error:
            raise self.unusable("url", f"install its driver ({error}).") from error
        except Exception as error:
            for name in self.engine_options:
                if f"'{name}'" in str(error):  # "Invalid argument(s) 'pol_size' sent to ..."
                    raise self.unknown(name) from error
            given = ", ".join(f"engine.{self.name}.{name}" for name in self.engine_options)
            raise DatabaseError(f"create_engine fails with {given}: {error!r}") from error

    def _open(self) -> None:
        backend = self.backend
        self._outage = Outage(self._probe, self.say)
        self._pinger = Pinger(self._ask)
        if self.statement_timeout is not None:
            self.watchdog = Watchdog(self.statement_timeout, backend.descriptor, self.say)
        self._uid = effective_user()
        self._lanes = backend.lanes()

    def _close(self) -> None:
        engines, self._lanes = self.engines(), None
        self._outage.stop()
        if self.watchdog is not None:
            self.watchdog.stop()
        for engine in engines:
            engine.dispose()

    def _renew(self) -> None:
        """Leave to the parent what was opened before a fork, and begin with an empty pool."""
        with self._mutex:
            if self._pid != os.getpid():
                INHERITED.append(self._lanes)
                self._open()
                if self.setup is not None:
                    self._set_up_anew(self.setup)
                # NOTE: last, for it lets other threads in, who would find the parent's lanes.
                self._pid = os.getpid()

    def _set_up_anew(self, setup: Callable[[Connection], object]) -> None:
        """Set up after a fork what the parent has not, or what lives in its memory."""
        if self.backend.keeps_data_in_connection:
            with self.engines()[0].begin() as connection:
                setup(connection)
        elif not self._is_set_up:
            self._outage.begin(DatabaseError("not set up in this process yet"))

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


def effective_user() -> int:
    """Return the number of the user that this process runs as; 0 where there are none."""
    return os.geteuid() if hasattr(os, "geteuid") else 0
