"""Build an engine whose connections know their process and their unit of work."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError

from ._borrowed import note_borrower
from ._pool import LendingPool, Waits
from ._unit import KEY, Unit

if TYPE_CHECKING:
    from ._backend import Backend

# What a connection's record knows: the process that opened it, when it was last given back.
PID, SINCE = "cpkit.pid", "cpkit.since"

# NOTE: a connection that was opened before a fork belongs to the parent. It must be neither used
# nor closed here (closing says goodbye on the parent's socket), so a reference is kept for good.
INHERITED: list[Any] = []


def build_engine(url: URL, backend: Backend, **options: Any) -> Engine:
    """Return an engine of the plugin's own pool, with listeners on this engine alone."""
    engine = create_engine(url, **{"poolclass": LendingPool, "max_overflow": 0, **options})
    vars(engine.pool)["waits"] = Waits()
    event.listen(engine, "connect", _connected)
    event.listen(engine, "checkin", _checked_in)
    event.listen(engine, "connect", backend.connected)
    event.listen(engine, "checkout", _same_process)
    if backend.looks_at_connections:
        event.listen(engine, "checkout", backend.checkout)
    event.listen(engine, "checkout", note_borrower)
    event.listen(engine, "begin", partial(_begin, backend))
    event.listen(engine, "before_cursor_execute", _before_execute)
    event.listen(engine, "after_cursor_execute", _after_execute)
    return engine


def _connected(driver: Any, record: Any) -> None:
    record.info[PID] = os.getpid()
    record.info[SINCE] = time.monotonic()


def _checked_in(driver: Any, record: Any) -> None:
    record.info.pop(KEY, None)
    record.info[SINCE] = time.monotonic()


def _same_process(driver: Any, record: Any, fairy: Any) -> None:
    """Refuse a connection of another process: the pool then opens one of this process's own."""
    if record.info[PID] != os.getpid():
        INHERITED.append(driver)
        record.dbapi_connection = fairy.dbapi_connection = None
        raise DisconnectionError("this connection was opened before a fork")


def _begin(backend: Backend, connection: Connection) -> None:
    unit: Unit | None = connection.info.get(KEY)
    driver = connection.connection.driver_connection
    if unit is None:
        backend.begin(driver, None)
    else:
        unit.begin_on(driver)


def _before_execute(
    connection: Connection,
    cursor: Any,
    statement: str,
    parameters: Any,
    context: Any,
    executemany: bool,
) -> None:
    unit: Unit | None = connection.info.get(KEY)
    if unit is not None:
        unit.check(statement)
        context.cpkit_started = time.perf_counter_ns()


def _after_execute(
    connection: Connection,
    cursor: Any,
    statement: str,
    parameters: Any,
    context: Any,
    executemany: bool,
) -> None:
    unit: Unit | None = connection.info.get(KEY)
    if unit is not None:
        unit.counted(time.perf_counter_ns() - context.cpkit_started)
