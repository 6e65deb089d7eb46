"""The library's resources: each is HTML, JSON or plain text, as the client asks."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlencode

import cherrypy
from msgspec import Struct

import cpkit.tools
from cpkit.dispatchers import route
from cpkit.openapi import operation

from ..pages import representations
from ..values import Copies, Id, Language, Note, Start, Version, Words
from ..versions import ChangedError, is_wanted, tag, version_of
from . import answers, queries

FORMS_AND_JSON = ["application/json", "application/x-www-form-urlencoded"]


class Libraries:
    """The libraries of the catalogue."""

    @route("/libraries", methods=["GET"], name="libraries")
    @cpkit.tools.accept(media=representations("libraries"))
    @cpkit.tools.db()
    def GET(self) -> answers.Libraries:  # noqa: N802
        """List the libraries."""
        return cast(answers.Libraries, {"libraries": queries.all_libraries(cherrypy.request.db)})


class Library:
    """One library and the books that it holds."""

    @route("/library/{library_id}", methods=["GET"], name="library")
    @cpkit.tools.accept(media=representations("library"))
    @cpkit.tools.db()
    def GET(self, library_id: Id, start: Start = 0) -> answers.Shelf:  # noqa: N802
        """Show a page of a library's books."""
        library = known_library(library_id)
        books, total = queries.books_of(cherrypy.request.db, library_id, start)
        return cast(answers.Shelf, {"library": library, "books": books, **paging(start, total, {})})


class Change(Struct, forbid_unknown_fields=True):
    """How many copies there are from now on, and the note."""

    copies: Copies
    note: Note = ""
    version: Version = ""  # of a form: the one that it showed


class Holding:
    """A book in a library: how many copies stand there, and a note that readers leave."""

    @route("/library/{library_id}/book/{book_id}", methods=["GET"], name="holding")
    @operation(responses={304: "The client has it."})
    @cpkit.tools.accept(media=representations("holding"))
    @cpkit.tools.db()
    def GET(self, library_id: Id, book_id: Id) -> answers.Holding:  # noqa: N802
        """Show the book in the library."""
        holding = held_book(library_id, book_id)
        tag(holding["version"])
        return holding

    @route("/library/{library_id}/book/{book_id}", methods=["PUT"], name="change_holding")
    @operation(responses={412: "Somebody has changed it since the version of If-Match."})
    @cpkit.tools.accept(media=representations("holding"))
    @cpkit.tools.db()
    @cpkit.tools.body(media=FORMS_AND_JSON)
    def PUT(self, library_id: Id, book_id: Id, body: Change) -> answers.Holding:  # noqa: N802
        """Write how many copies there are, and the note."""
        now, note = held_book(library_id, book_id, lock=True), body.note.strip()
        sent_twice = (now["copies"], now["note"]) == (body.copies, note)
        if not sent_twice and not is_wanted(now["version"], body.version):
            said = f"{now['copies']} copies, note “{now['note']}”"
            raise ChangedError(said, now["version"])
        queries.update_holding(cherrypy.request.db, library_id, book_id, body.copies, note)
        holding = held_book(library_id, book_id)
        tag(holding["version"])
        return holding

    @route("/library/{library_id}/book/{book_id}", methods=["POST"], name="send_holding")
    @operation(
        responses={
            303: "To the book in the library.",
            412: "Somebody has changed it since the version of the form.",
        }
    )
    @cpkit.tools.db()
    @cpkit.tools.body(media="application/x-www-form-urlencoded")
    def POST(self, library_id: Id, book_id: Id, body: Change) -> None:  # noqa: N802
        """Do what PUT does, for a form in a browser without scripts."""
        self.PUT(library_id, book_id, body)
        raise cherrypy.HTTPRedirect(f"/library/{library_id}/book/{book_id}", 303)


class Books:
    """The books of all libraries."""

    @route("/books", methods=["GET"], name="books")
    @cpkit.tools.accept(media=representations("books"))
    @cpkit.tools.db()
    def GET(  # noqa: N802
        self, q: Words = "", language: Language = "", start: Start = 0
    ) -> answers.Found:
        """Search the books by words of their titles and authors."""
        db, words, chosen = cherrypy.request.db, q.strip(), language.strip()
        books, total = queries.search(db, words, chosen, start)
        found = {
            "books": books,
            "q": words,
            "language": chosen,
            "languages": queries.languages(db),
            **paging(start, total, {"q": words, "language": chosen}),
        }
        return cast(answers.Found, found)


class Book:
    """One book and the libraries that hold it."""

    @route("/book/{book_id}", methods=["GET"], name="book")
    @cpkit.tools.accept(media=representations("book"))
    @cpkit.tools.db()
    def GET(self, book_id: Id) -> answers.Holders:  # noqa: N802
        """Show the book."""
        book = known_book(book_id)
        libraries = queries.holders(cherrypy.request.db, book_id)
        return cast(answers.Holders, {"book": book, "libraries": libraries})


def known_library(library_id: int) -> queries.Row:
    """Return a library, or answer 404."""
    library = queries.library(cherrypy.request.db, library_id)
    if library is None:
        raise cherrypy.HTTPError(404, f"There is no library {library_id}.")
    return library


def known_book(book_id: int) -> queries.Row:
    """Return a book, or answer 404."""
    book = queries.book(cherrypy.request.db, book_id)
    if book is None:
        raise cherrypy.HTTPError(404, f"There is no book {book_id}.")
    return book


def held_book(library_id: int, book_id: int, *, lock: bool = False) -> answers.Holding:
    """Return a book as a library holds it, or answer 404 saying what is missing.

    With *lock* nobody else changes it before this transaction ends.
    """
    holding = queries.holding(cherrypy.request.db, library_id, book_id, lock=lock)
    if holding is None:
        known_library(library_id)
        known_book(book_id)
        raise cherrypy.HTTPError(404, f"Library {library_id} does not hold book {book_id}.")
    version = version_of(holding["copies"], holding["note"])
    return cast(answers.Holding, {**holding, "version": version})


def paging(start: int, total: int, query: dict[str, str]) -> answers.Paging:
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
