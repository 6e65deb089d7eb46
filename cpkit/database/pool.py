"""SQLAlchemy's queue pool, which keeps what units of work lend and return at hand.

PERF: a check-out and a check-in of SQLAlchemy's cost more than a statement of SQLite's. A
connection that a unit has done with stays checked out, as a *spare*, for the next unit.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from sqlalchemy.util.queue import Empty

# What a connection's record knows: whose unit it is lent to, the process that opened it, when it
# was last given back, and when it is too old.
KEY, PID, SINCE, UNTIL = "cpkit.unit", "cpkit.pid", "cpkit.since", "cpkit.until"

# NOTE: a connection that was opened before a fork belongs to the parent. It must be neither used
# nor closed here (closing says goodbye on the parent's socket), so a reference is kept for good.
INHERITED: list[Any] = []


@dataclass
class Waits:
    """Count how often, and for how many seconds, somebody waited for a connection."""

    count: int = 0
    seconds: float = 0.0


class LendingPool(QueuePool):
    """Lend connections; once disposed of, close each as it is brought back.

    So a pool can be swapped while its connections are in use: none is cut off, none is left over.
    """

    look: Callable[[Any, Any, Any], None]
    own_listeners = 0
    _retired = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.waits = Waits()
        self.spares: list[Any] = []
        self._waiting: list[None] = []  # as long as many wait; a list, for it changes atomically

    def settle(self, look: Callable[[Any, Any, Any], None]) -> None:
        """Be told, when its own listeners are there, how to *look* at a spare before it is lent."""
        self.look, self.own_listeners = look, self._count_listeners()

    # ------------------------------ what units call ------------------------------

    def keep(self, fairy: Any) -> None:
        """Keep a connection that a unit has done with for the next one."""
        info = fairy._connection_record.info
        info[KEY], info[SINCE] = None, time.monotonic()
        self.spares.append(fairy)
        if self._waiting or self._retired:  # who waits looks after it is counted: one of us sees
            self._check_in_a_spare()

    def is_clean(self, fairy: Any) -> bool:
        """Tell whether SQLAlchemy, or a listener of the user's, has nothing to do at a check-in."""
        record = fairy._connection_record
        return (
            record is not None
            and not record.finalize_callback
            and self._count_listeners() == self.own_listeners
            and not self._pre_ping
        )

    def _count_listeners(self) -> int:
        events, count = self.dispatch, 0
        for of in (events.checkout, events.checkin, events.reset):
            count += len(of.listeners) + len(of.parent_listeners)  # PERF: what len(of) adds up
        return count

    def spare(self) -> Any:
        """Return a spare that is still good, or None; what is not goes back to SQLAlchemy."""
        while self.spares:
            try:
                fairy = self.spares.pop()
            except IndexError:  # another thread was faster
                break
            record = fairy._connection_record
            try:
                self.look(fairy.dbapi_connection, record, fairy)
            except Exception:
                fairy.invalidate()
                continue
            if record.starttime > self._invalidate_time:
                return fairy
            fairy.close()
        return None

    def _check_in_a_spare(self) -> None:
        with contextlib.suppress(IndexError):
            fairy = self.spares.pop()
            record = fairy._connection_record
            if record.info[PID] != os.getpid():
                disown(record, fairy)
            fairy.close()

    # ------------------------------ what SQLAlchemy calls ------------------------------

    def dispose(self) -> None:
        """Close the idle connections, and from now on those that are brought back."""
        self._retired = True
        self._close_idle()

    def _close_idle(self) -> None:
        """Close what nobody uses.

        NOTE: the empty records stay, so that who waits here still gets one, and reconnects.
        """
        while self.spares:
            self._check_in_a_spare()
        records = []
        while self._pool.qsize():
            with contextlib.suppress(Empty):
                records.append(self._pool.get(False))
        for record in records:
            record.close()
            self._pool.put(record, False)

    def recreate(self) -> QueuePool:
        """Return an empty pool with the same settings that goes on counting waits."""
        pool = cast("LendingPool", super().recreate())
        pool.waits, pool.own_listeners = self.waits, self.own_listeners
        pool.look = self.look
        return pool

    def checkedout(self) -> int:
        """Return how many connections are in use: spares are not."""
        return super().checkedout() - len(self.spares)

    def checkedin(self) -> int:
        """Return how many connections are idle: spares are."""
        return super().checkedin() + len(self.spares)

    def _do_get(self) -> ConnectionPoolEntry:
        self._waiting.append(None)
        self._check_in_a_spare()
        try:
            return self._get()
        finally:
            self._waiting.pop()

    def _get(self) -> ConnectionPoolEntry:
        if self.checkedout() < self._most_out() or self._retired:
            return super()._do_get()
        started = time.perf_counter()
        try:
            return super()._do_get()
        finally:
            self.waits.count += 1
            self.waits.seconds += time.perf_counter() - started

    def _most_out(self) -> float:
        return self.size() + self._max_overflow if self._max_overflow >= 0 else float("inf")

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        if self._retired:
            self._close_idle()


def disown(record: Any, fairy: Any) -> None:
    """Leave a connection to the parent process, which opened it."""
    INHERITED.append(record.dbapi_connection)
    record.dbapi_connection = fairy.dbapi_connection = None
