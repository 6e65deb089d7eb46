"""Copies of databases, for tests to work on: one way for each kind."""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from cpkit.errors import UnfitDatabaseError

from ._mariadb import MariadbCopying

_PREFIX = "cpkit_test_"


class Copy(Protocol):
    """A database that holds what another one held; *url* names it, *drop* removes it."""

    url: URL

    def drop(self) -> None:
        """Remove it with all that is in it."""


def copy_of(url: str | None) -> Copy:
    """Return a copy of the database *url*, or an empty SQLite file if there is none.

    Raises UnfitDatabaseError where the database cannot be copied.
    """
    parsed = make_url(url or "sqlite:///")
    kind = parsed.get_backend_name()
    if url and is_in_memory(parsed):
        return _Memory(parsed)
    if kind == "sqlite":
        return _File(parsed, path_of(parsed) if url else None)
    if kind not in _SERVERS:
        raise UnfitDatabaseError(
            parsed.render_as_string(),
            f"cpkit copies no database of the kind {kind}",
            "Open it in a fixture of your own, which undoes what the test does.",
        )
    try:
        return _SERVERS[kind](parsed)
    except SQLAlchemyError as error:
        raise UnfitDatabaseError(
            parsed.render_as_string(),
            f"it cannot be copied: {' '.join(str(error).split())[:300]}",
            "cp_db needs a user who owns the database and may create others, and no other "
            "connection to it while it is copied.",
        ) from error


def is_in_memory(url: URL) -> bool:
    """Tell whether *url* is of a SQLite database that lives in memory."""
    name = url.database or ""
    return url.get_backend_name() == "sqlite" and (
        name in ("", ":memory:")
        or name.startswith("file::memory:")
        or url.query.get("mode") == "memory"
    )


def path_of(url: URL) -> Path:
    """Return the path of a SQLite file."""
    name = url.database or ""
    return Path(unquote(urlsplit(name).path) if name.startswith("file:") else name)


class _Memory:
    """A database in memory, which begins empty anyway."""

    def __init__(self, url: URL) -> None:
        self.url = url

    def drop(self) -> None:
        """Leave it to the connection, with which it ends."""


class _File:
    """A copy of a SQLite file in a folder of its own."""

    def __init__(self, url: URL, path: Path | None) -> None:
        self._folder = tempfile.mkdtemp(prefix="cpkit-test-")
        name = os.path.join(self._folder, path.name if path else "test.sqlite")
        if path is not None and path.exists():
            with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(name)) as copy:
                source.backup(copy)
        kept = {key: value for key, value in url.query.items() if key not in ("uri", "mode")}
        self.url = url.set(database=name, query=kept)

    def drop(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


class _Postgresql:
    """A database that PostgreSQL makes with the other as its template."""

    def __init__(self, url: URL) -> None:
        self.url = url.set(database=_name(url))
        self._server = url.set(database="template1" if url.database == "postgres" else "postgres")
        with _connected(self._server) as connection:
            if _is_in_use(connection, url.database):
                _close_idle_connections(url)
            template = _quoted(connection, url.database)
            name = _quoted(connection, self.url.database)
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))

    def drop(self) -> None:
        with _connected(self._server) as connection:
            name = _quoted(connection, self.url.database)
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


class _Mariadb:
    """A database that is made anew from the statements with which MariaDB shows the other."""

    def __init__(self, url: URL) -> None:
        self.url = url.set(database=_name(url))
        self._source = url.set(database=None)
        with _connected(self._source) as connection:
            MariadbCopying(connection, str(url.database), str(self.url.database)).run()

    def drop(self) -> None:
        with _connected(self._source) as connection:
            connection.execute(text(f"DROP DATABASE {_quoted(connection, self.url.database)}"))


_SERVERS: dict[str, type[_Postgresql] | type[_Mariadb]] = {
    "postgresql": _Postgresql,
    "mysql": _Mariadb,
    "mariadb": _Mariadb,
}


@contextmanager
def _connected(url: URL) -> Iterator[Connection]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def _name(url: URL) -> str:
    return f"{_PREFIX}{os.urandom(4).hex()}_{url.database}"[:63]


def _quoted(connection: Connection, name: str | None) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name or "")


def _is_in_use(connection: Connection, name: str | None) -> bool:
    others = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name")
    return bool(connection.execute(others, {"name": name}).scalar())


def _close_idle_connections(url: URL) -> None:
    """Close what this process's engines keep open to the database, and nobody uses."""
    # NOTE: PostgreSQL copies no database that somebody is connected to; an engine that a fixture
    # made tables with keeps its connection, and opens another when it needs one.
    for each in gc.get_objects():
        if isinstance(each, Engine) and each.url.database == url.database:
            pool = each.pool
            # A connection that is in use would be left to the garbage collector.
            if isinstance(pool, QueuePool) and not pool.checkedout():
                each.dispose()
