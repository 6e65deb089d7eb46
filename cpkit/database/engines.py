"""SQLAlchemy's engines for one database; the connections and transactions that units work with."""

from __future__ import annotations

import time
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event

from cpkit.errors import (
    DatabaseUnavailableError,
    TransactionLostError,
    UnitOverError,
)

from .faults import is_aftermath
from .pool import CHANGED, UnitPool, check, checked_in, joined, opened
from .terms import UNIT, State, is_autocommit, local_values, refuse_autocommit
from .turns import Lane, Lanes, Turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Dialect, NestedTransaction, RootTransaction
    from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor, ExceptionContext
    from sqlalchemy.orm import Session
    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

    from .backends.base import Backend
    from .pool import Borrowed
    from .sockets import Watchdog
    from .terms import Terms


def build_lanes(backend: Backend[Any], host: Host) -> Lanes:
    """Return the lanes to a *backend*; *host* is told of what is lent and committed."""
    if not backend.writers_take_turns:
        lane = Lane(_build_engine(backend, host), backend)
        return Lanes(lane, lane)
    write = Lane(_build_engine(backend, host, pool_size=1, takes_turns=True), backend, Turns())
    if backend.keeps_data_in_connection:
        return Lanes(write, write)
    return Lanes(Lane(_build_engine(backend, host), backend), write)


def _build_engine(
    backend: Backend[Any], host: Host, *, takes_turns: bool = False, **options: Any
) -> Engine:
    """Return an engine of the room's own pool, with listeners on this engine alone."""
    given = backend.options()
    if "pool_size" in given:  # another pool than SQLAlchemy's queue may have none
        given |= options
    # What statements are run with stays out of errors, and so of logs, unless it is asked for.
    defaults = {"poolclass": UnitPool, "hide_parameters": True}
    engine = create_engine(backend.url, **{**defaults, **given})
    backend.dialect = engine.dialect
    backend.connect_in_time(engine.dialect)
    event.listen(engine, "handle_error", partial(_hide_values, backend))
    event.listen(engine, "connect", partial(opened, backend.max_age))
    event.listen(engine, "checkin", partial(checked_in, engine, backend))
    event.listen(engine, "connect", backend.connected)
    if takes_turns:
        event.listen(engine, "connect", backend.connected_to_write)
    event.listen(engine, "checkout", partial(check, backend.look))
    event.listen(engine, "checkout", host.lent)
    if backend.keeps_data_in_connection:
        event.listen(engine, "checkout", backend.note)
    if isinstance(engine.pool, UnitPool):
        engine.pool.settle(backend.look)
    _run_by_units(engine.dialect, backend, host.committed)
    return engine


def _hide_values(backend: Backend[Any], context: ExceptionContext) -> None:
    """Take the values of a statement out of what SQLAlchemy raises itself, of a type's say."""
    backend.hide(context.sqlalchemy_exception)


U = TypeVar("U", contravariant=True)  # the unit of work, which knows these


class Host(Protocol):
    """What a database asks of the process that it is part of."""

    @property
    def name(self) -> str:
        """Return the name of the database."""

    @property
    def threads(self) -> int:
        """Return how many threads may work with the database at a time."""

    @property
    def answers(self) -> tuple[type[BaseException], ...]:
        """Return what is raised to answer a request, and no failure."""

    def committed(self) -> None:
        """Learn that a unit has committed which is no request's own."""

    def say(self, message: str, level: int = 20, *, traceback: bool = False) -> None:
        """Log *message* about this database."""

    def open_at_need(self) -> None:
        """Open the database now if the process is about to."""

    def lent(
        self, driver: DBAPIConnection, record: ConnectionPoolEntry, pooled: PoolProxiedConnection
    ) -> None:
        """Note that a connection is lent (SQLAlchemy's event ``checkout``)."""


class Lender(Protocol[U]):
    """What lends a unit its connection."""

    watchdog: Watchdog[Any] | None
    answers: tuple[type[BaseException], ...]  # what is raised to answer, and no failure

    def borrow(self, terms: Terms) -> Borrowed:
        """Return a connection on which *terms* can be kept."""

    def give_back(self, borrowed: Borrowed, terms: Terms, *, broken: bool, changed: bool) -> None:
        """Take a connection back; drop it if it is *broken*, tidy it if its state was *changed*."""

    def session(self, unit: U) -> Session:
        """Return an ORM session that is bound to *unit*."""

    def committed(self) -> None:
        """Learn that a unit has committed which is no request's own."""

    def refused_to_write(self, error: Exception) -> DatabaseUnavailableError:
        """Learn that the server or the file takes no writes; return what is raised for *error*."""

    def failed(self, call: Callable[[], object]) -> None:
        """Log the exception that is handled, of a *call* after a commit."""


class Runner(Protocol):
    """What a connection asks of the unit that has it."""

    terms: Terms

    def is_asked_for(self) -> bool:
        """Tell whether a transaction that SQLAlchemy begins now was asked for."""

    def ask_for_transaction(self) -> None:
        """Begin a transaction although this unit only reads: somebody asks for one."""

    def begin_transaction(self) -> None:
        """Begin a transaction if this unit needs one."""

    def expose(self) -> None:
        """Learn that the driver's own connection is handed out."""

    def commit_by(self, commit: Callable[[], object]) -> None:
        """Have *commit* end the transaction."""

    def rollback_by(self, rollback: Callable[[], object]) -> None:
        """Have *rollback* undo the transaction."""

    def run(
        self, statement: str, cursor: object, execute: Callable[..., object], *args: Any
    ) -> None:
        """Have ``execute(*args)`` run *statement* on *cursor*."""


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


class UnitConnection(Connection):
    """A SQLAlchemy Connection that knows its unit of work."""

    _lent: PoolProxiedConnection | None = None

    def __init__(self, unit: Runner, borrowed: Borrowed, engine: Engine) -> None:
        # NOTE: where reads need no transaction, one that begins is one that somebody asked for.
        begins = unit.terms.real or not borrowed.backend.reads_without_transaction
        # NOTE: of the class, which SQLAlchemy 2.0.0 gives it when somebody listens.
        events = getattr(type(self), "_has_events", False)
        super().__init__(engine, borrowed.pooled, _has_events=events, _allow_autobegin=begins)
        self.unit, self._borrowed, self._autobegins = unit, borrowed, begins

    @property
    def connection(self) -> PoolProxiedConnection:
        """Return the pooled connection; whatever is done by it belongs to the unit."""
        pooled = super().connection
        if pooled is not self._borrowed.pooled:
            return pooled
        if self._lent is None:
            lent: Any = LentConnection(self.unit, pooled)
            self._lent = lent
        return self._lent

    @cached_property
    def dispatch(self) -> Any:  # type: ignore[override]
        """Return the listeners to this connection and to its engine.

        PERF: SQLAlchemy joins them for each connection; here they are where there are any.
        """
        return joined(super().dispatch, self.engine)

    def execution_options(self, **options: Any) -> Connection:
        """Set options; SettingError for AUTOCOMMIT."""
        refuse_autocommit("isolation_level", options.get("isolation_level"))
        return super().execution_options(**options)

    def begin(self) -> RootTransaction:
        """Begin a transaction, a real one if it was asked for."""
        unit = self.unit
        if not (unit.terms.real or self._autobegins) and unit.is_asked_for():
            unit.ask_for_transaction()
        return super().begin()

    def begin_nested(self) -> NestedTransaction:
        """Begin a savepoint, and a real transaction around it if there is none."""
        if not self.in_transaction():
            self.begin()
        self.unit.ask_for_transaction()
        return super().begin_nested()


class LentConnection:
    """A pooled connection as a unit's Connection hands it out.

    SQLAlchemy itself asks for it to begin and to end transactions. Whoever asks it for more has
    the driver's own connection, of which nobody knows what it does.
    """

    __slots__ = ("pooled", "unit")

    def __init__(self, unit: Runner, pooled: PoolProxiedConnection) -> None:
        self.unit, self.pooled = unit, pooled

    def __getattr__(self, name: str) -> Any:
        """Return the attribute of the pooled connection; UnitOverError once it was given back."""
        unit = self.unit
        if self.pooled.info.get(UNIT) is not unit:
            raise UnitOverError
        if name not in _OF_THE_POOL and not name.startswith("_"):
            unit.expose()
            if name != "dbapi_connection":  # by which SQLAlchemy sets an isolation level first
                unit.begin_transaction()
        return getattr(self.pooled, name)


_OF_THE_POOL = frozenset(("info", "record_info", "is_valid", "is_detached", "invalidate"))


def _run_by_units(dialect: Dialect, backend: Backend[Any], committed: Callable[[], object]) -> None:
    """Have units begin and end the transactions of their connections, and run the statements.

    PERF: on the dialect itself. One listener to an event of connections ("begin",
    "before_cursor_execute") has SQLAlchemy prepare each statement for all of them.
    """
    is_lost = dialect.is_disconnect

    def begin(lent: PoolProxiedConnection) -> None:
        if isinstance(lent, LentConnection):
            lent.unit.begin_transaction()
        else:
            backend.begin(lent.driver_connection, None, 0.0)

    def is_disconnect(error: Any, *where: Any) -> bool:
        # NOTE: SQLAlchemy asks this of each error of the driver's, and then makes its own of it.
        backend.hide(error)
        return is_lost(error, *where)

    vars(dialect).update(
        do_begin=begin,
        do_commit=_ended_by_unit(dialect.do_commit, "commit_by", committed),
        do_rollback=_ended_by_unit(dialect.do_rollback, "rollback_by"),
        do_execute=_by_unit(dialect.do_execute, backend, committed),
        do_executemany=_by_unit(dialect.do_executemany, backend, committed),
        do_execute_no_params=_by_unit(dialect.do_execute_no_params, backend, committed),
        is_disconnect=is_disconnect,
    )


def _ended_by_unit(
    end: Callable[[PoolProxiedConnection], None],
    name: str,
    ended: Callable[[], object] = lambda: None,
) -> Callable[[PoolProxiedConnection], None]:
    """Return what has the unit *end* a transaction by its *name*; without one, calls *ended*."""

    def run(lent: PoolProxiedConnection) -> None:
        if isinstance(lent, LentConnection):
            getattr(lent.unit, name)(partial(end, lent.pooled))
        else:
            end(lent)
            ended()

    return run


def _by_unit(
    execute: Callable[..., object], backend: Backend[Any], committed: Callable[[], object]
) -> Callable[..., None]:
    def run(cursor: DBAPICursor, statement: str, *args: Any) -> None:
        # NOTE: the context comes last, after parameters if there are any.
        connection = args[-1].root_connection
        if isinstance(connection, UnitConnection):
            connection.unit.run(statement, cursor, execute, cursor, statement, *args)
        else:
            judged = backend.judge(statement)
            if judged.sets:
                connection.info[CHANGED] = True
            execute(cursor, statement, *args)
            level = connection.get_execution_options().get("isolation_level")
            if judged.commits or (judged.writes and is_autocommit(level)):
                committed()

    return run
