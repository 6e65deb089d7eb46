"""CherryPy sessions in the database that a DatabasePlugin opens, for several processes."""

from __future__ import annotations

import datetime
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any

import cherrypy
from cherrypy.lib.sessions import Session, init

from .database.faults import backoff
from .database.requests import plugin_that_runs
from .database.retry import COMMITTED, units_of
from .database.session_data import Data, decoded, encoded, merged
from .database.session_settings import check_session
from .database.turns import Queue
from .database.unavailable import ServiceUnavailable, unavailable
from .errors import (
    CpkitError,
    DatabaseNotRunningError,
    MissingExtraError,
    SettingError,
    handled,
)
from .logs.printable import printable
from .serving.derived import close
from .settings import Given

if TYPE_CHECKING:
    from .database.database import Database

try:
    from sqlalchemy.exc import IntegrityError

    from .database.session_rows import Row, SessionTable, forget_tables, known_tables
except ImportError as error:
    raise MissingExtraError("SQLAlchemy", "db") from error

_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.02  # seconds between looks whether a lock is free
_COOKIE = 60  # after the sessions tool (50) has written its cookie
_ENDING = (None, "on_end_resource", "on_end_request", "close")  # stages of a request
_CHERRYPYS = ("on", "priority", "locking", "storage_class", *list(signature(init).parameters)[:-1])


class DatabaseSession(Session):
    """A session that is one row; one request at a time has it, in whichever process.

    Config: ``tools.sessions.storage_class = cpkit.sessions.DatabaseSession``, and further keys of
    ``tools.sessions``: ``plugin`` ("db": ``cherrypy.engine.db``), ``table``, ``lease``,
    ``lock_wait``, ``samesite``; of CherryPy's own ``timeout``, ``clean_freq``, ``locking`` and the
    rest. The cookie is HttpOnly unless ``httponly`` is False.

    Requests that wait for a session are served in the order in which they came, within a process.
    What is saved without the lock, or after it was lost, changes only what this request changed.

    Data is stored as JSON: it cannot run code when it is read back, as pickles can. Rows are
    found by a hash of the session's id, so that whoever reads the table cannot take over a session.
    """

    plugin = "db"
    table = "cpkit_sessions"

    lease = 60.0
    """Seconds after which the lock of a request, whose process may have died, is void."""

    lock_wait = 10.0
    """Seconds a request waits for another one with the same session, before it is refused."""

    samesite = "Lax"
    """The SameSite attribute of the cookie: "Lax", "Strict", "None", or "" for none."""

    id: str | None  # CherryPy's own, as the next two
    locked: bool
    _data: Data
    _owner: str | None = None
    _queue: Queue | None = None
    _row: Row | None = None
    _is_read = False
    _before: str = "{}"  # the data as it was loaded

    def __init__(self, id: str | None = None, **settings: Any) -> None:
        self._removed: set[str] = set()
        self._outer = handled()  # handled around the whole request, and none of its own
        super().__init__(id, **settings)
        request = cherrypy.serving.request
        if request.app is not None:  # else it is none that is served
            attach = request.hooks.attach
            attach("before_finalize", self._guard_cookie, priority=_COOKIE)
            attach("after_error_response", self._guard_cookie, priority=_COOKIE, failed=True)

    @classmethod
    def check_whole(cls, given: Given, config: Given) -> None:
        """Raise the error that keeps sessions with the settings *given* from being stored.

        *config* is all that counts where they are on.
        """
        check_session(given, cls, _CHERRYPYS)
        name = given.get("plugin", cls.plugin)
        plugin = plugin_that_runs(name)
        replicas = [it for key, it in config.items() if str(key).endswith(".read_plugin")]
        if plugin.read_only or name in replicas:
            remedy = "sessions are written, and that database is only read: take its primary."
            raise SettingError("plugin", name, remedy)

    def now(self) -> datetime.datetime:
        """Return the time, aware of its zone, so that clock changes expire nothing."""
        return datetime.datetime.now(datetime.timezone.utc)

    def acquire_lock(self) -> None:
        """Wait for the session's turn, and read its data in the same transaction.

        Raises a 503 after ``lock_wait`` seconds.
        """
        if self.locked:
            return
        deadline = time.monotonic() + self.lock_wait
        # Who has it in this process may hang: its lease ends, and with it the queue behind it.
        self._queue = Queue.enter((self.plugin, self.table, self._key), self._patience)
        try:
            self._wait_for_lease(deadline)
        except BaseException:
            self._leave_queue()
            raise
        self.locked = True

    def release_lock(self) -> None:
        """Let the next request have the session; on SQLite not before this one has written."""
        if self._owner is not None and self._writes():
            attach = cherrypy.serving.request.hooks.attach
            attach("on_end_resource", self.release_lock, failsafe=True, priority=99)
            return
        self.locked = False
        owner, self._owner = self._owner, None
        try:
            if owner is not None:
                with self._unit() as unit:
                    self._rows.free(unit, owner)
        finally:
            self._leave_queue()

    def regenerate(self) -> None:
        """Give the session a new id, and keep what is in it; the old one goes with the save."""
        if not self.loaded:
            self.load()
        self.regenerated = True
        self._regenerate()

    def _regenerate(self) -> None:
        """Begin a row of a new id, which nobody else knows: there is nothing to look up or lock."""
        if self.id is not None:
            self._removed.add(self._key)  # its lock is held to the end, should that be a bad one
        self.id = self.generate_id()
        self._row, self._is_read, self._before = None, True, "{}"

    def delete(self) -> None:
        """Forget the session, once the request's own transaction has ended well.

        What is put into it afterwards is stored as a new one.
        """
        self._removed.add(self._key)
        self._row, self._is_read, self._before = None, True, "{}"
        self._data, self.loaded = {}, False
        if cherrypy.serving.request.app is None:  # no request whose end will come
            self._store_all(None)

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
            encoded(self._data)  # what cannot be stored undoes the request's work as well
            request.hooks.attach("on_end_resource", self._save_late, failsafe=True, priority=99)

    def clean_up(self) -> None:
        """Delete the sessions that have expired; the next time, if it cannot be done now.

        NOTE: CherryPy has one thread for all that are of this class, in whatever table of this
        database, and it ends for good at an exception.
        """
        try:
            known = known_tables(self._database().engine)
            for rows in {self._rows, *known.values()}:
                with self._unit() as unit:
                    rows.remove_expired(unit)
        except Exception as error:
            told = f"Expired sessions are still there: {printable(str(error))}"
            cherrypy.log(told, "CPKIT.SESSIONS", 30)

    def __len__(self) -> int:
        """Return the number of sessions that have not expired."""
        with self._unit(write=False) as unit:
            return self._rows.count(unit)

    @property
    def _patience(self) -> float:
        return min(self.lock_wait, self.lease)

    def _wait_for_lease(self, deadline: float) -> None:
        """Lock the row, which a request of another process may have."""
        if self._take():
            return
        for pause in backoff(_FIRST_PAUSE, _LONGEST_PAUSE):
            if time.monotonic() + pause > deadline:
                raise ServiceUnavailable(1)
            time.sleep(pause)
            if self._is_free() and self._take():
                return

    def _is_free(self) -> bool:
        """Tell whether nobody has the row. PERF: only read, since a writer keeps others waiting."""
        row = self._read()
        return row is None or row.owner is None or (row.leased_until or 0) < time.time()

    def _take(self) -> bool:
        """Lock the row if nobody has it; a row that is not there yet needs no lock."""
        owner = secrets.token_hex(8)
        with self._unit() as unit:
            self._row, self._is_read = self._rows.lease(unit, self._key, owner, self.lease), True
        if self._row is not None and self._row.owner == owner:
            self._owner = owner
            self._catch_up(self._row)
        return self._owner is not None or self._row is None

    def _catch_up(self, row: Row) -> None:
        """Take in what was stored since this session was read, if it was."""
        if self.loaded and row.data != self._before:
            self._data = merged(json.loads(self._before), self._data, decoded(row.data) or {})
            self._before = row.data

    def _leave_queue(self) -> None:
        queue, self._queue = self._queue, None
        if queue is not None:
            queue.leave()

    def _save_late(self) -> None:
        if handled() is self._outer:
            try:
                super().save()
                if self._removed:
                    self._store_all(None)
            except ServiceUnavailable as answer:
                # NOTE: at this point CherryPy takes an HTTPError for an error of the application.
                cherrypy.serving.request.error_response = answer.set_response
                raise
        elif self.locked:
            self.release_lock()

    def _exists(self) -> bool:
        # PERF: without a lock, which reads again, the same row is what is loaded.
        self._row, self._is_read = self._read(), True
        row = self._row
        return row is not None and row.expires > time.time() and decoded(row.data) is not None

    def _load(self) -> tuple[dict[str, Any], datetime.datetime] | None:
        if not self._is_read:
            self._row, self._is_read = self._read(), True
        row = self._row
        data = None if row is None else decoded(row.data)
        if row is None or data is None:
            return None
        self._before = row.data
        return data, datetime.datetime.fromtimestamp(row.expires, datetime.timezone.utc)

    def _save(self, expiration_time: datetime.datetime) -> None:
        self._store_all(expiration_time.timestamp())

    def _store_all(self, expires: float | None) -> None:
        """Remove what is to go, and store the data until *expires* unless that is None."""
        data, rows = encoded(self._data), self._rows
        with self._unit() as unit:
            for key in self._removed:
                rows.remove(unit, key)
            if expires is not None and not self._store(unit, data, expires):
                self._merge(unit, expires)
        self._removed.clear()
        if expires is not None:
            self._owner, self._row, self._is_read = None, None, False

    def _store(self, unit: Any, data: str, expires: float) -> bool:
        """Store what this request has; False if the row is not the one that was read."""
        if self._row is None:
            return self._add(unit, data, expires)
        if self._owner is None and data == self._before:
            self._rows.extend(unit, self._key, expires)
            return True
        return self._rows.store(unit, self._row, data, expires, self._owner)

    def _add(self, unit: Any, data: str, expires: float) -> bool:
        try:
            with unit.begin_nested():
                self._rows.add(unit, self._key, data, expires)
        except IntegrityError:  # another request with this new id was quicker
            return False
        return True

    def _merge(self, unit: Any, expires: float) -> None:
        """Change in the row, which others have changed, only what this request has changed."""
        now = self._rows.lock(unit, self._key)
        if now is None:
            # NOTE: it was deleted, at a log-out: what a late request had must not bring it back.
            cherrypy.log("A session was deleted while a request had it.", "CPKIT.SESSIONS")
            return
        data = encoded(merged(json.loads(self._before), self._data, decoded(now.data) or {}))
        owner = self._owner if now.owner == self._owner else None
        self._rows.store(unit, now, data, expires, owner)

    @property
    def _key(self) -> str:
        return hashlib.sha256(str(self.id).encode()).hexdigest()

    def _read(self) -> Row | None:
        rows = self._rows
        with self._unit("dbapi", write=False) as unit:
            return rows.read(unit, self._key)

    def _writes(self) -> bool:
        """Tell whether this request has the turn to write, where there is one: a lock needs it."""
        if cherrypy.serving.request.stage in _ENDING:
            return False
        turns = self._make_way().lane(write=True).turns
        return turns is not None and turns.held_here()

    def _make_way(self) -> Database:
        """Have the request's units do without the turn, if they can; return the database."""
        database: Database = self._database().database
        for unit in units_of(cherrypy.serving.request):
            unit.make_way(database)
        return database

    @contextmanager
    def _unit(self, handle: str = "connection", write: bool = True) -> Iterator[Any]:
        """Lend a unit of our own; a database that is not to be had at the moment is a 503."""
        known = vars(cherrypy.serving.request)
        noted = COMMITTED in known
        # NOTE: where one unit at a time may write, this thread would wait for itself.
        self._make_way()
        try:
            with self._database().unit(handle, write=write) as unit:
                yield unit
            if not noted:  # its handler may be run again: a lock that was taken is still held
                known.pop(COMMITTED, None)
        except Exception as error:
            if not isinstance(error, CpkitError):  # the table may have been dropped
                forget_tables(self._database().engine)
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
    def _rows(self) -> SessionTable:
        """Return the table, created the first time."""
        database = self._database()
        tables = known_tables(database.engine)
        found = tables.get(self.table)
        if found is None:
            found = SessionTable(self.table)
            with self._unit() as unit:
                found.create(unit.handle, database.database.backend)
            # NOTE: one object for all threads; two of them in one statement are two tables to it.
            found = tables.setdefault(self.table, found)
        return found

    def _guard_cookie(self, failed: bool = False) -> None:
        """Keep the cookie from scripts, and from requests that other sites' pages cause.

        If the request *failed*, and so the session of the old id was kept, that id stays as well.
        """
        settings = cherrypy.serving.request.toolmaps.get("tools", {}).get("sessions", {})
        cookies, name = cherrypy.serving.response.cookie, settings.get("name", "session_id")
        if failed and self._removed:
            cookies.pop(name, None)
        morsel = cookies.get(name)
        if morsel is None:
            return
        if settings.get("httponly", True):
            morsel["httponly"] = True
        if self.samesite:
            morsel["samesite"] = self.samesite


def _end_body() -> None:
    """Have the body give back what it borrowed: of a client that left, it would only later."""
    try:
        close(cherrypy.serving.response.body)
    except Exception:
        cherrypy.log("A body failed at its end.", "CPKIT.SESSIONS", 40, traceback=True)
