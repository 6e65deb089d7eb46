"""The string of each visitor: made at random, kept in the database (chapters 2 to 9)."""

from __future__ import annotations

import hashlib
import secrets
import string
import time
from typing import Any

import cherrypy
import sqlalchemy as sa

from ..schema import strings

TOUCHED_EVERY = 60.0  # seconds
_LETTERS = string.ascii_letters + string.digits
# NOTE: SQLite and PostgreSQL share this statement; SQLAlchemy has it once for each of them.
_KEEP = sa.text(
    "INSERT INTO strings (session_id, value, written) VALUES (:session_id, :value, :written) "
    "ON CONFLICT (session_id) DO UPDATE SET value = excluded.value, written = excluded.written"
)
_SHOW = sa.select(strings.c.value).where(strings.c.session_id == sa.bindparam("visitor"))
_FORGET = sa.delete(strings).where(strings.c.session_id == sa.bindparam("visitor"))


def new_string(length: int) -> str:
    """Return a random string of *length* letters and digits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def keep(db: Any, visitor: str, value: str) -> str:
    """Make *value* the visitor's string, and return it."""
    db.execute(_KEEP, {"session_id": visitor, "value": value, "written": time.time()})
    return value


def found(db: Any, visitor: str) -> str | None:
    """Return the visitor's string, or None."""
    value: str | None = db.execute(_SHOW, {"visitor": visitor}).scalar()
    return value


def kept(db: Any, visitor: str) -> str:
    """Return the visitor's string; there being none is a 404."""
    value = found(db, visitor)
    if value is None:
        raise cherrypy.HTTPError(404, "You have no string yet: generate one first.")
    return value


def forget(db: Any, visitor: str) -> None:
    """Drop the visitor's string, if there is one."""
    db.execute(_FORGET, {"visitor": visitor})


def forget_older(db: Any, moment: float) -> int:
    """Drop the strings written before *moment* (seconds of the epoch), and say how many."""
    return int(db.execute(sa.delete(strings).where(strings.c.written < moment)).rowcount)


def visitor() -> str:
    """Return what the visitor's string is filed under, and keep the session alive."""
    session, now = cherrypy.session, time.time()
    if now - session.get("seen", 0) > TOUCHED_EVERY:
        session["seen"] = now
    else:
        session.loaded = False  # PERF: nothing to save; a write a minute keeps a session alive
    return _hashed(session.id)


def known_visitor() -> str:
    """Return what the visitor's string is filed under; a session that is new is not kept."""
    session = cherrypy.session
    return visitor() if session.id == session.originalid else _hashed(session.id)


def _hashed(session_id: str) -> str:
    """Return a hash of the id, by which nobody who reads the table can take over the session."""
    return hashlib.sha256(session_id.encode()).hexdigest()
