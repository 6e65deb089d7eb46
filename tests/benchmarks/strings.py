"""The strings that benchmarks read and keep, one a session, and the databases they are in.

SQLAlchemy is imported where it is used: programs that do without it are not to have its memory.
"""

import functools
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import cherrypy

from tests.ramdisk import RAM

INSERT = "INSERT INTO user_string (session_id, value) VALUES ({0}, {1})"
SELECT = "SELECT value FROM user_string WHERE session_id = {0}"
SESSION, STRING = "0123456789abcdef", "Ab3dEf9h"


class Strings(NamedTuple):
    """How a session's string is read and kept.

    Those by the driver, by Core and by the ORM take the connection or the ORM's session first:
    :func:`lent` gives them what cpkit lends, :func:`by_hand` what is opened for each call.
    """

    kept: Callable[..., str]
    keep: Callable[..., object]


def in_memory(url: str = "") -> Strings:
    """Return strings in memory: what the server does without any database."""
    strings = {SESSION: STRING}
    return Strings(strings.__getitem__, strings.__setitem__)


def by_driver(url: str) -> Strings:
    """Return strings by SQL alone, as the driver of *url* takes it."""
    mark = "?" if url.startswith("sqlite") else "%s"
    insert, select = INSERT.format(mark, mark), SELECT.format(mark)
    return Strings(
        lambda db, session: str(db.execute(select, (session,)).fetchone()[0]),
        lambda db, session, made: db.execute(insert, (session, made)),
    )


def by_core(url: str = "") -> Strings:
    """Return strings by statements of SQLAlchemy Core."""
    from sqlalchemy import text

    insert, select = text(INSERT.format(":session", ":made")), text(SELECT.format(":session"))
    return Strings(
        lambda db, session: str(db.scalar(select, {"session": session})),
        lambda db, session, made: db.execute(insert, {"session": session, "made": made}),
    )


@functools.cache
def mapped() -> Any:
    """Return the mapped class of the table's rows.

    Without the index, which chapter 9 lacks, the readers of every variant would measure how many
    rows the writers left.
    """
    from sqlalchemy import Column, Integer, Text
    from sqlalchemy.orm import declarative_base

    class UserString(declarative_base()):
        __tablename__ = "user_string"
        id = Column(Integer, primary_key=True)
        session_id = Column(Text, index=True)
        value = Column(Text)

    return UserString


def by_orm(url: str = "") -> Strings:
    """Return strings by rows of SQLAlchemy's ORM."""
    from sqlalchemy import select

    row = mapped()
    rows = select(row)

    def kept(db: Any, session: str) -> str:
        return str(db.scalars(rows.where(row.session_id == session).limit(1)).one().value)

    return Strings(kept, lambda db, session, made: db.add(row(session_id=session, value=made)))


def lent(of: Strings) -> Strings:
    """Return the strings by the handle that cpkit's tool lends."""
    serving = cherrypy.serving
    return Strings(
        lambda session: of.kept(serving.request.db, session),
        lambda session, made: of.keep(serving.request.db, session, made),
    )


def by_hand(of: Strings, read: Callable[[], Any], write: Callable[[], Any]) -> Strings:
    """Return the strings by what is opened and closed for each call, as documentations say."""

    def kept(session: str) -> str:
        with read() as db:
            return of.kept(db, session)

    def keep(session: str, made: str) -> None:
        with write() as db:
            of.keep(db, session, made)

    return Strings(kept, keep)


def by_connecting(url: str) -> Strings:
    """Return strings by a connection a call, as the tutorial has them."""
    return by_hand(by_driver(url), connector(url), connector(url))


LENT = {"raw": ("dbapi", by_driver), "core": ("connection", by_core), "orm": ("session", by_orm)}


def connector(url: str) -> Callable[[], Any]:
    """Return what connects to the database at *url* by its driver alone."""
    if url.startswith("sqlite"):
        return functools.partial(sqlite3.connect, urlsplit(url).path[1:])
    import psycopg

    return functools.partial(psycopg.connect, url.replace("+psycopg", "", 1))


def create_table(url: str) -> None:
    from sqlalchemy import create_engine

    engine = create_engine(url)
    mapped().metadata.create_all(engine)
    engine.dispose()


def stored(url: str) -> int:
    """Return how many strings the database at *url* has."""
    with connector(url)() as connection:
        return int(connection.execute("SELECT count(*) FROM user_string").fetchone()[0])


class Shelf(ExitStack):
    """A folder of SQLite files in memory; closing it closes what was opened."""

    def __init__(self) -> None:
        super().__init__()
        # The disk's moods stay out.
        self.folder = Path(tempfile.mkdtemp(dir=RAM if RAM.is_dir() else None))
        self.callback(shutil.rmtree, self.folder)

    def url(self, name: str, session: str = SESSION) -> str:
        """Make a database with one string; return its URL."""
        create_table(url := f"sqlite:///{self.folder}/{name}.db")
        by_connecting(url).keep(session, STRING)
        return url

    def engine(self, url: str) -> Any:
        from sqlalchemy import create_engine

        engine = create_engine(url)
        self.callback(engine.dispose)
        return engine

    def tool(self, variant: str, url: str, name: str = "db") -> tuple[Strings, dict[str, object]]:
        """Start cpkit's plugin as ``engine.<name>``; return what it lends, and the settings."""
        import cpkit.tools  # noqa: F401
        from cpkit.plugins import DatabasePlugin

        plugin = DatabasePlugin(cherrypy.engine, url)
        setattr(cherrypy.engine, name, plugin)
        plugin.start()
        self.callback(plugin.stop)
        handle, of = LENT[variant]
        given = {"cpkit.db.plugin": name, "cpkit.db.handle": handle}
        # As users write it: each setting costs CherryPy time.
        changed = {key: it for key, it in given.items() if it not in ("db", "connection")}
        return lent(of(url)), {"cpkit.db.on": True, **changed}
