"""A unit of work on the driver's own connection, whose statements are watched all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .unit import Unit

if TYPE_CHECKING:
    from .lanes import Lane


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

    def execute(self, statement: Any, *args: Any) -> Any:
        """Run one statement and return its cursor."""
        cursor = self.handle.cursor()
        self.run(statement, cursor.execute, statement, *args)
        return cursor

    def executemany(self, statement: Any, *args: Any) -> Any:
        """Run one statement for each set of parameters and return its cursor."""
        cursor = self.handle.cursor()
        self.run(statement, cursor.executemany, statement, *args)
        return cursor

    def cursor(self, *args: Any, **kwargs: Any) -> WatchedCursor:
        """Return a cursor that counts what it runs."""
        return WatchedCursor(self, self.handle.cursor(*args, **kwargs))

    def _made(self, lane: Lane, fairy: Any) -> Any:
        self._begun = False
        return self._driver

    def _pending(self) -> bool:
        if self.plugin.backend.is_idle(self._driver):
            self._begun = False
            return False
        return True

    def _commit(self) -> None:
        self._begun = False
        self._driver.commit()

    def _rollback(self) -> None:
        self._begun = False
        super()._rollback()

    def restored(self, driver: Any) -> bool:
        """Undo what was not committed as well."""
        try:
            if not self.plugin.backend.is_idle(driver):
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

    def execute(self, statement: Any, *args: Any) -> Any:
        """Run one statement; return the driver's cursor, which holds its rows."""
        self._unit.run(statement, self._cursor.execute, statement, *args)
        return self._cursor

    def executemany(self, statement: Any, *args: Any) -> Any:
        """Run one statement for each set of parameters."""
        self._unit.run(statement, self._cursor.executemany, statement, *args)
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
