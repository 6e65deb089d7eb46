"""The strings that benchmarks read and keep, one a session, and the databases they are in."""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import cherrypy

from tests.benchmarks.wsgi import QUIET

INSERT = "INSERT INTO user_string (session_id, value) VALUES ({0}, {1})"
SELECT = "SELECT value FROM user_string WHERE session_id = {0}"
MEMORY = "/dev/shm"  # the disk's moods stay out
SESSION, STRING = "0123456789abcdef", "Ab3dEf9h"


class Strings(NamedTuple):
    """Where the strings are: how a session's is read and kept."""

    kept: Callable[[str], str]
    keep: Callable[[str, str], object]


def in_memory() -> Strings:
    """Return strings in memory: what the server does without any database."""
    strings = {SESSION: STRING}
    return Strings(strings.__getitem__, strings.__setitem__)


def lent(statement: str, parameters: tuple[str, ...]) -> Any:
    """Execute on the driver's connection that cpkit's tool lends."""
    return cherrypy.serving.request.db.execute(statement, parameters)


def by_driver(url: str, execute: Callable[..., Any] = lent) -> Strings:
    """Return strings by SQL alone, as the driver of *url* takes it, which *execute* runs."""
    mark = "?" if url.startswith("sqlite") else "%s"
    insert, select = INSERT.format(mark, mark), SELECT.format(mark)
    return Strings(
        lambda session: str(execute(select, (session,)).fetchone()[0]),
        lambda session, made: execute(insert, (session, made)),
    )


def by_connecting(url: str) -> Strings:
    """Return strings by a connection a call, as the tutorial has them."""
    connect = connector(url)

    def execute(statement: str, parameters: tuple[str, ...]) -> Any:
        with connect() as connection:
            return connection.execute(statement, parameters)

    return by_driver(url, execute)


def statements() -> tuple[Any, Any]:
    """Return SQLAlchemy's statements that insert and select."""
    from sqlalchemy import text

    return text(INSERT.format(":session", ":made")), text(SELECT.format(":session"))


def by_core(url: str = "") -> Strings:
    """Return strings by SQLAlchemy Core, by the handle that cpkit's tool lends."""
    (insert, select), lent = statements(), cherrypy.serving
    return Strings(
        lambda session: str(lent.request.db.scalar(select, {"session": session})),
        lambda session, made: lent.request.db.execute(insert, {"session": session, "made": made}),
    )


def by_core_bare(engine: Any) -> Strings:
    """Return strings by SQLAlchemy's engine, as its documentation says."""
    insert, select = statements()

    def kept(session: str) -> str:
        with engine.connect() as connection:
            return str(connection.scalar(select, {"session": session}))

    def keep(session: str, made: str) -> None:
        with engine.begin() as connection:
            connection.execute(insert, {"session": session, "made": made})

    return Strings(kept, keep)


def mapped() -> tuple[Any, Callable[[str], Any]]:
    """Return the mapped class of the table's rows, and what makes the query of a session's."""
    from sqlalchemy import Column, Integer, String, select
    from sqlalchemy.orm import declarative_base

    class UserString(declarative_base()):
        __tablename__ = "user_string"
        id = Column(Integer, primary_key=True)
        session_id = Column(String)
        value = Column(String)

    rows = select(UserString)
    return UserString, lambda session: rows.where(UserString.session_id == session).limit(1)


def by_orm(url: str = "") -> Strings:
    """Return strings by the ORM's session that cpkit's tool lends."""
    (row, one_of), lent = mapped(), cherrypy.serving
    return Strings(
        lambda session: str(lent.request.db.scalars(one_of(session)).one().value),
        lambda session, made: lent.request.db.add(row(session_id=session, value=made)),
    )


def by_orm_bare(engine: Any) -> Strings:
    """Return strings by SQLAlchemy's ORM, a session a call."""
    from sqlalchemy.orm import sessionmaker

    (row, one_of), make = mapped(), sessionmaker(engine)

    def kept(session: str) -> str:
        with make() as orm:
            return str(orm.scalars(one_of(session)).one().value)

    def keep(session: str, made: str) -> None:
        with make.begin() as orm:
            orm.add(row(session_id=session, value=made))

    return Strings(kept, keep)


LENT = {"raw": ("dbapi", by_driver), "core": ("connection", by_core), "orm": ("session", by_orm)}


def connector(url: str) -> Callable[[], Any]:
    """Return what connects to the database at *url* by its driver alone."""
    if url.startswith("sqlite"):
        path = urlsplit(url).path[1:]
        return lambda: sqlite3.connect(path)
    import psycopg

    return lambda: psycopg.connect(url.replace("postgresql+psycopg", "postgresql", 1))


def create_table(url: str) -> None:
    """Create the table in the database at *url*, with an index that chapter 9 lacks.

    Without it the readers of every variant would measure how many rows the writers left.
    """
    key = "INTEGER" if url.startswith("sqlite") else "SERIAL"
    columns = f"id {key} PRIMARY KEY, session_id TEXT, value TEXT"
    with connector(url)() as connection:
        connection.execute(f"CREATE TABLE user_string ({columns})")
        connection.execute("CREATE INDEX of_session ON user_string (session_id)")


def stored(url: str) -> int:
    """Return how many strings the database at *url* has."""
    with connector(url)() as connection:
        return int(connection.execute("SELECT count(*) FROM user_string").fetchone()[0])


class Shelf(ExitStack):
    """A folder of SQLite files in memory; closing it closes what was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if Path(MEMORY).is_dir() else None))
        self.callback(shutil.rmtree, self.folder)
        cherrypy.config.update(QUIET)

    def url(self, name: str, session: str = SESSION) -> str:
        """Make a database with one string; return its URL."""
        create_table(url := f"sqlite:///{self.folder}/{name}.db")
        with connector(url)() as connection:
            connection.execute(INSERT.format("?", "?"), (session, STRING))
        return url

    def engine(self, url: str) -> Any:
        from sqlalchemy import create_engine

        engine = create_engine(url)
        self.callback(engine.dispose)
        return engine

    def tool(self, variant: str, url: str, name: str = "db") -> dict[str, object]:
        """Start cpkit's plugin as ``engine.<name>``; return the settings of the tool."""
        import cpkit.tools  # noqa: F401
        from cpkit.plugins import DatabasePlugin

        plugin = DatabasePlugin(cherrypy.engine, url)
        setattr(cherrypy.engine, name, plugin)
        plugin.start()
        self.callback(plugin.stop)
        return {"cpkit.db.on": True, "cpkit.db.plugin": name, "cpkit.db.handle": LENT[variant][0]}
