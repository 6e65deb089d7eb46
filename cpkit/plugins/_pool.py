"""SQLAlchemy's queue pool, which counts waits and closes what comes back after it was retired."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from sqlalchemy.util.queue import Empty


@dataclass
class Waits:
    """Count how often, and for how many seconds, somebody waited for a connection."""

    count: int = 0
    seconds: float = 0.0


class LendingPool(QueuePool):
    """Lend connections; once disposed of, close each as it is brought back.

    So a pool can be swapped while its connections are in use: none is cut off, none is left over.
    """

    waits: Waits
    _retired = False

    def dispose(self) -> None:
        """Close the idle connections, and from now on those that are brought back."""
        self._retired = True
        self._close_idle()

    def _close_idle(self) -> None:
        """Close what nobody uses.

        NOTE: the empty records stay, so that who waits here still gets one, and reconnects.
        """
        records = []
        while self.checkedin():
            with contextlib.suppress(Empty):
                records.append(self._pool.get(False))
        for record in records:
            record.close()
            self._pool.put(record, False)

    def recreate(self) -> QueuePool:
        """Return an empty pool with the same settings that goes on counting waits."""
        pool = super().recreate()
        vars(pool)["waits"] = self.waits
        return pool

    def _do_get(self) -> ConnectionPoolEntry:
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
