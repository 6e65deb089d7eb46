"""SQLAlchemy's engines for one database, and what they ask of the process around them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Engine, create_engine, event

from .connection import run_by_units
from .pool import UnitPool, check, checked_in, opened
from .turns import Lane, Lanes, Turns

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

    from .backends.base import Backend


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
    event.listen(engine, "checkin", partial(checked_in, engine, backend, host.committed))
    event.listen(engine, "connect", backend.connected)
    if takes_turns:
        event.listen(engine, "connect", backend.connected_to_write)
    event.listen(engine, "checkout", partial(check, backend.look))
    event.listen(engine, "checkout", host.lent)
    if backend.keeps_data_in_connection:
        event.listen(engine, "checkout", backend.note)
    if isinstance(engine.pool, UnitPool):
        engine.pool.settle(backend.look)
        engine.pool.holds_data = backend.keeps_data_in_connection
    run_by_units(engine.dialect, backend, host.committed)
    return engine


def _hide_values(backend: Backend[Any], context: ExceptionContext) -> None:
    """Take the values of a statement out of what SQLAlchemy raises itself, of a type's say."""
    backend.hide(context.sqlalchemy_exception)


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
