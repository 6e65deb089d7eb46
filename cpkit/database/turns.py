"""A lock that is handed on in the order of asking, and the engines that it stands before."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from cpkit.errors import DatabaseBusyError, DatabaseError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from .backends.base import Backend


class Turns:
    """A lock that lets one in at a time, first come first served; nobody overtakes.

    A lock that is freed goes to whoever grabs it first, often the thread that just held it; this
    one is handed to the first in the queue, so that the longest wait stays near the average.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._queue: deque[threading.Lock] = deque()
        self._handed: threading.Lock | None = None  # the last ticket that was called
        self._taken = False
        self._holder: threading.Thread | None = None  # NOTE: its number may be another's later

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._queue)

    def held_here(self) -> bool:
        """Tell whether the calling thread has the turn."""
        return self._holder is threading.current_thread()

    def enter(self, timeout: float) -> bool:
        """Wait up to *timeout* seconds for the turn; tell whether it came."""
        ticket = None
        try:
            with self._mutex:
                if not self._taken:
                    self._taken = True
                    self._holder = threading.current_thread()
                    return True
                ticket = threading.Lock()
                ticket.acquire()
                self._queue.append(ticket)
            came = ticket.acquire(timeout=max(timeout, 0))
        except BaseException:  # a signal's, or one that ends a greenlet
            if ticket is not None and not self._withdraw(ticket) and self._handed is ticket:
                self.leave()
            raise
        if came or not self._withdraw(ticket):
            self._holder = threading.current_thread()
            return True
        return False

    def leave(self) -> None:
        """Hand the turn to the next in the queue, from any thread."""
        with self._mutex:
            self._holder = None
            if self._queue:
                self._handed = self._queue.popleft()
                self._handed.release()
            else:
                self._taken = False

    def _withdraw(self, ticket: threading.Lock) -> bool:
        """Leave the queue; false if the turn was handed over at the last moment."""
        with self._mutex:
            if ticket in self._queue:
                self._queue.remove(ticket)
                return True
            return False


class Queue:
    """Those of this process that want one place, such as a session: first come first served."""

    mutex = threading.Lock()
    queues: ClassVar[dict[tuple[str, ...], Queue]] = {}

    def __init__(self, place: tuple[str, ...]) -> None:
        self._place, self.turns, self.members = place, Turns(), 0

    @classmethod
    def enter(cls, place: tuple[str, ...], timeout: float) -> Queue | None:
        """Wait up to *timeout* seconds for the turn; None if it did not come."""
        with cls.mutex:
            queue = cls.queues.setdefault(place, cls(place))
            queue.members += 1
        came = False
        try:
            came = queue.turns.enter(timeout)
        finally:
            if not came:
                queue._forget()
        return queue if came else None

    def leave(self) -> None:
        """Let the next one in."""
        self.turns.leave()
        self._forget()

    def _forget(self) -> None:
        with self.mutex:
            self.members -= 1
            if not self.members:
                self.queues.pop(self._place, None)


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
