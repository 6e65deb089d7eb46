"""What a database costs a request: a connection a call, SQLAlchemy bare, and cpkit's tool."""

from typing import Any

import cherrypy
from sqlalchemy.orm import sessionmaker

from tests.benchmarks import strings
from tests.benchmarks.questions import Case, question
from tests.benchmarks.strings import SESSION, STRING, Shelf, Strings, by_hand
from tests.benchmarks.wsgi import application, sender, senders

ANSWER = ("200 OK", STRING.encode())
NOTHING, RAW, CORE = "no database", "cpkit, raw", "cpkit, Core"


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


def _case(path: str, method: str) -> Case:
    shelf = Shelf()
    engine = shelf.engine(shelf.url("bare"))
    orm = sessionmaker(engine)

    def lent(variant: str) -> tuple[Strings, dict[str, Any]]:
        name = "db" if variant == "core" else f"bench_{variant}"  # as users have it
        return shelf.tool(variant, shelf.url(variant), name)

    pages = {
        NOTHING: (strings.in_memory(), {}),
        "a connection a call": (strings.by_connecting(shelf.url("connecting")), {}),
        "SQLAlchemy Core by hand": (by_hand(strings.by_core(), engine.connect, engine.begin), {}),
        "SQLAlchemy ORM by hand": (by_hand(strings.by_orm(), orm, orm.begin), {}),
        RAW: lent("raw"),
        CORE: lent("core"),
        "cpkit, ORM": lent("orm"),
    }
    calls = {
        name: sender(application(Page(of), {"/": settings}), path, None, method)
        for name, (of, settings) in pages.items()
    }
    return Case(calls, NOTHING, ANSWER, cleanup=shelf.close, without=[NOTHING], ours=CORE)


@question("database", "What does a request that reads cost?")
def reads() -> Case:
    """A connection that is kept saves opening the file and reading its schema anew; whoever counts
    microseconds takes the driver's own from the same pool, since SQLAlchemy costs more than SQLite
    here."""
    return _case("/read", "GET")


@question("database", "What does a request that writes cost?")
def writes() -> Case:
    """The same with an INSERT and its COMMIT, in memory; under load it is a real disk."""
    return _case("/write", "POST")


@question("database", "What does the tool cost a request that doesn't touch the database?")
def untouched() -> Case:
    """A unit of work borrows nothing before it is used, and is its own hook: what is left is to
    make it, and to see that nothing is to be ended."""
    shelf = Shelf()
    lent, _ = shelf.tool("raw", shelf.url("raw"))
    calls = senders(Page(lent), {NOTHING: {}, RAW: {"cpkit.db.on": True}}, "/neither")
    return Case(calls, NOTHING, ANSWER, cleanup=shelf.close, without=[NOTHING])
