"""setup: once at a time, for as long as it takes, and without losing rows."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from sqlalchemy import create_engine, text

from cpkit.errors import DatabaseBusyError, DatabaseError
from tests.statements import MARIADB

PARENTS = """
    CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE child (id INTEGER PRIMARY KEY,
        parent INTEGER NOT NULL REFERENCES parent ON DELETE CASCADE);
    INSERT INTO parent VALUES (1, 'a'), (2, 'b');
    INSERT INTO child VALUES (10, 1), (20, 2);
"""


def rebuild(connection):
    """Rebuild a parent as Alembic's batch mode does."""
    for statement in (
        "CREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT, more TEXT)",
        "INSERT INTO new (id, name) SELECT id, name FROM parent",
        "DROP TABLE parent",
        "ALTER TABLE new RENAME TO parent",
    ):
        connection.execute(text(statement))


@pytest.fixture
def parents(start_database, tmp_path):
    import sqlite3

    with sqlite3.connect(tmp_path / "db.sqlite") as driver:
        driver.executescript(PARENTS)
    driver.close()
    return start_database


def test_a_table_is_rebuilt_and_no_child_goes(parents):
    database = parents(setup=rebuild)
    with database.begin() as connection:
        assert connection.scalars(text("SELECT id FROM child ORDER BY id")).all() == [10, 20]
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
        connection.execute(text("DELETE FROM parent WHERE id = 1"))
        assert connection.scalars(text("SELECT id FROM child")).all() == [20]


def test_a_setup_that_leaves_orphans_is_undone(parents, caplog):
    def setup(connection):
        connection.execute(text("DELETE FROM parent WHERE id = 2"))

    with pytest.raises(SystemExit):
        parents(setup=setup)
    assert "row 20 of child without its row of parent" in caplog.text
    database = parents()
    with database.begin(write=False) as connection:
        assert connection.scalar(text("SELECT count(*) FROM parent")) == 2


def test_a_setup_that_fails_leaves_foreign_keys_on(parents):
    def setup(connection):
        raise DatabaseError("no")

    database = parents(setup=None)
    database.setup = setup
    with pytest.raises(DatabaseError, match="no"):
        database.database._in_transaction(setup)
    with database.begin() as connection:
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1


def test_a_database_in_memory_is_set_up_too(start_database):
    def setup(connection):
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (1)"))

    with start_database("sqlite://", setup=setup).begin() as connection:
        assert connection.scalar(text("SELECT n FROM t")) == 1


# Each creates a table that is not there, slowly, and fails where another one has; so for each URL.
STARTING = """
import sys, time, cherrypy
from sqlalchemy import inspect, text
from cpkit.plugins import DatabasePlugin

def setup(connection):
    if not inspect(connection).has_table(name):
        time.sleep(0.3)
        connection.execute(text(f"CREATE TABLE {name} (n INTEGER)"))

cherrypy.config.update({"log.screen": True, "engine.autoreload.on": False})
for number, url in enumerate(sys.argv[1:]):
    name = f"made{number}"
    plugin = DatabasePlugin(cherrypy.engine, url, setup=setup, statement_timeout=1, timeout=0.2)
    plugin.start()
    plugin.stop()
"""


def test_processes_that_start_together_set_up_one_after_another(tmp_path, postgres):
    drivers = [postgres.url.replace("psycopg", name) for name in ("psycopg", "psycopg2", "pg8000")]
    together(f"sqlite:///{tmp_path}/any.sqlite", *drivers)


@pytest.mark.faults
def test_processes_set_mariadb_up_one_after_another(mariadb):
    pytest.importorskip("mysql.connector")
    urls = [mariadb.url, mariadb.url.replace("pymysql", "mysqlconnector")]
    together(*urls)
    engine = create_engine(mariadb.url)
    with engine.begin() as connection:
        for number in range(len(urls)):
            connection.execute(text(f"DROP TABLE made{number}"))
    engine.dispose()


def together(*urls):
    """Start a process twice that sets up a database after the other."""
    command = [sys.executable, "-c", STARTING, *urls]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    running = [subprocess.Popen(command, **pipes) for _ in range(2)]
    told = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], told


# It is in the middle of its set-up, and says so, until it is killed.
STOPPING = """
import sys, threading, cherrypy
from sqlalchemy import text
from cpkit.plugins import DatabasePlugin

def setup(connection):
    connection.execute(text("CREATE TABLE half (n INTEGER)"))
    print("half", flush=True)
    threading.Event().wait()

DatabasePlugin(cherrypy.engine, sys.argv[1], setup=setup).start()
"""


@pytest.mark.parametrize("any_database", ["sqlite", "postgresql"], indirect=True)
def test_what_a_killed_process_had_set_up_is_undone_for_those_who_wait(
    any_database, start_database
):
    def setup(connection):
        connection.execute(text("CREATE TABLE half (n INTEGER)"))
        connection.execute(text("INSERT INTO half VALUES (1)"))

    command = [sys.executable, "-c", STOPPING, any_database]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as killed,
        ThreadPoolExecutor(1) as thread,
    ):
        assert killed.stdout.readline() == b"half\n"
        waiting = thread.submit(start_database, any_database, wait=60, setup=setup)
        wait([waiting], 0.2)  # it is not done, if it is right
        killed.kill()
        database = waiting.result(60)
    with database.begin(write=False) as connection:
        assert connection.scalar(text("SELECT n FROM half")) == 1


def test_a_setup_may_take_longer_than_a_statement(start_database, postgres, caplog):
    def setup(connection):
        connection.execute(text("SELECT pg_sleep(1.5)"))

    database = start_database(postgres.url, setup=setup, statement_timeout=1.4)
    assert "cut off" not in caplog.text
    with database.begin(write=False) as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "1400ms"


@pytest.mark.parametrize("name", ["sqlite", "postgres", "mariadb"])
@pytest.mark.faults
def test_who_waits_for_anothers_setup_does_so_as_long_as_wait_says(
    name, request, tmp_path, start_database
):
    url = f"sqlite:///{tmp_path}/x.sqlite"
    if name != "sqlite":
        url = request.getfixturevalue(name).url
    holding, done = threading.Event(), threading.Event()

    def hold(connection):
        if name != "mariadb":
            connection.execute(text("CREATE TABLE held (n INTEGER)"))
        holding.set()
        done.wait(60)

    holder = start_database(url, name="holder")
    waiting = start_database(url, name="waiting", wait=0.05, timeout=0.05)
    with ThreadPoolExecutor(2) as threads:
        held = threads.submit(holder.database._in_transaction, hold)
        assert holding.wait(30)
        with pytest.raises(DatabaseBusyError):
            waiting.database._in_transaction(lambda connection: None)
        waiting.wait = 30
        later = threads.submit(waiting.database._in_transaction, lambda connection: None)
        wait([later], 0.5)  # far longer than timeout: it is not done, if it is right
        done.set()
        later.result(60)
        held.result(60)


@pytest.mark.faults
@pytest.mark.parametrize("driver", MARIADB)
@pytest.mark.parametrize(
    "again",
    [
        "CREATE TABLE half (n INTEGER)",
        "ALTER TABLE half ADD COLUMN n INTEGER",
        "ALTER TABLE half ADD INDEX one (n)",
    ],
)
def test_what_a_setup_of_mariadbs_left_is_said_with_what_to_write(
    start_database, mariadb, caplog, driver, again
):
    def setup(connection):
        connection.execute(text(again))

    def cut_off(connection):
        connection.execute(text("DROP TABLE IF EXISTS half"))
        connection.execute(text("CREATE TABLE half (n INTEGER, INDEX one (n))"))
        raise DatabaseError("cut off")

    url = mariadb.url.replace("pymysql", driver)
    for each in (cut_off, setup):
        with pytest.raises(SystemExit):
            start_database(url, setup=each)
    assert "setup makes what is there already" in caplog.text
    assert "write CREATE TABLE IF NOT EXISTS" in caplog.text
    start_database(url, setup=lambda it: it.execute(text("DROP TABLE half")))
