"""What the servers' error numbers mean: a row for each that cpkit acts on, and for some others."""

import sqlite3

import psycopg
import pymysql
import pytest

from cpkit.database.faults import Fault, fault_of

# mariadb.com/kb/en/mariadb-error-code-reference; from 2000 on the client's own (CR_…).
MARIADB = [
    ("ER_LOCK_WAIT_TIMEOUT", 1205, Fault.CONFLICT),
    ("ER_LOCK_DEADLOCK", 1213, Fault.CONFLICT),
    ("ER_CHECKREAD", 1020, Fault.CONFLICT),
    ("ER_CON_COUNT_ERROR", 1040, Fault.BUSY),
    ("ER_TOO_MANY_USER_CONNECTIONS", 1203, Fault.BUSY),
    ("ER_USER_LIMIT_REACHED", 1226, Fault.BUSY),
    ("ER_DISK_FULL", 1021, Fault.FULL),
    ("ER_RECORD_FILE_FULL", 1114, Fault.FULL),
    ("ER_OUT_OF_RESOURCES", 1041, Fault.FULL),
    ("ER_OPTION_PREVENTS_STATEMENT", 1290, Fault.READ_ONLY),
    ("ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION", 1792, Fault.READ_ONLY),
    ("ER_READ_ONLY_MODE", 1836, Fault.READ_ONLY),
    ("ER_SERVER_SHUTDOWN", 1053, Fault.GONE),
    ("ER_ABORTING_CONNECTION", 1152, Fault.GONE),
    ("ER_NET_READ_ERROR", 1158, Fault.GONE),
    ("ER_NET_READ_INTERRUPTED", 1159, Fault.GONE),
    ("ER_NET_ERROR_ON_WRITE", 1160, Fault.GONE),
    ("ER_NET_WRITE_INTERRUPTED", 1161, Fault.GONE),
    ("ER_NEW_ABORTING_CONNECTION", 1184, Fault.GONE),
    ("ER_CONNECTION_KILLED", 1927, Fault.GONE),
    ("CR_CONNECTION_ERROR", 2002, Fault.GONE),
    ("CR_CONN_HOST_ERROR", 2003, Fault.GONE),
    ("CR_SERVER_GONE_ERROR", 2006, Fault.GONE),
    ("CR_SERVER_LOST", 2013, Fault.GONE),
    ("CR_SERVER_LOST_EXTENDED", 2055, Fault.GONE),
    ("ER_DUP_ENTRY", 1062, None),
    ("ER_PARSE_ERROR", 1064, None),
    ("ER_ACCESS_DENIED_ERROR", 1045, None),
    ("ER_NO_SUCH_TABLE", 1146, None),
]
# sqlite.org/rescode.html, with some extended codes: the low byte is the primary one.
SQLITE = [
    ("SQLITE_BUSY", 5, Fault.BUSY),
    ("SQLITE_BUSY_SNAPSHOT", 517, Fault.BUSY),
    ("SQLITE_LOCKED", 6, Fault.BUSY),
    ("SQLITE_LOCKED_SHAREDCACHE", 262, Fault.BUSY),
    ("SQLITE_READONLY", 8, Fault.READ_ONLY),
    ("SQLITE_READONLY_DBMOVED", 1032, Fault.READ_ONLY),
    ("SQLITE_FULL", 13, Fault.FULL),
    ("SQLITE_ERROR", 1, None),
    ("SQLITE_CONSTRAINT", 19, None),
    ("SQLITE_CONSTRAINT_UNIQUE", 2067, None),
]
# postgresql.org/docs/current/errcodes-appendix.html
POSTGRESQL = [
    ("serialization_failure", "40001", Fault.CONFLICT),
    ("deadlock_detected", "40P01", Fault.CONFLICT),
    ("lock_not_available", "55P03", Fault.BUSY),
    ("too_many_connections", "53300", Fault.BUSY),
    ("disk_full", "53100", Fault.FULL),
    ("read_only_sql_transaction", "25006", Fault.READ_ONLY),
    ("admin_shutdown", "57P01", Fault.GONE),
    ("crash_shutdown", "57P02", Fault.GONE),
    ("cannot_connect_now", "57P03", Fault.GONE),
    ("idle_in_transaction_session_timeout", "25P03", Fault.GONE),
    ("connection_exception", "08000", Fault.GONE),
    ("connection_failure", "08006", Fault.GONE),
    ("unique_violation", "23505", None),
    ("query_canceled", "57014", None),
    ("invalid_password", "28P01", None),
]


def rows(table):
    return [pytest.param(number, fault, id=name) for name, number, fault in table]


@pytest.mark.parametrize(("number", "fault"), rows(MARIADB))
def test_a_number_of_mariadb_means(number, fault):
    assert fault_of(pymysql.err.OperationalError(number, "said by the server")) is fault


@pytest.mark.parametrize(("code", "fault"), rows(SQLITE))
def test_a_result_code_of_sqlite_means(code, fault):
    error = sqlite3.OperationalError("said by SQLite")
    error.sqlite_errorcode = code  # Python 3.11 sets it
    assert fault_of(error) is fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("database is locked", Fault.BUSY),
        ("database table is locked: book", Fault.BUSY),
        ("attempt to write a readonly database", Fault.READ_ONLY),
        ("database or disk is full", Fault.FULL),
        ("no such table: book", None),
    ],
)
def test_a_text_of_sqlite_means_where_there_is_no_code(text, fault):
    assert fault_of(sqlite3.OperationalError(text)) is fault


@pytest.mark.parametrize(("state", "fault"), rows(POSTGRESQL))
def test_a_code_of_postgresql_means(state, fault):
    error = psycopg.OperationalError("said by the server")
    error.sqlstate = state
    assert fault_of(error) is fault
