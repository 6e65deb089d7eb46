"""Build an engine whose connections know their process and their unit of work."""

from __future__ import annotations

import os
import random
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import DisconnectionError

from ._borrowed import note_borrower
from ._pool import KEY, PID, SINCE, UNTIL, LendingPool, disown

if TYPE_CHECKING:
    from ._backend import Backend
    from ._unit import Unit

_JITTER = 0.1  # of the age of a connection


def build_engine(url: URL, backend: Backend, **options: Any) -> Engine:
    """Return an engine of the plugin's own pool, with listeners on this engine alone."""
    engine = create_engine(url, **{"poolclass": LendingPool, **options})
    event.listen(engine, "connect", partial(_connected, backend))
    event.listen(engine, "checkin", _checked_in)
    event.listen(engine, "connect", backend.connected)
    event.listen(engine, "checkout", _same_process)
    event.listen(engine, "checkout", backend.checkout)
    event.listen(engine, "checkout", note_borrower)
    if isinstance(engine.pool, LendingPool):
        engine.pool.settle(backend.checkout)
    event.listen(engine, "begin", partial(_begin, backend))
    event.listen(engine, "before_cursor_execute", _before_execute)
    event.listen(engine, "after_cursor_execute", _after_execute)
    event.listen(engine, "handle_error", _failed)
    return engine


def _connected(backend: Backend, driver: Any, record: Any) -> None:
    now = time.monotonic()
    # Connections that were opened together do not all have to be replaced together.
    age = max(backend.max_age, 1.0) * (1 - _JITTER * random.random())  # noqa: S311
    record.info.update({PID: os.getpid(), SINCE: now, UNTIL: now + age})


def _checked_in(driver: Any, record: Any) -> None:
    record.info.pop(KEY, None)
    record.info[SINCE] = time.monotonic()


def _same_process(driver: Any, record: Any, fairy: Any) -> None:
    """Refuse a connection of another process: the pool then opens one of this process's own."""
    if record.info[PID] != os.getpid():
        disown(record, fairy)
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
        unit.watched()
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
        unit.released()
        unit.counted(time.perf_counter_ns() - context.cpkit_started)


def _failed(context: ExceptionContext) -> None:
    """See that a statement has ended: what comes after one that failed is not called."""
    connection = context.connection
    if connection is not None and not (connection.closed or connection.invalidated):
        unit: Unit | None = connection.info.get(KEY)
        if unit is not None:
            unit.released()
