"""The programs that the load is put on: one REST resource that keeps a string a session.

``python -m tests.benchmarks.load.programs raw --port 8080 --database sqlite:////tmp/x.db``

On SQLite *connecting* is chapter 9 of CherryPy's tutorial, written anew from its description: it
connects on every call. The *ceiling* does the same without a database. *raw*, *core* and *orm* are
cpkit's plugin and tool, with the three handles. All run on the same server, set up alike, and log
their accesses to standard output, as CherryPy does unless told otherwise.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import string
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import cherrypy

THREADS = 10
INSERT = "INSERT INTO user_string (session_id, value) VALUES ({0}, {1})"
SELECT = "SELECT value FROM user_string WHERE session_id = {0}"
COUNT = "SELECT count(*) FROM user_string"


def _made(length: str) -> str:
    return "".join(random.sample(string.hexdigits, int(length)))


class Generator:
    """Answer POST with a string that is kept for the session, and GET with it."""

    exposed = True

    def GET(self) -> str:  # noqa: N802
        """Return the session's string."""
        return self.kept(cherrypy.session.id)

    def POST(self, length: str = "8") -> str:  # noqa: N802
        """Make a string, keep it, return it."""
        cherrypy.session["made"] = True  # else each request has a session of its own
        made = _made(length)
        self.keep(cherrypy.session.id, made)
        return made

    def kept(self, session: str) -> str:
        """Return what the session keeps."""
        raise NotImplementedError

    def keep(self, session: str, made: str) -> None:
        """Keep a string for the session."""
        raise NotImplementedError

    def stored(self) -> int:
        """Return how many strings are kept."""
        raise NotImplementedError


class Ceiling(Generator):
    """Keep the strings in memory: what the server does without any database."""

    def __init__(self) -> None:
        self.strings: dict[str, str] = {}
        self.writes = 0

    def kept(self, session: str) -> str:
        """Return what the session keeps."""
        return self.strings[session]

    def keep(self, session: str, made: str) -> None:
        """Keep a string for the session."""
        self.strings[session] = made
        self.writes += 1

    def stored(self) -> int:
        """Return how many strings were kept."""
        return self.writes


class Connecting(Generator):
    """Connect to the database on every call, as the tutorial does."""

    def __init__(self, connect: Callable[[], Any], mark: str) -> None:
        self.connect = connect
        self.insert, self.select = INSERT.format(mark, mark), SELECT.format(mark)

    def kept(self, session: str) -> str:
        """Return what the session keeps."""
        with self.connect() as connection:
            return str(connection.execute(self.select, (session,)).fetchone()[0])

    def keep(self, session: str, made: str) -> None:
        """Keep a string for the session."""
        with self.connect() as connection:
            connection.execute(self.insert, (session, made))

    def stored(self) -> int:
        """Return how many strings are kept."""
        with self.connect() as connection:
            return int(connection.execute(COUNT).fetchone()[0])


class Lent(Generator):
    """Use the driver's connection that cpkit's tool lends."""

    def __init__(self, mark: str) -> None:
        self.insert, self.select = INSERT.format(mark, mark), SELECT.format(mark)

    def kept(self, session: str) -> str:
        """Return what the session keeps."""
        database = cherrypy.serving.request.db
        return str(database.execute(self.select, (session,)).fetchone()[0])

    def keep(self, session: str, made: str) -> None:
        """Keep a string for the session."""
        cherrypy.serving.request.db.execute(self.insert, (session, made))

    def stored(self) -> int:
        """Return how many strings are kept."""
        return int(cherrypy.serving.request.db.execute(COUNT).fetchone()[0])


class LentCore(Generator):
    """Use SQLAlchemy Core on the connection that cpkit's tool lends."""

    def __init__(self) -> None:
        from sqlalchemy import text

        self.insert = text(INSERT.format(":session", ":made"))
        self.select, self.count = text(SELECT.format(":session")), text(COUNT)

    def kept(self, session: str) -> str:
        """Return what the session keeps."""
        return str(cherrypy.serving.request.db.scalar(self.select, {"session": session}))

    def keep(self, session: str, made: str) -> None:
        """Keep a string for the session."""
        cherrypy.serving.request.db.execute(self.insert, {"session": session, "made": made})

    def stored(self) -> int:
        """Return how many strings are kept."""
        return int(cherrypy.serving.request.db.scalar(self.count))


class LentSession(Generator):
    """Use the ORM session that cpkit's tool lends."""

    def __init__(self) -> None:
        from sqlalchemy import func, select

        _map()
        self.select = select(UserString)
        self.count = select(func.count()).select_from(UserString)

    def kept(self, session: str) -> str:
        """Return what the session keeps."""
        return str(cherrypy.serving.request.db.scalars(self.one_of(session)).one().value)

    def one_of(self, session: str) -> Any:
        """Return the query of the session's string."""
        return self.select.where(UserString.session_id == session).limit(1)

    def keep(self, session: str, made: str) -> None:
        """Keep a string for the session."""
        cherrypy.serving.request.db.add(UserString(session, made))

    def stored(self) -> int:
        """Return how many strings are kept."""
        return int(cherrypy.serving.request.db.scalar(self.count))


class UserString:
    """Be a row of the table."""

    session_id: Any
    value: Any

    def __init__(self, session_id: str, value: str) -> None:
        self.session_id, self.value = session_id, value


@cache
def _map() -> None:
    from sqlalchemy import Column, Integer, MetaData, String, Table
    from sqlalchemy.orm import registry

    columns = Column("id", Integer, primary_key=True), Column("session_id", String)
    table = Table("user_string", MetaData(), *columns, Column("value", String))
    registry().map_imperatively(UserString, table)


class Stored:
    """Tell how many writes are in the database, for the check that none was lost."""

    exposed = True

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    def GET(self) -> str:  # noqa: N802
        """Return the number of strings that were kept."""
        return str(self.generator.stored())


class Root:
    """Mount the resource as the tutorial does."""

    def __init__(self, generator: Generator) -> None:
        self.generator, self.stored = generator, Stored(generator)


def generator(variant: str, url: str) -> Generator:
    """Return the resource of a variant, on the database at *url*."""
    scheme, mark = url.partition(":")[0], "?" if url.startswith("sqlite") else "%s"
    if variant == "ceiling":
        return Ceiling()
    if variant == "connecting":
        return Connecting(_connector(scheme, url), mark)
    _use_plugin(url, variant)
    return {"raw": lambda: Lent(mark), "core": LentCore, "orm": LentSession}[variant]()


def _connector(scheme: str, url: str) -> Callable[[], Any]:
    if scheme == "sqlite":
        path = urlsplit(url).path[1:]
        return lambda: sqlite3.connect(path)
    import psycopg

    address = url.replace("postgresql+psycopg", "postgresql", 1)
    return lambda: psycopg.connect(address)


def _use_plugin(url: str, variant: str) -> None:
    import cpkit.tools  # noqa: F401
    from cpkit.plugins import DatabasePlugin

    cherrypy.engine.db = DatabasePlugin(cherrypy.engine)
    handle = {"raw": "dbapi", "core": "connection", "orm": "session"}[variant]
    cherrypy.config.update({"engine.db.on": True, "engine.db.url": url})
    SETTINGS.update({"cpkit.db.on": True, "cpkit.db.handle": handle})


SETTINGS: dict[str, Any] = {
    "request.dispatch": cherrypy.dispatch.MethodDispatcher(),
    "tools.sessions.on": True,
    "tools.response_headers.on": True,
    "tools.response_headers.headers": [("Content-Type", "text/plain")],
}


def create_table(url: str) -> None:
    """Create the table in the database at *url*, with an index that chapter 9 lacks.

    Without it the readers of every variant would measure how many rows the writers left.
    """
    key = "INTEGER" if url.startswith("sqlite") else "SERIAL"
    with _connector(url.partition(":")[0], url)() as connection:
        connection.execute("DROP TABLE IF EXISTS user_string")
        connection.execute(
            f"CREATE TABLE user_string (id {key} PRIMARY KEY, session_id TEXT, value TEXT)"
        )
        connection.execute("CREATE INDEX of_session ON user_string (session_id)")


def main() -> None:
    """Serve one variant until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", choices=["connecting", "ceiling", "raw", "core", "orm"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", default="", help="a URL as SQLAlchemy writes them")
    parser.add_argument("--synchronous", default="FULL", choices=["FULL", "NORMAL"])
    options = parser.parse_args()
    cherrypy.config.update(
        {
            "engine.autoreload.on": False,
            "server.socket_port": options.port,
            "server.thread_pool": THREADS,
            # The default of 5 makes fifty clients measure the kernel's retries of their connects.
            "server.socket_queue_size": 128,
        }
    )
    root = Root(generator(options.variant, options.database))
    if options.variant in ("raw", "core", "orm"):
        cherrypy.config.update({"engine.db.synchronous": options.synchronous})
    cherrypy.quickstart(root, "/", {"/": SETTINGS})


if __name__ == "__main__":
    main()
