"""The decisions about transactions, without a database."""

import itertools
import sqlite3
import threading
import time

import psycopg
import pytest
from pg8000 import exceptions as pg8000
from psycopg import sql
from pymysql.err import InterfaceError, OperationalError
from sqlalchemy.exc import DBAPIError

from cpkit.database.faults import Fault, backoff, fault_of
from cpkit.database.settings import mask_password
from cpkit.database.statements import is_write, judge
from cpkit.database.terms import should_commit
from cpkit.database.turns import Turns


@pytest.mark.parametrize(
    ("status", "options", "commits"),
    [
        (200, {}, True),
        (303, {}, True),
        (399, {}, True),
        (400, {}, False),
        (500, {}, False),
        (None, {}, False),
        (200, {"failed": True}, False),
        (200, {"doomed": True}, False),
        (409, {"commit_on": [409]}, True),
        (404, {"commit_on": [409]}, False),
        (422, {"commit_on": ["4xx"]}, True),
        (500, {"commit_on": ["4xx"]}, False),
        (400, {"commit_on": ["4xx"]}, True),
        (599, {"commit_on": ["5xx"]}, True),
        (409, {"commit_on": [409], "failed": True}, False),
        (409, {"commit_on": [409], "doomed": True}, False),
    ],
)
def test_the_outcome_decides(status, options, commits):
    assert should_commit(status, **options) is commits


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        "  select * from updates",
        "(SELECT 1) UNION (SELECT 2)",
        "-- insert\nSELECT 1",
        "/* delete */ SELECT 1",
        "/* never closed",
        "SELECT 'insert into x'",
        "SELECT 'it''s for update'",
        'SELECT "for update" FROM t',
        "SELECT `into` FROM t",
        "SELECT $$ for update $$",
        "SELECT $a$ into $a$",
        "SELECT currval('ids'), lo_get(5)",
        "SELECT 'never closed for update",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "VALUES (1)",
        "EXPLAIN DELETE FROM t",
        "PRAGMA table_info(t)",
        "SAVEPOINT a",
        "SET LOCAL x = 1",
        "",
        "SELECT " + "1, " * 3000 + "1",
    ],
)
def test_a_statement_that_reads(statement):
    assert not is_write(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t VALUES (1)",
        "\n update t set a = 1",
        "DELETE FROM t",
        "REPLACE INTO t VALUES (1)",
        "MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE",
        "CREATE TABLE t (a)",
        "TRUNCATE t",
        "CALL f()",
        "COPY t FROM STDIN",
        "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone",
        "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
        "SELECT * FROM t FOR UPDATE",
        "SELECT * FROM t FOR NO KEY UPDATE SKIP LOCKED",
        "SELECT * FROM t FOR SHARE",
        "SELECT * INTO u FROM t",
        "SELECT nextval('ids')",
        "WITH a AS (SELECT setval ('ids', 7)) SELECT * FROM a",
        "SELECT NEXT VALUE FOR ids",
        "SELECT lo_unlink(5)",
        "SELECT a$x$ FROM t; DELETE FROM t",
        "EXPLAIN ANALYZE DELETE FROM t",
        "PRAGMA user_version = 3",
        "/* select */ DELETE FROM t",
        "INSERT INTO t VALUES " + "(1), " * 3000 + "(1)",
    ],
)
def test_a_statement_that_writes(statement):
    assert is_write(statement)


@pytest.mark.parametrize(
    ("statement", "writes"),
    [
        ("SELECT 5--1; DELETE FROM t", True),  # 6, and what follows is run
        ("SELECT a--1 FROM t FOR UPDATE", True),
        ("SELECT 1 AS $$; DELETE FROM t", True),  # a name
        ("SELECT 5 -- for update", False),
        ("SELECT 5 --\n, 6", False),
        ("SELECT 5 --", False),
    ],
)
def test_mariadb_begins_comments_in_its_own_way(statement, writes):
    assert judge(statement, mariadb=True).writes is writes


def test_a_statement_that_is_composed_or_bytes_is_judged_by_its_words():
    value = sql.Literal(1)
    assert not is_write(sql.SQL("SELECT {}").format(value))
    assert is_write(sql.SQL("INSERT INTO {} VALUES ({})").format(sql.Identifier("t"), value))
    assert not is_write(b"SELECT 1")
    assert is_write(b"DELETE FROM t")


@pytest.mark.parametrize("piece", ["'", '"', "$a", "$", "/*", "--", "`", "("])
def test_a_hostile_statement_is_judged_in_linear_time(piece):
    assert not is_write("SELECT 1 " + piece * 100_000)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////var/a.db", "sqlite:////var/a.db"),
        ("postgresql://me:s3cret@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("postgresql://me:a@b:c@host/db", "postgresql://me:***@host/db"),
        ("mysql+pymysql://:pw@host/db", "mysql+pymysql://:***@host/db"),
        (
            "postgresql:///db?user=me&password=a%26b&x=1",
            "postgresql:///db?user=me&password=***&x=1",
        ),
        ("postgresql:///db?sslpassword=abc", "postgresql:///db?sslpassword=***"),
        ("sqlite:///a?token=abc#f", "sqlite:///a?token=***#f"),
        # What SQLAlchemy takes for a password, though other readers of URLs would not.
        ("postgresql://me:a/b@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:a#b?c@host/db", "postgresql://me:***@host/db"),
        # No URLs, which the message that refuses them must show nevertheless.
        ("postgresql//me:s3cret@host/db", "postgresql//me:***@host/db"),
        ("me:s3cret@host/db", "me:***@host/db"),
        # What no list of secrets has: each driver has words of its own.
        ("mssql+pyodbc:///?odbc_connect=UID%3Dsa%3BPWD%3Ds", "mssql+pyodbc:///?odbc_connect=***"),
        (
            "a://h/d?passcode=1234&private_key_passphrase=s",
            "a://h/d?passcode=***&private_key_passphrase=***",
        ),
        ("a://h/d?apikey=s;iam=t", "a://h/d?apikey=***;iam=***"),
        ("a://h/d?x=y#z=s", "a://h/d?x=***#z=***"),
        ("host=h user=me password=s", "host=h user=me password=***"),
        (
            "postgresql://h/d?sslmode=require&keepalives=1",
            "postgresql://h/d?sslmode=require&keepalives=1",
        ),
        ("sqlite:////a=b.db?mode=ro&uri=true", "sqlite:////a=b.db?mode=ro&uri=true"),
    ],
)
def test_passwords_are_masked(url, shown):
    assert mask_password(url) == shown


def test_pauses_double_up_to_a_limit():
    assert list(itertools.islice(backoff(1, 5, jitter=0), 5)) == [1, 2, 4, 5, 5]


def test_pauses_are_shortened_by_chance():
    assert next(backoff(1, jitter=0.5, chance=lambda: 1.0)) == 0.5


def sqlite_error(code: int, text: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


class Psycopg2Error(Exception):
    """Be what psycopg 2 raises."""

    def __init__(self, pgcode: str | None) -> None:
        self.pgcode = pgcode


Psycopg2Error.__module__, Psycopg2Error.__name__ = "psycopg2", "OperationalError"


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (None, None),
        (ValueError(), None),
        (sqlite_error(5, ""), Fault.BUSY),
        (sqlite_error(5 | 2 << 8, "snapshot"), Fault.BUSY),
        (sqlite_error(13, ""), Fault.FULL),
        (sqlite_error(1, ""), None),
        (sqlite3.OperationalError("database is locked"), Fault.BUSY),
        (sqlite3.OperationalError("attempt to write a readonly database"), Fault.READ_ONLY),
        (sqlite3.OperationalError("no such table"), None),
        (psycopg.errors.SerializationFailure(), Fault.CONFLICT),
        (psycopg.errors.DeadlockDetected(), Fault.CONFLICT),
        (psycopg.errors.AdminShutdown(), Fault.GONE),
        (psycopg.errors.ConnectionFailure(), Fault.GONE),
        (psycopg.errors.DiskFull(), Fault.FULL),
        (psycopg.errors.UniqueViolation(), None),
        (psycopg.OperationalError("connection refused"), Fault.GONE),
        (psycopg.OperationalError('FATAL:  too many connections for role "me"'), Fault.BUSY),
        (psycopg.OperationalError("FATAL:  sorry, too many clients already"), Fault.BUSY),
        (psycopg.OperationalError("remaining connection slots are reserved for"), Fault.BUSY),
        (psycopg.OperationalError("FATAL: no more connections allowed"), Fault.BUSY),
        (psycopg.errors.TooManyConnections(), Fault.BUSY),
        (psycopg.ProgrammingError(), None),
        (Psycopg2Error("40001"), Fault.CONFLICT),
        (Psycopg2Error(None), Fault.GONE),
        (pg8000.DatabaseError({"S": "ERROR", "C": "40P01"}), Fault.CONFLICT),
        (pg8000.DatabaseError({"S": "ERROR", "C": "23505"}), None),
        (pg8000.DatabaseError("?"), None),
        (pg8000.InterfaceError("Can't create a connection to host"), Fault.GONE),
        (OperationalError(1040, "Too many connections"), Fault.BUSY),
        (OperationalError(1213, "deadlock"), Fault.CONFLICT),
        (OperationalError(2006, "gone away"), Fault.GONE),
        (OperationalError("?"), None),
        (OperationalError(), None),
        (InterfaceError(0, ""), Fault.GONE),
        (DBAPIError("", None, psycopg.errors.DeadlockDetected()), Fault.CONFLICT),
        (DBAPIError("", None, Exception(), connection_invalidated=True), Fault.GONE),
    ],
)
def test_a_drivers_error_is_understood(error, fault):
    assert fault_of(error) is fault


def test_turns_are_handed_on_in_the_order_of_asking():
    turns, order, threads = Turns(), [], []
    assert turns.enter(0)

    def ask(number: int) -> None:
        assert turns.enter(30)
        order.append(number)
        turns.leave()

    for number in range(8):
        threads.append(threading.Thread(target=ask, args=(number,)))
        threads[-1].start()
        while len(turns) <= number:
            time.sleep(0.001)
    turns.leave()
    for thread in threads:
        thread.join()
    assert order == list(range(8))


def test_who_waits_too_long_leaves_the_queue():
    turns = Turns()
    assert turns.enter(0)
    assert not turns.enter(0.01)
    assert len(turns) == 0
    turns.leave()
    assert turns.enter(0)


def test_a_turn_knows_its_holder():
    turns = Turns()
    turns.enter(0)
    assert turns.held_here()
    turns.leave()
    assert not turns.held_here()


def test_a_thread_that_has_ended_holds_no_turn_for_one_that_got_its_number():
    turns, held, numbers = Turns(), [], []

    def enter() -> None:
        numbers.append(threading.get_ident())
        turns.enter(0)

    def look() -> None:
        if threading.get_ident() == numbers[0]:
            held.append(turns.held_here())

    first = threading.Thread(target=enter)
    first.start()
    first.join()
    for _ in range(1000):  # the system gives an ended thread's number to a new one
        if held:
            break
        another = threading.Thread(target=look)
        another.start()
        another.join()
    assert not any(held)
