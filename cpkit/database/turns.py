"""A lock that is handed on in the order of asking."""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """A lock that lets one in at a time, first come first served; nobody overtakes.

    A lock that is freed goes to whoever grabs it first, often the thread that just held it; this
    one is handed to the first in the queue, so that the longest wait stays near the average.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._queue: deque[threading.Lock] = deque()
        self._taken = False
        self._holder: int | None = None

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._queue)

    def held_here(self) -> bool:
        """Tell whether the calling thread has the turn."""
        return self._holder == threading.get_ident()

    def enter(self, timeout: float) -> bool:
        """Wait up to *timeout* seconds for the turn; tell whether it came."""
        with self._mutex:
            if not self._taken:
                self._taken = True
                self._holder = threading.get_ident()
                return True
            ticket = threading.Lock()
            ticket.acquire()
            self._queue.append(ticket)
        if ticket.acquire(timeout=max(timeout, 0)) or not self._withdraw(ticket):
            self._holder = threading.get_ident()
            return True
        return False

    def leave(self) -> None:
        """Hand the turn to the next in the queue, from any thread."""
        with self._mutex:
            self._holder = None
            if self._queue:
                self._queue.popleft().release()
            else:
                self._taken = False

    def _withdraw(self, ticket: threading.Lock) -> bool:
        """Leave the queue; false if the turn was handed over at the last moment."""
        with self._mutex:
            if ticket in self._queue:
                self._queue.remove(ticket)
                return True
            return False
