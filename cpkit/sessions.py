"""CherryPy sessions in the database that a DatabasePlugin opens, for several processes."""

from __future__ import annotations

import datetime
import hashlib
import json
import time
from inspect import signature
from typing import Any

import cherrypy
from cherrypy.lib.sessions import Session, init

from .database.requests import plugin_that_runs
from .database.session_data import Data, decoded, encoded, merged
from .database.session_settings import check_session
from .database.unavailable import ServiceUnavailable
from .errors import MissingExtraError, SettingError, handled
from .serving.derived import close
from .settings import Given

try:
    from sqlalchemy.exc import IntegrityError

    from .database.session_lock import SessionLock
    from .database.session_rows import Row, SessionTable
    from .database.session_store import SessionStore, remove_expired
except ImportError as error:
    raise MissingExtraError("SQLAlchemy", "db") from error

_NOT_YET = datetime.datetime.max.replace(tzinfo=datetime.timezone.utc)
_COOKIE = 60  # after the sessions tool (50) has written its cookie
_OF_REQUEST = "_cpkit_session"  # what a request that is redirected within the server leaves
_CHERRYPYS = ("on", "priority", "locking", "storage_class", *list(signature(init).parameters)[:-1])


def _say_deleted() -> None:
    cherrypy.log("A session was deleted while a request had it.", "CPKIT.SESSIONS")


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

    locked: bool  # CherryPy's own, as the next three
    originalid: str | None
    _id: str | None
    _data: Data
    _lock: SessionLock | None = None
    _row: Row | None = None
    _is_read = False
    _before: str = "{}"  # the data as it was loaded
    _gone: str | None = ""  # an id that was deleted while this request had it
    _is_to_be_saved = False
    _has_failed = False  # and is answered with an error page

    def __init__(self, id: str | None = None, **settings: Any) -> None:
        self._removed: set[str] = set()
        self._outer = handled()  # handled around the whole request, and none of its own
        request = cherrypy.serving.request
        super().__init__(self._id_after_redirect(id, settings), **settings)
        self.originalid = id
        if request.app is not None:  # else it is none that is served
            vars(request)[_OF_REQUEST] = self
            attach = request.hooks.attach
            attach("before_finalize", self._guard_cookie, priority=_COOKIE)
            attach("after_error_response", self._guard_cookie, priority=_COOKIE, failed=True)
            attach("on_end_resource", self._end_with_request, failsafe=True, priority=99)

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

    @property
    def id(self) -> str | None:
        """The session's id; if an application sets it, what was read and locked is another's."""
        return self._id

    @id.setter
    def id(self, value: str | None) -> None:
        if value != self._id:
            self._row, self._is_read, self._before = None, False, "{}"
        Session.id.fset(self, value)

    def now(self) -> datetime.datetime:
        """Return the time, aware of its zone, so that clock changes expire nothing."""
        return datetime.datetime.now(datetime.timezone.utc)

    def acquire_lock(self) -> None:
        """Wait for the session's turn, and read its data in the same transaction.

        Raises a 503 after ``lock_wait`` seconds.
        """
        if self.locked:
            return
        lock = SessionLock(self._sessions, self._key, self.lease)
        row = lock.acquire(self.lock_wait)
        self._lock, self.locked = lock, True
        self._catch_up(row)

    def release_lock(self) -> None:
        """Let the next request have the session; on SQLite not before this one has written."""
        if self._owner is not None and self._sessions.writes():
            attach = cherrypy.serving.request.hooks.attach
            attach("on_end_resource", self.release_lock, failsafe=True, priority=99)
            return
        self.locked = False
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def load(self) -> None:
        """Read what is stored: anew if it was read before, but not amid a write on SQLite."""
        if self.loaded and not self._sessions.writes():
            self._is_read = False
        super().load()

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
        self._is_read = True

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
        if request.app is None:  # no request whose end will come
            self._save_now()
        elif request.stage != "on_end_request":
            encoded(self._data)  # what cannot be stored undoes the request's work as well
            self._is_to_be_saved = True
        else:  # of a streamed response
            _end_body()
            if not self._has_failed:
                self._save_now()
            elif self.locked:
                self.release_lock()

    def clean_up(self) -> None:
        """Delete the sessions that have expired; the next time, if it cannot be done now.

        NOTE: CherryPy has one thread for all that are of this class, in whatever table of whatever
        database, and it ends for good at an exception.
        """
        remove_expired(self._sessions, time.time() - self.lease)

    def __len__(self) -> int:
        """Return the number of sessions that have not expired."""
        rows = self._sessions.rows
        return self._sessions.run(rows.count, write=False)

    def _id_after_redirect(self, id: str | None, settings: dict[str, Any]) -> str | None:
        """Return the id in place of a cookie's *id*, of which the client was not told yet.

        A redirect within the server begins a request with the cookies of the one before it, whose
        session may be new.
        """
        previous = cherrypy.serving.request.prev
        before = None if previous is None else vars(previous).get(_OF_REQUEST)
        if before is None or before.originalid != id or not (before.loaded or before._row):
            return id
        place = settings.get("plugin", self.plugin), settings.get("table", self.table)
        return before.id if before._sessions is SessionStore.of(*place) else id

    def _catch_up(self, row: Row | None) -> None:
        """Take in the *row* as it is now that the session is locked."""
        before, self._row, self._is_read = self._row, row, True
        if row is None:
            if before is not None:
                self._begin_anew()
        elif self.loaded and row.data != self._before:
            self._data = merged(json.loads(self._before), self._data, decoded(row.data) or {})
            self._before = row.data

    def _begin_anew(self) -> None:
        """Forget what was read of a session that was deleted since, at a log-in or a log-out.

        The visitor has another cookie by now, or none, and keeps that.
        """
        _say_deleted()
        self._data, self._before, self._gone = {}, "{}", self.id

    def _end_with_request(self) -> None:
        """Save what the request has done well; a redirect within the server is that as well."""
        error = handled()
        if error is not self._outer and not isinstance(error, cherrypy.InternalRedirect):
            if self.locked and self._is_to_be_saved:
                self.release_lock()
        elif self._is_to_be_saved or error is not self._outer:
            try:
                self._save_now()
            except ServiceUnavailable as answer:
                # NOTE: at this point CherryPy takes an HTTPError for an error of the application.
                cherrypy.serving.request.error_response = answer.set_response
                raise

    def _save_now(self) -> None:
        super().save()
        if self._removed:
            self._store_all(None)

    def _exists(self) -> bool:
        # PERF: without a lock, which reads again, the same row is what is loaded.
        row = self._row = self._sessions.read(self._key)
        self._is_read = True
        return row is not None and row.expires > time.time() and decoded(row.data) is not None

    def _load(self) -> tuple[dict[str, Any], datetime.datetime] | None:
        if not self._is_read:
            is_gone = self._key in self._removed
            self._row = None if is_gone else self._sessions.read(self._key)
            self._is_read = True
        row = self._row
        data = None if row is None or row.expires <= time.time() else decoded(row.data)
        if row is None or data is None:
            return None
        self._before = row.data
        return data, _NOT_YET

    def _save(self, expiration_time: datetime.datetime) -> None:
        self._store_all(expiration_time.timestamp())

    def _store_all(self, expires: float | None) -> None:
        """Remove what is to go, and store the data until *expires* unless that is None."""
        data, rows = encoded(self._data), self._sessions.rows

        def store(unit: Any) -> None:
            for key in self._removed:
                rows.remove(unit, key)
            if expires is None:
                return
            if not self._store(rows, unit, data, expires):
                self._merge(rows, unit, expires)
            lock = self._lock
            if lock is not None and lock.owner is not None and lock.key != self._key:
                rows.free(unit, lock.owner)

        self._sessions.run(store)
        self._removed.clear()
        if expires is not None:
            self._row, self._is_read = None, False
            if self._lock is not None:
                self._lock.owner = None

    def _store(self, rows: SessionTable, unit: Any, data: str, expires: float) -> bool:
        """Store what this request has; False if the row is not the one that was read."""
        if self._row is None:
            return self._add(rows, unit, data, expires)
        if self._owner is None and data == self._before:
            rows.extend(unit, self._key, expires)
            return True
        return rows.store(unit, self._row, data, expires, self._owner)

    def _add(self, rows: SessionTable, unit: Any, data: str, expires: float) -> bool:
        try:
            with unit.begin_nested():
                rows.add(unit, self._key, data, expires)
        except IntegrityError:  # another request with this new id was quicker
            return False
        return True

    def _merge(self, rows: SessionTable, unit: Any, expires: float) -> None:
        """Change in the row, which others have changed, only what this request has changed."""
        now = rows.lock(unit, self._key)
        if now is None:
            # NOTE: it was deleted, at a log-out: what a late request had must not bring it back.
            _say_deleted()
            return
        data = encoded(merged(json.loads(self._before), self._data, decoded(now.data) or {}))
        owner = self._owner if now.owner == self._owner else None
        rows.store(unit, now, data, expires, owner)

    @property
    def _owner(self) -> str | None:
        return None if self._lock is None else self._lock.owner

    @property
    def _key(self) -> str:
        return hashlib.sha256(str(self.id).encode()).hexdigest()

    @property
    def _sessions(self) -> SessionStore:
        return SessionStore.of(self.plugin, self.table)

    def _guard_cookie(self, failed: bool = False) -> None:
        """Keep the cookie from scripts, and from requests that other sites' pages cause.

        If the request *failed*, and so the session of the old id was kept, that id stays as well.
        """
        self._has_failed = failed
        settings = cherrypy.serving.request.toolmaps.get("tools", {}).get("sessions", {})
        cookies, name = cherrypy.serving.response.cookie, settings.get("name", "session_id")
        if (failed and self._removed) or self._gone == self.id:
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
