"""The sessions of one table, and the units of work in which they are read and written."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import cherrypy

from cpkit.errors import CpkitError, DatabaseNotRunningError
from cpkit.logs.printable import printable

from .faults import Fault, backoff, fault_of
from .retry import COMMITTED, units_of
from .session_rows import Row, SessionTable
from .unavailable import unavailable

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from .database import Database

V = TypeVar("V")

_ENDING = (None, "on_end_resource", "on_end_request", "close")  # stages of a request
_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.05  # seconds, after a conflict


class SessionStore:
    """The sessions in a table of a plugin's database."""

    known: ClassVar[dict[tuple[str, str], SessionStore]] = {}

    def __init__(self, plugin: str, table: str) -> None:
        self.place = self._plugin, self._table = plugin, table
        self._tables: dict[Engine, SessionTable] = {}  # that are known to be there
        # Locks that nobody has any more, and that could not be freed when the database was gone.
        self._left: deque[str] = deque(maxlen=1000)

    @classmethod
    def of(cls, plugin: str, table: str) -> SessionStore:
        """Return the store that all requests of this process share."""
        place = plugin, table
        return cls.known.get(place) or cls.known.setdefault(place, cls(*place))

    @property
    def database(self) -> Database:
        """Return the database; raise DatabaseNotRunningError if it is not open."""
        plugin = getattr(cherrypy.engine, self._plugin, None)
        if plugin is None or not plugin.running:
            raise DatabaseNotRunningError(self._plugin)
        found: Database = plugin.database
        return found

    @property
    def rows(self) -> SessionTable:
        """Return the table, created the first time."""
        database = self.database
        engine = database.lane(write=False).engine
        found = self._tables.get(engine)
        if found is None:
            made = SessionTable(self._table)
            self.run(lambda unit: made.create(unit.handle, database.backend))
            for other in self._tables.keys() - {engine}:
                self._tables.pop(other, None)
            # NOTE: one object for all threads; two of them in one statement are two tables to it.
            found = self._tables.setdefault(engine, made)
        return found

    @property
    def is_used(self) -> bool:
        """Tell whether this process has used the table since the database was opened."""
        with suppress(DatabaseNotRunningError):
            return self.database.lane(write=False).engine in self._tables
        return False

    def read(self, key: str) -> Row | None:
        """Return the row of *key*."""
        rows = self.rows
        return self.run(lambda unit: rows.read(unit, key), "dbapi", write=False)

    def take(self, key: str, owner: str, lease: float) -> Row | None:
        """Lock the row of *key* for *owner* if nobody has it; return it, whoever has it then."""
        rows, left, leased = self.rows, tuple(self._left), False

        def take(unit: Any) -> Row | None:
            nonlocal leased
            for each in left:
                rows.free(unit, each)
            row = rows.lease(unit, key, owner, lease)
            leased = True
            return row

        try:
            row = self.run(take)
        except BaseException:
            if leased:  # nobody knows whether that was committed
                self._left.append(owner)
            raise
        for each in left:
            with suppress(ValueError):  # another thread has freed it as well
                self._left.remove(each)
        return row

    def free(self, owner: str) -> None:
        """End the lock of *owner*; if that cannot be done now, the next to take a lock does it."""
        try:
            rows = self.rows
            self.run(lambda unit: rows.free(unit, owner))
        except BaseException:
            self._left.append(owner)
            raise

    def remove_expired(self, before: float) -> None:
        """Delete the sessions that have expired *before*: a request may have, and extend, later."""
        rows = self.rows
        while self.run(lambda unit: rows.remove_expired(unit, before)):
            pass  # others write in between

    def run(self, call: Callable[[Any], V], handle: str = "connection", write: bool = True) -> V:
        """Return what *call* returns in a unit of its own; run it again after a conflict.

        A database that is not to be had at the moment is a 503.
        """
        known = vars(cherrypy.serving.request)
        noted = COMMITTED in known
        # NOTE: where one unit at a time may write, this thread would wait for itself.
        database = self.make_way()
        try:
            found = _in_unit(database, call, handle, write)
        except Exception as error:
            if not isinstance(error, CpkitError):  # the table may have been dropped
                self._tables.clear()
            answer = unavailable(error)
            if answer is None or answer is error:
                raise
            raise answer from error
        if not noted:  # its handler may be run again: a lock that was taken is still held
            known.pop(COMMITTED, None)
        return found

    def make_way(self) -> Database:
        """Have the request's units do without the turn, if they can; return the database."""
        database = self.database
        for unit in units_of(cherrypy.serving.request):
            unit.make_way(database)
        return database

    def writes(self) -> bool:
        """Tell whether this request has the turn to write, where there is one: a lock needs it."""
        if cherrypy.serving.request.stage in _ENDING:
            return False
        turns = self.make_way().lane(write=True).turns
        return turns is not None and turns.held_here()


def remove_expired(ours: SessionStore, before: float) -> None:
    """Delete the sessions that have expired *before*, in *ours* and in every other table in use."""
    for sessions in {ours, *SessionStore.known.values()}:
        try:
            if sessions is ours or sessions.is_used:
                sessions.remove_expired(before)
        except Exception as error:
            told = f"Expired sessions are still there: {printable(str(error))}"
            cherrypy.log(told, "CPKIT.SESSIONS", 30)


def _in_unit(database: Database, call: Callable[[Any], V], handle: str, write: bool) -> V:
    """Return what *call* returns, tried again where the server undid it for another's sake.

    NOTE: under REPEATABLE READ and SERIALIZABLE any row that another one has changed is that.
    """
    deadline, pauses = time.monotonic() + database.settings.timeout, None
    while True:
        try:
            with database.unit(handle, write=write) as unit:
                return call(unit)
        except Exception as error:
            pauses = pauses or backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
            pause = next(pauses)
            if fault_of(error) is not Fault.CONFLICT or time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
