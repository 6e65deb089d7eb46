"""The sockets under connections: looked at before they are lent, cut where a server hangs."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

D = TypeVar("D")  # a driver's connection

# Seconds that the server has to cancel a statement itself, before its connection is cut.
GRACE = 1.0


class Watchdog(Generic[D]):
    """What ends each statement that takes *limit* seconds and the grace.

    A thread in a driver cannot be interrupted, but it notices that its socket was shut down.
    *cut* ends what a driver does, and tells whether it could; *ended* is called with the seconds.
    """

    def __init__(
        self,
        limit: float,
        cut: Callable[[D], bool],
        ended: Callable[[float], object],
    ) -> None:
        self._limit, self._cut, self._ended = limit + GRACE, cut, ended
        self._mutex = threading.Lock()
        self._running: dict[object, tuple[float, D]] = {}
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, who: object, driver: D) -> None:
        """Note that *who* begins a statement on the *driver*'s connection."""
        with self._mutex:
            self._running[who] = (time.monotonic() + self._limit, driver)
            if self._thread is None:
                name = "cpkit-db-watchdog"
                self._thread = threading.Thread(target=self._look, name=name, daemon=True)
                self._thread.start()

    def release(self, who: object) -> None:
        """Note that the statement has ended."""
        with self._mutex:
            self._running.pop(who, None)

    def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()

    def _look(self) -> None:
        while not self._stopped.wait(GRACE / 4):
            # NOTE: held while connections are cut, so that none is lent to another meanwhile.
            with self._mutex:
                for driver in self._overdue(time.monotonic()):
                    if self._cut(driver):
                        self._ended(self._limit)

    def _overdue(self, now: float) -> list[D]:
        late = [who for who, (deadline, _) in self._running.items() if deadline < now]
        return [self._running.pop(who)[1] for who in late]


class _Hurry(threading.local):
    deadline: float | None = None  # monotonic


hurry = _Hurry()  # how long a thread may wait for the connection that it borrows


def seconds_left() -> float | None:
    """Return how long this thread may still wait for its connection; None: as long as it takes."""
    return None if hurry.deadline is None else max(hurry.deadline - time.monotonic(), 0)


class SameSocket:
    """A further descriptor of a driver's socket, by which another thread can cut it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = os.dup(descriptor)

    def __del__(self) -> None:
        """Close it with the driver's connection, whose attribute it is."""
        os.close(self.descriptor)


def cut(descriptor: int | None) -> bool:
    """Shut a driver's socket down, if it shows one; the driver sees the end of the stream."""
    if descriptor is None:
        return False
    try:
        # The driver keeps and closes its own descriptor.
        with socket.socket(fileno=os.dup(descriptor)) as same:
            same.shutdown(socket.SHUT_RDWR)
    except OSError:  # it ended by itself
        return False
    return True


def readable(descriptor: int) -> bool:
    """Tell whether the socket has something to read: for an idle connection, mostly its end.

    No round trip and no wait, so it costs a microsecond; a server that vanished without closing
    is not seen, which is what keepalives are for.
    """
    if not hasattr(select, "poll"):
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
