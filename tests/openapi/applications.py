"""Three small applications, each with a dispatcher that can be described and served."""

from __future__ import annotations

import enum
import threading
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import cherrypy
import msgspec
from msgspec import Meta, Struct

import cpkit.tools
from cpkit import openapi
from cpkit.dispatchers import RoutesDispatcher
from cpkit.tools import Part

JSON = {"application/json": msgspec.json.encode}
GET, POST = {"method": ["GET"]}, {"method": ["POST"]}


class Genre(enum.Enum):
    """What a book is about."""

    NOVEL = "novel"
    POEM = "poem"


class Book(Struct):
    """A book on a shelf."""

    number: int
    title: str
    genre: Genre
    printed: date | None = None


class Books(Struct):
    """A page of books."""

    books: list[Book]
    page: int


class Library:
    """Reading: a path, and a query of every type."""

    @cpkit.tools.params()
    def book(self, number: Annotated[int, Meta(ge=1, le=1000)]) -> Book:
        """Show a book.

        Every number that is even is a novel.
        """
        return Book(number, f"Book {number}", Genre.POEM if number % 2 else Genre.NOVEL)

    @cpkit.tools.params()
    def books(
        self,
        q: Annotated[str, Meta(max_length=50, description="Words of the title.")] = "",
        genre: Genre | None = None,
        page: Annotated[int, Meta(ge=1)] = 1,
        since: date | None = None,
        before: datetime | None = None,
        price: Annotated[float, Meta(gt=0)] | None = None,
        most: Decimal | None = None,
        shelf: Literal[1, 2, 3] | None = None,
        lent: bool = False,
        ids: list[UUID] = [],  # noqa: B006
        tags: Annotated[set[str], Meta(max_length=3)] = frozenset(),
    ) -> Books:
        """Search the books."""
        return Books([], page)

    @openapi.operation(tags=["Files"], deprecated=True)
    @cpkit.tools.params()
    def file(self, path: str) -> str:
        """Show where a file is."""
        return path

    @cpkit.tools.params()
    def code(self, letters: str, digits: str) -> dict[str, str]:
        """Show two parts of a code."""
        return {"letters": letters, "digits": digits}


def library() -> RoutesDispatcher:
    """Return the routes of the library, which answers JSON."""
    made, pages = RoutesDispatcher(), Library()
    made.connect("book", "/book/{number}", pages, action="book", conditions=GET)
    made.connect("books", "/books", pages, action="books", conditions=GET)
    made.connect("file", "/file/{path:.+}", pages, action="file", conditions=GET)
    code = r"/code/{letters:[a-z]+}-{digits:\d{2,4}}"
    made.connect("code", code, pages, action="code", conditions=GET)
    return made


class Notes:
    """Writing: documents, a resource that comes and goes, rules that no schema can say."""

    def __init__(self) -> None:
        self.notes: dict[int, Note] = {}
        self.next, self.lock = 1, threading.Lock()

    @openapi.operation(responses={201: "The note, and where it is.", 409: "There are too many."})
    @cpkit.tools.body()
    @cpkit.tools.params()
    def create(self, body: Note, loud: bool = False) -> Kept:
        """Keep a note."""
        with self.lock:
            if len(self.notes) >= 1000:
                raise cherrypy.HTTPError(409, "There are 1,000 notes.")
            number, self.next = self.next, self.next + 1
            self.notes[number] = body
        cherrypy.response.status = 201
        cherrypy.response.headers["Location"] = cherrypy.url(f"/note/{number}")
        return Kept(number, body)

    @cpkit.tools.params()
    def show(self, number: int) -> Kept:
        """Show a note."""
        return Kept(number, self._known(number))

    @cpkit.tools.body()
    @cpkit.tools.params()
    def replace(self, number: int, body: Note) -> Kept:
        """Put another note in its place."""
        self._known(number)
        self.notes[number] = body
        return Kept(number, body)

    @openapi.operation(responses={204: "It is gone."})
    @cpkit.tools.params()
    def forget(self, number: int) -> None:
        """Forget a note."""
        self._known(number)
        self.notes.pop(number, None)
        cherrypy.response.status = 204

    @cpkit.tools.body()
    def shapes(self, body: list[Circle | Square]) -> dict[str, float]:
        """Add up areas."""
        return {"area": float(len(body))}

    def _known(self, number: int) -> Note:
        if number not in self.notes:
            raise cherrypy.HTTPError(404, f"There is no note {number}.")
        return self.notes[number]


class Note(Struct, forbid_unknown_fields=True):
    """A note."""

    text: Annotated[str, Meta(min_length=1, max_length=200)]
    copies: Annotated[int, Meta(ge=0, le=99)] = 1
    price: Decimal | None = None
    due: datetime | None = None
    by: UUID | None = None
    tags: dict[str, int] = {}


class Kept(Struct):
    """A note that is kept."""

    number: int
    note: Note


class Circle(Struct, tag=True):
    """A circle."""

    radius: Annotated[float, Meta(ge=0)]


class Square(Struct, tag=True):
    """A square."""

    side: int


def notes() -> RoutesDispatcher:
    """Return the routes of the notes, which answer JSON."""
    made, pages = RoutesDispatcher(), Notes()
    made.connect("create", "/notes", pages, action="create", conditions=POST)
    for name, method in (("show", "GET"), ("replace", "PUT"), ("forget", "DELETE")):
        made.connect(name, "/note/{number}", pages, action=name, conditions={"method": [method]})
    made.connect("shapes", "/shapes", pages, action="shapes", conditions=POST)
    return made


class Forms:
    """Forms, with files and without, answered as text or HTML."""

    exposed = True

    @openapi.operation(responses={303: "To what was made."})
    def POST(  # noqa: N802
        self,
        name: str,
        copies: Annotated[int, Meta(ge=1, le=9)] = 1,
        lent: bool = False,
        tag: list[str] = [],  # noqa: B006
        weight: float | None = None,
        **more: int,
    ) -> str:
        """Take a form."""
        if copies == 9:
            raise cherrypy.HTTPRedirect("/form", 303)
        return f"{name}: {copies}"

    def GET(self, *, page: int = 1) -> str:  # noqa: N802
        """Show the form."""
        return f"page {page}"


class Upload:
    """A form with a file."""

    exposed = True

    def POST(self, cover: Part, pages: int = 1) -> str:  # noqa: N802
        """Take a file."""
        size = len(cover.file.read())
        cover.file.close()
        return f"{size} bytes, {pages} pages"


def forms() -> RoutesDispatcher:
    """Return the routes of the forms."""
    made = RoutesDispatcher()
    made.connect("form", "/form", Forms())
    made.connect("upload", "/upload", Upload())
    return made


CONFIG: dict[str, dict[str, Any]] = {
    "library": {"cpkit.accept.on": True, "cpkit.accept.media": JSON, "cpkit.accept.errors": True},
    "notes": {"cpkit.accept.on": True, "cpkit.accept.media": JSON, "cpkit.accept.errors": True},
    "forms": {
        "cpkit.accept.on": True,
        "cpkit.accept.media": {"text/plain": str, "text/html": str, **JSON},
        "cpkit.params.on": True,
    },
}
MADE = {"library": library, "notes": notes, "forms": forms}


def mount(name: str) -> RoutesDispatcher:
    """Mount an application, and return its dispatcher."""
    dispatcher = MADE[name]()
    config = {
        "/": {"request.dispatch": dispatcher, "tools.trailing_slash.on": False, **CONFIG[name]}
    }
    cherrypy.tree.mount(None, "", config)
    return dispatcher
