"""A database connection whose every change is undone: commits and rollbacks end at a savepoint."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from sqlalchemy import make_url


class SharedConnection:
    """Be the one DBAPI connection to *url* that all of a test's units of work share.

    Around it lies a transaction that is never committed. What is committed is released into it;
    what is rolled back returns to the last commit; :meth:`undo` forgets it all.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        kind: Any = parsed.get_dialect()
        dialect = kind(dbapi=kind.import_dbapi())
        arguments, options = dialect.create_connect_args(parsed)
        lite = dialect.name == "sqlite"
        if lite:
            options.update(check_same_thread=False, isolation_level=None)
        real = dialect.connect(*arguments, **options)
        vars(self).update(_real=real, _lite=lite, _begun=False)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """Pass for the driver's own class, which drivers check."""
        return type(self._real)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Keep the modes that are set; the transaction around all cannot change its own."""
        vars(self)[name] = value

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        """Return a cursor within the transaction."""
        self._begin()
        if self._lite and not args:
            args = (_Cursor,)
        return self._real.cursor(*args, **kwargs)

    def executescript(self, script: str) -> Any:
        """Run a script (SQLite's own)."""
        return self.cursor().executescript(script)

    def execute(self, statement: str, *args: Any) -> Any:
        """Run a statement, but for those that a transaction has no use for any more."""
        words = statement.split(None, 1)[0].upper()
        if words == "PRAGMA" and not self._begun:
            return self._real.execute(statement, *args)
        if words == "BEGIN" or (words == "PRAGMA" and "=" in statement):
            return self._real.cursor()
        self._begin()
        return self._real.execute(statement, *args)

    def commit(self) -> None:
        """Keep what was done so far, within the transaction around it."""
        if self._begun:
            self._run("RELEASE SAVEPOINT cp_db")
            self._run("SAVEPOINT cp_db")

    def rollback(self) -> None:
        """Undo what was done since the last commit."""
        if self._begun:
            self._run("ROLLBACK TO SAVEPOINT cp_db")

    def close(self) -> None:
        """Do nothing: a pool that closes gives back what others still use."""

    def undo(self) -> None:
        """Undo everything, commits too, and disconnect."""
        self._real.rollback()
        self._real.close()

    def _begin(self) -> None:
        if not self._begun:
            vars(self)["_begun"] = True
            if self._lite:
                self._run("BEGIN")
            self._run("SAVEPOINT cp_db")

    def _run(self, statement: str) -> None:
        cursor = self._real.cursor()
        cursor.execute(statement)
        cursor.close()


class _Cursor(sqlite3.Cursor):
    """Run scripts within the transaction, where sqlite3's own commits it first."""

    def executescript(self, script: str) -> _Cursor:
        for statement in _statements(script):
            if statement.split(None, 1)[0].rstrip(";").upper() not in ("BEGIN", "COMMIT", "END"):
                self.execute(statement)
        return self


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a SQL script."""
    statement = ""
    for part in script.split(";"):
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            if statement.strip("; \t\r\n"):
                yield statement
            statement = ""
