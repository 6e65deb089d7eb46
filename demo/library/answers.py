"""What the library answers, as types: the description of the API promises them."""

from __future__ import annotations

from typing import TypedDict


class Library(TypedDict):
    """A library that exists."""

    id: int
    name: str
    city: str
    country: str


class LibraryWithBooks(Library):
    """A library, and how many books it holds."""

    books: int


class LibraryWithCopies(Library):
    """A library, and how many copies of the book stand there."""

    copies: int


class Book(TypedDict):
    """A book in the public domain."""

    id: int
    title: str
    author: str
    year: int
    language: str
    english_title: str


class BookWithCopies(Book):
    """A book, and how many copies of it stand in the library."""

    copies: int


class Language(TypedDict):
    """A language (ISO 639-1), and how many books are in it."""

    language: str
    books: int


class Paging(TypedDict):
    """Where a page of results stands, and the queries of its neighbours."""

    start: int
    total: int
    previous: str | None
    next: str | None


class Libraries(TypedDict):
    """The libraries of the catalogue."""

    libraries: list[LibraryWithBooks]


class Shelf(Paging):
    """A page of a library's books."""

    library: Library
    books: list[BookWithCopies]


class Holding(TypedDict):
    """A book in a library."""

    library: Library
    book: Book
    copies: int
    note: str
    version: str


class Found(Paging):
    """A page of the books that were found."""

    books: list[Book]
    q: str
    language: str
    languages: list[Language]


class Holders(TypedDict):
    """A book, and the libraries that hold it."""

    book: Book
    libraries: list[LibraryWithCopies]
