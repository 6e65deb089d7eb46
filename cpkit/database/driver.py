"""The driver's own connection (PEP 249) as the handle of a unit of work."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from cpkit.errors import UnitOverError

from .statements import Composed, Statement
from .terms import AfterCommit, refuse_autocommit, refuse_two_phases
from .unit import Unit

# What of a driver's cursor and connection is handed out as it is: it runs nothing.
_HARMLESS = frozenset({"fetchone", "fetchmany", "fetchall", "close", "nextset", "scroll"})
# What switches a driver to AUTOCOMMIT, or asks whether it is.
_AUTOCOMMIT = ("autocommit", "set_autocommit")
# What writes without a statement.
_WRITING = frozenset({"callproc", "copy_from"})


# What is given a text that is no statement; what it does is the server's or SQLite's to refuse.
_NAMING = frozenset(
    {"blobopen", "create_function", "create_aggregate", "create_window_function"}
    | {"create_collation", "set_client_encoding", "select_db", "set_charset", "set_character_set"}
    | {"escape", "escape_string", "literal", "string_literal", "mogrify"}
)


class Cursor(Protocol):
    """What every driver's cursor has (PEP 249)."""

    def execute(self, statement: Any, /, *args: Any) -> object:
        """Run one statement."""

    def executemany(self, statement: Any, /, *args: Any) -> object:
        """Run one statement for each set of parameters."""

    def close(self) -> None:
        """End the cursor."""

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the rows."""


# What makes the rows, as drivers call it: sqlite3, psycopg, psycopg 2, PyMySQL.
_ROWS = ("row_factory", "text_factory", "cursor_factory", "cursorclass")


# What else is set by assignment: on psycopg's, psycopg 2's and mysql-connector's connections.
_SET = (
    *("isolation_level", "read_only", "readonly", "deferrable", "prepare_threshold"),
    *("prepared_max", "database", "sql_mode", "time_zone", "can_consume_results"),
)


class OfDriver:
    """An attribute of a unit that is its driver's connection's."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, unit: DriverUnit | None, owner: type[DriverUnit]) -> Any:
        """Return it; AttributeError if there is none."""
        return self if unit is None else unit.of_driver(self.name)


class SetOnHandle(OfDriver):
    """An attribute that a driver's connection may have; read as any other, and set there."""

    def __set__(self, unit: DriverUnit, value: object) -> None:
        setattr(unit.handle, self.name, value)


class DriverUnit(Unit, has=_ROWS):
    """A unit of work that lends the driver's own connection (PEP 249), without layers above it.

    ``execute``, ``executemany``, ``executescript`` and ``cursor`` of the unit are watched:
    statements are counted, and refused if they write where the unit only reads.
    """

    @property
    def handle(self) -> Any:
        """Return the driver's connection, in a transaction if the unit needs one.

        What is done with it is not watched, so that it is not lent to anybody else; a server
        refuses what writes where the unit only reads.
        """
        driver = self._driver()
        self.expose()
        return driver

    def execute(self, statement: Statement, *args: object) -> WatchedCursor:
        """Run one statement and return its cursor."""
        return self.cursor().execute(statement, *args)

    def executemany(self, statement: Statement, *args: object) -> WatchedCursor:
        """Run one statement for each set of parameters and return its cursor."""
        return self.cursor().executemany(statement, *args)

    def executescript(self, script: str) -> WatchedCursor:
        """Run the statements of *script* in this transaction; sqlite3 would commit it first."""
        return self.cursor().executescript(script)

    def cursor(self, *args: object, **options: object) -> WatchedCursor:
        """Return a cursor that counts what it runs."""
        return WatchedCursor(self, self._driver().cursor(*args, **options))

    @classmethod
    def learn(cls, names: Iterable[str]) -> None:
        """Give units the attributes of a driver's connection, by their *names*, that they lack.

        Those of its class are known at the start, and all when one was opened. PERF: a class with
        a ``__getattr__`` is slow to find any attribute.
        """
        for name in names:
            if not name.startswith("_") and not hasattr(cls, name):
                setattr(cls, name, OfDriver(name))

    def of_driver(self, name: str) -> Any:
        """Return the attribute *name* of the driver's connection; a method is watched."""
        found = getattr(self._driver(), name)
        if found is None or isinstance(found, str | bytes | int | float):
            return found  # a bool is an int
        self.expose()
        return self.watched(name, found) if callable(found) else found

    @property
    def autocommit(self) -> Any:
        """Return what the driver says; it is not to be set."""
        return self.of_driver("autocommit")

    @autocommit.setter
    def autocommit(self, value: object) -> None:
        """Raise SettingError."""
        refuse_autocommit("autocommit", "AUTOCOMMIT")

    def watched(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """Return a driver's *method* as one that judges the statement that it is given first."""

        def call(*args: Any, **options: Any) -> Any:
            if (
                name in _AUTOCOMMIT
                or options.get("autocommit")
                or (name == "set_isolation_level" and args[:1] == (0,))  # psycopg2's
            ):
                refuse_autocommit(name, "AUTOCOMMIT")
            if name.startswith("tpc_"):  # PEP 249's
                refuse_two_phases(f"{name}()")
            if name == "transaction":
                return self._block(method, *args, **options)
            if name in _WRITING:
                self.heed("CALL")
            elif name not in _NAMING and args and isinstance(args[0], str | bytes | Composed):
                self.heed(args[0])
            self._driver()
            found = method(*args, **options)
            if isinstance(found, Generator) and self._borrowed is not None:
                self._borrowed.remember_rows(found)
            return found

        return call

    @contextmanager
    def _block(self, method: Callable[..., Any], *args: Any, **options: Any) -> Iterator[Any]:
        """Have psycopg's block, a savepoint, undo what waits for the commit as well."""
        self._after = self._after or AfterCommit()
        self._after.note("psycopg's", "", "")
        good = False
        try:
            self._driver()
            with method(*args, **options) as block:
                yield block
                good = not (options.get("force_rollback") or any(args[1:2]))
        finally:
            self._after.note("", "" if good else "psycopg's", "psycopg's" if good else "")

    def remember(self, cursor: Cursor) -> None:
        """Keep the connection as long as somebody has *cursor*, which may yield rows."""
        if self._borrowed is not None:
            self._borrowed.remember(cursor)

    def heed(self, statement: Statement) -> None:
        """Take note of a *statement* that is not run here; WriteInReadUnitError if it may not."""
        borrowed = self._borrowed
        if borrowed is not None:
            self._heed(borrowed, borrowed.backend.judge(statement), statement)

    def _driver(self) -> Any:
        """Return the driver's connection, in a transaction if the unit needs one."""
        if self._handle is None:
            self.open()
        self.begin_transaction()
        return self._handle

    def _open(self) -> None:
        self._handle = self.borrow().driver

    def _commit(self) -> None:
        borrowed = self._borrowed
        if borrowed is None:
            return
        # There may be one by hand, after a transaction that a text has ended with COMMIT.
        by_hand = self.terms.write and not borrowed.backend.is_idle(borrowed.driver)
        if borrowed.transaction is not None or by_hand:
            borrowed.commit_by(self._handle.commit)

    def _rollback(self) -> None:
        if self._borrowed is not None:
            self._borrowed.rollback_by(self._handle.rollback)

    def _shut(self, handle: Any, broken: bool) -> bool:
        borrowed = self._borrowed
        if broken or borrowed is None:
            return False
        return borrowed.backend.is_idle(handle) or borrowed.undone()


for _name in _SET:
    setattr(DriverUnit, _name, SetOnHandle(_name))


class WatchedCursor:
    """The driver's cursor, which has its unit run what it is given."""

    def __init__(self, unit: DriverUnit, cursor: Cursor) -> None:
        self._unit, self._cursor = unit, cursor

    def execute(self, statement: Statement, *args: object) -> WatchedCursor:
        """Run one statement; return this cursor, which has its rows."""
        self._run(statement, self._cursor.execute, *args)
        return self

    def executemany(self, statement: Statement, *args: object) -> WatchedCursor:
        """Run one statement for each set of parameters."""
        self._run(statement, self._cursor.executemany, *args)
        return self

    def executescript(self, script: str) -> WatchedCursor:
        """Run the statements of *script* in the unit's transaction, one after another.

        Those that begin or commit one of their own do nothing.
        """
        for statement in statements_of(script):
            if statement.split(None, 1)[0].rstrip(";").upper() not in ("BEGIN", "COMMIT", "END"):
                self.execute(statement)
        return self

    def __getattr__(self, name: str) -> Any:
        """Return the attribute *name* of the driver's cursor; a method that may run is watched."""
        if name == "connection":
            return self._unit.handle
        found = getattr(self._cursor, name)
        if name in _HARMLESS or not callable(found):
            return found
        self._unit.remember(self._cursor)
        return self._unit.watched(name, found)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the rows."""
        return iter(self._cursor)

    def __enter__(self) -> WatchedCursor:
        """Use the cursor in a ``with`` block, which closes it."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the cursor."""
        self._cursor.close()

    def _run(self, statement: Statement, execute: Callable[..., object], *args: object) -> None:
        unit = self._unit
        if not unit.opened:
            raise UnitOverError
        unit.run(statement, self._cursor, execute, statement, *args)


def statements_of(script: str) -> Iterator[str]:
    """Yield the statements of a script of SQLite's."""
    statement = ""
    for part in script.split(";"):
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            if statement.strip("; \t\r\n"):
                yield statement
            statement = ""
    if statement.strip("; \t\r\n"):
        yield statement
