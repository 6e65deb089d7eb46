"""The lock of a session: a turn among the requests of this process, and a lease of its row."""

from __future__ import annotations

import secrets
import time

from .faults import backoff
from .session_rows import Row
from .session_store import SessionStore
from .turns import Queue
from .unavailable import ServiceUnavailable

_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.02  # seconds between looks whether a lock is free


class SessionLock:
    """The right to the session of *key*, which one request has at a time."""

    def __init__(self, sessions: SessionStore, key: str, lease: float) -> None:
        self.key, self._sessions, self._lease = key, sessions, lease
        self._queue: Queue | None = None
        self.owner: str | None = None  # what the row says while it is leased to this one

    def acquire(self, seconds: float) -> Row | None:
        """Wait for the lock; return the row, read in the same transaction, None if there is none.

        Raises a 503 after so many *seconds*.
        """
        deadline = time.monotonic() + seconds
        # Who has it in this process may hang: its lease ends, and with it the queue behind it.
        patience = min(seconds, self._lease)
        self._queue = Queue.enter((*self._sessions.place, self.key), patience)
        try:
            return self._leased(deadline)
        except BaseException:
            self._leave_queue()
            raise

    def release(self) -> None:
        """Let the next request have the session."""
        owner, self.owner = self.owner, None
        try:
            if owner is not None:
                self._sessions.free(owner)
        finally:
            self._leave_queue()

    def _leased(self, deadline: float) -> Row | None:
        """Lease the row, which a request of another process may have, and return it."""
        owner, pauses = secrets.token_hex(8), backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
        row = self._sessions.take(self.key, owner, self._lease)
        while row is not None and row.owner != owner:
            pause = next(pauses)
            if time.monotonic() + pause > deadline:
                raise ServiceUnavailable(1)
            time.sleep(pause)
            # PERF: it only reads while it waits, since a writer keeps others waiting.
            row = self._sessions.read(self.key)
            if row is not None and row.is_free(time.time()):
                row = self._sessions.take(self.key, owner, self._lease)
        if row is not None:  # one that is not stored yet needs no lock
            self.owner = owner
        return row

    def _leave_queue(self) -> None:
        queue, self._queue = self._queue, None
        if queue is not None:
            queue.leave()
