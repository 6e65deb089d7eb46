"""What a new database is given: the tables, the catalogue, the shelves."""

from __future__ import annotations

import sqlalchemy as sa

from . import schema
from .library import catalogue
from .store.stock import SHELVES

_SPOKEN = ("sqlite", "postgresql")  # which know INSERT ... ON CONFLICT


def prepare(connection: sa.Connection) -> None:
    """Create the tables and fill the empty ones, once, however many processes start together.

    *connection* is in a transaction in which the database plugin lets one process in at a time.
    """
    if connection.dialect.name not in _SPOKEN:
        found = connection.dialect.name
        raise ValueError(f"The demo is for SQLite and PostgreSQL, and {found} is neither.")
    schema.metadata.create_all(connection)
    if connection.scalar(sa.select(sa.func.count()).select_from(schema.libraries)) == 0:
        _fill(connection)


def _fill(connection: sa.Connection) -> None:
    libraries, books = catalogue.libraries(), catalogue.books()
    connection.execute(schema.libraries.insert(), [row._asdict() for row in libraries])
    connection.execute(
        schema.books.insert(),
        [
            {
                **book._asdict(),
                "folded": catalogue.folded(f"{book.title} {book.author} {book.english_title}"),
            }
            for book in books
        ],
    )
    connection.execute(
        schema.holdings.insert(),
        [
            {
                "library_id": library.id,
                "book_id": book.id,
                "copies": catalogue.copies(library.id, book.id),
                "note": "",
            }
            for library in libraries
            for book in books
            if catalogue.holds(library.id, book.id)
        ],
    )
    connection.execute(schema.shelves.insert(), [shelf._asdict() for shelf in SHELVES])
