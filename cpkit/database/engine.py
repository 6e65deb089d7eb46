"""Build an engine whose connections know their process and their unit of work."""

from __future__ import annotations

import os
import random
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError

from .pool import KEY, PID, SINCE, UNTIL, LendingPool, disown

if TYPE_CHECKING:
    from .backends.base import Backend
    from .unit import Unit

_JITTER = 0.1  # of the age of a connection


def build_engine(url: URL, backend: Backend, **options: Any) -> Engine:
    """Return an engine of the plugin's own pool, with listeners on this engine alone."""
    engine = create_engine(url, **{"poolclass": LendingPool, **options})
    event.listen(engine, "connect", partial(_connected, backend))
    event.listen(engine, "checkin", _checked_in)
    event.listen(engine, "connect", backend.connected)
    event.listen(engine, "checkout", _same_process)
    event.listen(engine, "checkout", backend.checkout)
    event.listen(engine, "checkout", backend.plugin.lent)
    if isinstance(engine.pool, LendingPool):
        engine.pool.settle(backend.checkout)
    # PERF: these belong to the dialect. One listener to an event of connections ("begin",
    # "before_cursor_execute") has SQLAlchemy prepare each statement for all of them.
    event.listen(engine, "do_execute", _execute)
    event.listen(engine, "do_executemany", _execute_many)
    event.listen(engine, "do_execute_no_params", _execute_bare)
    engine.dialect.do_begin = partial(_begin, backend)  # type: ignore[method-assign]
    return engine


class UnitConnection(Connection):
    """Be a connection that knows its unit of work."""

    def __init__(self, engine: Engine, unit: Unit, fairy: Any) -> None:
        super().__init__(engine, fairy)
        self.unit = unit


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


def _begin(backend: Backend, fairy: Any) -> None:
    unit: Unit | None = fairy.info.get(KEY)
    if unit is None:
        backend.begin(fairy.driver_connection, None)
    else:
        unit.begin_on(unit._driver)


def _execute(cursor: Any, statement: str, *args: Any) -> bool:
    """Have the unit of a connection run its statement; others are run as SQLAlchemy does."""
    context = args[-1]
    unit: Unit | None = getattr(context.root_connection, "unit", None)
    if unit is None:
        return False
    unit.run(statement, context.dialect.do_execute, cursor, statement, *args)
    return True


def _execute_many(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
    unit: Unit | None = getattr(context.root_connection, "unit", None)
    if unit is None:
        return False
    unit.run(statement, context.dialect.do_executemany, cursor, statement, parameters, context)
    return True


def _execute_bare(cursor: Any, statement: str, context: Any) -> bool:
    unit: Unit | None = getattr(context.root_connection, "unit", None)
    if unit is None:
        return False
    unit.run(statement, context.dialect.do_execute_no_params, cursor, statement, context)
    return True
