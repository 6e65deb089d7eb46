"""SQLite files that go away, come back, or are named in a way of their own."""

import os
import sqlite3
import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, SingletonThreadPool, StaticPool

from cpkit.errors import DatabaseUnavailableError


def fill(path, value):
    with sqlite3.connect(path) as driver:
        driver.execute("PRAGMA journal_mode = WAL")
        driver.execute("CREATE TABLE t (n INTEGER)")
        driver.execute("INSERT INTO t VALUES (?)", (value,))
    driver.close()


def read(database):
    with database.begin(write=False) as connection:
        return connection.scalar(text("SELECT n FROM t"))


@pytest.fixture
def file(tmp_path):
    fill(tmp_path / "db.sqlite", 1)
    return tmp_path / "db.sqlite"


def gone(file):
    for name in (file, f"{file}-wal", f"{file}-shm"):
        if os.path.exists(name):
            os.remove(name)


@pytest.mark.parametrize("write", [True, False])
def test_a_file_that_was_replaced_is_opened_anew(start_database, file, write):
    database = start_database()
    assert read(database) == 1
    with database.begin() as connection:
        connection.execute(text("UPDATE t SET n = 1"))
    gone(file)
    fill(file, 2)
    with database.begin(write=write) as connection:
        assert connection.scalar(text("SELECT n FROM t")) == 2


def test_a_file_that_was_deleted_is_not_answered_from_nor_made_anew(start_database, file):
    database = start_database(timeout=0.1)
    assert read(database) == 1
    gone(file)
    with pytest.raises(DatabaseUnavailableError):
        read(database)
    assert not file.exists()
    fill(file, 3)
    database.database.outage.wait(time.monotonic() + 30)
    assert read(database) == 3


def test_a_relative_path_stays_the_files_when_the_process_changes_its_folder(
    start_database, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    database = start_database("sqlite:///here.sqlite")
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (1)"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    database.graceful()
    assert read(database) == 1
    assert not (tmp_path / "elsewhere" / "here.sqlite").exists()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory&cache=shared&uri=true",
        "sqlite:///file:/x?vfs=memdb&uri=true",
    ],
)
def test_a_database_in_memory_keeps_what_is_written(start_database, url):
    database = start_database(url)
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (1)"))
    database.graceful()
    assert read(database) == 1


@pytest.mark.parametrize("pool", [NullPool, StaticPool, SingletonThreadPool])
def test_another_pool_needs_no_size(start_database, file, pool):
    database = start_database(poolclass=pool)
    assert read(database) == 1
    with database.begin() as connection:
        connection.execute(text("UPDATE t SET n = 2"))
    assert read(database) == 2


def test_autocommit_begins_nothing(start_database, file):
    database = start_database()
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM"))
        connection.execute(text("PRAGMA foreign_keys = OFF"))
        assert connection.scalar(text("PRAGMA foreign_keys")) == 0
        connection.execute(text("PRAGMA foreign_keys = ON"))
    with database.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        assert connection.connection.driver_connection.in_transaction


def test_a_statement_that_takes_too_long_is_interrupted(start_database, file, caplog):
    database = start_database(statement_timeout=1.0)  # which the read below must not take
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
    with (
        pytest.raises(DBAPIError, match="interrupted"),
        database.begin(write=False) as connection,
    ):
        connection.execute(text(endless))
    assert "a statement was cut off" in caplog.text
    assert read(database) == 1


def test_connections_are_replaced_after_pool_recycle_as_after_max_age(start_database, file):
    database = start_database(pool_recycle=0, max_age=1e6)
    assert database.database.backend.max_age == 0
    assert start_database(name="other").database.backend.max_age == 1800
