"""What the pieces cost in whole requests of an application: each alone, and all of them."""

import asyncio
import json
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import cherrypy
import cherrypy.lib.cpstats
import falcon
import flask
import httpx
from fastapi import Depends, FastAPI, Response
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Session

import cpkit.tools  # noqa: F401 (the toolbox)
from cpkit.dispatchers import RoutesDispatcher
from tests.benchmarks import strings
from tests.benchmarks.questions import Call, Case, question
from tests.benchmarks.strings import STRING, Shelf
from tests.benchmarks.wsgi import application, sender

PATH, BOOK = "/library/12/book/15", "12/15"
MEDIA = ["application/json", "text/html"]
ASKED = {"Accept": "application/json, text/html;q=0.5"}
ANSWER = ("200 OK", json.dumps({"book": "15", "title": STRING}).encode())
ACCEPT = {"cpkit.accept.on": True, "cpkit.accept.media": MEDIA}
TIMING = {"cpkit.timing.on": True, "cpkit.timing.header": True}
DATABASE = {"cpkit.db.on": True, "cpkit.db.handle": "dbapi"}
FOUR = {**ACCEPT, **TIMING, **DATABASE}
THEIRS = {"tools.accept.on": True, "tools.accept.media": MEDIA}
PLAIN = "CherryPy, nothing on"
Read = Callable[[str], str]


def _page(book: object, title: str) -> bytes:
    return json.dumps({"book": str(book), "title": title}).encode()


class Book:
    """A book, as *read* finds its title."""

    def __init__(self, read: Read) -> None:
        self.read = read

    @cherrypy.expose
    def library(self, library_id: str, noun: str, book_id: str) -> bytes:
        """Answer CherryPy's default dispatcher, which hands over the path's rest."""
        return self.show(library_id, book_id)

    @cherrypy.expose
    def show(self, library_id: str, book_id: str) -> bytes:
        """Answer a dispatcher that names the parts of the path."""
        return _page(book_id, self.read(f"{library_id}/{book_id}"))


def _by_default(read: Read, **settings: Any) -> Call:
    return sender(application(Book(read), {"/": settings}), PATH, ASKED)


def _by_routes(read: Read, dispatcher: Any = None, **settings: Any) -> Call:
    table = dispatcher or RoutesDispatcher()
    table.connect("book", "/library/{library_id}/book/{book_id}", Book(read), action="show")
    return sender(application(None, {"/": {"request.dispatch": table, **settings}}), PATH, ASKED)


@question("whole", "What does each piece add to a request?")
def pieces() -> Case:
    """Each row answers alike: nothing on, one piece at a time, and all with one read."""
    shelf, known = Shelf(), {BOOK: STRING}.__getitem__
    (raw, _), _ = shelf.tool("raw", shelf.url("books", BOOK))
    calls = {
        PLAIN: _by_default(known),
        "cpkit RoutesDispatcher": _by_routes(known),
        "cpkit accept": _by_default(known, **ACCEPT),
        "cpkit timing, with its header": _by_default(known, **TIMING),
        "cpkit db, not touched": _by_default(known, **DATABASE),
        "cpkit db, one read": _by_default(raw, **DATABASE),
        "cpkit, all four, one read": _by_routes(raw, **FOUR),
    }
    return Case(calls, PLAIN, ANSWER, cleanup=shelf.close, without=[PLAIN])


@question("whole", "What do all four cost beside CherryPy's own?")
def own() -> Case:
    """The same by CherryPy's dispatcher, accept tool, cpstats, and a connection a call."""
    shelf, theirs = Shelf(), "CherryPy's own four"
    (raw, _), _ = shelf.tool("raw", url := shelf.url("books", BOOK))
    connecting, routes = strings.by_connecting(url).kept, cherrypy.dispatch.RoutesDispatcher()
    calls = {theirs: _by_routes(connecting, routes, **THEIRS, **{"tools.cpstats.on": True})}
    calls["cpkit's four"] = _by_routes(raw, **FOUR)
    return Case(calls, theirs, ANSWER, cleanup=shelf.close)


def _timed(began: float) -> dict[str, str]:
    """Return the fields that say how long it took, and what was negotiated."""
    return {"Vary": "Accept", "Server-Timing": f"total;dur={1000 * (perf_counter() - began):.3f}"}


def _flask(url: str) -> Call:
    """Return Flask with Flask-SQLAlchemy and werkzeug's negotiation."""
    app = flask.Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    database, core = SQLAlchemy(app), strings.by_core()

    @app.get("/library/<int:library_id>/book/<int:book_id>")
    def show(library_id: int, book_id: int) -> flask.Response:
        began = perf_counter()
        if flask.request.accept_mimetypes.best_match(MEDIA) is None:
            flask.abort(406)
        page = _page(book_id, core.kept(database.session, f"{library_id}/{book_id}"))
        return flask.Response(page, mimetype="application/json", headers=_timed(began))

    return sender(app, PATH, ASKED)


def _falcon(read: Read) -> Call:
    """Return Falcon with SQLAlchemy by hand."""

    class Resource:
        def on_get(self, request: Any, response: Any, library_id: int, book_id: int) -> None:
            began = perf_counter()
            if request.client_prefers(MEDIA) is None:
                raise falcon.HTTPNotAcceptable
            response.data = _page(book_id, read(f"{library_id}/{book_id}"))
            response.content_type = "application/json"
            response.set_headers(_timed(began))

    app = falcon.App()
    app.add_route("/library/{library_id:int}/book/{book_id:int}", Resource())
    return sender(app, PATH, ASKED)


def _fastapi(engine: Any, opened: Shelf) -> Call:
    """Return FastAPI with a session that it depends on, through httpx's transport for ASGI."""
    app, core = FastAPI(), strings.by_core()

    def session() -> Iterator[Session]:
        with Session(engine) as made:
            yield made

    @app.get("/library/{library_id}/book/{book_id}")
    def show(library_id: int, book_id: int, database=Depends(session)):  # noqa: B008
        began = perf_counter()
        page = _page(book_id, core.kept(database, f"{library_id}/{book_id}"))
        return Response(page, media_type="application/json", headers=_timed(began))

    loop = asyncio.new_event_loop()
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")
    opened.callback(loop.close)
    opened.callback(lambda: loop.run_until_complete(client.aclose()))

    def send() -> tuple[str, bytes]:
        answer = loop.run_until_complete(client.get(PATH, headers=ASKED))
        return f"{answer.status_code} OK", answer.content

    return send


@question("whole", "What does a whole resource cost beside other frameworks?")
def frameworks() -> Case:
    """One book, negotiated, timed, with one read from SQLite, each as the framework's documentation
    says; FastAPI speaks ASGI and is asked through httpx, which takes a part of its time here."""
    shelf, by_hand = Shelf(), "CherryPy's own, SQLAlchemy by hand"
    (raw, _), _ = shelf.tool("raw", url := shelf.url("books", BOOK))
    engine, core = shelf.engine(url), strings.lent(strings.by_core()).kept
    read = strings.by_hand(strings.by_core(), engine.connect, engine.begin).kept
    ours = {**ACCEPT, **TIMING, "cpkit.db.on": True}
    calls = {
        by_hand: _by_routes(read, cherrypy.dispatch.RoutesDispatcher(), **THEIRS),
        "cpkit, Core": _by_routes(core, **ours),
        "cpkit, raw": _by_routes(raw, **FOUR),
        "cpkit, ORM": _by_routes(core, **ours, **{"cpkit.db.handle": "session"}),
        "Flask": _flask(url),
        "Falcon": _falcon(read),
        "FastAPI, by httpx": _fastapi(engine, shelf),
    }
    return Case(calls, by_hand, ANSWER, cleanup=shelf.close)
