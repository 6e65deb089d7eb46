"""A connection that a unit of work has borrowed, and the transaction on it."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Generator
from contextlib import suppress
from inspect import GEN_SUSPENDED, getgeneratorstate
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from cpkit.errors import (
    DatabaseError,
    DatabaseUnavailableError,
    OutcomeUnknownError,
    TransactionLostError,
    UnitOverError,
    WriteInReadUnitError,
)

from .faults import Fault, fault_of, is_aftermath
from .statements import Judged, Statement
from .terms import State, Terms, local_values, refuse_autocommit, refuse_two_phases

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.pool import PoolProxiedConnection

    from .backends.base import Backend
    from .turns import Turns

    Call = Callable[..., object]

T = TypeVar("T")

_MOST_CURSORS = 256  # that are remembered before those that are gone are forgotten


class Borrower(Protocol):
    """A unit of work, as the connection that it has borrowed knows it."""

    terms: Terms
    exposed: bool  # the driver's own connection was handed out: nobody knows what it did
    mutex: threading.RLock  # of the threads that share it

    def expose(self) -> None:
        """Hand out what nobody watches."""

    def timed(self, count: int, call: Callable[..., T], *args: Any) -> T:
        """Return what *call*, which waits for the server, returns."""

    def transaction_ended(self, *, committed: bool) -> None:
        """Learn that the transaction on the connection has ended."""

    def refused(self, error: Exception) -> Exception:
        """Return what is raised for *error*, with which the database refused to write."""

    def refusal(self, error: DatabaseUnavailableError) -> Exception:
        """Return what is raised in place of *error*."""


class Borrowed:
    """A connection that a unit has borrowed, and what was done on it since.

    It is *asked* for a transaction where plain reads need none, *begun* if a text began one, and
    *changed* if something was set that would stay on it. It *only_reads* if a text has asked for
    that.
    """

    unit: Borrower

    def __init__(
        self,
        pooled: PoolProxiedConnection,
        engine: Engine,
        backend: Backend[Any],
        turns: Turns | None,
        since: float,
        waited: float,
    ) -> None:
        self.pooled = pooled  # SQLAlchemy's proxy for it, which its pool lends
        self.driver: Any = pooled.dbapi_connection  # the driver's own
        self.engine, self.backend, self.turns = engine, backend, turns
        self.since = since  # monotonic: from when on others wait for it
        self.waited = waited  # seconds of its timeout that its next transaction has spent already
        self.transaction: Transaction | None = None  # a real one, of which the driver knows
        self.asked = self.begun = self.wrote = self.changed = self.only_reads = False
        self.stuck = False  # rows or a COPY were left open, and nothing more can be run
        self.closed = False  # nothing is to be run: its request has ended in another thread
        self.broken = self.given_back = False
        self._cursors: list[Callable[[], Any]] = []  # that somebody may still have
        self._rows: tuple[weakref.ref[Generator[object]], ...] = ()  # psycopg's streams

    def remember(self, cursor: object) -> None:
        """Remember *cursor*, as long as somebody has it; UnitOverError if it came too late."""
        self._cursors.append(weakref.ref(cursor))
        if len(self._cursors) > _MOST_CURSORS:
            self._cursors[:] = [it for it in self._cursors if it() is not None]
        if self.closed:
            raise UnitOverError

    def hold_if_on_server(self, cursor: object) -> None:
        """Remember *cursor* whoever has it, if the server does until it is closed."""
        if self.backend.is_on_server(cursor):
            self.asked = True  # it needs a transaction
            self._cursors.append(lambda: cursor)

    def remember_rows(self, rows: Generator[object]) -> None:
        """Remember what psycopg's ``stream()`` has returned: all else waits for its end."""
        self._rows = (*self._rows, weakref.ref(rows))

    def is_stuck(self) -> bool:
        """Tell whether nothing more can be run: what was left open waits for who left it."""
        if self._rows and self._open_rows():
            return True
        if not self.stuck:
            self.stuck = self.backend.is_stuck(self.driver)
            self.broken |= self.stuck
        return self.stuck

    def _open_rows(self) -> list[Generator[object]]:
        rows = [it() for it in self._rows]
        return [it for it in rows if it is not None and getgeneratorstate(it) == GEN_SUSPENDED]

    def is_read_on(self) -> bool:
        """Tell whether somebody may still fetch rows."""
        return any(it() is not None for it in self._cursors)

    def close_cursors(self) -> None:
        """Close those that somebody still has: he must not read on with another's connection."""
        self.closed = True
        for rows in self._open_rows() if self._rows else ():
            with suppress(Exception):  # another thread reads them on
                rows.close()
        remembered, self._cursors = self._cursors, []
        if remembered and self.backend.may_be_stuck and self.is_stuck():
            return
        for it in remembered:
            cursor = it()
            if cursor is not None:
                try:  # NOTE: after the statement that another thread runs on it
                    self.unit.timed(0, self.backend.close_cursor, self.driver, cursor)
                except Exception:  # the connection was lost, or somebody has closed it
                    self.broken = True

    def is_needed(self, writes: bool) -> bool:
        """Tell whether a unit that *writes*, or not, could not go on with another connection."""
        snapshot = self.transaction is not None and (self.asked or not writes)
        return snapshot or self.begun or self.changed or self.wrote or self.is_read_on()

    # ------------------------------ its transaction ------------------------------

    def begin_transaction(self) -> None:
        """Begin a transaction if its unit needs one and has none; plain reads need none.

        So too after one that was ended by hand, on the driver's own connection. Raise
        TransactionLostError if what it would go on with is gone, and SettingError if the driver
        was told by hand to begin none.
        """
        unit, transaction = self.unit, self.transaction
        if unit.exposed and unit.terms.write and self.backend.autocommits(self.driver):
            refuse_autocommit("autocommit", "AUTOCOMMIT")
        if transaction is not None:
            if transaction.goes_on(unit.exposed):
                return
            self.ended(committed=True)
        if not (unit.terms.real or self.asked):
            return
        try:
            with self.unit.mutex:
                if self.transaction is None:
                    self.transaction = Transaction(self, unit.terms, followed=unit.exposed)
        except DatabaseUnavailableError as error:
            raise unit.refusal(error) from error
        except Exception as error:
            self._raise_if_refused(error)
            raise

    def ask_for_transaction(self) -> None:
        """Begin a transaction although the unit only reads: somebody asks for one."""
        self.asked = True
        self.begin_transaction()

    def commit_by(self, commit: Call) -> None:
        """Have *commit* end the transaction, if there still is the one that was begun.

        Raise :class:`TransactionLostError` if not, :class:`OutcomeUnknownError` if it may be lost.
        """
        if self.backend.may_be_stuck and self.is_stuck():
            if self.unit.terms.write:
                raise DatabaseError(
                    "Nothing can be committed while the rows of a stream(), or a copy(), are left "
                    "open: read them to their end, or close them first."
                )
            return  # there is nothing to commit
        if not self._is_there():
            self.ended(committed=True)  # by hand
            return
        try:
            self.unit.timed(0, commit)
        except Exception as error:
            self.backend.hide(error)
            if fault_of(error) is not Fault.GONE:
                # NOTE: SQLite leaves the transaction open after a COMMIT that failed, and
                # SQLAlchemy takes it for ended.
                self.undone()
                self._raise_if_refused(error)
                raise
            self.broken = True
            if self.unit.terms.write:
                raise OutcomeUnknownError from error
        self.ended(committed=True)

    def rollback_by(self, rollback: Call) -> None:
        """Have *rollback* undo the transaction; with its connection it is undone already."""
        try:
            if not (self.backend.is_idle(self.driver) or self.is_stuck()):
                self.unit.timed(0, rollback)
        except Exception as error:
            if fault_of(error) is not Fault.GONE:
                raise
            self.broken = True
        self.ended(committed=False)

    def undone(self) -> bool:
        """Roll back behind SQLAlchemy's back; tell whether the connection is still good."""
        try:
            if not (self.backend.is_idle(self.driver) or self.is_stuck()):
                self.unit.timed(0, self.driver.rollback)
        except Exception:
            self.broken = True
        self.ended(committed=False)
        return not self.broken

    def ended(self, *, committed: bool) -> None:
        """Note that the transaction has ended."""
        if self.asked and not self.unit.terms.real:
            self.broken |= not self.backend.end_snapshot(self.driver)
        self.transaction, self.asked, self.begun, self.wrote = None, False, False, False
        self.unit.transaction_ended(committed=committed)

    def _is_there(self) -> bool:
        """Tell whether there is what was begun, if it was; TransactionLostError if undone."""
        try:
            return self.transaction is None or self.transaction.is_there()
        except TransactionLostError:
            self.undone()
            raise

    # ------------------------------ what statements do to it ------------------------------

    def heed(self, judged: Judged, statement: Statement) -> None:
        """Do what a statement needs that does more than to read.

        Raise WriteInReadUnitError if it may not write, SettingError for AUTOCOMMIT and two phases.
        """
        if judged.two_phases:
            refuse_two_phases(statement)
        if judged.writes:
            if not self.unit.terms.write:
                raise WriteInReadUnitError(statement)
            self.wrote = True
        if judged.autocommits:
            refuse_autocommit(str(statement), "AUTOCOMMIT")
        self.only_reads |= judged.only_reads
        if judged.commits_first:
            self.commit_by(self.driver.commit)
        self.changed |= judged.sets
        self.begun |= judged.begins
        if judged.is_local or judged.savepoint:
            self.ask_for_transaction()
        if judged.commits:
            self._is_there()

    def note_failure(self, error: Exception, statement: Statement) -> None:
        """Note that *statement* failed with *error*; raise what that means for its unit."""
        transaction, writes = self.transaction, self.unit.terms.write
        self.backend.hide(error)
        if transaction is not None:
            transaction.note_failure(error)
        self._raise_if_refused(error)
        if transaction is None and not writes and fault_of(error) is Fault.READ_ONLY:
            raise WriteInReadUnitError(statement) from error

    def _raise_if_refused(self, error: Exception) -> None:
        """Raise what *error* means if it is that the database takes no writes at the moment."""
        unit = self.unit
        may_write = unit.terms.write and not (unit.terms.read_only or self.only_reads)
        if may_write and fault_of(error) is Fault.READ_ONLY:
            self.broken = True
            raise unit.refused(error) from error


class Transaction:
    """A transaction of which the driver knows.

    It may be lost behind a handler's back: by an error that the handler has caught, or by what
    the server did for another's sake. So it is looked at before it is gone on with.
    """

    lost_by: Exception | None = None
    _failure: Exception | None = None  # of a statement in it, the last
    _look: Callable[[], State] | None = None

    def __init__(self, borrowed: Borrowed, terms: Terms, *, followed: bool) -> None:
        """Begin; raise DatabaseBusyError if another process writes for too long."""
        self._writes = terms.write
        self._borrowed, backend, driver = borrowed, borrowed.backend, borrowed.driver
        try:
            waited = backend.begin(driver, terms, borrowed.waited)
        except DatabaseUnavailableError:
            borrowed.since = time.monotonic()  # another process kept others from writing
            raise
        borrowed.since, borrowed.waited = borrowed.since + waited, 0.0
        if terms.set_local:
            backend.set_local(driver, local_values(terms.set_local))
        if followed:
            self.follow()

    def note_failure(self, error: Exception) -> None:
        """Take note that a statement failed with *error*, which may have ended all of it."""
        if not is_aftermath(error):
            self._failure = error
        borrowed = self._borrowed
        if self.lost_by is None and borrowed.backend.is_lost_by(borrowed.driver, error):
            self.lost_by = error

    def follow(self) -> None:
        """Have the end look at what somebody does with the driver's connection."""
        borrowed = self._borrowed
        if self._look is None and self._writes:
            self._look = borrowed.backend.follow(borrowed.driver)

    def goes_on(self, exposed: bool) -> bool:
        """Tell whether what follows is part of it, which who has the driver may have ended.

        Raise TransactionLostError if it is gone.
        """
        if self.lost_by is not None:
            raise TransactionLostError from self.lost_by
        borrowed = self._borrowed
        return not (exposed and borrowed.backend.is_idle(borrowed.driver)) or self.is_there()

    def is_there(self) -> bool:
        """Tell whether it was not ended by hand.

        Raise TransactionLostError if COMMIT would keep nothing, or not all.
        """
        borrowed, look = self._borrowed, self._look
        if self.lost_by is not None:
            state = State.LOST
        elif look is not None:
            state = look()
        elif borrowed.backend.is_lost(borrowed.driver, self._failure is not None):
            state = State.LOST
        else:
            return True
        if state is State.LOST:
            raise TransactionLostError from self.lost_by or self._failure
        return state is not State.ENDED
