"""A unit of work: one borrowed connection, one transaction at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import TimeoutError as PoolTimeout

from cpkit.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    OutcomeUnknownError,
    UnitOverError,
    WriteInReadUnitError,
)

from .engine import UnitConnection
from .faults import Fault, fault_of
from .lanes import Lane, keep
from .pool import KEY
from .statements import is_write

if TYPE_CHECKING:
    from .lending import Lending


class Unit:
    """Lend a SQLAlchemy Connection, borrowed when it is first used.

    Attributes that are not the unit's own are the handle's: ``unit.execute(...)`` works.
    *write* tells which lane it takes; *isolation* (``"SERIALIZABLE"``…) and *read_only* ask for a
    real transaction around reads too. *observe* is called with the nanoseconds of each statement,
    *refuse* turns the error of a database that is not to be had into one the caller prefers.
    """

    queries = 0
    nanoseconds = 0
    doomed = False
    committed = False
    over = False
    streaming = False  # its request's body goes on with it
    outer: BaseException | None = None  # handled around the whole request, and none of its own
    _lane: Lane | None = None
    _handle: Any = None
    _fairy: Any = None  # SQLAlchemy's word for what its pool lends
    _driver: Any = None
    _since = 0.0

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
        self._observe, self._refuse = observe, refuse

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
        if self._handle is None or not self._pending():
            return
        try:
            self._timed(0, self._commit)
        except Exception as error:
            gone = fault_of(error) is Fault.GONE
            if not gone:
                # NOTE: SQLite leaves the transaction open after a COMMIT that failed, and
                # SQLAlchemy takes it for ended.
                self._driver.rollback()
            self.close(broken=gone)
            if gone and self.write:
                raise OutcomeUnknownError from error
            raise
        self.committed = self.write  # so that its handler is not run again

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
            if lane is not None and lane.turns is not None:
                lane.turns.leave()
                self.plugin.held(self, time.monotonic() - self._since)

    def end(self, commit: bool) -> None:
        """Commit or roll back, then give the connection back."""
        try:
            if commit and not self.doomed:
                self.commit()
        finally:
            self.close()

    def run(self, statement: Any, execute: Callable[..., object], *args: Any) -> None:
        """Have ``execute(*args)`` run *statement*: watched, timed and counted.

        Raise :class:`WriteInReadUnitError` if it writes and this unit only reads.
        """
        if not self.write and is_write(statement):
            raise WriteInReadUnitError(statement)
        self.queries += 1
        self._timed(1, execute, *args)

    def _timed(self, count: int, call: Callable[..., object], *args: Any) -> None:
        """Call what waits for the server; if it does not answer, the connection is cut."""
        watchdog = self.plugin.watchdog
        if watchdog is not None:
            watchdog.watch(self, self._driver)
        started = time.perf_counter_ns()
        try:
            call(*args)
        finally:
            if watchdog is not None:
                watchdog.release(self)
            self._spent(time.perf_counter_ns() - started, count)

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
        backend = self.plugin.backend
        if backend.is_plain(self):
            return True
        try:
            if not backend.is_idle(driver):
                driver.rollback()
            backend.restore(driver, self)
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

    def _borrow(self) -> None:
        plugin, self._since = self.plugin, time.monotonic()
        lane = plugin.lane(self.write)
        if lane.turns is not None:
            lane.enter(plugin.timeout)
        try:
            self._fairy = plugin.reach(lambda: self._lend(lane), self._since)
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
            self._driver = fairy.dbapi_connection
            self.plugin.backend.prepare(self._driver, self)
        except BaseException:
            if fairy.is_valid:
                fairy.invalidate()
            raise
        return fairy

    def _made(self, lane: Lane, fairy: Any) -> Any:
        """Return the handle on what was lent."""
        # NOTE: SQLAlchemy counts who has it checked out: so the handle's close() keeps it.
        fairy._checkout_existing()
        return UnitConnection(lane.engine, self, fairy)

    def _pending(self) -> bool:
        """Tell whether there is something to commit."""
        return True

    def _commit(self) -> None:
        self._handle.commit()

    def _rollback(self) -> None:
        self._handle.rollback()

    def _give_back(self, handle: Any, broken: bool) -> None:
        fairy, self._fairy = self._fairy, None
        watchdog = self.plugin.watchdog
        if watchdog is not None:
            watchdog.watch(self, self._driver)
        broken = broken or not fairy.is_valid or not self.restored(self._driver)
        try:
            self._shut(handle, broken)
        except BaseException:
            broken = True
            raise
        finally:
            if watchdog is not None:
                watchdog.release(self)
            if broken and fairy.is_valid:
                fairy.invalidate()
            keep(fairy)

    def _shut(self, handle: Any, broken: bool) -> None:
        """End the handle: what was not committed is undone."""
        if broken and not handle.closed:
            handle.invalidate()
        handle.close()
