"""A primary that dies, hangs or takes no writes: another takes over, and nothing is lost."""

import contextlib
import os
import signal
import threading
import time
from operator import ge
from pathlib import Path

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from cpkit.testing import Client
from tests.conftest import Postgres, serving
from tests.standby import connect, standby_of

pytestmark = pytest.mark.faults


def create(connection):
    connection.execute(text("CREATE TABLE IF NOT EXISTS kept (n INTEGER)"))


class Store:
    @cherrypy.expose
    def keep(self, n):
        cherrypy.request.db.execute(text("INSERT INTO kept VALUES (:n)"), {"n": int(n)})
        return "ok"

    @cherrypy.expose
    def ignore(self):
        with contextlib.suppress(Exception):
            cherrypy.request.db.execute(text("INSERT INTO kept VALUES (-1)"))
        return "nothing was said"

    @cherrypy.expose
    def count(self):
        return str(cherrypy.request.db.scalar(text("SELECT count(*) FROM kept")))


class Load:
    """Clients that write and read until told, and remember what was answered, and how late.

    A thread among them does nothing but wait, and adds up by how much too long it takes: what it
    is *late* is the machine's, as it is these seconds.
    """

    def __init__(self, writers: int = 4, readers: int = 2) -> None:
        self.kept, self.statuses, self.slowest, self.late = set(), [], 0.0, 0.0
        self.numbers, self.over = iter(range(10_000_000)), threading.Event()
        self.writers, self.refused = writers, [0] * (writers + readers)
        calls = [self.write] * writers + [self.read] * readers
        self.threads = [
            threading.Thread(target=self.repeat, args=told) for told in enumerate(calls)
        ]
        self.threads.append(threading.Thread(target=self.idle))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self.over.set()
        for thread in self.threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self.threads)

    def repeat(self, number, call) -> None:
        client = Client(raise_exceptions=False)
        while not self.over.is_set():
            started = time.monotonic()
            status = call(client)
            self.slowest = max(self.slowest, time.monotonic() - started)
            self.statuses.append(status)
            self.refused[number] += status != 200

    def idle(self) -> None:
        while not self.over.is_set():
            started = time.monotonic()
            self.over.wait(0.05)
            self.late += max(0.0, time.monotonic() - started - 0.05)

    def write(self, client) -> int:
        n = next(self.numbers)
        status = client.post(f"/keep?n={n}").status_code
        if status == 200:
            self.kept.add(n)
        return status

    def read(self, client) -> int:
        return client.get("/count").status_code

    def wait_for(self, condition) -> None:
        deadline = time.monotonic() + 300
        while not condition():
            assert time.monotonic() < deadline, self.statuses[-20:]
            time.sleep(0.01)

    def go_on(self, more: int = 40) -> None:
        """Wait until so many more were kept."""
        goal = len(self.kept) + more
        self.wait_for(lambda: len(self.kept) >= goal)

    def fail(self, *, readers: bool = False) -> None:
        """Wait until each writer, or each client, was refused with a request that began now."""
        seen = slice(None if readers else self.writers)
        goal = [number + 2 for number in self.refused[seen]]
        self.wait_for(lambda: all(map(ge, self.refused[seen], goal)))


def stored(server) -> set[int]:
    with connect(server) as connection:
        return {n for (n,) in connection.execute("SELECT n FROM kept")}


def set_everywhere(server, name: str, value: str) -> None:
    with connect(server) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER SYSTEM SET {name} = {value}")
        connection.execute("SELECT pg_reload_conf()")


@contextlib.contextmanager
def taking_no_writes(server):
    set_everywhere(server, "default_transaction_read_only", "on")
    try:
        yield
    finally:
        set_everywhere(server, "default_transaction_read_only", "off")


@pytest.fixture
def pair():
    """A primary of the test's own, whose commits wait for its standby."""
    with serving(Postgres) as primary, standby_of(primary) as standby:
        set_everywhere(primary, "synchronous_standby_names", "'*'")
        yield primary, standby


@pytest.fixture
def store(start_database, pair):
    hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in pair)
    url = f"postgresql+psycopg://me:secret@/postgres?{hosts}&target_session_attrs=read-write"
    database = start_database(url, setup=create, timeout=1, statement_timeout=60, pool_size=6)
    cherrypy.tree.mount(Store(), "/", {"/": {"cpkit.db.on": True}})
    yield database
    assert database.figures().in_use == 0


def test_a_standby_that_is_promoted_takes_over_and_has_all_that_was_answered(store, pair):
    primary, standby = pair
    with Load() as load:
        load.go_on()
        primary.kill()
        load.fail()
        standby.promote()
        load.go_on()
    assert load.kept <= stored(standby)
    assert set(load.statuses) <= {200, 500, 503}
    # What was in COMMIT when the primary died is a 500, of which nobody knows.
    assert load.statuses.count(500) <= 4


def test_a_primary_that_takes_no_writes_any_more_is_left_for_one_that_does(store, pair):
    primary, standby = pair
    with Load() as load:
        load.go_on()
        set_everywhere(primary, "default_transaction_read_only", "on")
        load.fail()
        standby.promote()
        load.go_on()
    assert load.kept <= stored(standby) | stored(primary)
    assert set(load.statuses) == {200, 503}


def test_a_server_that_takes_no_writes_for_a_while_refuses_them_and_goes_on(
    start_database, postgres
):
    database = start_database(postgres.url, setup=create, timeout=20, pool_size=3)
    cherrypy.tree.mount(Store(), "/", {"/": {"cpkit.db.on": True}})
    with Load(readers=0) as load:
        for _ in range(2):
            load.go_on()
            with taking_no_writes(postgres):
                load.fail()
                assert Client().get("/count").status_code == 200  # it can be read all the time
                assert Client(raise_exceptions=False).post("/ignore").status_code == 500
        load.go_on()
    assert load.kept == stored(postgres)
    assert set(load.statuses) == {200, 503}
    assert database.figures().in_use == 0


def test_connections_that_are_terminated_in_the_middle_lose_nothing(start_database, postgres):
    database = start_database(postgres.url, setup=create, timeout=5, pool_size=4)
    cherrypy.tree.mount(Store(), "/", {"/": {"cpkit.db.on": True}})
    with Load() as load, connect(postgres) as admin:
        for _ in range(20):
            load.go_on(10)
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        load.go_on()
    assert load.kept <= stored(postgres)
    assert set(load.statuses) <= {200, 500, 503}
    assert database.figures().in_use == 0


def processes_of(server) -> list[int]:
    """Return the ids of the server's process and of all that it has started."""
    main, found = server.process.pid, [server.process.pid]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if int(fields[1]) == main:
            found.append(int(stat.parent.name))
    return found


TIMEOUT = STATEMENT_TIMEOUT = 1


def test_a_server_that_hangs_keeps_nobody_longer_than_was_said(start_database, postgres):
    database = start_database(
        postgres.url,
        setup=create,
        timeout=TIMEOUT,
        statement_timeout=STATEMENT_TIMEOUT,
        pool_size=3,
    )
    cherrypy.tree.mount(Store(), "/", {"/": {"cpkit.db.on": True}})
    with Load(writers=6, readers=6) as load:
        load.go_on()
        pids = processes_of(postgres)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            load.fail(readers=True)
            assert not database.ping(0.2)
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        load.go_on()
    assert load.slowest < TIMEOUT + STATEMENT_TIMEOUT + 1 + load.late
    assert load.kept <= stored(postgres)
    assert database.figures().in_use == 0
