"""SQLAlchemy's engines for one database: one for all units, or one to read and one to write."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, event

from cpkit.errors import DatabaseBusyError, DatabaseError

from .pool import UnitPool, check, checked_in, opened
from .turns import Turns
from .unit import run_by_units

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

    from .backends.base import Backend

    Checkout = Callable[[DBAPIConnection, ConnectionPoolEntry, PoolProxiedConnection], None]


@dataclass(frozen=True)
class Lane:
    """An engine, and the queue to stand in first where one unit at a time may use it."""

    engine: Engine
    turns: Turns | None = None

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
        lane = Lane(_build_engine(backend, note))
        return Lanes(lane, lane)
    write = Lane(_build_engine(backend, note, pool_size=1, takes_turns=True), Turns())
    if backend.keeps_data_in_connection:
        return Lanes(write, write)
    return Lanes(Lane(_build_engine(backend, note)), write)


def _build_engine(
    backend: Backend[Any], note: Checkout, *, takes_turns: bool = False, **options: Any
) -> Engine:
    """Return an engine of the room's own pool, with listeners on this engine alone."""
    given = backend.options()
    if "pool_size" in given:  # another pool than SQLAlchemy's queue may have none
        given |= options
    engine = create_engine(backend.url, **{"poolclass": UnitPool, **given})
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
    run_by_units(engine.dialect, backend)
    return engine
