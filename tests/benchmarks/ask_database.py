"""What a database costs a request: a connection a call, SQLAlchemy bare, and cpkit's tool."""

from typing import Any

import cherrypy

from tests.benchmarks import strings
from tests.benchmarks.questions import Case, question
from tests.benchmarks.strings import SESSION, STRING, Shelf, Strings
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


def _ask(path: str, method: str) -> Case:
    shelf = Shelf()
    engine = shelf.engine(shelf.url("bare"))

    def lent(variant: str) -> tuple[Strings, dict[str, Any]]:
        of, url = strings.LENT[variant][1], shelf.url(variant)
        return of(url), shelf.tool(variant, url, f"bench_{variant}")

    pages: dict[str, tuple[Strings, dict[str, Any]]] = {
        NOTHING: (strings.in_memory(), {}),
        "a connection a call": (strings.by_connecting(shelf.url("connecting")), {}),
        "SQLAlchemy Core by hand": (strings.by_core_bare(engine), {}),
        "SQLAlchemy ORM by hand": (strings.by_orm_bare(engine), {}),
        RAW: lent("raw"),
        CORE: lent("core"),
        "cpkit, ORM": lent("orm"),
    }
    calls = {
        name: sender(application(Page(of), {"/": settings}), path, method=method)
        for name, (of, settings) in pages.items()
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
    """A unit of work borrows nothing before it is used, and is its own hook: what is left is to
    make it, and to see that nothing is to be ended."""
    shelf = Shelf()
    shelf.tool("raw", url := shelf.url("raw"))
    settings = {NOTHING: {}, RAW: {"cpkit.db.on": True}}
    calls = senders(Page(strings.by_driver(url)), settings, "/neither")
    return Case(calls, NOTHING, ANSWER, cleanup=shelf.close, without=[NOTHING])
