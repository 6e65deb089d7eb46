"""What real drivers raise on real servers is understood, whichever driver it is."""

import contextlib
import signal
import threading
import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from cpkit.database.faults import Fault, fault_of
from tests.clocks import watchdogs_clock
from tests.statements import MARIADB

pytestmark = pytest.mark.faults


@pytest.fixture(params=["pymysql", "mysql.connector"])
def mysql(request, mariadb):
    """Connect to MariaDB by a driver."""
    driver = pytest.importorskip(request.param)
    opened = []

    def connect(**changed):
        told = {"host": "127.0.0.1", "port": mariadb.port, "user": "root", "database": "mysql"}
        opened.append(driver.connect(**{**told, **changed}))
        return opened[-1]

    yield connect
    for connection in opened:
        with contextlib.suppress(Exception):
            connection.close()


@pytest.fixture(params=["psycopg", "psycopg2", "pg8000.dbapi"])
def postgresql(request, postgres):
    """Connect to PostgreSQL by a driver."""
    driver = pytest.importorskip(request.param)
    database = "database" if "pg8000" in request.param else "dbname"
    opened = []

    def connect(name="postgres", user="me"):
        told = {"host": "127.0.0.1", "port": postgres.port, "user": user, database: name}
        opened.append(driver.connect(**told))
        return opened[-1]

    yield connect
    for connection in opened:
        with contextlib.suppress(Exception):
            connection.close()


def ask(connection, statement):
    cursor = connection.cursor()
    cursor.execute(statement)
    return cursor.fetchall()


def run(connection, *statements):
    for statement in statements:
        connection.cursor().execute(statement)


def failing(call, *args, **named):
    with pytest.raises(Exception) as raised:  # noqa: PT011 (of whichever driver)
        call(*args, **named)
    return fault_of(raised.value)


def test_a_lock_that_is_waited_for_too_long_is_a_conflict(mysql):
    one, other = mysql(), mysql()
    run(one, "CREATE OR REPLACE TABLE t (id INT PRIMARY KEY) ENGINE = InnoDB")
    run(one, "INSERT INTO t VALUES (1)")
    run(other, "SET innodb_lock_wait_timeout = 1")
    assert failing(run, other, "INSERT INTO t VALUES (1)") is Fault.CONFLICT
    one.rollback()


def test_a_transaction_that_may_only_read_is_read_only(mysql):
    connection = mysql()
    run(connection, "CREATE OR REPLACE TABLE t (id INT)", "SET SESSION TRANSACTION READ ONLY")
    connection.commit()
    assert failing(run, connection, "INSERT INTO t VALUES (1)") is Fault.READ_ONLY


def test_a_connection_that_was_killed_is_gone_and_stays_so(mysql):
    connection = mysql()
    ((number,),) = ask(connection, "SELECT connection_id()")
    run(mysql(), f"KILL {number}")
    assert failing(ask, connection, "SELECT 1") is Fault.GONE
    assert failing(ask, connection, "SELECT 1") is Fault.GONE


@pytest.mark.parametrize("wrong", [{"database": "nope"}, {"user": "nobody", "password": "x"}])
def test_a_mariadb_that_refuses_us_will_not_pass(mysql, wrong):
    assert failing(mysql, **wrong) is None


def test_a_backend_that_was_terminated_is_gone(postgresql):
    connection, other = postgresql(), postgresql()
    ((number,),) = ask(connection, "SELECT pg_backend_pid()")
    ask(other, f"SELECT pg_terminate_backend({number}, 5000)")
    assert failing(ask, connection, "SELECT 1") is Fault.GONE
    assert failing(ask, connection, "SELECT 1") is Fault.GONE


@pytest.mark.parametrize("wrong", [{"name": "nope"}, {"user": "nobody"}])
def test_a_postgresql_that_refuses_us_will_not_pass(postgresql, wrong):
    assert failing(postgresql, **wrong) is None


def test_a_server_that_is_down_is_gone(postgresql, postgres):
    postgres.stop()
    try:
        assert failing(postgresql) is Fault.GONE
    finally:
        postgres.start()


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "pg8000"])
def test_a_statement_is_ended_in_time_by_every_driver(postgres, start_database, driver):
    url = postgres.url.replace("+psycopg", f"+{driver}")
    database = start_database(url, statement_timeout=0.3)
    with pytest.raises(DBAPIError), database.begin() as connection:
        connection.execute(text("SELECT pg_sleep(30)"))  # which would end without an error


@contextlib.contextmanager
def stopped(server):
    """Stop a server for as long as the block lasts; a block that waits for it ends at last."""
    goes_on = threading.Timer(60, server.signal, [signal.SIGCONT])
    goes_on.start()
    server.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        goes_on.cancel()
        server.signal(signal.SIGCONT)


@pytest.mark.parametrize("url", [MARIADB[0], MARIADB[2]])  # mysql-connector shows no socket
def test_a_mariadb_that_hangs_in_a_statement_is_given_up_on(
    mariadb, start_database, url, caplog, monkeypatch
):
    clock = watchdogs_clock(monkeypatch)
    database = start_database(mariadb.url.replace("pymysql", url), statement_timeout=50)
    unit = database.unit()
    unit.execute(text("SELECT 1"))
    with stopped(mariadb), clock.hurried(), pytest.raises(DBAPIError):
        unit.execute(text("SELECT 2"))
    unit.close()
    assert "a statement was cut off" in caplog.text
    database.database.outage.wait(time.monotonic() + 60)
    assert database.ping(60)
