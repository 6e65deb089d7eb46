"""What is asked of the catalogue's tables; plain rows come back."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ..schema import books, holdings, libraries
from .catalogue import folded

Row = dict[str, Any]
PAGE = 24

_BOOK = [books.c[name] for name in ("id", "title", "author", "year", "language", "english_title")]
_LIBRARY = list(libraries.c)
# PERF: the statement of the busiest page is built once.
_HOLDING = (
    sa.select(*_LIBRARY, *_BOOK, holdings.c.copies, holdings.c.note)
    .join_from(holdings, libraries)
    .join(books)
    .where(
        holdings.c.library_id == sa.bindparam("library_id"),
        holdings.c.book_id == sa.bindparam("book_id"),
    )
)
_LOCKED = _HOLDING.with_for_update(of=holdings)  # SQLite locks all it writes to, by itself


def all_libraries(db: Any) -> list[Row]:
    """List the libraries with the number of books that each holds."""
    held = sa.func.count(holdings.c.book_id).label("books")
    asked = (
        sa.select(libraries, held)
        .join(holdings, holdings.c.library_id == libraries.c.id)
        .group_by(*libraries.c)
        .order_by(libraries.c.id)
    )
    return _rows(db.execute(asked))


def library(db: Any, library_id: int) -> Row | None:
    """Return one library, or None."""
    return _row(db.execute(sa.select(libraries).where(libraries.c.id == library_id)))


def book(db: Any, book_id: int) -> Row | None:
    """Return one book, or None."""
    return _row(db.execute(sa.select(*_BOOK).where(books.c.id == book_id)))


def holding(db: Any, library_id: int, book_id: int, *, lock: bool = False) -> Row | None:
    """Return a book in a library: both, the copies and the note; None when it has none."""
    asked = _LOCKED if lock else _HOLDING
    found = db.execute(asked, {"library_id": library_id, "book_id": book_id}).first()
    if found is None:
        return None
    library, book = found[: len(_LIBRARY)], found[len(_LIBRARY) : -2]
    return {
        "library": dict(zip(libraries.c.keys(), library, strict=True)),
        "book": dict(zip([column.name for column in _BOOK], book, strict=True)),
        "copies": found.copies,
        "note": found.note,
    }


def update_holding(db: Any, library_id: int, book_id: int, copies: int, note: str) -> None:
    """Write the copies and the note of a holding that exists."""
    held = sa.and_(holdings.c.library_id == library_id, holdings.c.book_id == book_id)
    db.execute(sa.update(holdings).where(held).values(copies=copies, note=note))


def books_of(db: Any, library_id: int, start: int) -> tuple[list[Row], int]:
    """Return a page of a library's books from *start* on, and how many there are in all."""
    held = sa.and_(holdings.c.book_id == books.c.id, holdings.c.library_id == library_id)
    return _page(db, sa.select(*_BOOK, holdings.c.copies).join(holdings, held), start)


def search(db: Any, words: str, language: str, start: int) -> tuple[list[Row], int]:
    """Return a page of the books that have every one of *words*, and how many there are in all."""
    asked = sa.select(*_BOOK)
    for word in folded(words).split():
        asked = asked.where(books.c.folded.contains(word, autoescape=True))
    if language:
        asked = asked.where(books.c.language == language)
    return _page(db, asked, start)


def languages(db: Any) -> list[Row]:
    """List the languages of the books, the most frequent first."""
    number = sa.func.count().label("books")
    asked = sa.select(books.c.language, number).group_by(books.c.language)
    return _rows(db.execute(asked.order_by(number.desc(), books.c.language)))


def holders(db: Any, book_id: int) -> list[Row]:
    """List the libraries that hold a book."""
    held = sa.and_(holdings.c.library_id == libraries.c.id, holdings.c.book_id == book_id)
    asked = sa.select(libraries, holdings.c.copies).join(holdings, held)
    return _rows(db.execute(asked.order_by(libraries.c.id)))


def _page(db: Any, asked: sa.Select[Any], start: int) -> tuple[list[Row], int]:
    total = db.execute(sa.select(sa.func.count()).select_from(asked.subquery())).scalar_one()
    page = asked.order_by(books.c.year, books.c.id).limit(PAGE).offset(start)
    return _rows(db.execute(page)), total


def _rows(result: Any) -> list[Row]:
    return [dict(row) for row in result.mappings()]


def _row(result: Any) -> Row | None:
    row = result.mappings().first()
    return None if row is None else dict(row)
