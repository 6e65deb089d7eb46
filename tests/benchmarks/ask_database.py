"""What a database costs a request: a connection a call, SQLAlchemy bare, and cpkit's tool."""

import sqlite3
from pathlib import Path
from typing import Any

import cherrypy

from tests.benchmarks.load import programs
from tests.benchmarks.load.programs import INSERT, Strings
from tests.benchmarks.questions import Case, question
from tests.benchmarks.wsgi import Shelf, application, sender, senders

SESSION, STRING = "0123456789abcdef", "Ab3dEf9h"
ANSWER = ("200 OK", STRING.encode())
NOTHING, RAW, CORE = "no database", "cpkit, raw", "cpkit, Core"


def bare(engine: Any) -> Strings:
    """Return strings by SQLAlchemy's engine, as its documentation says."""
    insert, select, _ = programs.statements()

    def kept(session: str) -> str:
        with engine.connect() as connection:
            return str(connection.scalar(select, {"session": session}))

    def keep(session: str, made: str) -> None:
        with engine.begin() as connection:
            connection.execute(insert, {"session": session, "made": made})

    return Strings(kept, keep)


def bare_orm(engine: Any) -> Strings:
    """Return strings by SQLAlchemy's ORM, a session a call."""
    from sqlalchemy.orm import sessionmaker

    (row, one_of), make = programs.mapped(), sessionmaker(engine)

    def kept(session: str) -> str:
        with make() as orm:
            return str(orm.scalars(one_of(session)).one().value)

    def keep(session: str, made: str) -> None:
        with make.begin() as orm:
            orm.add(row(session_id=session, value=made))

    return Strings(kept, keep)


class Page:
    """Read or write one string a request, without sessions or random strings."""

    def __init__(self, strings: Strings) -> None:
        self.strings = strings

    @cherrypy.expose
    def read(self) -> bytes:
        return self.strings.kept(SESSION).encode()

    @cherrypy.expose
    def write(self) -> bytes:
        self.strings.keep(SESSION, STRING)
        return STRING.encode()

    @cherrypy.expose
    def neither(self) -> bytes:
        return STRING.encode()


def _file(shelf: Shelf, name: str) -> Path:
    """Return a new database with one string."""
    path = shelf.folder / f"{name}.db"
    programs.create_table(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        connection.execute(INSERT.format("?", "?"), (SESSION, STRING))
    return path


def _tool(shelf: Shelf, variant: str) -> dict[str, object]:
    """Start a plugin on a new database; return the settings of the tool."""
    import cpkit.tools  # noqa: F401

    name, handle = f"bench_{variant}", programs.HANDLES[variant]
    shelf.plugin(_file(shelf, variant), name)
    return {"cpkit.db.on": True, "cpkit.db.plugin": name, "cpkit.db.handle": handle}


def _ask(path: str, method: str) -> Case:
    shelf, memory = Shelf(), programs.in_memory()
    memory.keep(SESSION, STRING)
    connecting, engine = _file(shelf, "connecting"), shelf.engine(_file(shelf, "bare"))
    pages: dict[str, tuple[Strings, dict[str, object]]] = {
        NOTHING: (memory, {}),
        "a connection a call": (programs.connecting(lambda: sqlite3.connect(connecting)), {}),
        "SQLAlchemy Core by hand": (bare(engine), {}),
        "SQLAlchemy ORM by hand": (bare_orm(engine), {}),
        RAW: (programs.lent(), _tool(shelf, "raw")),
        CORE: (programs.lent_core(), _tool(shelf, "core")),
        "cpkit, ORM": (programs.lent_session(), _tool(shelf, "orm")),
    }
    calls = {
        name: sender(application(Page(strings), {"/": settings}), path, method=method)
        for name, (strings, settings) in pages.items()
    }
    return Case(calls, NOTHING, ANSWER, cleanup=shelf.close, without=[NOTHING], ours=CORE)


@question("database", "What does a request that reads cost?")
def reads() -> Case:
    """A connection that is kept saves opening the file and reading its schema anew; whoever counts
    microseconds takes the driver's own from the same pool, since SQLAlchemy costs more than SQLite
    here."""
    return _ask("/read", "GET")


@question("database", "What does a request that writes cost?")
def writes() -> Case:
    """The same with an INSERT and its COMMIT, in memory; under load it is a real disk."""
    return _ask("/write", "POST")


@question("database", "What does the tool cost a request that doesn't touch the database?")
def untouched() -> Case:
    """A unit of work is made when it is first asked for: what is left is one hook, which sees that
    nothing is to be ended."""
    shelf = Shelf()
    _tool(shelf, "raw")
    cherrypy.engine.db = cherrypy.engine.bench_raw
    calls = senders(Page(programs.lent()), {NOTHING: {}, RAW: {"cpkit.db.on": True}}, "/neither")
    return Case(calls, NOTHING, ANSWER, cleanup=shelf.close, without=[NOTHING])
