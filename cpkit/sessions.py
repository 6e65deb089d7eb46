"""CherryPy sessions in the database that a DatabasePlugin opens, for several processes."""

from __future__ import annotations

import datetime
import hashlib
import json
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import cherrypy
from cherrypy.lib.sessions import Session

from .database.backoff import backoff
from .database.unavailable import ServiceUnavailable, refuse, unavailable
from .errors import (
    CpkitError,
    DatabaseNotRunningError,
    MissingExtraError,
    SessionDataError,
    SessionLostError,
)

try:
    from sqlalchemy import (
        Column,
        Engine,
        Float,
        MetaData,
        String,
        Table,
        Text,
        bindparam,
        delete,
        func,
        insert,
        or_,
        select,
        update,
    )
    from sqlalchemy.exc import IntegrityError
except ImportError as error:
    raise MissingExtraError("SQLAlchemy", "db") from error

# The tables that are known to be there, by engine and name.
_READY: WeakKeyDictionary[Engine, dict[str, Table]] = WeakKeyDictionary()

_UNKNOWN = object()


class _Row(NamedTuple):
    """Be a row of the table, as a driver returns it."""

    key: str
    data: str
    expires: float
    owner: str | None
    leased_until: float | None


class DatabaseSession(Session):
    """Keep a session as one row; one request at a time has it, in whichever process.

    Config: ``tools.sessions.storage_class = cpkit.sessions.DatabaseSession``, and further keys of
    ``tools.sessions``: ``plugin`` ("db": ``cherrypy.engine.db``), ``table``, ``lease``,
    ``lock_wait``; of CherryPy's own ``timeout``, ``clean_freq``, ``locking`` and the rest.

    Data is stored as JSON: it cannot run code when it is read back, as pickles can. Rows are
    found by a hash of the session's id, so that who reads the table cannot take over a session.
    """

    plugin = "db"
    table = "cpkit_sessions"

    lease = 60.0
    """Seconds after which the lock of a request, whose process may have died, is void."""

    lock_wait = 10.0
    """Seconds a request waits for another one with the same session, before it is refused."""

    _owner: str | None = None
    _row: Any = _UNKNOWN

    def now(self) -> datetime.datetime:
        """Return the time, aware of its zone, so that clock changes expire nothing."""
        return datetime.datetime.now(datetime.timezone.utc)

    def acquire_lock(self) -> None:
        """Wait for the session's turn, and read its data in the same transaction."""
        deadline = time.monotonic() + self.lock_wait
        for pause in backoff(0.002, 0.05):
            if self._take():
                self.locked = True
                return
            if time.monotonic() + pause > deadline:
                raise ServiceUnavailable(1)
            time.sleep(pause)

    def release_lock(self) -> None:
        """Let the next request have the session."""
        self.locked = False
        owner, self._owner = self._owner, None
        if owner is not None:
            free = update(self._rows).where(self._rows.c.owner == owner)
            self._write(free.values(owner=None))

    def regenerate(self) -> None:
        """Give the session a new id, and keep what is in it."""
        if not self.loaded:
            self.load()
        super().regenerate()

    def save(self) -> None:
        """Save after the request's own transaction has ended, and only if that ended well.

        NOTE: CherryPy calls this before the db tool commits. In SQLite that transaction would
        have to end first anyway, since there is one writer at a time.
        """
        request = cherrypy.serving.request
        if request.stage == "on_end_request":  # of a streamed response
            _end_body()
            super().save()
        else:
            request.hooks.attach("on_end_resource", self._save_late, failsafe=True, priority=99)

    def clean_up(self) -> None:
        """Delete the sessions that have expired; the next time, if it cannot be done now.

        NOTE: CherryPy has one thread for all that are of this class, in whatever table of this
        database, and it ends for good at an exception.
        """
        try:
            known = _READY.get(self._database().engine, {})
            for rows in {self._rows, *known.values()}:
                self._write(delete(rows).where(rows.c.expires <= time.time()))
        except Exception as error:
            cherrypy.log(f"Expired sessions are still there: {error}", "CPKIT.SESSIONS", 30)

    def __len__(self) -> int:
        """Return the number of sessions that have not expired."""
        alive = self._rows.c.expires > time.time()
        count = select(func.count()).select_from(self._rows).where(alive)
        with self._unit(write=False) as unit:
            return int(unit.scalar(count))

    def _save_late(self) -> None:
        if sys.exc_info()[1] is None:
            try:
                super().save()
            except ServiceUnavailable as answer:
                # NOTE: at this point CherryPy takes an HTTPError for an error of the application.
                cherrypy.serving.request.error_response = answer.set_response
                raise
        elif self.locked:
            self.release_lock()

    def _take(self) -> bool:
        """Lease the row if nobody has it; a row that is not there yet needs no lock."""
        rows, now, owner = self._rows, time.time(), secrets.token_hex(8)
        free = or_(rows.c.owner.is_(None), rows.c.leased_until < now)
        lease = update(rows).where(rows.c.key == self._key, free)
        with self._unit() as unit:
            leased = unit.execute(lease.values(owner=owner, leased_until=now + self.lease))
            self._row = unit.execute(rows.info["find"], {"session": self._key}).first()
        if leased.rowcount:
            self._owner = owner
        return bool(leased.rowcount) or self._row is None

    def _exists(self) -> bool:
        # PERF: without a lock, which reads again, the same row is what is loaded.
        self._row = row = self._read()
        return row is not None and row.expires > time.time()

    def _load(self) -> tuple[dict[str, Any], datetime.datetime] | None:
        row = self._read() if self._row is _UNKNOWN else self._row
        if row is None:
            return None
        expires = datetime.datetime.fromtimestamp(row.expires, datetime.timezone.utc)
        return json.loads(row.data), expires

    def _save(self, expiration_time: datetime.datetime) -> None:
        rows, owner = self._rows, self._owner
        values = {"data": self._json(), "expires": expiration_time.timestamp(), "owner": None}
        change = update(rows).where(rows.c.key == self._key)
        if owner is not None:
            change = change.where(rows.c.owner == owner)
        with self._unit() as unit:
            if not unit.execute(change.values(values)).rowcount:
                try:
                    unit.execute(insert(rows).values(key=self._key, **values))
                except IntegrityError as error:
                    raise SessionLostError(self.lease) from error
        self._owner, self._row = None, _UNKNOWN

    def _delete(self) -> None:
        self._write(delete(self._rows).where(self._rows.c.key == self._key))
        self._owner, self._row = None, _UNKNOWN

    def _json(self) -> str:
        try:
            return json.dumps(self._data)
        except (TypeError, ValueError) as error:
            raise SessionDataError(str(error)) from error

    @property
    def _key(self) -> str:
        return hashlib.sha256(str(self.id).encode()).hexdigest()

    def _read(self) -> _Row | None:
        # PERF: every request does this; the driver alone takes half of the time.
        find = self._rows.info["find as text"]
        session = (self._key,) if find.positional else {"session": self._key}
        with self._unit("dbapi", write=False) as unit:
            found = unit.execute(str(find), session).fetchone()
        return found and _Row(*found)

    def _write(self, statement: Any) -> None:
        with self._unit() as unit:
            unit.execute(statement)

    @contextmanager
    def _unit(self, handle: str = "connection", write: bool = True) -> Iterator[Any]:
        """Lend a unit of our own; a database that is not to be had at the moment is a 503."""
        try:
            with self._database().unit(handle, write=write, refuse=refuse) as unit:
                yield unit
        except Exception as error:
            if not isinstance(error, CpkitError):  # the table may have been dropped
                _READY.pop(self._database().engine, None)
            answer = unavailable(error)
            if answer is None or answer is error:
                raise
            raise answer from error

    def _database(self) -> Any:
        database = getattr(cherrypy.engine, self.plugin, None)
        if database is None or not database.running:
            raise DatabaseNotRunningError(self.plugin)
        return database

    @property
    def _rows(self) -> Table:
        """Return the table, created the first time."""
        database = self._database()
        tables = _READY.setdefault(database.engine, {})
        found = tables.get(self.table)
        if found is None:
            found = _table(self.table)
            with self._unit() as unit:
                database.backend.serialize_setup(unit.handle)
                found.create(unit.handle, checkfirst=True)
            found.info["find as text"] = found.info["find"].compile(database.engine)
            # NOTE: one object for all threads; two of them in one statement are two tables to it.
            found = tables.setdefault(self.table, found)
        return found


def _end_body() -> None:
    """Have the body give back what it borrowed: of a client that left, it would only later."""
    close = getattr(cherrypy.serving.response.body, "close", None)
    if close is not None:
        try:
            close()
        except Exception:
            cherrypy.log("A body failed at its end.", "CPKIT.SESSIONS", 40, traceback=True)


def _table(name: str) -> Table:
    table = Table(
        name,
        MetaData(),
        Column("key", String(64), primary_key=True),
        # NOTE: MariaDB's own TEXT ends at 64 KiB.
        Column("data", Text().with_variant(Text(2**24 - 1), "mysql", "mariadb"), nullable=False),
        Column("expires", Float(53), nullable=False, index=True),  # seconds since 1970, UTC
        Column("owner", String(16), index=True),
        Column("leased_until", Float(53)),
    )
    # PERF: every request has it: built once, SQLAlchemy finds it compiled.
    table.info["find"] = select(table).where(table.c.key == bindparam("session"))
    return table
