"""PostgreSQL that is slow, hung, gone and back: nothing that was answered is lost."""

import contextlib
import os
import signal
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import cherrypy
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

import cpkit.tools  # noqa: F401
from cpkit.database import health, sockets
from cpkit.database.outage import Outage
from cpkit.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    OutcomeUnknownError,
    SettingError,
)
from cpkit.plugins import DatabasePlugin
from cpkit.testing import Client
from tests.clocks import watchdogs_clock
from tests.statements import HANDLES


def create(connection):
    connection.execute(text("CREATE TABLE IF NOT EXISTS kept (n INTEGER)"))
    connection.execute(text("TRUNCATE kept"))


class Store:
    """Store a number in a table."""

    @cherrypy.expose
    def index(self, n):
        cherrypy.request.db.execute(text("INSERT INTO kept VALUES (:n)"), {"n": int(n)})
        return "ok"

    @cherrypy.expose
    def one(self):
        return str(cherrypy.request.db.execute("SELECT 1").fetchone()[0])


LONG = 120  # seconds: what is not given up earlier has not come within a LIMIT
LIMIT = LONG / 2


@pytest.fixture
def store(start_database, postgres):
    database = start_database(postgres.url, setup=create, timeout=LONG)
    cherrypy.tree.mount(
        Store(), "/", {"/": {"cpkit.db.on": True}, "/one": {"cpkit.db.handle": "dbapi"}}
    )
    yield database
    assert database.figures().in_use == 0


def stored(database) -> set[int]:
    with database.begin(write=False) as connection:
        return set(connection.scalars(text("SELECT n FROM kept")))


def cut_idle_connections(postgres) -> None:
    with psycopg.connect(postgres.url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


@pytest.mark.parametrize("path", ["/?n=1", "/one"])
def test_idle_connections_that_were_cut_are_not_noticed_by_a_client(store, postgres, path):
    for _ in range(5):
        assert Client().post(path).status_code == 200
        cut_idle_connections(postgres)


def test_a_server_that_comes_back_in_time_costs_a_wait_and_no_error(store, postgres):
    Client().post("/?n=1")
    postgres.stop()
    starting = threading.Thread(target=postgres.start)
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(Client().post, f"/?n={n}") for n in range(2, 8)]
        starting.start()
        assert {answer.result().status_code for answer in answers} == {200}
    starting.join()
    assert stored(store) == set(range(1, 8))


def test_a_server_that_stays_away_is_a_503_in_time_and_one_line_in_the_log(store, postgres, caplog):
    store.timeout = 0.3
    postgres.stop()
    with ThreadPoolExecutor(1) as pool:
        try:
            client = Client(raise_exceptions=False)
            answers = [pool.submit(client.post, "/?n=1").result(LIMIT) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [503] * 3
            assert {answer.headers["Retry-After"] for answer in answers} == {"1"}
            assert not store.ping(5)
        finally:
            postgres.start()
    store.timeout = 20
    assert Client().post("/?n=2").status_code == 200
    assert caplog.text.count("lost:") == 1
    assert caplog.text.count(": back.") == 1


def test_what_was_answered_is_there_after_the_server_was_killed_five_times(store, postgres):
    answered, tried = set(), iter(range(10_000))
    over = threading.Event()

    def write() -> None:
        client = Client(raise_exceptions=False)
        while not over.is_set():
            n = next(tried)
            if client.post(f"/?n={n}").status_code == 200:
                answered.add(n)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for _ in range(5):
        before = len(answered)
        while len(answered) < before + 20:
            time.sleep(0.01)
        postgres.restart()  # at once: no checkpoint, no goodbye
    over.set()
    for writer in writers:
        writer.join()
    assert answered <= stored(store)
    assert len(answered) >= 100


def test_a_server_that_is_not_there_at_the_start_may_come_later(start_database, postgres):
    postgres.stop()
    try:
        database = start_database(postgres.url, setup=create, required=False, timeout=0.1, wait=0.0)
        database.preflight()
        assert not database.ping(1)
        with pytest.raises(DatabaseUnavailableError):
            database.begin().execute(text("SELECT 1"))
    finally:
        postgres.start()
    database.timeout = 20
    with database.begin() as connection:
        connection.execute(text("INSERT INTO kept VALUES (1)"))
    assert stored(database) == {1}


def test_the_start_waits_for_a_server(cp_isolation, postgres):
    postgres.stop()
    starting = threading.Timer(0.2, postgres.start)
    starting.start()
    database = DatabasePlugin(cherrypy.engine, postgres.url, wait=20)
    database.preflight()
    database.start()
    starting.join()
    assert database.ping(20)
    database.stop()


def test_what_fails_when_a_server_has_come_is_said_once(start_database, postgres, caplog):
    tried = threading.Semaphore(0)

    def set_up(connection):
        tried.release()
        raise ZeroDivisionError("no such\nluck")

    postgres.stop()
    try:
        start_database(postgres.url, setup=set_up, required=False, wait=0)
    finally:
        postgres.start()
    for _ in range(3):
        assert tried.acquire(timeout=20)
    assert caplog.text.count("lost:") == 1
    assert caplog.text.count("cannot be used: no such.") == 1


def test_an_outage_that_many_find_at_once_is_one():
    lines, may_answer, ended = [], threading.Event(), threading.Event()

    def log(line, level):
        lines.append(line)
        if line == "back.":
            ended.set()

    outage = Outage(lambda: may_answer.wait(20), log)
    for _ in range(3):
        outage.begin(OSError("cut"))
    may_answer.set()
    assert ended.wait(20)
    assert lines == ["lost: cut. Trying to reach it again.", "back."]


@pytest.fixture
def scarce(start_database, postgres):
    """Start on a server that allows two connections, and a pool of eight."""
    with psycopg.connect(postgres.url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS scarce")
        admin.execute("CREATE ROLE scarce LOGIN CONNECTION LIMIT 2")
    return start_database(postgres.url.replace("me:secret", "scarce"), pool_size=8, timeout=20)


def test_the_connections_that_a_server_allows_are_shared(scarce):
    together = threading.Barrier(8)

    def ask(_) -> int:
        together.wait(20)
        with scarce.begin(write=False) as connection:
            return connection.scalar(text("SELECT 1 FROM pg_sleep(0.02)"))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(16))) == [1] * 16
    with scarce.begin(write=False) as one, scarce.begin(write=False) as two:
        for unit in (one, two):
            unit.execute(text("SELECT 1"))
    assert scarce.figures().idle == 2
    assert scarce.ping(20)


def test_who_finds_all_connections_of_a_server_taken_is_refused(scarce, caplog):
    with scarce.begin(write=False) as one, scarce.begin(write=False) as two:
        for unit in (one, two):
            unit.execute(text("SELECT 1"))
        scarce.timeout = 0.05
        for _ in range(3):
            with pytest.raises(DatabaseBusyError, match="no connection left"):
                scarce.begin(write=False).execute(text("SELECT 1"))
    assert caplog.text.count("too many connections") == 1
    assert "lost:" not in caplog.text


def test_a_server_that_answers_the_probe_alone_is_given_up_in_time(start_database, caplog):
    database = start_database(timeout=0.1)
    lost = psycopg.OperationalError("the connection is lost")
    database.database._checked_out = lambda *_: (_ for _ in ()).throw(lost)
    with pytest.raises(DatabaseUnavailableError):
        database.begin().execute(text("SELECT 1"))


def test_a_ping_of_a_server_that_hangs_comes_back_in_time(store, postgres):
    assert store.ping(20)
    cut_idle_connections(postgres)
    postgres.signal(signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        try:
            for _ in range(2):
                assert not pool.submit(store.ping, 0.2).result(LIMIT)
        finally:
            postgres.signal(signal.SIGCONT)
    assert store.ping(20)


def test_who_asks_a_server_that_hangs_after_others_waits_no_longer_than_they(monkeypatch):
    """Else many probes, each of them for its whole deadline, would have all threads."""
    waited, join, answer = [], health._Ping.join, threading.Event()
    monkeypatch.setattr(health._Ping, "join", lambda *args: (waited.append(args[1]), join(*args)))
    pinger = health.Pinger(answer.wait)
    assert not pinger.ping(0.2)
    assert not pinger.ping(0.2)
    assert waited[1] < waited[0] / 2
    answer.set()
    assert pinger.ping(20)


@pytest.mark.parametrize("how", ["hangs", "is gone"])
def test_a_server_that_does_not_answer_keeps_no_process_from_ending(
    start_database, postgres, caplog, how
):
    cleaned = []
    database = start_database(postgres.url, timeout=0.2, cleanup=cleaned.append)
    cut_idle_connections(postgres)
    postgres.signal(signal.SIGSTOP) if how == "hangs" else postgres.stop()
    try:
        database.stop()
    finally:
        postgres.signal(signal.SIGCONT) if how == "hangs" else postgres.start()
    assert not cleaned
    assert "does not answer: cleanup was left out." in caplog.text


def test_a_statement_that_takes_too_long_is_cancelled(start_database, postgres, monkeypatch):
    monkeypatch.setattr(sockets, "GRACE", LONG)  # by the server itself, however slow it is today
    database = start_database(postgres.url, statement_timeout=1.5)  # which the second must not take
    with pytest.raises(OperationalError, match="statement timeout"), database.begin() as connection:
        connection.execute(text("SELECT pg_sleep(30)"))
    with database.begin() as connection:
        assert connection.scalar(text("SELECT 1")) == 1


def asking(handle, statement):
    return statement if handle == "dbapi" else text(statement)


@pytest.fixture
def hung(monkeypatch):
    """Stop the server's process that serves a unit, for as long as a block lasts."""
    clock = watchdogs_clock(monkeypatch)

    @contextlib.contextmanager
    def hung(unit, handle):
        pid = unit.execute(asking(handle, "SELECT pg_backend_pid()")).fetchone()[0]
        os.kill(pid, signal.SIGSTOP)
        try:
            with clock.hurried():
                yield
        finally:
            os.kill(pid, signal.SIGCONT)

    return hung


@pytest.mark.parametrize("handle", HANDLES)
def test_a_server_that_hangs_in_a_statement_is_a_503(
    start_database, postgres, handle, hung, caplog
):
    class Hung:
        @cherrypy.expose
        def index(self):
            with hung(cherrypy.request.db, handle):
                cherrypy.request.db.execute(asking(handle, "SELECT 1"))
            return "ok"

    database = start_database(postgres.url, statement_timeout=LONG)
    cherrypy.tree.mount(Hung(), "/", {"/": {"cpkit.db.on": True, "cpkit.db.handle": handle}})
    assert Client(raise_exceptions=False).post("/").status_code == 503
    assert f"no answer for {LONG}.2 s: a statement was cut off" in caplog.text
    # All connections of a server that does not answer are given up, not this one alone.
    assert (database.figures().in_use, database.figures().idle) == (0, 0)
    database.database.outage.wait(time.monotonic() + 20)
    assert database.ping(20)


@pytest.mark.parametrize("handle", HANDLES)
def test_a_server_that_hangs_in_commit_leaves_the_outcome_unknown(
    start_database, postgres, handle, hung
):
    database = start_database(postgres.url, setup=create, statement_timeout=LONG)
    unit = database.unit(handle)
    unit.execute(asking(handle, "INSERT INTO kept VALUES (1)"))
    with hung(unit, handle), pytest.raises(OutcomeUnknownError):
        unit.end(commit=True)
    assert database.figures().in_use == 0


@pytest.mark.parametrize("handle", HANDLES)
def test_a_server_that_hangs_while_a_unit_is_undone_is_given_up_on(
    start_database, postgres, handle, hung
):
    database = start_database(postgres.url, setup=create, statement_timeout=LONG)
    unit = database.unit(handle)
    unit.execute(asking(handle, "INSERT INTO kept VALUES (1)"))
    with hung(unit, handle), contextlib.suppress(OperationalError):
        unit.close()
    assert database.figures().in_use == 0


@pytest.mark.parametrize("handle", HANDLES)
def test_a_unit_that_thinks_longer_than_a_statement_may_is_left_alone(
    start_database, postgres, handle
):
    database = start_database(postgres.url, statement_timeout=LONG)
    with database.begin(handle) as unit:
        unit.execute(asking(handle, "SAVEPOINT here"))
        with pytest.raises(Exception, match="nowhere"):
            unit.execute(asking(handle, "SELECT * FROM nowhere"))
        assert database.database.watchdog._running == {}
        unit.execute(asking(handle, "ROLLBACK TO here"))
        assert database.database.watchdog._running == {}
    assert database.database.watchdog._running == {}


@pytest.mark.parametrize("handle", HANDLES)
def test_a_connection_lost_at_commit_leaves_the_outcome_unknown(store, postgres, handle):
    statement = "INSERT INTO kept VALUES (1)"
    unit = store.unit(handle)
    unit.execute(statement if handle == "dbapi" else text(statement))
    cut_idle_connections(postgres)
    with pytest.raises(OutcomeUnknownError, match="look whether the change is there"):
        unit.end(commit=True)


def test_a_commit_in_doubt_is_a_500(store, postgres):
    class Doubt:
        @cherrypy.expose
        def index(self):
            cherrypy.request.db.execute(text("INSERT INTO kept VALUES (1)"))
            cut_idle_connections(postgres)
            return "ok"

    cherrypy.tree.mount(Doubt(), "/doubt", {"/": {"cpkit.db.on": True}})
    answer = Client(raise_exceptions=False).post("/doubt/")
    assert answer.status_code == 500
    assert isinstance(answer.exception, OutcomeUnknownError)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("handle", HANDLES)
def test_a_connection_lost_on_the_way_is_a_503(store, postgres, handle, method):
    class Lost:
        @cherrypy.expose
        def index(self):
            for _ in range(2):
                ask = "SELECT 1" if handle == "dbapi" else text("SELECT 1")
                cherrypy.request.db.execute(ask)
                cut_idle_connections(postgres)
            return "ok"

    config = {"cpkit.db.on": True, "cpkit.db.handle": handle}
    cherrypy.tree.mount(Lost(), "/lost", {"/": config})
    answer = Client(raise_exceptions=False).request(method, "/lost/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert Client().post("/?n=1").status_code == 200


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "pg8000"])
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("POST", 409)])
def test_a_connection_lost_when_nothing_is_to_be_kept_does_not_change_the_answer(
    start_database, postgres, handle, driver, method, status
):
    class Done:
        @cherrypy.expose
        def index(self):
            ask = "SELECT 1" if handle == "dbapi" else text("SELECT 1")
            cherrypy.request.db.execute(ask)
            cut_idle_connections(postgres)
            cherrypy.response.status = status
            return "ok"

    database = start_database(postgres.url.replace("psycopg", driver), pool_size=1)
    config = {"cpkit.db.on": True, "cpkit.db.handle": handle}
    cherrypy.tree.mount(Done(), "/", {"/": config})
    for _ in range(2):
        answer = Client(raise_exceptions=False).request(method, "/")
        assert answer.status_code == status
        assert database.figures().in_use == 0


def test_notices_on_an_idle_connection_are_no_reason_to_drop_it(store, postgres):
    with store.begin() as connection:
        connection.execute(text("LISTEN news"))
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
    with psycopg.connect(postgres.url.replace("+psycopg", ""), autocommit=True) as other:
        other.execute("NOTIFY news")
    with store.begin(write=False) as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) == pid


def test_an_unknown_isolation_is_refused(store):
    with pytest.raises(SettingError, match="SERIALIZABLE"):
        store.unit(isolation="WOBBLY").execute(text("SELECT 1"))


def round_trips(database, handle: str, *, write: bool) -> int:
    """Count how often the server said that it is ready, from check-out to return."""
    with database.unit("dbapi", write=False) as first:
        first.execute("SELECT 1")
        driver = first._borrowed.driver
    with tempfile.TemporaryFile("w+") as trace:
        driver.pgconn.trace(trace.fileno())
        with database.unit(handle, write=write) as unit:
            unit.execute("SELECT 1" if handle == "dbapi" else text("SELECT 1"))
        driver.pgconn.untrace()
        trace.seek(0)
        return trace.read().count("ReadyForQuery")


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize(("write", "expected"), [(False, 1), (True, 3)])
def test_a_read_is_one_round_trip_and_liveness_none(
    start_database, postgres, handle, write, expected
):
    database = start_database(postgres.url, pool_size=1)
    assert round_trips(database, handle, write=write) == expected


# ------------------------------ MariaDB ------------------------------


@pytest.fixture(params=HANDLES)
def maria(request, start_database, mariadb):
    class Kept:
        @cherrypy.expose
        def index(self):
            statement = "INSERT INTO kept VALUES (1)"
            cherrypy.request.db.execute(asking(request.param, statement))
            return "ok"

        @cherrypy.expose
        def cut(self):
            self.index()
            mariadb.restart()
            return self.index()

        @cherrypy.expose
        def doubt(self):
            self.index()
            mariadb.restart()
            return "ok"

    def create_here(connection):
        connection.execute(text("CREATE OR REPLACE TABLE kept (n INTEGER)"))

    database = start_database(mariadb.url, setup=create_here, timeout=20)
    config = {"cpkit.db.on": True, "cpkit.db.handle": request.param}
    cherrypy.tree.mount(Kept(), "/", {"/": config})
    yield database
    assert database.figures().in_use == 0


@pytest.mark.faults
def test_mariadb_that_goes_and_comes_back(maria, mariadb, caplog):
    client = Client(raise_exceptions=False)
    assert client.post("/").status_code == 200
    mariadb.stop()
    maria.timeout = 0.2
    try:
        answers = [client.post("/") for _ in range(3)]
    finally:
        mariadb.start()
    assert {(it.status_code, it.headers["Retry-After"]) for it in answers} == {(503, "1")}
    maria.timeout = 20
    assert client.post("/").status_code == 200
    assert (caplog.text.count("lost:"), caplog.text.count(": back.")) == (1, 1)
    mariadb.restart()
    assert client.post("/").status_code == 200  # the idle connection was cut


@pytest.mark.faults
@pytest.mark.parametrize(("path", "status"), [("/cut", 503), ("/doubt", 500)])
def test_mariadb_that_is_cut_in_mid_request(maria, path, status):
    answer = Client(raise_exceptions=False).post(path)
    assert answer.status_code == status
    assert isinstance(answer.exception, OutcomeUnknownError) is (status == 500)
    assert Client().post("/").status_code == 200
