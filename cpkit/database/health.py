"""Whether the database answers, and how busy its pool is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .pool import UnitPool


@dataclass(frozen=True)
class PoolFigures:
    """Counts of connections: *size* at most, *in_use* and *idle* now; *waits* since the start.

    *waited* is in seconds; *writers_waiting* stand in SQLite's queue at the moment.
    """

    size: int
    in_use: int
    idle: int
    waits: int
    waited: float
    writers_waiting: int


@dataclass(frozen=True)
class Health:
    """The state of one database: its *url* without password, whether it is *up*, and its pool."""

    name: str
    url: str
    up: bool
    seconds: float
    pool: PoolFigures


def figures_of(pools: Sequence[object], writers_waiting: int) -> PoolFigures:
    """Add up the figures of *pools*; a pool that is not the plugin's own counts nothing."""
    own = [pool for pool in pools if isinstance(pool, UnitPool)]
    return PoolFigures(
        size=sum(pool.size() for pool in own),
        in_use=sum(pool.checkedout() for pool in own),
        idle=sum(pool.checkedin() for pool in own),
        waits=sum(pool.waits.count for pool in own),
        waited=sum(pool.waits.seconds for pool in own),
        writers_waiting=writers_waiting,
    )


class Pinger:
    """A question to the database that is given up waiting for in time.

    A driver that hangs cannot be interrupted, so a thread asks; one that never comes back
    is waited for by the next ping, instead of being joined by more.
    """

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._mutex = threading.Lock()
        self._pending: _Ping | None = None

    def ping(self, deadline: float) -> bool:
        """Tell whether an answer came within *deadline* seconds."""
        with self._mutex:
            ping = self._pending
            if ping is None or not ping.is_alive():
                ping = self._pending = _Ping(self._ask)
                ping.start()
        ping.join(deadline)
        return ping.answered


class _Ping(threading.Thread):
    def __init__(self, ask: Callable[[], None]) -> None:
        super().__init__(name="cpkit-db-ping", daemon=True)
        self._ask = ask
        self.answered = False

    def run(self) -> None:
        try:
            self._ask()
        except Exception:
            return
        self.answered = True


def measured(ping: Callable[[], bool]) -> tuple[bool, float]:
    """Return what *ping* says and the seconds it took."""
    started = time.perf_counter()
    return ping(), time.perf_counter() - started
