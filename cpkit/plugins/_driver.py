"""A unit of work on the driver's own connection, whose statements are watched all the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._unit import Unit

if TYPE_CHECKING:
    from ._lanes import Lane


class DriverUnit(Unit):
    """Lend the driver's own connection (PEP 249), without SQLAlchemy's layers above it.

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
            self.begin_on(driver)
            self._begun = True
        return driver

    def execute(self, statement: str, *args: Any) -> Any:
        """Run one statement and return its cursor."""
        return self.cursor().execute(statement, *args)

    def executemany(self, statement: str, *args: Any) -> Any:
        """Run one statement for each set of parameters and return its cursor."""
        return self.cursor().executemany(statement, *args)

    def cursor(self, *args: Any, **kwargs: Any) -> WatchedCursor:
        """Return a cursor that counts what it runs."""
        return WatchedCursor(self, self.handle.cursor(*args, **kwargs))

    def _made(self, lane: Lane, fairy: Any) -> Any:
        self._begun = False
        return fairy.driver_connection

    def _commit(self) -> None:
        self._begun = False
        super()._commit()

    def _rollback(self) -> None:
        self._begun = False
        super()._rollback()

    def restored(self, driver: Any) -> bool:
        """Undo what was not committed as well."""
        try:
            driver.rollback()
        except Exception:
            return False
        return super().restored(driver)

    def _shut(self, handle: Any, broken: bool) -> None:
        self._begun = False


class WatchedCursor:
    """Be the driver's cursor, and tell the unit of what it runs."""

    def __init__(self, unit: DriverUnit, cursor: Any) -> None:
        self._unit, self._cursor = unit, cursor

    def execute(self, statement: str, *args: Any) -> Any:
        """Run one statement; return the driver's cursor, which holds its rows."""
        return self._run(self._cursor.execute, statement, *args)

    def executemany(self, statement: str, *args: Any) -> Any:
        """Run one statement for each set of parameters."""
        return self._run(self._cursor.executemany, statement, *args)

    def _run(self, run: Callable[..., Any], statement: str, *args: Any) -> Any:
        self._unit.check(statement)
        self._unit.watched()
        started = time.perf_counter_ns()
        try:
            run(statement, *args)
        finally:
            self._unit.released()
            self._unit.counted(time.perf_counter_ns() - started)
        return self._cursor

    def __getattr__(self, name: str) -> Any:
        """Return the attribute *name* of the driver's cursor."""
        return getattr(self._cursor, name)

    def __iter__(self) -> Any:
        """Iterate over the rows."""
        return iter(self._cursor)

    def __enter__(self) -> WatchedCursor:
        """Use the cursor in a ``with`` block, which closes it."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the cursor."""
        self._cursor.close()
