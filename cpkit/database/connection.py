"""SQLAlchemy's Connection as the default handle of a unit of work, which runs its statements."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NoReturn

from sqlalchemy import Connection, Engine

from cpkit.errors import DatabaseError, UnitOverError

from .pool import CHANGED, joined
from .terms import SEEN, UNIT, is_autocommit, refuse_autocommit, refuse_two_phases
from .unit import Unit

if TYPE_CHECKING:
    from sqlalchemy import Dialect, NestedTransaction, RootTransaction
    from sqlalchemy.engine.interfaces import DBAPICursor
    from sqlalchemy.pool import PoolProxiedConnection

    from .backends.base import Backend
    from .borrowed import Borrowed


class UnitConnection(Connection):
    """A SQLAlchemy Connection that knows its unit of work."""

    _lent: PoolProxiedConnection | None = None

    def __init__(self, unit: Unit, borrowed: Borrowed, engine: Engine) -> None:
        # NOTE: where reads need no transaction, one that begins is one that somebody asked for.
        begins = unit.terms.real or not borrowed.backend.reads_without_transaction
        # NOTE: of the class, which SQLAlchemy 2.0.0 gives it when somebody listens.
        events = getattr(type(self), "_has_events", False)
        # First, for options of the engine are set on it before it is made.
        self.unit, self._borrowed, self._autobegins = unit, borrowed, begins
        super().__init__(engine, borrowed.pooled, _has_events=events, _allow_autobegin=begins)

    @property
    def connection(self) -> PoolProxiedConnection:
        """Return the pooled connection; whatever is done by it belongs to the unit."""
        pooled = super().connection
        if pooled is not self._borrowed.pooled:
            return pooled
        if self._lent is None:
            lent: Any = UnitPooled(self._borrowed)
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
        plain = not (self.closed or unit.terms.real or self._autobegins)
        if plain and unit.is_asked_for():
            self._borrowed.ask_for_transaction()
        return super().begin()

    def invalidate(self, exception: BaseException | None = None) -> None:
        """Drop the connection that is lent; what is run after a rollback is lent another."""
        if exception is None:
            _refuse_to_lose_data(self._borrowed, "invalidate()")
            # NOTE: SQLite keeps its lock as long as somebody has a cursor that is not closed.
            self._borrowed.close_cursors()
        super().invalidate(exception)
        self.engine = UnitBind(self, self.engine)

    def detach(self) -> None:
        """Take the connection out of its pool; it is closed when its request ends."""
        _refuse_to_lose_data(self._borrowed, "detach()")
        super().detach()

    def lend_another(self) -> PoolProxiedConnection:
        """Return another connection of the unit's, in place of one that was dropped."""
        self.unit.give_back(broken=True)
        self._borrowed, self._lent = self.unit.borrow(), None
        return self._borrowed.pooled

    def begin_twophase(self, xid: Any = None) -> NoReturn:
        """Raise SettingError."""
        refuse_two_phases("begin_twophase()")

    def begin_nested(self) -> NestedTransaction:
        """Begin a savepoint, and a real transaction around it if there is none."""
        if not self.in_transaction():
            self.begin()
        self._borrowed.ask_for_transaction()
        return super().begin_nested()


class UnitBind(Engine):
    """What a unit's connection that was dropped takes for its engine, which would lend unseen."""

    def __init__(self, connection: UnitConnection, engine: Engine) -> None:
        vars(self).update(vars(engine))
        self._connection = connection

    def raw_connection(self) -> PoolProxiedConnection:
        """Return what SQLAlchemy goes on with."""
        return self._connection.lend_another()


class UnitPooled:
    """A pooled connection as a unit's Connection hands it out.

    SQLAlchemy itself asks for it to begin and to end transactions. Whoever asks it for more has
    the driver's own connection, of which nobody knows what it does.
    """

    __slots__ = ("borrowed", "pooled")

    def __init__(self, borrowed: Borrowed) -> None:
        self.borrowed, self.pooled = borrowed, borrowed.pooled

    def __getattr__(self, name: str) -> Any:
        """Return the attribute of the pooled connection; UnitOverError once it was given back."""
        borrowed = self.borrowed
        if self.pooled.info.get(UNIT) is not borrowed.unit:
            raise UnitOverError
        if name in ("detach", "invalidate"):
            _refuse_to_lose_data(borrowed, f"{name}()")
        if name not in _OF_THE_POOL and not name.startswith("_"):
            borrowed.unit.expose()
            if name != "dbapi_connection":  # by which SQLAlchemy sets an isolation level first
                borrowed.begin_transaction()
        return getattr(self.pooled, name)


def _refuse_to_lose_data(borrowed: Borrowed, what: str) -> None:
    """Raise DatabaseError if what would be dropped holds the data of a database in memory."""
    if borrowed.backend.keeps_data_in_connection:
        raise DatabaseError(
            f"{what} would drop the only connection to this database, which lives in memory, and "
            "all its data: leave it out, or take a file."
        )


_OF_THE_POOL = frozenset(("info", "record_info", "is_valid", "is_detached", "invalidate"))


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
            borrowed.commit_by(borrowed.driver.commit)

    def _rollback(self) -> None:
        self._handle.rollback()
        borrowed = self._borrowed
        if borrowed is not None and self.exposed and borrowed.pooled.is_valid:
            borrowed.rollback_by(borrowed.driver.rollback)

    def _shut(self, handle: Connection, broken: bool) -> bool:
        if broken and not handle.closed:
            handle.invalidate()
        handle.close()
        return not broken


def run_by_units(dialect: Dialect, backend: Backend[Any], committed: Callable[[], object]) -> None:
    """Have units begin and end the transactions of their connections, and run the statements.

    PERF: on the dialect itself. One listener to an event of connections ("begin",
    "before_cursor_execute") has SQLAlchemy prepare each statement for all of them.
    """
    is_lost = dialect.is_disconnect

    def begin(lent: PoolProxiedConnection) -> None:
        if isinstance(lent, UnitPooled):
            lent.borrowed.begin_transaction()
        else:
            lent.info[SEEN] = True
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
        if isinstance(lent, UnitPooled):
            getattr(lent.borrowed, name)(partial(end, lent.pooled))
        elif not lent.is_valid:  # it is that of the process that has forked this one
            raise UnitOverError
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
