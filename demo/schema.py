"""The demo's tables, on SQLite as on PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

libraries = sa.Table(
    "libraries",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("city", sa.Text, nullable=False),
    sa.Column("country", sa.Text, nullable=False),
)

books = sa.Table(
    "books",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("english_title", sa.Text, nullable=False),
    sa.Column("folded", sa.Text, nullable=False),
)

holdings = sa.Table(
    "holdings",
    metadata,
    sa.Column("library_id", sa.ForeignKey(libraries.c.id), primary_key=True),
    sa.Column("book_id", sa.ForeignKey(books.c.id), primary_key=True),
    sa.Column("copies", sa.Integer, nullable=False),
    sa.Column("note", sa.Text, nullable=False, default=""),
)

strings = sa.Table(
    "strings",
    metadata,
    sa.Column("session_id", sa.String(64), primary_key=True),  # its SHA-256
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("written", sa.Float, nullable=False),
)

receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column("number", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("discount", sa.Integer, nullable=False),
    sa.Column("bought", sa.JSON, nullable=False),
    sa.Column("cents", sa.Integer, nullable=False),
    sa.Column("written", sa.Float, nullable=False),
)

shelves = sa.Table(
    "shelves",
    metadata,
    sa.Column("item", sa.String(40), primary_key=True),
    sa.Column("cents", sa.Integer, nullable=False),
    sa.Column("stock", sa.Integer, nullable=False),
    sa.Column("full", sa.Integer, nullable=False),
)
