"""The catalogue as it is shipped: facts in two CSV files, and who holds what."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).parent / "data"


class Library(NamedTuple):
    """A library that exists."""

    id: int
    name: str
    city: str
    country: str


class Book(NamedTuple):
    """A book in the public domain; *year* is that of its first publication or performance."""

    id: int
    title: str
    author: str
    year: int
    language: str
    english_title: str


def libraries() -> list[Library]:
    """Read the libraries, in the order of their ids."""
    return [
        Library(int(row["id"]), row["name"], row["city"], row["country"])
        for row in _rows("libraries.csv")
    ]


def books() -> list[Book]:
    """Read the books, in the order of their ids."""
    return [
        Book(
            int(row["id"]),
            row["title"],
            row["author"],
            int(row["year"]),
            row["language"],
            row["english_title"],
        )
        for row in _rows("books.csv")
    ]


def holds(library_id: int, book_id: int) -> bool:
    """Tell whether a library of the demo holds a book: every third one, by plain arithmetic.

    The libraries and the books are facts; which of them meet here is not.
    """
    return (library_id + book_id) % 3 == 0


def copies(library_id: int, book_id: int) -> int:
    """Return how many copies a library starts with: one to five."""
    return 1 + (7 * library_id + book_id) % 5


def folded(text: str) -> str:
    """Return *text* as it is searched: without case and accents ("Brontë" is found by "bronte")."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
