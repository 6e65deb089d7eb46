"""SQLAlchemy's engines for one database, and their connections, which units work with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Connection, Engine, create_engine, event

from cpkit.errors import DatabaseBusyError, DatabaseError

from .pool import UnitPool, check, checked_in, joined, opened
from .terms import UNIT
from .turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Dialect, NestedTransaction, RootTransaction
    from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

    from .backends.base import Backend
    from .pool import Borrowed
    from .terms import Terms

    Checkout = Callable[[DBAPIConnection, ConnectionPoolEntry, PoolProxiedConnection], None]


class Lane:
    """An engine, and the queue to stand in first where one unit at a time may use it."""

    def __init__(self, engine: Engine, backend: Backend[Any], turns: Turns | None = None) -> None:
        self.engine, self.backend, self.turns = engine, backend, turns
        self.guards_reads = backend.guards_reads

    def enter(self, timeout: float) -> None:
        """Wait up to *timeout* seconds for the turn, if there are turns."""
        if self.turns is None:
            return
        if self.turns.held_here():
            raise DatabaseError(
                "This thread holds the turn to write already, and would wait for itself: "
                "use the unit of work that it has open, or end that one first."
            )
        if not self.turns.enter(timeout):
            raise DatabaseBusyError(f"The turn to write did not come within {timeout:g} s")

    def leave(self) -> None:
        """Hand the turn on."""
        if self.turns is not None:
            self.turns.leave()


@dataclass(frozen=True)
class Lanes:
    """The lane of the units that read and the lane of those that write."""

    read: Lane
    write: Lane

    def engines(self) -> list[Engine]:
        """Return the engines, each once."""
        return list(dict.fromkeys((self.read.engine, self.write.engine)))


def build_lanes(backend: Backend[Any], note: Checkout) -> Lanes:
    """Return the lanes to a *backend*; *note* is told of each connection that is lent."""
    if not backend.writers_take_turns:
        lane = Lane(_build_engine(backend, note), backend)
        return Lanes(lane, lane)
    write = Lane(_build_engine(backend, note, pool_size=1, takes_turns=True), backend, Turns())
    if backend.keeps_data_in_connection:
        return Lanes(write, write)
    return Lanes(Lane(_build_engine(backend, note), backend), write)


def _build_engine(
    backend: Backend[Any], note: Checkout, *, takes_turns: bool = False, **options: Any
) -> Engine:
    """Return an engine of the room's own pool, with listeners on this engine alone."""
    given = backend.options()
    if "pool_size" in given:  # another pool than SQLAlchemy's queue may have none
        given |= options
    # What statements are run with stays out of errors, and so of logs, unless it is asked for.
    defaults = {"poolclass": UnitPool, "hide_parameters": True}
    engine = create_engine(backend.url, **{**defaults, **given})
    backend.dialect = engine.dialect
    event.listen(engine, "connect", partial(opened, backend.max_age))
    event.listen(engine, "checkin", partial(checked_in, backend))
    event.listen(engine, "connect", backend.connected)
    if takes_turns:
        event.listen(engine, "connect", backend.connected_to_write)
    event.listen(engine, "checkout", partial(check, backend.look))
    event.listen(engine, "checkout", note)
    if isinstance(engine.pool, UnitPool):
        engine.pool.settle(backend.look)
    _run_by_units(engine.dialect, backend)
    return engine


class Runner(Protocol):
    """What a connection asks of the unit that has it."""

    terms: Terms

    def is_asked_for(self) -> bool:
        """Tell whether a transaction that SQLAlchemy begins now was asked for."""

    def ask_for_transaction(self) -> None:
        """Begin a transaction although this unit only reads: somebody asks for one."""

    def begin_transaction(self) -> None:
        """Begin a transaction if this unit needs one."""

    def commit_by(self, commit: Callable[[], object]) -> None:
        """Have *commit* end the transaction."""

    def rollback_by(self, rollback: Callable[[], object]) -> None:
        """Have *rollback* undo the transaction."""

    def run(
        self, statement: str, cursor: object, execute: Callable[..., object], *args: Any
    ) -> None:
        """Have ``execute(*args)`` run *statement* on *cursor*."""


class UnitConnection(Connection):
    """A SQLAlchemy Connection that knows its unit of work."""

    def __init__(self, unit: Runner, borrowed: Borrowed, engine: Engine) -> None:
        # NOTE: where reads need no transaction, one that begins is one that somebody asked for.
        begins = unit.terms.real or not borrowed.backend.reads_without_transaction
        events = self._has_events  # of the class
        super().__init__(engine, borrowed.pooled, _has_events=events, _allow_autobegin=begins)
        self.unit, self._borrowed, self._autobegins = unit, borrowed, begins

    @cached_property
    def dispatch(self) -> Any:  # type: ignore[override]
        """Return the listeners to this connection and to its engine.

        PERF: SQLAlchemy joins them for each connection; here they are where there are any.
        """
        return joined(super().dispatch, self.engine)

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


def _run_by_units(dialect: Dialect, backend: Backend[Any]) -> None:
    """Have units begin and end the transactions of their connections, and run the statements.

    PERF: on the dialect itself. One listener to an event of connections ("begin",
    "before_cursor_execute") has SQLAlchemy prepare each statement for all of them.
    """
    is_lost = dialect.is_disconnect

    def begin(pooled: PoolProxiedConnection) -> None:
        unit = _unit_with(pooled)
        if unit is None:
            backend.begin(pooled.driver_connection, None, 0.0)
        else:
            unit.begin_transaction()

    def is_disconnect(error: Any, *where: Any) -> bool:
        # NOTE: SQLAlchemy asks this of each error of the driver's, and then makes its own of it.
        backend.hide(error)
        return is_lost(error, *where)

    vars(dialect).update(
        do_begin=begin,
        do_commit=_ended_by_unit(dialect.do_commit, "commit_by"),
        do_rollback=_ended_by_unit(dialect.do_rollback, "rollback_by"),
        do_execute=_by_unit(dialect.do_execute),
        do_executemany=_by_unit(dialect.do_executemany),
        do_execute_no_params=_by_unit(dialect.do_execute_no_params),
        is_disconnect=is_disconnect,
    )


def _ended_by_unit(
    end: Callable[[PoolProxiedConnection], None], name: str
) -> Callable[[PoolProxiedConnection], None]:
    def run(pooled: PoolProxiedConnection) -> None:
        unit = _unit_with(pooled)
        if unit is None:
            end(pooled)
        else:
            getattr(unit, name)(partial(end, pooled))

    return run


def _unit_with(pooled: PoolProxiedConnection) -> Runner | None:
    try:
        unit: Runner | None = pooled.info.get(UNIT)
    except NotImplementedError:  # what SQLAlchemy makes for its first look at a database
        return None
    return unit


def _by_unit(execute: Callable[..., object]) -> Callable[..., None]:
    def run(cursor: DBAPICursor, statement: str, *args: Any) -> None:
        # NOTE: the context comes last, after parameters if there are any.
        connection = args[-1].root_connection
        if isinstance(connection, UnitConnection):
            connection.unit.run(statement, cursor, execute, cursor, statement, *args)
        else:
            execute(cursor, statement, *args)

    return run
