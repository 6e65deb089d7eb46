"""A unit of work: one borrowed connection, and one transaction at a time on it.

The default handle, SQLAlchemy's Connection, is here too; the others are in ``handles``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection

from cpkit.errors import (
    DatabaseUnavailableError,
    OutcomeUnknownError,
    TransactionLostError,
    UnitOverError,
    WriteInReadUnitError,
)

from .engines import Lender, Transaction, UnitConnection
from .faults import Fault, fault_of
from .statements import PLAIN, WRITE, Judged, Statement
from .terms import UNIT, AfterCommit, Terms, refuse_autocommit

if TYPE_CHECKING:
    from .pool import Borrowed

    Call = Callable[..., object]

T = TypeVar("T")


class OfHandle:
    """An attribute of a unit that is its handle's."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, unit: Unit | None, owner: type[Unit]) -> Any:
        return self if unit is None else getattr(unit.handle, self._name)

    def __set__(self, unit: Unit, value: object) -> None:
        setattr(unit.handle, self._name, value)


class Unit:
    """A unit of work, whose connection is borrowed when it is first used.

    Attributes that are not the unit's own are the handle's: ``unit.execute(...)`` works.
    PERF: by a descriptor each, since a class with a ``__getattr__`` is slow to find any attribute.
    """

    queries = 0
    nanoseconds = 0
    doomed = False
    committed = False  # something that cannot be undone any more
    exposed = False  # the driver's own connection was handed out: nobody knows what it did
    used = False
    over = False
    observe: Callable[[str, int, int], object] | None = None  # told "db", nanoseconds and queries

    _handle: Any = None
    _borrowed: Borrowed | None = None
    _transaction: Transaction | None = None  # a real one, of which the driver knows
    _asked = False  # a transaction where plain reads need none
    _begun = False  # one by a text
    _changed = False  # something was set that would stay on the connection
    _wrote = False
    _after: AfterCommit | None = None

    # What each handle does in its way.
    _open: Callable[[], None]
    _commit: Callable[[], None]
    _rollback: Callable[[], None]
    _shut: Callable[[Any, bool], bool]  # the handle, broken or not; tells whether it may be lent

    def __init_subclass__(cls, has: Iterable[str] = ()) -> None:
        """Give units of this kind what the handle *has*, and they have not."""
        for name in has:
            if not name.startswith("_") and not hasattr(cls, name):
                setattr(cls, name, OfHandle(name))

    def __init__(self, lender: Lender[Unit], terms: Terms) -> None:
        self._lender, self.terms = lender, terms

    # ------------------------------ what handlers call ------------------------------

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
        return self._borrowed is not None

    @property
    def holds_work(self) -> bool:
        """Tell whether something was written that is not committed, or waits for the commit."""
        waits = self._after is not None and bool(self._after.calls)
        return waits or self._wrote or (self.exposed and self._borrowed is not None)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return the attribute *name* of the handle."""

    def doom(self) -> None:
        """Have this unit rolled back at its end, whatever the answer is."""
        self.doomed = True

    def on_commit(self, call: Call) -> None:
        """Have *call* called after what is done now has been committed; never if it is undone."""
        self._use()
        if self.exposed:
            self.begin_transaction()  # what was committed by hand is not waited for
        self._after = self._after or AfterCommit()
        self._after.calls.append(call)

    def commit(self) -> None:
        """Commit what was done so far; the next statement begins a new transaction."""
        if self._handle is not None:
            try:
                self._commit()
            except BaseException:
                self.close()
                raise
        if self._after is not None:
            self._after.transaction_ended(committed=True)
            self._call_back(self._after)
        if self.exposed:  # who has the driver's connection may go on with it unseen
            self.begin_transaction()

    def rollback(self) -> None:
        """Undo what was done since the last commit; the next statement begins anew."""
        if self._handle is not None:
            self._rollback()
        if self._after is not None:
            self._after.transaction_ended(committed=False)
        if self.exposed:
            self.begin_transaction()

    def close(self, *, broken: bool = False) -> None:
        """Undo what was not committed and give the connection back; *broken* ones are dropped."""
        handle, self._handle = self._handle, None
        if self._after is not None:
            self._after.transaction_ended(committed=False)
        if handle is None:
            return
        good = False
        try:
            if self._borrowed is not None:
                self._borrowed.close_cursors()
            good = self._shut(handle, broken)
        finally:
            self.give_back(broken=not good)

    def end(self, commit: bool, *, pause: bool = False) -> None:
        """Commit or roll back, then give the connection back.

        A *pause* is no end: what only reads goes on with its rows, a session with its objects.
        """
        rests = False
        try:
            if commit and not self.doomed:
                if self._handle is not None and (self.terms.write or not pause):
                    self._finish()
                if self._after is not None:
                    self._after.transaction_ended(committed=True)
                rests = pause
        finally:
            try:
                if rests:
                    self.rest()
                else:
                    self.close()
            finally:  # what waited for an earlier commit is called, even if this one failed
                if self._after is not None:
                    self._call_back(self._after)
                    if not rests:
                        self.close()

    def _call_back(self, after: AfterCommit) -> None:
        """Call what waited for a commit; what a call does with this unit is a transaction too."""
        for call in after.due():
            try:
                call()
                self.commit()
            except Exception:  # what it waited for is stored, so that the answer is what it is
                self._lender.failed(call)
                self.rollback()

    def turn(self, commit: bool) -> None:
        """Commit or roll back; what comes after it may go on with the objects of a session."""
        self.end(commit)

    def __enter__(self) -> Unit:
        """Use the unit in a ``with`` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit if the block ended well, roll back if not; a redirect is a good end."""
        if error is not None and self._borrowed is not None:
            self._borrowed.backend.hide(error)
        self._end_block(error is None or isinstance(error, self._lender.answers))

    def _end_block(self, good: bool) -> None:
        try:
            self.end(commit=good)
        finally:
            self.over = True

    # ------------------------------ what handles call ------------------------------

    def run(self, statement: Statement, cursor: object, execute: Call, *args: Any) -> None:
        """Have ``execute(*args)`` run *statement* on *cursor*: watched, timed and counted.

        Raise :class:`WriteInReadUnitError` if it writes and this unit only reads, and
        :class:`TransactionLostError` if the transaction that it would go on with is gone.
        """
        borrowed = self._borrowed
        assert borrowed is not None  # noqa: S101
        if self.exposed:
            self.begin_transaction()
        judged = borrowed.backend.judge(statement)
        if judged is WRITE and self.terms.write:
            self._wrote = True
        elif judged is not PLAIN:
            self._heed(judged, statement)
        if borrowed.backend.cursors_need_transactions and borrowed.backend.is_on_server(cursor):
            self._asked = True
            borrowed.hold(cursor)
        if self._transaction is None or self._transaction.lost_by is not None:
            self.begin_transaction()
        self.queries += 1
        borrowed.remember(cursor)
        try:
            self._timed(1, execute, *args)
        except Exception as error:
            self._note_failure(borrowed, error, statement)
            if judged.commits:
                self.undone()
            raise
        if judged.commits or judged.undoes:
            self._ended(committed=judged.commits)

    def begin_transaction(self) -> None:
        """Begin a transaction on the connection that is borrowed; plain reads need none.

        So too after one that was ended by hand, on the driver's own connection. Raise
        TransactionLostError if what it would go on with is gone.
        """
        borrowed, terms, transaction = self._borrowed, self.terms, self._transaction
        if transaction is not None and not transaction.goes_on(self.exposed):
            self._ended(committed=True)
        if borrowed is None or self._transaction or not (terms.real or self._asked):
            return
        try:
            self._transaction = Transaction(borrowed, terms, followed=self.exposed)
        except DatabaseUnavailableError as error:
            raise self._refusal(error) from error
        except Exception as error:
            self._raise_if_refused(borrowed, error)
            raise

    def ask_for_transaction(self) -> None:
        """Begin a transaction although this unit only reads: somebody asks for one."""
        self._asked = True
        self.begin_transaction()

    def expose(self) -> None:
        """Hand out what nobody watches: where this unit only reads, the server refuses writes."""
        borrowed = self._borrowed
        if borrowed is not None and not (self.exposed or self.terms.write):
            self._timed(0, borrowed.backend.forbid_writes, borrowed.driver)
        self.exposed = True
        if self._transaction is not None:
            self._transaction.follow()

    def commit_by(self, commit: Call) -> None:
        """Have *commit* end the transaction, if there still is the one that was begun.

        Raise :class:`TransactionLostError` if not, :class:`OutcomeUnknownError` if it may be lost.
        """
        borrowed = self._borrowed
        assert borrowed is not None  # noqa: S101
        if not self._is_there():
            self._ended(committed=True)  # by hand
            return
        try:
            self._timed(0, commit)
        except Exception as error:
            borrowed.backend.hide(error)
            if fault_of(error) is not Fault.GONE:
                # NOTE: SQLite leaves the transaction open after a COMMIT that failed, and
                # SQLAlchemy takes it for ended.
                self.undone()
                self._raise_if_refused(borrowed, error)
                raise
            borrowed.broken = True
            if self.terms.write:
                raise OutcomeUnknownError from error
        self._ended(committed=True)

    def rollback_by(self, rollback: Call) -> None:
        """Have *rollback* undo the transaction; with its connection it is undone already."""
        borrowed = self._borrowed
        try:
            if borrowed is None or not borrowed.backend.is_idle(borrowed.driver):
                self._timed(0, rollback)
        except Exception as error:
            if borrowed is None or fault_of(error) is not Fault.GONE:
                raise
            borrowed.broken = True
        self._ended(committed=False)

    def undone(self) -> bool:
        """Roll back behind SQLAlchemy's back; tell whether the connection is still good."""
        borrowed = self._borrowed
        assert borrowed is not None  # noqa: S101
        try:
            if not borrowed.backend.is_idle(borrowed.driver):
                self._timed(0, borrowed.driver.rollback)
        except Exception:
            borrowed.broken = True
        self._ended(committed=False)
        return not borrowed.broken

    def _ended(self, *, committed: bool) -> None:
        """Note that the transaction has ended."""
        borrowed = self._borrowed
        if self._asked and borrowed is not None and not self.terms.real:
            borrowed.broken |= not borrowed.backend.end_snapshot(borrowed.driver)
        self._transaction, self._asked, self._begun, self._wrote = None, False, False, False
        if self._after is not None:
            self._after.transaction_ended(committed=committed)
        if committed and self.terms.write:
            self.committed = True  # so that its handler is not run again
            self._lender.committed()

    def _is_there(self) -> bool:
        """Tell whether there is what was begun, if it was; TransactionLostError if undone."""
        try:
            return self._transaction is None or self._transaction.is_there()
        except TransactionLostError:
            self.undone()
            raise

    def _heed(self, judged: Judged, statement: Statement) -> None:
        """Do what a statement needs that does more than to read or write."""
        if judged.writes:
            if not self.terms.write:
                raise WriteInReadUnitError(statement)
            self._wrote = True
        if judged.autocommits:
            refuse_autocommit(str(statement), "AUTOCOMMIT")
        if judged.commits_first and self._borrowed is not None:
            self.commit_by(self._borrowed.driver.commit)
        self.committed = self.committed or judged.may_commit
        self._changed = self._changed or judged.sets
        self._begun = self._begun or judged.begins
        if judged.is_local or judged.savepoint:
            self.ask_for_transaction()
        if judged.commits:
            self._is_there()
        if judged.savepoint or judged.undone_to or judged.released:
            self._after = self._after or AfterCommit()
            self._after.note(judged.savepoint, judged.undone_to, judged.released)

    def _note_failure(self, borrowed: Borrowed, error: Exception, statement: Statement) -> None:
        transaction = self._transaction
        borrowed.backend.hide(error)
        if transaction is not None:
            transaction.note_failure(error)
        self._raise_if_refused(borrowed, error)
        reads = transaction is None and not self.terms.write
        if reads and fault_of(error) is Fault.READ_ONLY:
            raise WriteInReadUnitError(statement) from error

    def _raise_if_refused(self, borrowed: Borrowed, error: Exception) -> None:
        """Raise what *error* means if it is that the database takes no writes at the moment."""
        may_write = self.terms.write and not self.terms.read_only
        if may_write and fault_of(error) is Fault.READ_ONLY:
            borrowed.broken = True
            raise self._refusal(self._lender.refused_to_write(error)) from error

    def rest(self) -> None:
        """Give the connection back until the next use, if nothing is in hand that needs it."""
        borrowed = self._borrowed
        snapshot = self._transaction and (self._asked or not self.terms.write)
        state = snapshot or self._begun or self._changed
        work = self._wrote or self.exposed or (self._after and self._after.calls)
        if borrowed is not None and not (state or work or borrowed.is_read_on()):
            self._rest()

    def make_way(self, lender: object) -> None:
        """Do without the turn of *lender*'s, if only reads were done in it: another unit needs it.

        Objects of a session are loaded anew when they are asked for.
        """
        borrowed = self._borrowed
        if self._lender is lender and borrowed is not None and borrowed.turns is not None:
            self.rest()

    def _finish(self) -> None:
        """Commit as the last thing that is done."""
        self._commit()

    def _rest(self) -> None:
        """Do without the connection for a while."""
        self.close()

    def _timed(self, count: int, call: Callable[..., T], *args: Any) -> T:
        """Call what waits for the server; if it does not answer, the connection is cut."""
        watchdog = self._lender.watchdog
        if watchdog is not None and self._borrowed is not None:
            watchdog.watch(self, self._borrowed.driver)
        started = time.perf_counter_ns()
        try:
            return call(*args)
        finally:
            if watchdog is not None:
                watchdog.release(self)
            spent = time.perf_counter_ns() - started
            self.nanoseconds += spent
            if self.observe is not None:
                self.observe("db", spent, count)

    def _refusal(self, error: DatabaseUnavailableError) -> Exception:
        """Return what is raised in place of *error*."""
        return error

    def _use(self) -> None:
        """Note that the unit is used; raise UnitOverError if it may not be any more."""
        if self.over:
            raise UnitOverError
        self.used = True

    def borrow(self) -> Borrowed:
        """Return a connection, borrowed for this unit."""
        self._use()
        try:
            borrowed: Borrowed = self._timed(0, self._lender.borrow, self.terms)
        except DatabaseUnavailableError as error:
            raise self._refusal(error) from error
        self._borrowed, self.exposed = borrowed, False
        borrowed.pooled.info[UNIT] = self
        return borrowed

    def give_back(self, *, broken: bool) -> None:
        """Give the connection back, a *broken* one to be dropped."""
        borrowed = self._borrowed
        if borrowed is None:
            return
        begun = self._begun or self._transaction is not None
        if begun and not broken:  # SQLAlchemy does not know of it
            broken = not self.undone()
        if self._transaction is not None or self._asked or self._after is not None:
            self._ended(committed=False)
        broken, changed = broken or borrowed.broken, self._changed
        if self.exposed:  # whoever has it must not go on with it
            changed, broken = True, broken or not borrowed.backend.keeps_data_in_connection
        self._borrowed, self._changed = None, False
        self._lender.give_back(borrowed, self.terms, broken=broken, changed=changed)


class ConnectionUnit(Unit, has=[*dir(Connection), *Connection.__annotations__, "engine"]):
    """A unit of work that lends a SQLAlchemy Connection."""

    def is_asked_for(self) -> bool:
        """Tell whether a transaction that SQLAlchemy begins now was asked for."""
        return True

    def _open(self) -> None:
        borrowed = self.borrow()
        try:
            self._handle = UnitConnection(self, borrowed, borrowed.engine)
        except BaseException:
            self.give_back(broken=True)
            raise

    def _commit(self) -> None:
        self._handle.commit()
        borrowed = self._borrowed
        if borrowed is not None and self.exposed:  # SQLAlchemy knows nothing of what was done
            self.commit_by(borrowed.driver.commit)

    def _rollback(self) -> None:
        self._handle.rollback()
        borrowed = self._borrowed
        if borrowed is not None and self.exposed:
            self.rollback_by(borrowed.driver.rollback)

    def _shut(self, handle: Connection, broken: bool) -> bool:
        if broken and not handle.closed:
            handle.invalidate()
        handle.close()
        return not broken
