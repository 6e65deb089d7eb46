"""The programs that the load is put on: one REST resource that keeps a string a session.

``python -m tests.benchmarks.load.programs raw --port 8080 --database sqlite:////tmp/x.db``

On SQLite *connecting* is chapter 9 of CherryPy's tutorial, written anew from its description: it
connects on every call. The *ceiling* does the same without a database. *raw*, *core* and *orm* are
cpkit's plugin and tool, with the three handles. All run on the same server, set up alike, and log
their accesses to standard output, as CherryPy does unless told otherwise. For gunicorn,
``tests.benchmarks.load.programs:wsgi("core", url)`` is the application.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import string
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import cherrypy

INSERT = "INSERT INTO user_string (session_id, value) VALUES ({0}, {1})"
SELECT = "SELECT value FROM user_string WHERE session_id = {0}"
COUNT = "SELECT count(*) FROM user_string"
HANDLES = {"raw": "dbapi", "core": "connection", "orm": "session"}
SETTINGS: dict[str, Any] = {
    "request.dispatch": cherrypy.dispatch.MethodDispatcher(),
    "tools.sessions.on": True,
    "tools.response_headers.on": True,
    "tools.response_headers.headers": [("Content-Type", "text/plain")],
}


class Generator:
    """A resource whose POST makes and keeps a string for the session, and whose GET has it."""

    exposed = True

    def GET(self) -> str:  # noqa: N802
        """Return the session's string."""
        return self.kept(cherrypy.session.id)

    def POST(self, length: str = "8") -> str:  # noqa: N802
        """Make a string, keep it, return it."""
        cherrypy.session["made"] = True  # else each request has a session of its own
        made = "".join(random.sample(string.hexdigits, int(length)))
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
    """The strings in memory: what the server does without any database."""

    def __init__(self) -> None:
        self.strings: dict[str, str] = {}
        self.writes = 0
        self.kept = self.strings.__getitem__

    def keep(self, session: str, made: str) -> None:
        self.strings[session] = made
        self.writes += 1

    def stored(self) -> int:
        return self.writes


class Statements(Generator):
    """The strings in a table, by SQL on a connection that *execute* runs it on."""

    def __init__(self, execute: Callable[[str, tuple[str, ...]], Any], mark: str) -> None:
        self.execute = execute
        self.insert, self.select = INSERT.format(mark, mark), SELECT.format(mark)

    def kept(self, session: str) -> str:
        return str(self.execute(self.select, (session,)).fetchone()[0])

    def keep(self, session: str, made: str) -> None:
        self.execute(self.insert, (session, made))

    def stored(self) -> int:
        return int(self.execute(COUNT, ()).fetchone()[0])


def connecting(connect: Callable[[], Any], mark: str) -> Generator:
    """Return the resource that connects to the database on every call, as the tutorial does."""

    def execute(statement: str, parameters: tuple[str, ...]) -> Any:
        with connect() as connection:
            return connection.execute(statement, parameters)

    return Statements(execute, mark)


def lent(mark: str) -> Generator:
    """Return the resource on the driver's connection that cpkit's tool lends."""
    return Statements(lambda *sql: cherrypy.serving.request.db.execute(*sql), mark)


class LentCore(Generator):
    """The strings by SQLAlchemy Core on the connection that cpkit's tool lends."""

    def __init__(self) -> None:
        from sqlalchemy import text

        self.insert = text(INSERT.format(":session", ":made"))
        self.select, self.count = text(SELECT.format(":session")), text(COUNT)

    def kept(self, session: str) -> str:
        return str(cherrypy.serving.request.db.scalar(self.select, {"session": session}))

    def keep(self, session: str, made: str) -> None:
        cherrypy.serving.request.db.execute(self.insert, {"session": session, "made": made})

    def stored(self) -> int:
        return int(cherrypy.serving.request.db.scalar(self.count))


class LentSession(Generator):
    """The strings by the ORM session that cpkit's tool lends."""

    def __init__(self) -> None:
        from sqlalchemy import func, select

        self.row = row()
        self.select = select(self.row)
        self.count = select(func.count()).select_from(self.row)

    def kept(self, session: str) -> str:
        return str(cherrypy.serving.request.db.scalars(self.one_of(session)).one().value)

    def one_of(self, session: str) -> Any:
        """Return the query of the session's string."""
        return self.select.where(self.row.session_id == session).limit(1)

    def keep(self, session: str, made: str) -> None:
        cherrypy.serving.request.db.add(self.row(session_id=session, value=made))

    def stored(self) -> int:
        return int(cherrypy.serving.request.db.scalar(self.count))


def row() -> Any:
    """Return the mapped class of the table's rows."""
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

    base = type("Base", (DeclarativeBase,), {})
    columns = {"session_id": Mapped[str], "value": Mapped[str], "id": Mapped[int]}
    key = mapped_column(primary_key=True)
    return type(
        "UserString",
        (base,),
        {"__tablename__": "user_string", "__annotations__": columns, "id": key},
    )


class Stored:
    """How many writes are in the database, for the check that none was lost."""

    exposed = True

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    def GET(self) -> str:  # noqa: N802
        """Return the number of strings that were kept."""
        return str(self.generator.stored())


def root(variant: str, url: str, **engine: Any) -> tuple[object, dict[str, Any]]:
    """Return the application's root and its settings, for a *variant* on the database at *url*."""
    scheme, mark = url.partition(":")[0], "?" if url.startswith("sqlite") else "%s"
    settings = dict(SETTINGS)
    made: Generator
    if variant == "ceiling":
        made = Ceiling()
    elif variant == "connecting":
        made = connecting(connector(scheme, url), mark)
    else:
        import cpkit.tools  # noqa: F401
        from cpkit.plugins import DatabasePlugin

        cherrypy.engine.db = DatabasePlugin(cherrypy.engine)
        options = {f"engine.db.{name}": value for name, value in engine.items()}
        cherrypy.config.update({"engine.db.on": True, "engine.db.url": url, **options})
        settings |= {"cpkit.db.on": True, "cpkit.db.handle": HANDLES[variant]}
        made = {"raw": lambda: lent(mark), "core": LentCore, "orm": LentSession}[variant]()
    return type("Root", (), {"generator": made, "stored": Stored(made)})(), {"/": settings}


def wsgi(variant: str, url: str) -> Any:
    """Return the application for gunicorn, on a database that holds the sessions too."""
    from cpkit.sessions import DatabaseSession

    made, config = root(variant, url)
    config["/"]["tools.sessions.storage_class"] = DatabaseSession
    cherrypy.config.update({"environment": "embedded", "log.screen": False})
    cherrypy.server.unsubscribe()
    cherrypy.engine.signals.unsubscribe()
    app = cherrypy.tree.mount(made, "", config)
    cherrypy.engine.start()
    return app


def connector(scheme: str, url: str) -> Callable[[], Any]:
    """Return what connects to the database at *url* by its driver alone."""
    if scheme == "sqlite":
        path = urlsplit(url).path[1:]
        return lambda: sqlite3.connect(path)
    import psycopg

    return lambda: psycopg.connect(url.replace("postgresql+psycopg", "postgresql", 1))


def create_table(url: str) -> None:
    """Create the table in the database at *url*, with an index that chapter 9 lacks.

    Without it the readers of every variant would measure how many rows the writers left.
    """
    key = "INTEGER" if url.startswith("sqlite") else "SERIAL"
    with connector(url.partition(":")[0], url)() as connection:
        connection.execute("DROP TABLE IF EXISTS user_string")
        connection.execute(
            f"CREATE TABLE user_string (id {key} PRIMARY KEY, session_id TEXT, value TEXT)"
        )
        connection.execute("CREATE INDEX of_session ON user_string (session_id)")


def main() -> None:
    """Serve one variant until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", choices=["connecting", "ceiling", *HANDLES])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", default="", help="a URL as SQLAlchemy writes them")
    parser.add_argument("--synchronous", default="FULL", choices=["FULL", "NORMAL"])
    parser.add_argument("--threads", type=int, default=10)
    options = parser.parse_args()
    cherrypy.config.update(
        {
            "engine.autoreload.on": False,
            "server.socket_port": options.port,
            "server.thread_pool": options.threads,
            # The default of 5 makes fifty clients measure the kernel's retries of their connects.
            "server.socket_queue_size": 128,
        }
    )
    more = {"synchronous": options.synchronous} if options.variant in HANDLES else {}
    cherrypy.quickstart(*_mounted(root(options.variant, options.database, **more)))


def _mounted(made: tuple[object, dict[str, Any]]) -> tuple[object, str, dict[str, Any]]:
    return made[0], "/", made[1]


if __name__ == "__main__":
    main()
