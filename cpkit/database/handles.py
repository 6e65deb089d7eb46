"""The other two handles of a unit of work: the ORM's Session, and the driver's own connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy.orm import Session

from .statements import Statement
from .unit import Unit

if TYPE_CHECKING:
    from .pool import Borrowed


class Cursor(Protocol):
    """What every driver's cursor has (PEP 249)."""

    def execute(self, statement: Any, /, *args: Any) -> object:
        """Run one statement."""

    def executemany(self, statement: Any, /, *args: Any) -> object:
        """Run one statement for each set of parameters."""

    def fetchone(self) -> Any:
        """Return the next row."""

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""

    def close(self) -> None:
        """End the cursor."""

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the rows."""


class SessionUnit(Unit):
    """A unit of work that lends an ORM Session on a connection of its own."""

    def _made(self, borrowed: Borrowed) -> Session:
        return Session(super()._made(borrowed))

    def _shut(self, handle: Session, broken: bool) -> bool:
        connection = handle.bind
        try:
            handle.close()
        finally:
            good = super()._shut(connection, broken)
        return good


class DriverUnit(Unit):
    """A unit of work that lends the driver's own connection (PEP 249), without layers above it.

    ``execute``, ``executemany`` and ``cursor`` of the unit are watched: statements are counted,
    and refused if they write where the unit only reads.
    """

    _begun = False

    @property
    def handle(self) -> Any:
        """Return the driver's connection, in a transaction if the unit needs one."""
        driver = self._handle
        if driver is None:
            self._open()
            driver = self._handle
        if not self._begun:
            self.begin_transaction()
            self._begun = True
        return driver

    def execute(self, statement: Statement, *args: object) -> Cursor:
        """Run one statement and return its cursor."""
        cursor: Cursor = self.handle.cursor()
        self.run(statement, cursor.execute, statement, *args)
        return cursor

    def executemany(self, statement: Statement, *args: object) -> Cursor:
        """Run one statement for each set of parameters and return its cursor."""
        cursor: Cursor = self.handle.cursor()
        self.run(statement, cursor.executemany, statement, *args)
        return cursor

    def cursor(self, *args: object, **options: object) -> WatchedCursor:
        """Return a cursor that counts what it runs."""
        return WatchedCursor(self.run, self.handle.cursor(*args, **options))

    def _made(self, borrowed: Borrowed) -> Any:
        self._begun = False
        return borrowed.driver

    def _pending(self) -> bool:
        if self._borrowed.backend.is_idle(self._borrowed.driver):
            self._begun = False
            return False
        return True

    def _commit(self) -> None:
        self._begun = False
        self._borrowed.driver.commit()

    def _rollback(self) -> None:
        self._begun = False
        super()._rollback()

    def _shut(self, handle: Any, broken: bool) -> bool:
        self._begun = False
        return not broken and self._borrowed.backend.ended(handle)


class WatchedCursor:
    """The driver's cursor, which tells its unit of what it runs."""

    def __init__(self, run: Callable[..., None], cursor: Cursor) -> None:
        self._run, self._cursor = run, cursor

    def execute(self, statement: Statement, *args: object) -> Cursor:
        """Run one statement; return the driver's cursor, which holds its rows."""
        self._run(statement, self._cursor.execute, statement, *args)
        return self._cursor

    def executemany(self, statement: Statement, *args: object) -> Cursor:
        """Run one statement for each set of parameters."""
        self._run(statement, self._cursor.executemany, statement, *args)
        return self._cursor

    def __getattr__(self, name: str) -> Any:
        """Return the attribute *name* of the driver's cursor."""
        return getattr(self._cursor, name)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the rows."""
        return iter(self._cursor)

    def __enter__(self) -> WatchedCursor:
        """Use the cursor in a ``with`` block, which closes it."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the cursor."""
        self._cursor.close()
