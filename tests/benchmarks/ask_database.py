"""What a database costs a request: a connection a call, SQLAlchemy bare, and cpkit's tool."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cherrypy

from tests.benchmarks.load.programs import (
    COUNT,
    INSERT,
    SELECT,
    Ceiling,
    Generator,
    LentCore,
    LentSession,
    connecting,
    create_table,
    lent,
)
from tests.benchmarks.questions import Call, Case, question
from tests.benchmarks.wsgi import QUIET, application, sender

SESSION, STRING = "0123456789abcdef", "Ab3dEf9h"
MEMORY = "/dev/shm"
NOTHING, CONNECTING = "no database", "a connection a call"
BARE, BARE_ORM = "SQLAlchemy Core by hand", "SQLAlchemy ORM by hand"
RAW, CORE, ORM = "cpkit, raw", "cpkit, Core", "cpkit, ORM"


class Bare(Generator):
    """Use SQLAlchemy's engine by hand, as its documentation says."""

    def __init__(self, url: str) -> None:
        from sqlalchemy import create_engine, text

        self.engine = create_engine(url)
        self.insert = text(INSERT.format(":session", ":made"))
        self.select, self.count = text(SELECT.format(":session")), text(COUNT)

    def kept(self, session: str) -> str:
        """Return what the session keeps."""
        with self.engine.connect() as connection:
            return str(connection.scalar(self.select, {"session": session}))

    def keep(self, session: str, made: str) -> None:
        """Keep a string for the session."""
        with self.engine.begin() as connection:
            connection.execute(self.insert, {"session": session, "made": made})


class BareSession(LentSession):
    """Use SQLAlchemy's ORM by hand, a session a call."""

    def __init__(self, engine: Any) -> None:
        from sqlalchemy.orm import sessionmaker

        super().__init__()
        self.session = sessionmaker(engine)

    def kept(self, session: str) -> str:
        """Return what the session keeps."""
        with self.session() as orm:
            return str(orm.scalars(self.one_of(session)).one().value)

    def keep(self, session: str, made: str) -> None:
        """Keep a string for the session."""
        with self.session.begin() as orm:
            orm.add(self.row(session_id=session, value=made))


class Page:
    """Read or write one string a request, without sessions or random strings."""

    def __init__(self, resource: Generator) -> None:
        self.resource = resource

    @cherrypy.expose
    def read(self) -> bytes:
        """Return the string that is kept."""
        return self.resource.kept(SESSION).encode()

    @cherrypy.expose
    def write(self) -> bytes:
        """Keep the string."""
        self.resource.keep(SESSION, STRING)
        return STRING.encode()

    @cherrypy.expose
    def neither(self) -> bytes:
        """Return the string without a look at the database."""
        return STRING.encode()


class Shelf:
    """Hold the databases of one question, and how each variant gets at its own."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(dir=MEMORY if Path(MEMORY).is_dir() else None)
        self.opened: list[Any] = []

    def url(self, name: str, journal: str = "delete") -> str:
        """Return the URL of a new database that holds one string."""
        path = Path(self.folder, f"{len(list(Path(self.folder).iterdir()))}-{name}.db")
        url = f"sqlite:///{path}"
        create_table(url)
        with sqlite3.connect(path) as connection:
            connection.execute(f"PRAGMA journal_mode={journal}")
            connection.execute(INSERT.format("?", "?"), (SESSION, STRING))
        return url

    def pages(self) -> dict[str, tuple[Page, dict[str, object]]]:
        """Return, by variant, the page and its settings."""
        path = self.url("connecting").removeprefix("sqlite:///")
        memory, bare = Ceiling(), Bare(self.url("bare"))
        memory.keep(SESSION, STRING)
        self.opened.append(bare.engine.dispose)
        plain: dict[str, Generator] = {
            NOTHING: memory,
            CONNECTING: connecting(lambda: sqlite3.connect(path), "?"),
            BARE: bare,
            BARE_ORM: BareSession(bare.engine),
        }
        tooled = {
            RAW: (Page(lent("?")), self._tool("raw", "dbapi")),
            CORE: (Page(LentCore()), self._tool("core", "connection")),
            ORM: (Page(LentSession()), self._tool("orm", "session")),
        }
        return {**{name: (Page(kept), {}) for name, kept in plain.items()}, **tooled}

    def _tool(self, name: str, handle: str) -> dict[str, object]:
        import cpkit.tools  # noqa: F401
        from cpkit.plugins import DatabasePlugin

        cherrypy.config.update(QUIET)
        plugin = DatabasePlugin(cherrypy.engine, self.url(name))
        setattr(cherrypy.engine, f"bench_{name}", plugin)
        plugin.start()
        self.opened.append(plugin.stop)
        return {"cpkit.db.on": True, "cpkit.db.plugin": f"bench_{name}", "cpkit.db.handle": handle}

    def close(self) -> None:
        """Close every database and forget its file."""
        for close in self.opened:
            close()
        shutil.rmtree(self.folder)


def _ask(method: str, path: str, variants: Callable[[str], bool], **more: Any) -> Case:
    shelf = Shelf()
    calls: dict[str, Call] = {
        name: sender(application(page, {"/": settings}), method, path)
        for name, (page, settings) in shelf.pages().items()
        if variants(name)
    }
    answer = ("200 OK", STRING.encode())
    return Case(calls, NOTHING, answer, cleanup=shelf.close, without=[NOTHING], **more)


@question("database", "What does a request that reads cost?")
def reads() -> Case:
    """A connection that is kept saves opening the file and reading its schema anew. SQLAlchemy
    costs more than SQLite here: whoever counts microseconds takes the driver's own connection
    from the same pool. Files are in memory, so that the disk's moods stay out."""
    return _ask("GET", "/read", lambda name: True, ours=CORE)


@question("database", "What does a request that writes cost?")
def writes() -> Case:
    """The same with an INSERT and its COMMIT, durable in each variant; where a real disk has to be
    waited for, see the figures under load."""
    return _ask("POST", "/write", lambda name: True, ours=CORE)


@question("database", "What does the tool cost a request that doesn't touch the database?")
def untouched() -> Case:
    """A unit of work is made when it is first asked for: what is left is CherryPy's reading of the
    setting, and one hook that sees that nothing is to be ended. The tool is switched on, and
    nothing else is said of it."""
    shelf = Shelf()
    page, _ = shelf.pages()[RAW]
    cherrypy.engine.db = cherrypy.engine.bench_raw
    settings: dict[str, dict[str, object]] = {NOTHING: {}, RAW: {"cpkit.db.on": True}}
    calls: dict[str, Call] = {
        name: sender(application(page, {"/": of}), "GET", "/neither")
        for name, of in settings.items()
    }
    answer = ("200 OK", STRING.encode())
    return Case(calls, NOTHING, answer, cleanup=shelf.close, without=[NOTHING])
