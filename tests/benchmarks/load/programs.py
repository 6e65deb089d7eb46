"""The programs that the load is put on: one REST resource that keeps a string a session.

``python -m tests.benchmarks.load.programs raw --port 8080 --database sqlite:////tmp/x.db``

On SQLite *connecting* is chapter 9 of CherryPy's tutorial, written anew from its description: it
connects on every call. The *ceiling* does the same without a database. *raw*, *core* and *orm* are
cpkit's plugin and tool, with the three handles. All run on the same server, set up alike, and log
their accesses to standard output, as CherryPy does unless told otherwise. For gunicorn,
``tests.benchmarks.load.programs:wsgi("core", url)`` is the application.
"""

import argparse
import random
import sqlite3
import string
import time
from collections.abc import Callable
from typing import Any, NamedTuple
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


class Strings(NamedTuple):
    """Where the strings are: how a session's is read and kept, and how many were."""

    kept: Callable[[str], str]
    keep: Callable[[str, str], object]
    stored: Callable[[], int] = lambda: 0


class Generator:
    """A resource whose POST makes and keeps a string for the session, and whose GET has it."""

    exposed = True

    def __init__(self, strings: Strings) -> None:
        self.strings = strings

    def GET(self) -> str:  # noqa: N802
        return self.strings.kept(cherrypy.session.id)

    def POST(self, length: str = "8") -> str:  # noqa: N802
        cherrypy.session["made"] = True  # else each request has a session of its own
        made = "".join(random.sample(string.hexdigits, int(length)))
        self.strings.keep(cherrypy.session.id, made)
        return made


class Answer:
    """A resource whose GET is a function's answer."""

    exposed = True

    def __init__(self, answer: Callable[[], object]) -> None:
        self.answer = answer

    def GET(self) -> str:  # noqa: N802
        return str(self.answer())


def visit() -> int:
    """Change the session."""
    cherrypy.session["n"] = number = cherrypy.session.get("n", 0) + 1
    return int(number)


def work() -> int:
    """Change the session, and take 10 ms."""
    time.sleep(0.01)
    return visit()


def in_memory() -> Strings:
    """Return strings in memory: what the server does without any database."""
    strings: dict[str, str] = {}
    writes: list[str] = []

    def keep(session: str, made: str) -> None:
        strings[session] = made
        writes.append(session)

    return Strings(strings.__getitem__, keep, lambda: len(writes))


def by_sql(execute: Callable[[str, tuple[str, ...]], Any], mark: str) -> Strings:
    """Return strings in a table, by SQL that *execute* runs."""
    insert, select = INSERT.format(mark, mark), SELECT.format(mark)
    return Strings(
        lambda session: str(execute(select, (session,)).fetchone()[0]),
        lambda session, made: execute(insert, (session, made)),
        lambda: int(execute(COUNT, ()).fetchone()[0]),
    )


def connecting(connect: Callable[[], Any], mark: str = "?") -> Strings:
    """Return strings of which each call connects to the database, as the tutorial does."""

    def execute(statement: str, parameters: tuple[str, ...]) -> Any:
        with connect() as connection:
            return connection.execute(statement, parameters)

    return by_sql(execute, mark)


def lent(mark: str = "?") -> Strings:
    """Return strings on the driver's connection that cpkit's tool lends."""
    return by_sql(lambda *sql: cherrypy.serving.request.db.execute(*sql), mark)


def statements() -> tuple[Any, Any, Any]:
    """Return SQLAlchemy's statements that insert, select and count."""
    from sqlalchemy import text

    return text(INSERT.format(":session", ":made")), text(SELECT.format(":session")), text(COUNT)


def lent_core(mark: str = "") -> Strings:
    """Return strings by SQLAlchemy Core on the connection that cpkit's tool lends."""
    (insert, select, count), lent = statements(), cherrypy.serving
    return Strings(
        lambda session: str(lent.request.db.scalar(select, {"session": session})),
        lambda session, made: lent.request.db.execute(insert, {"session": session, "made": made}),
        lambda: int(lent.request.db.scalar(count)),
    )


def lent_session(mark: str = "") -> Strings:
    """Return strings by the ORM session that cpkit's tool lends."""
    (row, one_of), lent = mapped(), cherrypy.serving
    return Strings(
        lambda session: str(lent.request.db.scalars(one_of(session)).one().value),
        lambda session, made: lent.request.db.add(row(session_id=session, value=made)),
        lambda: int(lent.request.db.scalar(statements()[2])),
    )


LENT = {"raw": lent, "core": lent_core, "orm": lent_session}


def mapped() -> tuple[Any, Callable[[str], Any]]:
    """Return the mapped class of the table's rows, and what makes the query of a session's."""
    from sqlalchemy import select
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

    base = type("Base", (DeclarativeBase,), {})
    columns = {"session_id": Mapped[str], "value": Mapped[str], "id": Mapped[int]}
    members = {"__tablename__": "user_string", "__annotations__": columns}
    row: Any = type("UserString", (base,), {**members, "id": mapped_column(primary_key=True)})
    rows = select(row)
    return row, lambda session: rows.where(row.session_id == session).limit(1)


def root(variant: str, url: str, locking: str = "", **engine: Any) -> tuple[object, str, Any]:
    """Return what is mounted for a *variant* on the database at *url*.

    With *locking* the database has the sessions too, for processes that share them, and no
    accesses are logged.
    """
    mark, settings = "?" if url.startswith("sqlite") else "%s", dict(SETTINGS)
    if variant == "ceiling":
        made = in_memory()
    elif variant == "connecting":
        made = connecting(connector(url), mark)
    else:
        import cpkit.tools  # noqa: F401
        from cpkit.plugins import DatabasePlugin

        cherrypy.engine.db = DatabasePlugin(cherrypy.engine)
        options = {f"engine.db.{name}": value for name, value in engine.items()}
        cherrypy.config.update({"engine.db.on": True, "engine.db.url": url, **options})
        settings |= {"cpkit.db.on": True, "cpkit.db.handle": HANDLES[variant]}
        made = LENT[variant](mark)
    if locking:
        from cpkit.sessions import DatabaseSession

        kept = {"storage_class": DatabaseSession, "locking": locking}
        settings |= {f"tools.sessions.{name}": value for name, value in kept.items()}
        cherrypy.config.update({"log.screen": False})
    members = {"generator": Generator(made), "stored": Answer(made.stored)}
    members |= {"visit": Answer(visit), "work": Answer(work)}
    return type("Root", (), members)(), "", {"/": settings}


def wsgi(variant: str, url: str) -> Any:
    """Return the application for gunicorn."""
    from cpkit.dispatchers import embedded_application

    cherrypy.config.update({"environment": "embedded"})
    cherrypy.tree.mount(*root(variant, url, "explicit"))  # as the demo's
    return embedded_application()


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
        connection.execute("DROP TABLE IF EXISTS user_string")
        connection.execute(f"CREATE TABLE user_string ({columns})")
        connection.execute("CREATE INDEX of_session ON user_string (session_id)")


def main() -> None:
    """Serve one variant until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", choices=["connecting", "ceiling", *HANDLES])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", default="", help="a URL as SQLAlchemy writes them")
    parser.add_argument("--synchronous", help="SQLite's: FULL or NORMAL")
    parser.add_argument("--threads", type=int, default=10)
    parser.add_argument("--sessions", default="", help="in the database: explicit or implicit")
    options = parser.parse_args()
    # The queue's default of 5 makes fifty clients measure the kernel's retries of their connects.
    server = {"socket_port": options.port, "thread_pool": options.threads, "socket_queue_size": 128}
    cherrypy.config.update({f"server.{name}": value for name, value in server.items()})
    cherrypy.config.update({"engine.autoreload.on": False})
    more = {"synchronous": options.synchronous} if options.synchronous else {}
    cherrypy.quickstart(*root(options.variant, options.database, options.sessions, **more))


if __name__ == "__main__":
    main()
