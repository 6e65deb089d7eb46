"""A unit of work: one borrowed connection, and one transaction at a time on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol

from sqlalchemy import Connection

from cpkit.errors import (
    DatabaseUnavailableError,
    OutcomeUnknownError,
    UnitOverError,
    WriteInReadUnitError,
)

from .faults import Fault, fault_of
from .statements import Statement, is_write
from .terms import UNIT, Terms

if TYPE_CHECKING:
    from sqlalchemy import Dialect, Engine
    from sqlalchemy.engine.interfaces import DBAPICursor
    from sqlalchemy.pool import PoolProxiedConnection

    from .backends.base import Backend
    from .pool import Borrowed
    from .sockets import Watchdog

P = ParamSpec("P")


class Lender(Protocol):
    """What lends a unit its connection."""

    watchdog: Watchdog[Any] | None

    def borrow(self, terms: Terms) -> Borrowed:
        """Return a connection on which *terms* can be kept."""

    def give_back(self, borrowed: Borrowed, terms: Terms, *, broken: bool) -> None:
        """Take a connection back; a *broken* one is dropped."""


class Watcher(Protocol):
    """What follows a unit for the request that has it."""

    def used(self, unit: Unit) -> None:
        """Learn that *unit* is about to borrow a connection."""

    def refusal(self, error: DatabaseUnavailableError) -> Exception:
        """Return what is raised in place of *error*."""


class Unit:
    """A unit of work that lends a SQLAlchemy Connection, borrowed when it is first used.

    Attributes that are not the unit's own are the handle's: ``unit.execute(...)`` works.
    """

    queries = 0
    nanoseconds = 0
    doomed = False
    committed = False
    used = False
    over = False
    streaming = False  # its request's body goes on with it
    outer: BaseException | None = None  # handled around the whole request, and none of its own
    observe: Callable[[str, int, int], object] | None = None  # told "db", nanoseconds and queries
    _handle: Any = None
    _borrowed: Borrowed

    def __init__(self, lender: Lender, terms: Terms, watcher: Watcher | None = None) -> None:
        self._lender, self.terms, self._watcher = lender, terms, watcher

    @property
    def write(self) -> bool:
        """Tell whether this unit may write."""
        return self.terms.write

    @property
    def handle(self) -> Any:
        """Return what the driver or SQLAlchemy works with, borrowing it the first time."""
        if self._handle is None:
            self._open()
        return self._handle

    @property
    def opened(self) -> bool:
        """Tell whether a connection is borrowed now."""
        return self._handle is not None

    def __getattr__(self, name: str) -> Any:
        """Return the attribute *name* of the handle; a private one borrows nothing."""
        if name.startswith("_"):
            raise AttributeError(f"A unit of work has no {name}", name=name, obj=self)
        return getattr(self.handle, name)

    def __contains__(self, item: object) -> bool:
        """Tell whether an ORM session holds *item*."""
        return item in self.handle

    def doom(self) -> None:
        """Have this unit rolled back at its end, whatever the answer is."""
        self.doomed = True

    def commit(self) -> None:
        """Commit what was done so far; the next statement begins a new transaction."""
        if self._handle is None or not self._pending():
            return
        try:
            self._timed(0, self._commit)
        except Exception as error:
            gone = fault_of(error) is Fault.GONE
            if not gone:
                # NOTE: SQLite leaves the transaction open after a COMMIT that failed, and
                # SQLAlchemy takes it for ended.
                self._borrowed.driver.rollback()
            self.close(broken=gone)
            if gone and self.terms.write:
                raise OutcomeUnknownError from error
            raise
        self.committed = self.terms.write  # so that its handler is not run again

    def rollback(self) -> None:
        """Undo what was done since the last commit; the next statement begins anew."""
        if self._handle is not None:
            self._rollback()

    def close(self, *, broken: bool = False) -> None:
        """Undo what was not committed and give the connection back; *broken* ones are dropped."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        borrowed, watchdog = self._borrowed, self._lender.watchdog
        if watchdog is not None:
            watchdog.watch(self, borrowed.driver)
        broken = broken or not borrowed.pooled.is_valid
        try:
            broken = not self._shut(handle, broken)
        except BaseException:
            broken = True
            raise
        finally:
            if watchdog is not None:
                watchdog.release(self)
            self._lender.give_back(borrowed, self.terms, broken=broken)

    def end(self, commit: bool) -> None:
        """Commit or roll back, then give the connection back."""
        try:
            if commit and not self.doomed:
                self.commit()
        finally:
            self.close()

    def run(
        self, statement: Statement, execute: Callable[P, object], *args: P.args, **named: P.kwargs
    ) -> None:
        """Have ``execute(*args)`` run *statement*: watched, timed and counted.

        Raise :class:`WriteInReadUnitError` if it writes and this unit only reads.
        """
        if not self.terms.write and is_write(statement):
            raise WriteInReadUnitError(statement)
        self.queries += 1
        self._timed(1, execute, *args, **named)

    def begin_transaction(self) -> None:
        """Begin a transaction on the connection that is borrowed; plain reads need none."""
        terms = self.terms
        if not (terms.write or terms.special):
            return
        try:
            self._borrowed.backend.begin(self._borrowed.driver, terms)
        except DatabaseUnavailableError as error:
            raise self._refusal(error) from error

    def __enter__(self) -> Unit:
        """Use the unit in a ``with`` block, outside of a request."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit if the block ended well, roll back if not."""
        try:
            self.end(commit=error is None)
        finally:
            self.over = True

    def _timed(
        self, count: int, call: Callable[P, object], *args: P.args, **named: P.kwargs
    ) -> None:
        """Call what waits for the server; if it does not answer, the connection is cut."""
        watchdog = self._lender.watchdog
        if watchdog is not None:
            watchdog.watch(self, self._borrowed.driver)
        started = time.perf_counter_ns()
        try:
            call(*args, **named)
        finally:
            if watchdog is not None:
                watchdog.release(self)
            self._spent(time.perf_counter_ns() - started, count)

    def _spent(self, nanoseconds: int, count: int) -> None:
        self.nanoseconds += nanoseconds
        if self.observe is not None:
            self.observe("db", nanoseconds, count)

    def _refusal(self, error: DatabaseUnavailableError) -> Exception:
        return error if self._watcher is None else self._watcher.refusal(error)

    def _open(self) -> None:
        if self.over:
            raise UnitOverError
        if not self.used:
            self.used = True
            if self._watcher is not None:
                self._watcher.used(self)
        started = time.perf_counter_ns()
        try:
            self._borrowed = borrowed = self._lender.borrow(self.terms)
        except DatabaseUnavailableError as error:
            raise self._refusal(error) from error
        finally:
            self._spent(time.perf_counter_ns() - started, 0)
        borrowed.pooled.info[UNIT] = self
        self._handle = self._made(borrowed)

    def _made(self, borrowed: Borrowed) -> Any:
        """Return the handle on what was borrowed."""
        return UnitConnection(borrowed.engine, self, borrowed.pooled)

    def _pending(self) -> bool:
        """Tell whether there is something to commit."""
        return True

    def _commit(self) -> None:
        self._handle.commit()

    def _rollback(self) -> None:
        self._handle.rollback()

    def _shut(self, handle: Any, broken: bool) -> bool:
        """End the handle, and what was not committed; tell whether the connection is still good."""
        if broken and not handle.closed:
            handle.invalidate()
        handle.close()
        return not broken


class UnitConnection(Connection):
    """A SQLAlchemy Connection that knows its unit of work."""

    def __init__(self, engine: Engine, unit: Unit, pooled: PoolProxiedConnection) -> None:
        super().__init__(engine, pooled)
        self.unit = unit


def run_by_units(dialect: Dialect, backend: Backend[Any]) -> None:
    """Have the units of connections of *dialect* begin their transactions and run statements.

    PERF: on the dialect itself. One listener to an event of connections ("begin",
    "before_cursor_execute") has SQLAlchemy prepare each statement for all of them.
    """

    def begin(pooled: PoolProxiedConnection) -> None:
        unit: Unit | None = pooled.info.get(UNIT)
        if unit is None:
            backend.begin(pooled.driver_connection, None)
        else:
            unit.begin_transaction()

    names = ("do_execute", "do_executemany", "do_execute_no_params")
    run = {name: _run_by_units(getattr(dialect, name)) for name in names}
    vars(dialect).update(do_begin=begin, **run)


def _run_by_units(execute: Callable[..., object]) -> Callable[..., None]:
    def run(cursor: DBAPICursor, statement: str, *args: Any) -> None:
        # NOTE: the context comes last, after parameters if there are any.
        connection = args[-1].root_connection
        if isinstance(connection, UnitConnection):
            connection.unit.run(statement, execute, cursor, statement, *args)
        else:
            execute(cursor, statement, *args)

    return run
