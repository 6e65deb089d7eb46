"""Connections that stay checked out between two units: who gets them, and who must not."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import event, text
from sqlalchemy.pool import QueuePool

from tests.statements import HANDLES


def connection_of(database, handle="dbapi"):
    """Return the driver's connection that one unit worked with."""
    with database.unit(handle, write=False) as unit:
        unit.execute("SELECT 1" if handle == "dbapi" else text("SELECT 1"))
        return unit._borrowed.driver


@pytest.mark.parametrize("handle", HANDLES)
def test_the_next_unit_gets_the_connection_of_the_last(start_database, handle):
    database = start_database()
    assert connection_of(database, handle) is connection_of(database, "dbapi")
    assert (database.figures().in_use, database.figures().idle) == (0, 1)


@pytest.mark.parametrize("handle", HANDLES)
def test_a_connection_that_is_too_old_is_replaced(start_database, handle):
    database = start_database()
    first = connection_of(database, handle)
    for spare in database.engine.pool.spares:
        spare.info["cpkit.until"] = 0
    assert connection_of(database, handle) is not first
    assert database.figures().in_use == 0


def test_connections_do_not_grow_old_together(start_database):
    database = start_database(max_age=1000.0)
    units = [database.unit("dbapi", write=False) for _ in range(5)]
    for unit in units:
        unit.execute("SELECT 1")
    ends = {
        unit._borrowed.pooled.info["cpkit.until"] - unit._borrowed.pooled.info["cpkit.since"]
        for unit in units
    }
    for unit in units:
        unit.close()
    assert len(ends) == 5
    assert all(900 <= end <= 1000 for end in ends)


def test_who_works_with_the_engine_gets_a_connection_that_units_left(start_database):
    database = start_database(pool_size=1, timeout=0.2)
    kept = connection_of(database)
    with database.engine.connect() as connection:
        assert connection.connection.driver_connection is kept
    assert database.figures().size == 2  # one for readers, one for writers


def test_who_waits_gets_what_a_unit_gives_back(start_database):
    database = start_database(pool_size=1, timeout=30)
    unit = database.unit("dbapi", write=False)
    unit.execute("SELECT 1")
    got = []

    def wait():
        with database.engine.connect() as connection:
            got.append(connection.scalar(text("SELECT 1")))

    waiter = threading.Thread(target=wait)
    waiter.start()
    while not database.engine.pool._waiting:
        time.sleep(0.001)
    unit.close()
    waiter.join(10)
    assert got == [1]


def test_what_a_unit_set_on_its_connection_does_not_reach_the_next(start_database):
    database = start_database(pool_size=1)
    with database.unit(write=False) as unit:
        unit.execution_options(isolation_level="READ UNCOMMITTED")
        assert unit.scalar(text("PRAGMA read_uncommitted")) == 1
    with database.unit(write=False) as unit:
        assert unit.scalar(text("PRAGMA read_uncommitted")) == 0


def test_listeners_to_checkouts_hear_of_each(start_database):
    database = start_database()
    heard = []
    event.listen(database.engine, "checkout", lambda *_: heard.append("out"))
    event.listen(database.engine, "checkin", lambda *_: heard.append("in"))
    for _ in range(2):
        connection_of(database)
    assert heard == ["out", "in", "out", "in"]


def test_a_transaction_begun_by_hand_does_not_reach_the_next_unit(start_database):
    database = start_database()
    with database.unit("dbapi", write=False) as unit:
        unit.execute("BEGIN")
        driver = unit._borrowed.driver
    assert not driver.in_transaction


def test_a_connection_that_was_detached_is_not_kept(start_database):
    database = start_database()
    with database.unit(write=False) as unit:
        unit.detach()
        detached = unit.connection.driver_connection
    assert database.figures().in_use == 0
    assert connection_of(database) is not detached


def test_a_spare_of_another_process_is_left_alone(start_database):
    database = start_database(pool_size=1)
    foreign = connection_of(database)
    database.engine.pool.spares[0].info["cpkit.pid"] = -1
    with database.engine.connect() as connection:
        assert connection.connection.driver_connection is not foreign
    assert foreign.execute("SELECT 1").fetchone() == (1,)


def test_a_connection_of_another_process_is_left_alone(start_database):
    database = start_database(pool_size=1)
    with database.engine.connect() as connection:
        foreign = connection.connection.driver_connection
        connection.info["cpkit.pid"] = -1
    assert connection_of(database) is not foreign
    assert foreign.execute("SELECT 1").fetchone() == (1,)


def test_a_spare_that_is_older_than_the_last_disconnect_is_replaced(start_database):
    database = start_database()
    first = connection_of(database)
    database.engine.pool._invalidate_time = time.time() + 60
    other = database.engine.pool.spare()
    assert other is None
    assert database.figures().in_use == 0
    assert connection_of(database) is not first


def test_a_pool_of_the_applications_own_works_as_well(start_database):
    database = start_database(poolclass=QueuePool)
    assert connection_of(database) is connection_of(database)
