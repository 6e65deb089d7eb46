"""A database that this process has opened, and the units of work on it."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from cpkit.errors import (
    DatabaseBusyError,
    DatabaseError,
    DatabaseNotRunningError,
    DatabaseUnavailableError,
    SettingError,
)

from .backends.base import Backend, driver_of
from .backends.known import kind_of_backend
from .borrowed import Borrowed
from .connection import ConnectionUnit
from .driver import DriverUnit
from .engines import Host, build_lanes
from .faults import Fault, fault_of, patiently
from .health import Pinger, PoolFigures, figures_of
from .orm import OwnSessionUnit, SessionBind, SessionUnit
from .outage import Outage
from .pool import GUARDED, INHERITED, check_in, check_out, close_for_good, tidied
from .settings import PACKAGES, DatabaseSettings, misread
from .sockets import Watchdog
from .terms import Local, Terms
from .turns import Lane, Lanes
from .unit import Unit

if TYPE_CHECKING:
    from sqlalchemy.pool import PoolProxiedConnection

_URLS = "write it like sqlite:///shop.sqlite or postgresql+psycopg://user@host/shop."

HANDLES: dict[str, type[Unit]] = {
    "connection": ConnectionUnit,
    "session": SessionUnit,
    "dbapi": DriverUnit,
}


class Unhurried:
    """A database as it lends to its own set-up, whose statements take as long as they take."""

    def __init__(self, database: Database) -> None:
        self.watchdog: Watchdog[Any] | None = None
        self.borrow, self._give_back = database.borrow, database.give_back
        self.answers, self.failed = database.answers, database.failed
        self.committed, self.refused_to_write = database.committed, database.refused_to_write
        self.session = database.session

    def give_back(self, borrowed: Borrowed, terms: Terms) -> None:
        """Take a connection back; nobody is blamed for how long it was kept."""
        borrowed.since = math.inf
        self._give_back(borrowed, terms)


class Database:
    """A database: opened, lent to units of work, closed; after a fork, opened anew."""

    def __init__(self, settings: DatabaseSettings, host: Host) -> None:
        self.settings, self._host = settings, host
        self.answers, self.committed = host.answers, host.committed
        self.watchdog: Watchdog[Any] | None = None
        self._lanes: Lanes | None = None
        self._backend: Backend[Any] | None = None
        self._mutex = threading.Lock()
        self._pid = -1
        self._is_set_up = False

    # ------------------------------ what applications and requests call ------------------------

    def unit(
        self,
        handle: str = "connection",
        *,
        write: bool = True,
        isolation: str | None = None,
        read_only: bool = False,
        set_local: Local | None = None,
    ) -> Unit:
        """Return a unit of work, for a ``with`` block; *handle*: connection, session or dbapi.

        *isolation*, *read_only* and *set_local* are asked of the transaction; without *write* it
        only reads.
        """
        terms = Terms(write and not self.settings.read_only, isolation, read_only, set_local)
        return self.kind_of_unit(handle)(self, terms)

    def kind_of_unit(self, handle: str) -> type[Unit]:
        """Return the class of the units that lend *handle*; SettingError if there is none."""
        if handle not in HANDLES:
            raise SettingError("handle", handle, f"take one of {', '.join(HANDLES)}.")
        if handle == "session" and self.settings.session_class is not Session:
            return OwnSessionUnit
        return HANDLES[handle]

    def ping(self, deadline: float | None = 1.0) -> bool:
        """Tell whether the database answers within *deadline* seconds, whatever state it is in.

        Without a *deadline* it is not asked: that no outage is known counts.
        """
        if not self.running:
            return False
        self.lane(write=False)  # after a fork, what the parent knew counts no more
        return not self.outage.lasts and (deadline is None or self._pinger.ping(deadline))

    def figures(self) -> PoolFigures:
        """Return how busy the connections are."""
        lanes = self._lanes
        turns = lanes.write.turns if lanes else None
        return figures_of([engine.pool for engine in self.engines()], len(turns) if turns else 0)

    def engines(self) -> list[Engine]:
        """Return every engine, each once."""
        return self._lanes.engines() if self._lanes else []

    @property
    def running(self) -> bool:
        """Tell whether the database is open."""
        return self._lanes is not None

    @property
    def backend(self) -> Backend[Any]:
        """Return what is particular to this kind of database."""
        if self._backend is None:
            raise DatabaseNotRunningError(self._host.name)
        return self._backend

    def lane(self, write: bool) -> Lane:
        """Return the way to a connection of this process that reads or writes."""
        lanes = self._lanes
        if lanes is None:
            self._host.open_at_need()
            lanes = self._lanes
            if lanes is None:
                raise DatabaseNotRunningError(self._host.name)
        if self._pid != os.getpid():
            self._renew()
            return self.lane(write)
        return lanes.write if write else lanes.read

    # ------------------------------ what units call ------------------------------

    def borrow(self, terms: Terms) -> Borrowed:
        """Return a connection on which *terms* can be kept, waiting for it up to ``timeout``.

        Raise DatabaseBusyError or DatabaseUnavailableError after that.
        """
        since, timeout = time.monotonic(), self.settings.timeout
        lane = self.lane(terms.write)
        if lane.turns is not None:
            lane.enter(timeout)
        try:
            return self._borrowed(lane, terms, since, since + timeout)
        except PoolTimeout as error:
            lane.leave()
            told = f"All connections of the database {self._host.name} were in use"
            raise DatabaseBusyError(f"{told} for {timeout:g} s") from error
        except BaseException:
            lane.leave()
            raise

    def _borrowed(self, lane: Lane, terms: Terms, since: float, deadline: float) -> Borrowed:
        """Return a connection of *lane*'s, through an outage if it ends before *deadline*."""
        outage = self.outage
        while True:
            if outage.lasts:
                outage.wait(deadline)
            try:
                pooled = self._checked_out(lane, terms, deadline)
            except PoolTimeout:
                raise
            except Exception as error:
                if fault_of(error) is Fault.READ_ONLY:  # SQLite: of files that it cannot make
                    raise self.refused_to_write(error) from error
                if not outage.may_try_again(error, deadline):
                    raise
            else:
                # PERF: where nobody waits for others, nobody is blamed.
                now = time.monotonic() if lane.turns is not None else since
                return Borrowed(pooled, lane.engine, lane.backend, lane.turns, now, now - since)

    @staticmethod
    def _checked_out(lane: Lane, terms: Terms, deadline: float) -> PoolProxiedConnection:
        """Return a connection that is prepared for *terms*."""
        backend, pooled = lane.backend, check_out(lane.engine, deadline)
        guard = lane.guards_reads and not terms.write
        try:
            if backend.sets_modes and not backend.is_plain(terms):
                backend.prepare(pooled.dbapi_connection, terms)
            if lane.guards_reads and pooled.info.get(GUARDED, False) is not guard:
                backend.guard(pooled.dbapi_connection, guard)
                pooled.info[GUARDED] = guard
        except BaseException:
            if pooled.is_valid:
                pooled.invalidate()
            raise
        return pooled

    def give_back(self, borrowed: Borrowed, terms: Terms) -> None:
        """Take a connection back; drop it if it is broken, tidy it if it was changed."""
        pooled, backend, turns = borrowed.pooled, borrowed.backend, borrowed.turns
        driver, broken, changed = borrowed.driver, borrowed.broken, borrowed.changed
        if broken and backend.keeps_data_in_connection:
            broken, changed = False, True  # the data would go with it
        try:
            if backend.sets_modes and not broken and not backend.is_plain(terms):
                broken = not self._watched(driver, lambda: backend.restored(driver, terms))
            if changed and not broken:
                tidy = partial(tidied, borrowed.engine, backend, driver, pooled.info)
                broken = not self._watched(driver, tidy)
            if broken and pooled.is_valid and not pooled.is_detached:
                pooled.invalidate()
        except BaseException:
            pooled.invalidate()  # nobody knows in which state it is
            raise
        finally:
            check_in(pooled)
            if turns is not None:
                turns.leave()
                held = time.monotonic() - borrowed.since
                if held > self.settings.slow_write:
                    told = f"a unit of work kept others from writing for {held:.1f} s."
                    self._host.say(told, 30)

    def session(self, unit: Unit) -> Session:
        """Return an ORM session that borrows its connections for *unit*."""
        assert isinstance(unit, SessionUnit)  # noqa: S101
        settings, lane = self.settings, self.lane(unit.terms.write)
        bind = SessionBind(unit, lane.engine)
        return settings.session_class(bind, **(settings.session_options or {}))

    def refused_to_write(self, error: Exception) -> DatabaseUnavailableError:
        """Connect anew from now on: another host of the URL may be the primary by now.

        Return what is raised for *error*.
        """
        self.outage.say_seldom("it takes no writes", error)
        self.graceful()
        return DatabaseUnavailableError(f"The database {self._host.name} takes no writes")

    def failed(self, call: Callable[[], object]) -> None:
        """Log the exception that is handled, of a *call* after a commit."""
        self._host.say(f"{call!r} failed after a commit.", 40, traceback=True)

    def _watched(self, driver: Any, call: Callable[[], bool]) -> bool:
        """Call what may wait for the server; if it does not answer, the connection is cut."""
        if self.watchdog is None:
            return call()
        self.watchdog.watch(call, driver)
        try:
            return call()
        finally:
            self.watchdog.release(call)

    # ------------------------------ opening and closing ------------------------------

    def configured(self) -> Backend[Any]:
        """Return what serves this kind of database; raise SettingError if nothing can."""
        prefix = f"engine.{self._host.name}"
        self.settings.check(prefix)
        try:
            url = make_url(self.settings.url or "")
            kind = (url.get_backend_name(), url.get_driver_name())
            is_async = url.get_dialect().is_async
        except (ArgumentError, ValueError):
            # NOTE: without the cause, whose message may hold the URL, and with it the password.
            raise self.settings.unusable(prefix, "url", _URLS) from None
        if wrong := misread(url, is_async):
            raise self.settings.unusable(prefix, "url", wrong)
        # As many connections as threads: who has a thread then never has to wait.
        connections = self.settings.pool_size or self._host.threads
        backend = kind_of_backend(*kind)(self.settings, url, connections)
        if self.settings.statement_timeout is not None and not backend.limits_statements:
            remedy = f"leave it out: cpkit cannot end the statements of {'+'.join(kind)}."
            raise self.settings.unusable(prefix, "statement_timeout", remedy)
        self._try_options(prefix, backend)
        return backend

    def open(self, backend: Backend[Any]) -> None:
        """Open the database and set it up; raise what keeps it from being worked with."""
        self._is_set_up = False
        self._backend = backend
        self._open()
        DriverUnit.learn(dir(getattr(backend.dialect.loaded_dbapi, "Connection", object)))
        self._pid = os.getpid()
        # NOTE: another process may be setting up a SQLite file, which keeps writers out.
        patiently(self.probe, self.settings.wait, (Fault.BUSY,))

    def close(self) -> None:
        """Run ``cleanup`` if the database was set up and answers, and close every connection."""
        try:
            # NOTE: a signal may end the process in ``setup``, whose locks it would wait for.
            if self.settings.cleanup is not None and self._is_set_up:
                if self.ping(self.settings.timeout):
                    self._in_transaction(self.settings.cleanup)
                else:  # a server that hangs would keep the process from ending
                    self._host.say("does not answer: cleanup was left out.", 40)
        finally:
            engines, self._lanes = self.engines(), None
            self.outage.stop()
            if self.watchdog is not None:
                self.watchdog.stop()
            for engine in engines:
                close_for_good(engine)

    def graceful(self) -> None:
        """Swap the pool: idle connections are closed now, lent ones as they come back."""
        for engine in self.engines():
            engine.dispose()

    def probe(self) -> None:
        """See that the database can be worked with; the first time, set it up."""
        self.backend.probe()
        DriverUnit.learn(self.backend.names)
        if self.settings.setup is not None and not self._is_set_up:
            self._in_transaction(self.settings.setup)
        self._is_set_up = True

    def _try_options(self, prefix: str, backend: Backend[Any]) -> None:
        """Build engines, which connect to nothing yet, to see that SQLAlchemy takes the options."""
        settings = self.settings
        try:
            build_lanes(backend, self._host)
        except ImportError as error:
            name = (error.name or "").partition(".")[0]
            remedy = f"install its driver ({error}): pip install {PACKAGES.get(name, name)}."
            raise settings.unusable(prefix, "url", remedy) from error
        except Exception as error:
            for name in settings.engine_options:
                if f"'{name}'" in str(error):  # "Invalid argument(s) 'pol_size' sent to ..."
                    raise settings.unknown(prefix, name) from error
            given = ", ".join(f"{prefix}.{name}" for name in settings.engine_options)
            raise DatabaseError(f"create_engine fails with {given}: {error!r}") from error

    def _open(self) -> None:
        backend, limit = self.backend, self.settings.statement_timeout
        self.outage = Outage(self.probe, self._host.say, self._host.name)
        self._pinger = Pinger(self._ask)
        if limit is not None:
            self.watchdog = Watchdog(limit, backend.cut, self._no_answer)
        self._lanes = build_lanes(backend, self._host)

    def _renew(self) -> None:
        """Leave to the parent what was opened before a fork, and begin with an empty pool."""
        with self._mutex:
            if self._pid != os.getpid():
                INHERITED.append(self._lanes)
                self._open()
                if self.settings.setup is not None:
                    self._set_up_anew(self.settings.setup)
                # NOTE: last, for it lets other threads in, who would find the parent's lanes.
                self._pid = os.getpid()

    def _set_up_anew(self, setup: Callable[[Connection], object]) -> None:
        """Set up after a fork what the parent has not, or what lives in its memory."""
        if self.backend.keeps_data_in_connection:
            with self.engines()[0].begin() as connection:
                setup(connection)
        elif not self._is_set_up:
            self.outage.begin(DatabaseError("not set up in this process yet"))

    def _in_transaction(self, function: Callable[[Connection], object]) -> None:
        terms = Terms(not self.settings.read_only)
        wait = self.settings.wait
        with (
            ConnectionUnit(Unhurried(self), terms) as unit,
            self.backend.setting_up(unit.handle, wait) as connection,
        ):
            function(connection)

    def _no_answer(self, seconds: float) -> None:
        """Note that a statement was ended which the server had not answered."""
        self._host.say(f"no answer for {seconds:g} s: a statement was cut off.", 40)
        if not self.backend.writers_take_turns:  # a server may hang, and with it all connections
            self.graceful()
            self.outage.begin(DatabaseError(f"no answer for {seconds:g} s"))

    def _ask(self) -> None:
        with self.unit(write=False) as unit:
            self.backend.ping(driver_of(unit.handle))
