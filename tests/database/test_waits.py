"""Waiting: a unit's timeout is spent once, and who waited is not blamed for it."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from cpkit.database import borrowed, pool, sockets, unit
from cpkit.database import database as of_database
from cpkit.database.backends import sqlite
from cpkit.errors import DatabaseBusyError
from tests.statements import HANDLES


class Clock:
    """A clock that the test moves, and that a sleep moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    time = perf_counter = monotonic

    def perf_counter_ns(self) -> int:
        return int(self.now * 1e9)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for module in (of_database, sqlite, pool, borrowed, sockets, unit):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def threads():
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest.fixture
def other(tmp_path):
    """Another process's connection to the file."""
    other = sqlite3.connect(tmp_path / "db.sqlite", isolation_level=None, check_same_thread=False)
    yield other
    other.close()


def until(condition) -> None:
    """Wait for what another thread does."""
    pause = threading.Event()
    while not condition():
        pause.wait(0.001)


def write(database) -> None:
    with database.begin() as connection:
        connection.execute(text("SELECT 1"))


def waiting_writer(threads, database):
    """Return a writer's future who stands in the queue."""
    waiting = threads.submit(write, database)
    until(lambda: database.figures().writers_waiting)
    return waiting


def blamed(caplog) -> list[str]:
    return [
        it.split("kept others from writing ")[1] for it in caplog.messages if "kept others" in it
    ]


def test_who_held_the_turn_is_blamed_and_not_who_waited(start_database, clock, threads, caplog):
    database = start_database(slow_write=1.0, timeout=30)
    with database.begin() as connection:
        connection.execute(text("SELECT 1"))
        waiting = waiting_writer(threads, database)
        clock.now += 5
    waiting.result(20)
    assert blamed(caplog) == ["for 5.0 s."]


def test_who_waited_for_another_process_is_not_blamed(start_database, clock, other, caplog):
    database = start_database(slow_write=1.0, timeout=30)
    other.execute("BEGIN IMMEDIATE")
    clock.sleep = lambda seconds: (setattr(clock, "now", clock.now + 5), other.execute("ROLLBACK"))
    write(database)
    assert blamed(caplog) == []


def test_who_is_refused_for_another_process_is_not_blamed(start_database, clock, other, caplog):
    database = start_database(slow_write=1.0, timeout=3)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseBusyError), database.begin() as connection:
        connection.execute(text("SELECT 1"))
    assert blamed(caplog) == []


def test_a_setup_takes_its_time(start_database, clock, caplog):
    start_database(slow_write=1.0, setup=lambda connection: clock.sleep(5))
    assert blamed(caplog) == []


@pytest.mark.parametrize("handle", HANDLES)
def test_the_turn_and_the_lock_are_waited_for_as_long_as_one(
    start_database, clock, threads, other, handle
):
    database = start_database(timeout=3)
    refused_at = []

    def refused():
        with pytest.raises(DatabaseBusyError), database.begin(handle) as lent:
            lent.execute("SELECT 1" if handle == "dbapi" else text("SELECT 1"))
        refused_at.append(clock.now)

    began = clock.now
    with database.begin() as holder:
        assert holder.handle is not None  # the turn, and no transaction yet
        waiting = threads.submit(refused)
        until(lambda: database.figures().writers_waiting)
        clock.now += 2
        other.execute("BEGIN IMMEDIATE")
    waiting.result(20)
    assert refused_at == [pytest.approx(began + 3, abs=0.1)]


def test_the_next_transaction_of_a_unit_may_wait_anew(start_database, clock, threads, other):
    database = start_database(timeout=3)
    other.execute("BEGIN IMMEDIATE")
    clock.sleep = lambda seconds: (setattr(clock, "now", clock.now + 2), other.execute("ROLLBACK"))
    with database.begin() as connection:
        connection.execute(text("SELECT 1"))
        connection.commit()
        other.execute("BEGIN IMMEDIATE")
        connection.execute(text("SELECT 1"))


def test_a_connection_is_waited_for_no_longer_than_is_left(start_database, clock):
    """An outage, say, has taken the rest."""
    database = start_database(pool_size=1, timeout=30)
    with database.begin(write=False) as connection:
        connection.execute(text("SELECT 1"))
        lane = database.database.lane(write=False)
        with pytest.raises(Exception, match="QueuePool limit"):
            pool.check_out(lane.engine, clock.now - 1)
    with database.engine.connect() as connection:  # whose wait is the pool's own again
        connection.execute(text("SELECT 1"))
    assert lane.engine.pool._timeout == 30


def test_who_stops_to_wait_at_the_same_time_is_counted_too(start_database, clock):
    database = start_database(pool_size=1, timeout=30)
    lane = database.database.lane(write=False)
    waits = lane.engine.pool.waits

    def perf_counter():
        waits.seconds += 1  # as another thread does that comes in between
        return clock.now

    with database.begin(write=False) as connection:
        connection.execute(text("SELECT 1"))
        clock.perf_counter = perf_counter
        with pytest.raises(Exception, match="QueuePool limit"):
            pool.check_out(lane.engine, clock.now - 1)
    assert waits.seconds == 2  # it looked at the clock twice
