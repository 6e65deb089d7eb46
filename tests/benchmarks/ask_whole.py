"""What the pieces cost in whole requests of an application: each alone, and all of them."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cherrypy

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
    return Case(variants, theirs, ANSWER, cleanup=cleanup, headline=("cpkit's four", theirs))
