"""A unit of work: one borrowed connection, one transaction at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from cpkit.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    OutcomeUnknownError,
    UnitOverError,
    WriteInReadUnitError,
)
from cpkit.transactions import Fault, fault_of, is_write

from ._lanes import Lane, keep
from ._pool import KEY

if TYPE_CHECKING:
    from ._lending import Lending


class Unit:
    """Lend a SQLAlchemy Connection, borrowed when it is first used.

    Attributes that are not the unit's own are the handle's: ``unit.execute(...)`` works.
    *write* tells which lane it takes; *isolation* (``"SERIALIZABLE"``…) and *read_only* ask for a
    real transaction around reads too. *observe* is called with the nanoseconds of each statement,
    *refuse* turns the error of a database that is not to be had into one the caller prefers.
    *when_opened*, if set, is called when a connection was borrowed.
    """

    def __init__(
        self,
        plugin: Lending,
        write: bool,
        *,
        isolation: str | None = None,
        read_only: bool = False,
        observe: Callable[[int, int], object] | None = None,
        refuse: Callable[[DatabaseUnavailableError], Exception] | None = None,
    ) -> None:
        self.plugin, self.write = plugin, write
        self.isolation, self.read_only = isolation, read_only
        self.queries = 0
        self.nanoseconds = 0
        self.doomed = self.committed = False
        self.over = False
        self._observe, self._refuse = observe, refuse
        self.when_opened: Callable[[], object] | None = None
        self._lane: Lane | None = None
        self._handle: Any = None
        self._fairy: Any = None  # SQLAlchemy's word for what its pool lends
        self._since = 0.0

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
        """Return the attribute *name* of the handle."""
        return getattr(self.handle, name)

    def __contains__(self, item: object) -> bool:
        """Tell whether an ORM session holds *item*."""
        return item in self.handle

    def doom(self) -> None:
        """Have this unit rolled back at its end, whatever the answer is."""
        self.doomed = True

    def commit(self) -> None:
        """Commit what was done so far; the next statement begins a new transaction."""
        if self._handle is None:
            return
        started = time.perf_counter_ns()
        self.watched()
        try:
            self._commit()
        except Exception as error:
            self.released()
            gone = fault_of(error) is Fault.GONE
            if not gone:
                # NOTE: SQLite leaves the transaction open after a COMMIT that failed, and
                # SQLAlchemy takes it for ended.
                self._driver().rollback()
            self.close(broken=gone)
            if gone and self.write:
                raise OutcomeUnknownError from error
            raise
        self.released()
        self.committed = self.write  # so that its handler is not run again
        self._spent(time.perf_counter_ns() - started, 0)

    def rollback(self) -> None:
        """Undo what was done since the last commit; the next statement begins anew."""
        if self._handle is not None:
            self._rollback()

    def close(self, *, broken: bool = False) -> None:
        """Undo what was not committed and give the connection back; *broken* ones are dropped."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        try:
            self._give_back(handle, broken)
        finally:
            lane, self._lane = self._lane, None
            if lane is not None:
                lane.leave()
            self.plugin.held(self, time.monotonic() - self._since)

    def end(self, commit: bool) -> None:
        """Commit or roll back, then give the connection back."""
        try:
            if commit and not self.doomed:
                self.commit()
        finally:
            self.close()

    def counted(self, nanoseconds: int) -> None:
        """Note a statement that took so many nanoseconds."""
        self.queries += 1
        self._spent(nanoseconds, 1)

    def watched(self) -> None:
        """Have the connection cut if the server does not answer from now on."""
        if self.plugin.watchdog is not None:
            self.plugin.watchdog.watch(self, self._driver())

    def released(self) -> None:
        """Note that the server has answered."""
        if self.plugin.watchdog is not None:
            self.plugin.watchdog.release(self)

    def check(self, statement: str) -> None:
        """Raise :class:`WriteInReadUnitError` if *statement* writes and this unit only reads."""
        if not self.write and is_write(statement):
            raise WriteInReadUnitError(statement)

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

    def begin_on(self, driver: Any) -> None:
        """Begin a transaction on the *driver*'s connection, if this unit needs one."""
        try:
            self.plugin.backend.begin(driver, self)
        except DatabaseUnavailableError as error:
            raise self._refusal(error) from error

    def restored(self, driver: Any) -> bool:
        """Undo the modes this unit set; false if the *driver*'s connection turns out dead."""
        if self.plugin.backend.is_plain(self):
            return True
        try:
            driver.rollback()
            self.plugin.backend.restore(driver, self)
        except Exception:
            return False
        return True

    def _refusal(self, error: DatabaseUnavailableError) -> Exception:
        return error if self._refuse is None else self._refuse(error)

    def _spent(self, nanoseconds: int, count: int) -> None:
        self.nanoseconds += nanoseconds
        if self._observe is not None:
            self._observe(nanoseconds, count)

    def _open(self) -> None:
        if self.over:
            raise UnitOverError
        started = time.perf_counter_ns()
        try:
            self._borrow()
        except DatabaseUnavailableError as error:
            raise self._refusal(error) from error
        finally:
            self._spent(time.perf_counter_ns() - started, 0)
        if self.when_opened is not None:
            self.when_opened()

    def _borrow(self) -> None:
        lane = self.plugin.lane(self.write)
        self._since = time.monotonic()
        lane.enter(self.plugin.timeout)
        try:
            self._fairy = self.plugin.reach(lambda: self._lend(lane), self._since)
            self._handle = self._made(lane, self._fairy)
        except PoolTimeout as error:
            lane.leave()
            raise DatabaseBusyError(
                f"All connections were in use for {self.plugin.timeout:g} s"
            ) from error
        except BaseException:
            lane.leave()
            raise
        self._lane = lane

    def _lend(self, lane: Lane) -> Any:
        fairy = lane.lend()
        try:
            fairy.info[KEY] = self
            self.plugin.backend.prepare(fairy.driver_connection, self)
        except BaseException:
            if fairy.is_valid:
                fairy.invalidate()
            raise
        return fairy

    def _made(self, lane: Lane, fairy: Any) -> Any:
        """Return the handle on what was lent."""
        # NOTE: SQLAlchemy counts who has it checked out: so the handle's close() keeps it.
        fairy._checkout_existing()
        return Connection(lane.engine, connection=fairy)

    def _driver(self) -> Any:
        return self._fairy.driver_connection

    def _commit(self) -> None:
        self._handle.commit()

    def _rollback(self) -> None:
        self._handle.rollback()

    def _give_back(self, handle: Any, broken: bool) -> None:
        self.watched()
        fairy, self._fairy = self._fairy, None
        broken = broken or not fairy.is_valid or not self.restored(fairy.driver_connection)
        try:
            self._shut(handle, broken)
        except BaseException:
            broken = True
            raise
        finally:
            self.released()
            if broken and fairy.is_valid:
                fairy.invalidate()
            keep(fairy)

    def _shut(self, handle: Any, broken: bool) -> None:
        """End the handle: what was not committed is undone."""
        if broken and not handle.closed:
            handle.invalidate()
        handle.close()


class SessionUnit(Unit):
    """Lend an ORM Session on a connection of its own."""

    def _made(self, lane: Lane, fairy: Any) -> Any:
        return Session(super()._made(lane, fairy))

    def _shut(self, handle: Any, broken: bool) -> None:
        try:
            handle.close()
        finally:
            super()._shut(handle.bind, broken)
