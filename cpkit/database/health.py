"""Whether the database answers, how busy its pool is, and who keeps a unit of work open."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from operator import add
from types import CodeType, FrameType

from .pool import UnitPool
from .unit import Unit

_MOST = 256  # notes, before those of units that are gone are forgotten

Note = tuple[Callable[[], Unit | None], CodeType, int, int]


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

    def __add__(self, other: PoolFigures) -> PoolFigures:
        """Return the figures of both."""
        return PoolFigures(*map(add, astuple(self), astuple(other)))


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
        """Tell whether an answer came within *deadline* seconds.

        NOTE: who joins one that is late already does not wait: many who ask of a server that
        hangs would otherwise have all threads.
        """
        with self._mutex:
            ping = self._pending
            if ping is None or not ping.is_alive():
                ping = self._pending = _Ping(self._ask)
                ping.start()
        ping.join(max(ping.since + deadline - time.monotonic(), 0))
        return ping.answered


class _Ping(threading.Thread):
    def __init__(self, ask: Callable[[], None]) -> None:
        super().__init__(name="cpkit-db-ping", daemon=True)
        self._ask, self.since = ask, time.monotonic()
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


class Begun:
    """The units of work that may write and were begun by code of its own, and where."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._notes: list[Note] = []

    def note(self, unit: Unit, frame: FrameType | None) -> None:
        """Note that *unit* was begun by what has called what runs in *frame*."""
        caller = frame and frame.f_back
        if caller is None:
            return
        # PERF: no more than what can be told later.
        note = weakref.ref(unit), caller.f_code, caller.f_lasti, threading.get_ident()
        with self._mutex:
            self._notes.append(note)
            if len(self._notes) > _MOST:
                self._notes = [each for each in self._notes if each[0]() is not None]

    def forget(self) -> None:
        """Forget them all, in a process that was forked: they are its parent's."""
        self._mutex, self._notes = threading.Lock(), []  # a thread that is not here may have it

    def still_open(self) -> list[str]:
        """Return where each was begun that has a connection now."""
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        return [
            f"{code.co_filename}, line {_line(code, at)}, in the thread {names.get(thread, thread)}"
            for found, code, at, thread in list(self._notes)
            if (unit := found()) is not None and unit.opened
        ]


def _line(code: CodeType, at: int) -> int | None:
    return next((line for start, end, line in code.co_lines() if start <= at < end), None)
