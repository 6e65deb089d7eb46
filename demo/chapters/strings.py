"""The string of each visitor: made at random, kept in the database (chapters 2 to 9)."""

from __future__ import annotations

import hashlib
import secrets
import string
import time
from functools import lru_cache
from typing import Any

import cherrypy
import sqlalchemy as sa

from cpkit.sessions import DatabaseSession

from ..schema import strings

TOUCHED_EVERY = 60.0  # seconds
_LETTERS = string.ascii_letters + string.digits
# NOTE: SQLite and PostgreSQL share these. PERF: the session is looked up on the way, which is one
# statement in the place of two. :due lets those through that were kept alive a moment ago.
_SHOW = """
    SELECT value FROM strings JOIN cpkit_sessions ON cpkit_sessions.key = session_id
    WHERE session_id = :visitor AND expires > :due"""
_SHOW_ANYWAY = "SELECT value FROM strings WHERE session_id = :visitor"
_KEPT = "ON CONFLICT (session_id) DO UPDATE SET value = excluded.value, written = excluded.written"
_KEEP = f"""
    INSERT INTO strings SELECT key, :value, :now FROM cpkit_sessions
    WHERE key = :visitor AND expires > :due {_KEPT}"""  # noqa: S608 - of constants
_KEEP_ANYWAY = f"INSERT INTO strings VALUES (:visitor, :value, :now) {_KEPT}"  # noqa: S608
_REPLACE = """
    UPDATE strings SET value = :value, written = :now
    WHERE session_id = :visitor AND value = :before"""
_FORGET = "DELETE FROM strings WHERE session_id = :visitor"


class Visit(DatabaseSession):
    """A session that the handler's own statement looks up, so that a request reads once."""

    def _exists(self) -> bool:
        return bool(self._sessions.rows)  # which creates the table where there is none

    @property
    def has_cookie(self) -> bool:
        """Tell whether its id is what the client sent."""
        return bool(self.id == self.originalid)

    def is_known(self) -> bool:
        """Tell whether the id was given out here, and has not expired."""
        return super()._exists()

    def keep(self) -> None:
        """Keep the session, under a new id if the client sent one that was not given out here."""
        if self.has_cookie and not self.is_known():
            self.regenerate()
        self.load()  # what is loaded is saved at the end of the request


def new_string(length: int) -> str:
    """Return a random string of *length* letters and digits."""
    # PERF: one question to the system; eight bytes more, and no letter is likelier than another.
    number, letters = int.from_bytes(secrets.token_bytes(length + 8), "big"), []
    for _ in range(length):
        number, letter = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[letter])
    return "".join(letters)


def found(db: Any) -> str | None:
    """Return the visitor's string, or None."""
    if not cherrypy.session.has_cookie:
        return None
    row = _run(db, _SHOW).fetchone()
    if row is None and cherrypy.session.is_known():
        row = _run(db, _SHOW_ANYWAY).fetchone()
        if row is not None:
            cherrypy.session.keep()
    return str(row[0]) if row else None


def kept(db: Any) -> str:
    """Return the visitor's string; there being none is a 404."""
    value = found(db)
    if value is None:
        raise cherrypy.HTTPError(404, "You have no string yet: generate one first.")
    return value


def keep(db: Any, value: str) -> str:
    """Make *value* the visitor's string, and return it; who has no session is given one."""
    if not cherrypy.session.has_cookie or not _run(db, _KEEP, value=value).rowcount:
        cherrypy.session.keep()
        _run(db, _KEEP_ANYWAY, value=value)
    return value


def replace(db: Any, before: str, value: str) -> bool:
    """Make *value* the visitor's string if it still is *before*; tell whether it was."""
    return bool(_run(db, _REPLACE, before=before, value=value).rowcount)


def forget(db: Any) -> None:
    """Drop the visitor's string, if there is one."""
    _run(db, _FORGET)


def forget_older(db: Any, moment: float) -> int:
    """Drop the strings written before *moment* (seconds of the epoch), and say how many."""
    return int(db.execute(sa.delete(strings).where(strings.c.written < moment)).rowcount)


def _run(db: Any, statement: str, **values: str) -> Any:
    """Run a statement about the visitor by the driver alone."""
    session, now = cherrypy.session, time.time()
    given = {
        # A hash of the id: nobody who reads the table can take over the session.
        "visitor": hashlib.sha256(session.id.encode()).hexdigest(),
        "now": now,
        "due": now + session.timeout * 60 - TOUCHED_EVERY,
        **values,
    }
    written = _compiled(statement, cherrypy.engine.db.engine.dialect)
    names = written.positiontup
    return db.execute(written.string, [given[name] for name in names] if names else given)


@lru_cache(64)  # PERF: SQLAlchemy spells the parameters as this driver has them, once
def _compiled(statement: str, dialect: sa.Dialect) -> Any:
    return sa.text(statement).compile(dialect=dialect)
