"""SQLAlchemy's queue pool, which keeps what units of work give back at hand.

PERF: a check-out and a check-in of SQLAlchemy's cost more than a statement of SQLite's. A
connection that a unit has done with stays checked out, as a *spare*, for the next unit.

SQLAlchemy's private names are used in this file alone; tests/database/test_private_names.py lists
each, and fails by its name when one goes.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
import weakref
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, QueuePool
from sqlalchemy.util.queue import Empty

from .sockets import hurry, seconds_left
from .terms import SEEN, UNIT, is_unseen

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from .backends.base import Backend

# What a connection's record knows beside its unit: the process that opened it, when it was last
# given back, and when it is too old.
PID, SINCE, UNTIL = "cpkit.pid", "cpkit.since", "cpkit.until"
GUARDED = "cpkit.guarded"  # whether it is kept from writing
CHANGED = "cpkit.changed"  # whether something was set on it where no unit had it

# NOTE: a connection that was opened before a fork belongs to the parent. It must be neither used
# nor closed here (closing says goodbye on the parent's socket), so a reference is kept for good.
INHERITED: list[object] = []
# The records of the connections that are there, whoever has them.
_records: weakref.WeakSet[Record] = weakref.WeakSet()

_JITTER = 0.1  # of the age of a connection
# NOTE: SQLAlchemy counts who has a connection checked out: so a Connection's close() keeps it.
_KEPT = 2**60


Look = Callable[[Any, float], None]  # at a driver's connection that was idle for so many seconds


class Record(Protocol):
    """SQLAlchemy's record of a connection, as far as the pool needs more than is public."""

    dbapi_connection: Any
    info: dict[str, Any]
    starttime: float
    finalize_callback: Any
    fairy_ref: Callable[[], Fairy | None] | None


class Fairy(Protocol):
    """SQLAlchemy's proxy for a checked-out connection, likewise."""

    dbapi_connection: Any
    _counter: int
    _pool: object
    _connection_record: Record | None

    def close(self) -> None:
        """Check the connection in, if nobody else has it checked out."""

    def invalidate(self) -> None:
        """Drop the connection."""


@dataclass
class Waits:
    """How often, and for how many seconds, somebody waited for a connection."""

    count: int = 0
    seconds: float = 0.0


class UnitPool(QueuePool):
    """A pool that lends to units; once disposed of, it closes each connection brought back.

    So a pool can be swapped while its connections are in use: none is cut off, none is left over.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._retired = False
        self.own_listeners = 0
        self.holds_data = False  # of a database in memory, which would go with its connection
        self.waits = Waits()
        self.spares: list[Fairy] = []
        self._listen(None, None, 0)  # until it is told, SQLAlchemy sees all
        self._waiting: list[None] = []  # as long as many wait; a list, for it changes atomically

    def settle(self, look: Look | None) -> None:
        """Be told, when its own listeners are there, how to *look* at a spare before it is lent."""
        self._listen(look, self.dispatch.reset, len(self.dispatch.connect))
        self.own_listeners = sum(map(len, self._lists))

    def _listen(self, look: Look | None, reset: object, connects: int) -> None:
        self.look, self._reset, self._connects = look, reset, connects
        heard = (self.dispatch.checkout, self.dispatch.checkin)
        # PERF: what len() of each adds up.
        self._lists = [it for of in heard for it in (of.listeners, of.parent_listeners)]

    def has_further_connect_listeners(self) -> bool:
        """Tell whether the user's listeners, too, set up each connection."""
        return len(self.dispatch.connect) > self._connects

    # ------------------------------ what units call ------------------------------

    def spare(self) -> PoolProxiedConnection | None:
        """Return a spare that is still good, or None; what is not goes back to SQLAlchemy."""
        while True:
            try:
                fairy = self.spares.pop()
            except IndexError:  # there is none
                return None
            record: Record = fairy._connection_record  # type: ignore[assignment]
            try:
                # NOTE: a process that was forked has another pool.
                check_age(self.look, fairy.dbapi_connection, record)
            except Exception:
                fairy.invalidate()
                continue
            if record.starttime > self._invalidate_time:
                return fairy  # type: ignore[return-value]
            give_up(fairy)

    def keep(self, fairy: Fairy) -> None:
        """Take back what a unit has done with: as a spare, unless SQLAlchemy wants to see it."""
        record = fairy._connection_record
        if (
            record is None
            or record.finalize_callback
            or self._pre_ping
            or self._is_heard_by_others()
        ):
            give_up(fairy)
            return
        info = record.info
        info[UNIT], info[SINCE] = None, time.monotonic()
        self.spares.append(fairy)
        if self._waiting or self._retired:  # who waits looks after it is counted: one of us sees
            self._check_in_a_spare()

    def _is_heard_by_others(self) -> bool:
        """Tell whether the user's listeners, too, hear of check-outs, check-ins and resets."""
        reset = self.dispatch.reset  # another object when somebody listens to it
        return (
            sum(map(len, self._lists)) != self.own_listeners
            or reset is not self._reset
            or bool(reset.parent_listeners)
        )

    def _check_in_a_spare(self) -> None:
        with contextlib.suppress(IndexError):
            fairy = self.spares.pop()
            record = cast("Record", fairy._connection_record)
            if record.info[PID] != os.getpid():
                disown(record, fairy)
            give_up(fairy)

    # ------------------------------ what SQLAlchemy calls ------------------------------

    @property
    def _timeout(self) -> float:
        """Return the seconds to wait: a unit that has waited for something else waits less."""
        left = seconds_left()
        return self._longest_wait if left is None else left

    @_timeout.setter
    def _timeout(self, seconds: float) -> None:
        self._longest_wait = seconds

    def dispose(self) -> None:
        """Close the idle connections, and from now on those that are brought back."""
        if not self.holds_data:
            self._retired = True
            self._close_idle()

    def _close_idle(self) -> None:
        """Close what nobody uses.

        NOTE: the empty records stay, so that whoever waits here still gets one, and reconnects.
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
        if self.holds_data:
            return self
        pool = cast("UnitPool", super().recreate())
        pool.waits = self.waits
        pool._listen(self.look, self._reset, self._connects)
        pool.own_listeners = self.own_listeners
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
            # NOTE: the clock is read before: what another thread adds meanwhile would be lost.
            waited = time.perf_counter() - started
            self.waits.count += 1
            self.waits.seconds += waited

    def _most_out(self) -> float:
        return self.size() + self._max_overflow if self._max_overflow >= 0 else float("inf")

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        if self._retired:
            self._close_idle()


def check_out(engine: Engine, deadline: float) -> PoolProxiedConnection:
    """Return a connection of *engine*'s pool, a spare if there is one; check_in() takes it back.

    It is waited for until *deadline* (monotonic), where the pool is our own.
    """
    pool = engine.pool
    pooled = pool.spare() if isinstance(pool, UnitPool) else None
    if pooled is None:
        hurry.deadline = deadline
        try:
            pooled = engine.raw_connection()
        finally:
            hurry.deadline = None
        pooled._counter = _KEPT  # type: ignore[attr-defined]
    return pooled


def check_in(pooled: PoolProxiedConnection) -> None:
    """Take back what check_out() returned, when the unit has closed it."""
    fairy: Fairy = pooled
    if fairy.dbapi_connection is None:
        return  # it was given back when it was dropped
    pool = fairy._pool
    if isinstance(pool, UnitPool):
        pool.keep(fairy)
    else:
        give_up(fairy)


def close_for_good(engine: Engine) -> None:
    """Close the connections of *engine*, and with them what they hold."""
    if isinstance(engine.pool, UnitPool):
        engine.pool.holds_data = False
    engine.dispose()


def give_up(fairy: Fairy) -> None:
    """Check a connection in that no unit is to have next."""
    fairy._counter = 1
    fairy.close()


def has_changes(session: Session) -> bool:
    """Tell whether *session* has objects to store or to delete. PERF: it makes no sets of them."""
    return not session._is_clean()


def joined(listeners: Any, engine: Engine) -> Any:
    """Return *listeners* of a Connection's own, joined with those of its *engine*."""
    return listeners._join(engine.dispatch)


# ------------------------------ a connection's record ------------------------------


def opened(max_age: float, driver: object, record: ConnectionPoolEntry) -> None:
    """Note whose a connection is that was just opened, and when it is too old, in seconds."""
    now = time.monotonic()
    # Connections that were opened together do not all have to be replaced together.
    age = max(max_age, 1.0) * (1 - _JITTER * random.random())  # noqa: S311
    record.info.update({PID: os.getpid(), SINCE: now, UNTIL: now + age})
    _records.add(cast("Record", record))


def tidied(
    engine: Engine, backend: Backend[Any], driver: object, info: MutableMapping[Any, Any]
) -> bool:
    """Undo what was set on a connection of *engine*; false if it is to be dropped."""
    pool, keeps = engine.pool, backend.keeps_data_in_connection
    if not keeps and isinstance(pool, UnitPool) and pool.has_further_connect_listeners():
        return False  # what they have set would be undone as well
    info.pop(GUARDED, None)
    return backend.tidy(driver)


def checked_in(
    engine: Engine,
    backend: Backend[Any],
    committed: Callable[[], object],
    driver: object,
    record: ConnectionPoolEntry,
) -> None:
    """Note that nobody has a connection any more, and that whoever gets it next may write.

    *committed* is called for one that nobody has watched.
    """
    info = record.info
    if is_unseen(info):
        committed()
    info.pop(SEEN, None)
    info.pop(UNIT, None)
    if info.pop(CHANGED, False) and driver and not tidied(engine, backend, driver, info):
        record.invalidate()
        return
    if info.pop(GUARDED, False) and driver is not None:
        backend.guard(driver, False)
    info[SINCE] = time.monotonic()


def check(look: Look | None, driver: object, record: Any, pooled: Any) -> None:
    """See that a connection may be lent; raise DisconnectionError to have the pool replace it."""
    if record.info[PID] != os.getpid():
        disown(record, pooled)
        raise DisconnectionError("this connection was opened before a fork")
    check_age(look, driver, record)


def check_age(look: Look | None, driver: object, record: Any) -> None:
    """See that a connection of this process may be lent; raise DisconnectionError if not."""
    info, now = record.info, time.monotonic()
    if now > info[UNTIL]:
        raise DisconnectionError("this connection is old")
    if look is not None:
        look(driver, now - info[SINCE])


def disown(record: Any, pooled: Any) -> None:
    """Leave a connection to the parent process, which opened it."""
    INHERITED.append(record.dbapi_connection)
    record.dbapi_connection = pooled.dbapi_connection = None


def leave_to_parent() -> None:
    """Have nobody in a process that was forked use, or end, what its parent goes on with."""
    for record in list(_records):
        unit, pooled = record.info.get(UNIT), record.fairy_ref and record.fairy_ref()
        if unit is not None:
            unit.leave_to_parent()
        disown(record, pooled or record)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=leave_to_parent)
