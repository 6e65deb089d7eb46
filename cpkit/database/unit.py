"""A unit of work: one borrowed connection, and one transaction at a time on it.

What each handle does in its way is in ``connection`` (the default one), ``orm`` and ``driver``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar

from cpkit.errors import DatabaseUnavailableError, UnitOverError

from .statements import PLAIN, WRITE, Judged, Statement
from .terms import UNIT, AfterCommit, Terms

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from .borrowed import Borrowed
    from .sockets import Watchdog

    Call = Callable[..., object]

T = TypeVar("T")

_INHERITED: list[object] = []


class Lender(Protocol):
    """What lends a unit its connection."""

    watchdog: Watchdog[Any] | None
    answers: tuple[type[BaseException], ...]  # what is raised to answer, and no failure

    def borrow(self, terms: Terms) -> Borrowed:
        """Return a connection on which *terms* can be kept."""

    def give_back(self, borrowed: Borrowed, terms: Terms) -> None:
        """Take a connection back; drop it if it is broken, tidy it if it was changed."""

    def session(self, unit: Unit) -> Session:
        """Return an ORM session that is bound to *unit*."""

    def committed(self) -> None:
        """Learn that a unit has committed which is no request's own."""

    def refused_to_write(self, error: Exception) -> DatabaseUnavailableError:
        """Learn that the server or the file takes no writes; return what is raised for *error*."""

    def failed(self, call: Callable[[], object]) -> None:
        """Log the exception that is handled, of a *call* after a commit."""


class OfHandle:
    """An attribute of a unit that is its handle's."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, unit: Unit | None, owner: type[Unit]) -> Any:
        return self if unit is None else getattr(unit.handle, self.name)

    def __set__(self, unit: Unit, value: object) -> None:
        setattr(unit.handle, self.name, value)


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
    late = False  # its request is answered: what is done now is a transaction of its own
    over = False
    observe: Callable[[str, int, int], object] | None = None  # told "db", nanoseconds and queries

    _handle: Any = None
    _borrowed: Borrowed | None = None
    _after: AfterCommit | None = None
    mutex: threading.RLock  # of the threads that share it, made at its first use

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

    def __init__(self, lender: Lender, terms: Terms) -> None:
        self._lender, self.terms = lender, terms
        self._mutexes: list[threading.RLock] = []

    # ------------------------------ what handlers call ------------------------------

    @property
    def write(self) -> bool:
        """Tell whether this unit may write."""
        return self.terms.write

    @property
    def handle(self) -> Any:
        """Return what the driver or SQLAlchemy works with, borrowing it the first time."""
        if self._handle is None:
            self.open()
        return self._handle

    def open(self) -> None:
        """Borrow, once, however many threads are the first to use this unit."""
        # PERF: no vars(self).setdefault(), which makes every attribute slow to find from then on.
        self._mutexes.append(threading.RLock())
        self.mutex = self._mutexes[0]  # the first of several threads' is for all
        with self.mutex:
            if self._handle is None:
                self._open()

    @property
    def opened(self) -> bool:
        """Tell whether a connection is borrowed now."""
        return self._borrowed is not None

    @property
    def holds_work(self) -> bool:
        """Tell whether something was written that is not committed, or waits for the commit."""
        borrowed = self._borrowed
        return self._waits or (borrowed is not None and (borrowed.wrote or self.exposed))

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
        self._settle(committed=True)
        self._call_back()
        if self.exposed:  # who has the driver's connection may go on with it unseen
            self.begin_transaction()

    def rollback(self) -> None:
        """Undo what was done since the last commit; the next statement begins anew."""
        if self._handle is not None:
            self._rollback()
            borrowed = self._borrowed
            if borrowed is not None and (borrowed.broken or not borrowed.pooled.is_valid):
                self.close()  # so that the next statement is run on another connection
        self._settle(committed=False)
        if self.exposed:
            self.begin_transaction()

    def close(self, *, broken: bool = False) -> None:
        """Undo what was not committed and give the connection back; *broken* ones are dropped."""
        handle, self._handle = self._handle, None
        self._settle(committed=False)
        if handle is None:
            if self._borrowed is not None:  # another thread is about to have its handle
                self._borrowed.closed = True
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
                self._settle(committed=True)
                rests = pause
        finally:
            try:
                if rests:
                    self.rest()
                else:
                    self.close()
            finally:  # what waited for an earlier commit is called, even if this one failed
                if self._after is not None and self._call_back() and not rests:
                    self.close()

    @property
    def _waits(self) -> bool:
        """Tell whether something waits for a commit."""
        return self._after is not None and bool(self._after.calls)

    def _settle(self, committed: bool) -> None:
        """Have what waits for a commit of what was done be called soon, or never."""
        if self._after is not None:
            self._after.transaction_ended(committed=committed)

    def _call_back(self) -> bool:
        """Call what waited for a commit; tell whether anything did.

        What a call does with this unit is a transaction too.
        """
        due = self._after.due() if self._after is not None else []
        for call in due:
            try:
                call()
                self.commit()
            except Exception:  # what it waited for is stored, so that the answer is what it is
                self._lender.failed(call)
                self.rollback()
        return bool(due)

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
            self.retire()

    def retire(self) -> None:
        """Be over; what another thread has borrowed meanwhile goes back."""
        self.over = True
        if self._borrowed is not None:
            try:
                self.close()
            finally:
                self.give_back(broken=True)

    # ------------------------------ what handles call ------------------------------

    def run(self, statement: Statement, cursor: object, execute: Call, *args: Any) -> None:
        """Have ``execute(*args)`` run *statement* on *cursor*: watched, timed and counted.

        Raise :class:`WriteInReadUnitError` if it writes and this unit only reads, and
        :class:`TransactionLostError` if the transaction that it would go on with is gone.
        """
        borrowed, terms = self._borrowed or self._refuse(), self.terms
        if self.exposed:
            borrowed.begin_transaction()
        judged, read_rest = borrowed.backend.judge(statement), None
        if judged is WRITE and terms.write:
            borrowed.wrote = True
        elif judged is not PLAIN:
            read_rest = self._heed(borrowed, judged, statement)
        if borrowed.backend.cursors_need_transactions:
            borrowed.hold_if_on_server(cursor)
        if terms.real or borrowed.asked:  # PERF: plain reads are most of all statements
            borrowed.begin_transaction()
        borrowed.remember(cursor)
        try:
            self.timed(1, execute, *args)
            if read_rest is not None:
                self.timed(0, read_rest)
        except Exception as error:
            borrowed.note_failure(error, statement)
            if judged.commits:
                borrowed.undone()
            raise
        if judged.commits or judged.undoes:
            borrowed.ended(committed=judged.commits)

    def _refuse(self) -> NoReturn:
        """Raise UnitOverError: the request has ended while another thread came this far."""
        raise UnitOverError

    def begin_transaction(self) -> None:
        """Begin a transaction on the connection that is borrowed, if this unit needs one."""
        if self._borrowed is not None:
            self._borrowed.begin_transaction()

    def expose(self) -> None:
        """Hand out what nobody watches: where this unit only reads, the server refuses writes."""
        borrowed = self._borrowed
        if borrowed is not None and not (self.exposed or self.terms.write):
            self.timed(0, borrowed.backend.forbid_writes, borrowed.driver)
        self.exposed = True
        if borrowed is not None and borrowed.transaction is not None:
            borrowed.transaction.follow()

    def transaction_ended(self, *, committed: bool) -> None:
        """Learn that the transaction on the connection has ended."""
        self._settle(committed)
        if committed and self.terms.write:
            self.committed = True  # so that its handler is not run again
            self._lender.committed()

    def refused(self, error: Exception) -> Exception:
        """Return what is raised for *error*, with which the database refused to write."""
        return self.refusal(self._lender.refused_to_write(error))

    def refusal(self, error: DatabaseUnavailableError) -> Exception:
        """Return what is raised in place of *error*."""
        return error

    def _heed(
        self, borrowed: Borrowed, judged: Judged, statement: Statement
    ) -> Callable[[], None] | None:
        """Do what a statement needs that does more than to read; return what reads its rest."""
        borrowed.heed(judged, statement)
        self.committed = self.committed or judged.may_commit
        if judged.savepoint or judged.undone_to or judged.released:
            self._after = self._after or AfterCommit()
            self._after.note(judged.savepoint, judged.undone_to, judged.released)
        if judged.several or judged.may_commit:
            return borrowed.backend.reader_of_rest(borrowed.driver)
        return None

    def rest(self) -> None:
        """Give the connection back until the next use, if nothing is in hand that needs it."""
        borrowed = self._borrowed
        if borrowed is None or self.exposed or self._waits:
            return
        if not borrowed.is_needed(self.terms.write):
            self._rest()

    def leave_to_parent(self) -> None:
        """Do without what a process has inherited that was forked: it is its parent's."""
        _INHERITED.append((self._handle, self._borrowed))  # NOTE: for good, as a pool's are
        self._handle = self._borrowed = None
        self.over = True

    def make_way(self, lender: object) -> None:
        """Do without the turn of *lender*'s, if only reads were done in it: another unit needs it.

        Objects of a session are loaded anew when they are asked for.
        """
        borrowed = self._borrowed
        if self._lender is lender and borrowed is not None and borrowed.turns is not None:
            self.rest()

    def _finish(self) -> None:
        """Commit as the last thing that is done, if there is anything to commit."""
        borrowed = self._borrowed
        begun = borrowed is not None and (
            borrowed.transaction is not None or not borrowed.backend.reads_without_transaction
        )
        if begun or self.terms.real or self.exposed or self._has_changes():
            self._commit()

    def _has_changes(self) -> bool:
        """Tell whether the handle has objects to store."""
        return False

    def _rest(self) -> None:
        """Do without the connection for a while."""
        self.close()

    def timed(self, count: int, call: Callable[..., T], *args: Any) -> T:
        """Call what waits for the server; if it does not answer, the connection is cut."""
        watchdog = self._lender.watchdog
        if watchdog is not None and self._borrowed is not None:
            watchdog.watch(self, self._borrowed.driver)
        self.queries += count
        started, borrowed = time.perf_counter_ns(), self._borrowed
        try:
            if borrowed is None or borrowed.backend.shares_connections:
                return call(*args)
            with self.mutex:
                return call(*args)
        finally:
            if watchdog is not None:
                watchdog.release(self)
            spent = time.perf_counter_ns() - started
            self.nanoseconds += spent
            if self.observe is not None:
                self.observe("db", spent, count)

    def _use(self) -> None:
        """Note that the unit is used; raise UnitOverError if it may not be any more."""
        if self.over:
            raise UnitOverError
        self.used = True

    def borrow(self) -> Borrowed:
        """Return a connection, borrowed for this unit."""
        self._use()
        try:
            borrowed: Borrowed = self.timed(0, self._lender.borrow, self.terms)
        except DatabaseUnavailableError as error:
            raise self.refusal(error) from error
        self._borrowed, self.exposed = borrowed, False
        borrowed.unit = borrowed.pooled.info[UNIT] = self
        if self.over or self.late:  # its request may have ended while another thread waited
            try:
                self._use()
            except UnitOverError:
                self.give_back(broken=False)
                raise
        return borrowed

    def give_back(self, *, broken: bool) -> None:
        """Give the connection back, a *broken* one to be dropped."""
        borrowed = self._borrowed
        if borrowed is None:
            return
        with self.mutex:  # two threads may be about to
            given_back, borrowed.given_back = borrowed.given_back, True
        if given_back:
            return
        borrowed.closed = True  # for a thread that is about to run a statement
        if not broken and (borrowed.begun or borrowed.transaction is not None):
            borrowed.undone()  # SQLAlchemy does not know of it
        if borrowed.transaction is not None or borrowed.asked or self._after is not None:
            borrowed.ended(committed=False)
        borrowed.broken |= broken
        if self.exposed:  # whoever has it must not go on with it
            borrowed.changed = True
            borrowed.broken |= not borrowed.backend.keeps_data_in_connection
        self._borrowed = None
        self._lender.give_back(borrowed, self.terms)
