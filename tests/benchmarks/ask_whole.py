"""What the pieces cost in whole requests of an application: each alone, and all of them."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

import cherrypy
from sqlalchemy import create_engine, text

from tests.benchmarks.questions import Case, question
from tests.benchmarks.wsgi import QUIET, application, getter

PATH = "/library/12/book/15"
MEDIA = ["application/json", "text/html"]
ASKED = {"Accept": "application/json, text/html;q=0.5"}
READ = "SELECT title FROM book WHERE library = ? AND number = ?"
TITLE = "Middlemarch"
ANSWER = ("200 OK", json.dumps({"book": "15", "title": TITLE}).encode())


def _page(book: str, title: str) -> bytes:
    return json.dumps({"book": book, "title": title}).encode()


class Plain:
    """Serve a book by CherryPy's default dispatcher, which hands over the path's rest."""

    @cherrypy.expose
    def library(self, library_id: str, noun: str, book_id: str) -> bytes:
        """Return the book."""
        return _page(book_id, TITLE)


class Routed:
    """Serve a book by a dispatcher that names the parts of the path."""

    @cherrypy.expose
    def show(self, library_id: str, book_id: str) -> bytes:
        """Return the book."""
        return _page(book_id, TITLE)


class Lending:
    """Serve a book that the request's connection reads."""

    @cherrypy.expose
    def library(self, library_id: str, noun: str, book_id: str) -> bytes:
        """Return the book."""
        return self.show(library_id, book_id)

    @cherrypy.expose
    def show(self, library_id: str, book_id: str) -> bytes:
        """Return the book."""
        row = cherrypy.serving.request.db.execute(READ, (library_id, book_id)).fetchone()
        return _page(book_id, row[0])


class Tutorial:
    """Serve a book as the tutorial does: connect, read, let go."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cherrypy.expose
    def show(self, library_id: str, book_id: str) -> bytes:
        """Return the book."""
        with sqlite3.connect(self.path) as connection:
            row = connection.execute(READ, (library_id, book_id)).fetchone()
        return _page(book_id, row[0])


def _by_routes(dispatcher: Any, root: object, **settings: Any) -> Callable[[], object]:
    dispatcher.connect("book", "/library/{library_id}/book/{book_id}", root, action="show")
    return _getter(None, **{"request.dispatch": dispatcher, **settings})


def _getter(root: object, **settings: Any) -> Callable[[], object]:
    return getter(application(root, {"/": settings}), PATH, ASKED)


def _shelf(folder: str) -> Path:
    path = Path(folder, "books.db")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE book (library, number, title)")
        connection.execute("CREATE UNIQUE INDEX place ON book (library, number)")
        connection.execute("INSERT INTO book VALUES ('12', '15', ?)", (TITLE,))
    return path


def _opened(path: Path) -> Any:
    from cpkit.plugins import DatabasePlugin

    cherrypy.config.update(QUIET)
    plugin = cherrypy.engine.db = DatabasePlugin(cherrypy.engine, f"sqlite:///{path}")
    plugin.start()
    return plugin


ACCEPT = {"cpkit.accept.on": True, "cpkit.accept.media": MEDIA}
TIMING = {"cpkit.timing.on": True, "cpkit.timing.header": True}
DATABASE = {"cpkit.db.on": True, "cpkit.db.handle": "dbapi"}


@question("whole", "What does each piece add to a request?")
def pieces() -> Case:
    """The application answers alike in each row: CherryPy's default dispatcher and nothing on,
    then one piece at a time, then all of them with one read from SQLite. A tool that does nothing
    adds some 3 µs by itself."""
    import cpkit.tools  # noqa: F401
    from cpkit.dispatchers import RoutesDispatcher

    folder = tempfile.mkdtemp()
    plugin = _opened(_shelf(folder))

    def cleanup() -> None:
        plugin.stop()
        shutil.rmtree(folder)

    variants = {
        "CherryPy, nothing on": _getter(Plain()),
        "cpkit RoutesDispatcher": _by_routes(RoutesDispatcher(), Routed()),
        "cpkit accept": _getter(Plain(), **ACCEPT),
        "cpkit timing, with its header": _getter(Plain(), **TIMING),
        "cpkit db, not touched": _getter(Plain(), **DATABASE),
        "cpkit db, one read": _getter(Lending(), **DATABASE),
        "cpkit, all four, one read": _by_routes(
            RoutesDispatcher(), Lending(), **ACCEPT, **TIMING, **DATABASE
        ),
    }
    plain = "CherryPy, nothing on"
    return Case(variants, plain, ANSWER, cleanup=cleanup, without=[plain])


@question("whole", "What do all four cost beside CherryPy's own?")
def own() -> Case:
    """The same request by what CherryPy brings: its RoutesDispatcher, its accept tool, cpstats,
    and the connection a call of the tutorial's chapter 9. One route, so that the table's length
    doesn't speak for cpkit yet."""
    import cherrypy.lib.cpstats

    import cpkit.tools  # noqa: F401
    from cpkit.dispatchers import RoutesDispatcher

    folder = tempfile.mkdtemp()
    path = _shelf(folder)
    plugin = _opened(path)
    settings = {"tools.accept.on": True, "tools.accept.media": MEDIA, "tools.cpstats.on": True}

    def cleanup() -> None:
        plugin.stop()
        shutil.rmtree(folder)

    theirs = "CherryPy's own four"
    variants = {
        theirs: _by_routes(cherrypy.dispatch.RoutesDispatcher(), Tutorial(path), **settings),
        "cpkit's four": _by_routes(RoutesDispatcher(), Lending(), **ACCEPT, **TIMING, **DATABASE),
    }
    return Case(variants, theirs, ANSWER, cleanup=cleanup, ours="cpkit's four")


STATEMENT = "SELECT title FROM book WHERE library = :library AND number = :number"


def _timed(began: float) -> str:
    return f"total;dur={1000 * (perf_counter() - began):.3f}"


class ByHand:
    """Serve a book as CherryPy's users do who have SQLAlchemy: an engine, a connection a call."""

    def __init__(self, engine: Any) -> None:
        self.engine, self.statement = engine, text(STATEMENT)

    @cherrypy.expose
    def show(self, library_id: str, book_id: str) -> bytes:
        """Return the book."""
        with self.engine.connect() as connection:
            title = connection.scalar(self.statement, {"library": library_id, "number": book_id})
        return _page(book_id, title)


class LendingCore:
    """Serve a book that the request's connection reads by SQLAlchemy Core."""

    def __init__(self) -> None:
        self.statement = text(STATEMENT)

    def show(self, library_id: str, book_id: str) -> bytes:
        """Return the book."""
        asked = {"library": library_id, "number": book_id}
        return _page(book_id, cherrypy.serving.request.db.scalar(self.statement, asked))


def _flask(url: str) -> Callable[[], object]:
    """Return Flask with Flask-SQLAlchemy and werkzeug's negotiation."""
    import flask
    from flask_sqlalchemy import SQLAlchemy

    app = flask.Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    database, statement = SQLAlchemy(app), text(STATEMENT)

    @app.get("/library/<int:library_id>/book/<int:book_id>")
    def show(library_id: int, book_id: int) -> flask.Response:
        began = perf_counter()
        if flask.request.accept_mimetypes.best_match(MEDIA) is None:
            flask.abort(406)
        asked = {"library": str(library_id), "number": str(book_id)}
        title = database.session.scalar(statement, asked)
        response = flask.Response(_page(str(book_id), title), mimetype="application/json")
        response.vary.add("Accept")
        response.headers["Server-Timing"] = _timed(began)
        return response

    return getter(app, PATH, ASKED)


def _falcon(engine: Any) -> Callable[[], object]:
    """Return Falcon with SQLAlchemy by hand."""
    import falcon

    statement = text(STATEMENT)

    class Book:
        def on_get(self, request: Any, response: Any, library_id: int, book_id: int) -> None:
            began = perf_counter()
            if request.client_prefers(MEDIA) is None:
                raise falcon.HTTPNotAcceptable
            with engine.connect() as connection:
                asked = {"library": str(library_id), "number": str(book_id)}
                title = connection.scalar(statement, asked)
            response.data, response.content_type = _page(str(book_id), title), "application/json"
            response.append_header("Vary", "Accept")
            response.set_header("Server-Timing", _timed(began))

    app = falcon.App()
    app.add_route("/library/{library_id:int}/book/{book_id:int}", Book())
    return getter(app, PATH, ASKED)


def _fastapi(url: str, cleanup: ExitStack) -> Callable[[], object]:
    """Return FastAPI with a session that it depends on, through httpx's transport for ASGI."""
    import asyncio

    import httpx
    from fastapi import Depends, FastAPI, Response
    from sqlalchemy.orm import Session

    engine, statement, app = create_engine(url), text(STATEMENT), FastAPI()

    def session() -> Iterator[Session]:
        with Session(engine) as made:
            yield made

    # NOTE: annotations are strings here, so the dependency is a default value.
    @app.get("/library/{library_id}/book/{book_id}")
    def show(library_id: int, book_id: int, database=Depends(session)):  # noqa: B008
        began = perf_counter()
        asked = {"library": str(library_id), "number": str(book_id)}
        page = _page(str(book_id), database.scalar(statement, asked))
        headers = {"Vary": "Accept", "Server-Timing": _timed(began)}
        return Response(page, media_type="application/json", headers=headers)

    loop = asyncio.new_event_loop()
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")
    cleanup.callback(engine.dispose)
    cleanup.callback(loop.close)
    cleanup.callback(lambda: loop.run_until_complete(client.aclose()))

    def send() -> tuple[str, bytes]:
        answer = loop.run_until_complete(client.get(PATH, headers=ASKED))
        return f"{answer.status_code} OK", answer.content

    return send


@question("whole", "What does a whole resource cost beside other frameworks?")
def frameworks() -> Case:
    """One book, negotiated, timed, with one read from SQLite, each as the framework's documentation
    says. FastAPI speaks ASGI and is asked through httpx, which takes a part of its time here."""
    import cpkit.tools  # noqa: F401
    from cpkit.dispatchers import RoutesDispatcher

    folder, cleanup = tempfile.mkdtemp(), ExitStack()
    url = f"sqlite:///{_shelf(folder)}"
    cleanup.callback(shutil.rmtree, folder)
    cleanup.callback(_opened(Path(folder, "books.db")).stop)
    engine = create_engine(url)
    cleanup.callback(engine.dispose)
    theirs = {"tools.accept.on": True, "tools.accept.media": MEDIA}
    ours = {**ACCEPT, **TIMING, "cpkit.db.on": True}
    by_hand = "CherryPy's own, SQLAlchemy by hand"
    variants = {
        by_hand: _by_routes(cherrypy.dispatch.RoutesDispatcher(), ByHand(engine), **theirs),
        "cpkit, Core": _by_routes(RoutesDispatcher(), LendingCore(), **ours),
        "cpkit, raw": _by_routes(RoutesDispatcher(), Lending(), **{**ours, **DATABASE}),
        "cpkit, ORM": _by_routes(
            RoutesDispatcher(), LendingCore(), **ours, **{"cpkit.db.handle": "session"}
        ),
        "Flask": _flask(url),
        "Falcon": _falcon(engine),
        "FastAPI, by httpx": _fastapi(url, cleanup),
    }
    return Case(variants, by_hand, ANSWER, cleanup=cleanup.close)
