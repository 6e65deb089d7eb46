"""The ways to a connection: one for all, or one for readers and one for writers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from cpkit.errors import DatabaseBusyError, DatabaseError

from .pool import LendingPool
from .turns import Turns


@dataclass(frozen=True)
class Lane:
    """Hold an engine, and the queue to stand in first where one at a time may use it."""

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

    def lend(self) -> Any:
        """Return a connection of the pool; :func:`keep` takes it back."""
        pool = self.engine.pool
        return (isinstance(pool, LendingPool) and pool.spare()) or self.engine.raw_connection()


def keep(fairy: Any) -> None:
    """Take back what a lane has lent, when the unit has closed it."""
    pool = fairy._pool
    if not fairy.is_valid:
        return  # it was given back when it was dropped
    if isinstance(pool, LendingPool) and pool.is_clean(fairy):
        pool.keep(fairy)
    else:
        fairy.close()


@dataclass(frozen=True)
class Lanes:
    """Hold the lane of the units that read and the lane of those that write."""

    read: Lane
    write: Lane

    def engines(self) -> list[Engine]:
        """Return the engines, each once."""
        return list(dict.fromkeys((self.read.engine, self.write.engine)))
