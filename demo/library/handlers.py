"""The library's resources: each is HTML, JSON or plain text, as the client asks."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import cherrypy

import cpkit.tools

from ..pages import representations
from ..reading import checked_text, whole_number
from . import queries

MOST_COPIES = 99
LONGEST_NOTE = 200


class Libraries:
    """The libraries of the catalogue."""

    exposed = True

    @cpkit.tools.accept(media=representations("libraries"))
    @cpkit.tools.db()
    def GET(self) -> dict[str, Any]:  # noqa: N802
        """List the libraries."""
        return {"libraries": queries.all_libraries(cherrypy.request.db)}


class Library:
    """One library and the books that it holds."""

    exposed = True

    @cpkit.tools.accept(media=representations("library"))
    @cpkit.tools.db()
    def GET(self, library_id: str, start: str = "0") -> dict[str, Any]:  # noqa: N802
        """Show a page of a library's books."""
        library = known_library(int(library_id))
        first = whole_number("start", start, 0, 1_000_000)
        books, total = queries.books_of(cherrypy.request.db, library["id"], first)
        return {"library": library, "books": books, **paging(first, total, {})}


class Holding:
    """A book in a library: how many copies stand there, and a note that readers leave."""

    exposed = True

    @cpkit.tools.accept(media=representations("holding"))
    @cpkit.tools.db()
    def GET(self, library_id: str, book_id: str) -> dict[str, Any]:  # noqa: N802
        """Show the book in the library."""
        return held_book(int(library_id), int(book_id))

    @cpkit.tools.accept(media=representations("holding"))
    @cpkit.tools.db()
    def PUT(  # noqa: N802
        self, library_id: str, book_id: str, copies: str = "", note: str = ""
    ) -> dict[str, Any]:
        """Write how many copies there are, and the note."""
        held_book(int(library_id), int(book_id))
        number = whole_number("copies", copies, 0, MOST_COPIES)
        text = checked_text("note", note, 0, LONGEST_NOTE)
        queries.update_holding(cherrypy.request.db, int(library_id), int(book_id), number, text)
        return held_book(int(library_id), int(book_id))

    @cpkit.tools.db()
    def POST(  # noqa: N802
        self, library_id: str, book_id: str, copies: str = "", note: str = ""
    ) -> None:
        """Do what PUT does, for a form in a browser without scripts."""
        self.PUT(library_id, book_id, copies, note)
        raise cherrypy.HTTPRedirect(f"/library/{library_id}/book/{book_id}", 303)


class Books:
    """The books of all libraries."""

    exposed = True

    @cpkit.tools.accept(media=representations("books"))
    @cpkit.tools.db()
    def GET(  # noqa: N802
        self, q: str = "", language: str = "", start: str = "0"
    ) -> dict[str, Any]:
        """Search the books by words of their titles and authors."""
        words, chosen = checked_text("q", q, 0, 100), checked_text("language", language, 0, 8)
        first, db = whole_number("start", start, 0, 1_000_000), cherrypy.request.db
        books, total = queries.search(db, words, chosen, first)
        return {
            "books": books,
            "q": words,
            "language": chosen,
            "languages": queries.languages(db),
            **paging(first, total, {"q": words, "language": chosen}),
        }


class Book:
    """One book and the libraries that hold it."""

    exposed = True

    @cpkit.tools.accept(media=representations("book"))
    @cpkit.tools.db()
    def GET(self, book_id: str) -> dict[str, Any]:  # noqa: N802
        """Show the book."""
        book = known_book(int(book_id))
        return {"book": book, "libraries": queries.holders(cherrypy.request.db, book["id"])}


def known_library(library_id: int) -> dict[str, Any]:
    """Return a library, or answer 404."""
    library = queries.library(cherrypy.request.db, library_id)
    if library is None:
        raise cherrypy.HTTPError(404, f"There is no library {library_id}.")
    return library


def known_book(book_id: int) -> dict[str, Any]:
    """Return a book, or answer 404."""
    book = queries.book(cherrypy.request.db, book_id)
    if book is None:
        raise cherrypy.HTTPError(404, f"There is no book {book_id}.")
    return book


def held_book(library_id: int, book_id: int) -> dict[str, Any]:
    """Return a book as a library holds it, or answer 404 saying what is missing."""
    holding = queries.holding(cherrypy.request.db, library_id, book_id)
    if holding is None:
        known_library(library_id)
        known_book(book_id)
        raise cherrypy.HTTPError(404, f"Library {library_id} does not hold book {book_id}.")
    return holding


def paging(start: int, total: int, query: dict[str, str]) -> dict[str, Any]:
    """Return where a page of results stands: the total and the queries of its neighbours."""
    size = queries.PAGE
    last = max(0, total - 1) // size * size

    def link(first: int) -> str:
        return "?" + urlencode({**{k: v for k, v in query.items() if v}, "start": first})

    return {
        "start": start,
        "total": total,
        "previous": link(min(max(0, start - size), last)) if start > 0 else None,
        "next": link(start + size) if start + size < total else None,
    }
