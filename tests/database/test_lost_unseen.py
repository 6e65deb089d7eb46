"""A transaction that is lost where nobody watches: by the driver's own connection."""

import threading
from contextlib import suppress

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from cpkit.database.driver import DriverUnit
from tests.statements import HANDLES, MARIADB

mariadb = pytest.param("mariadb", marks=pytest.mark.faults)
LITE_LOSES = {
    "or rollback": "INSERT OR ROLLBACK INTO t VALUES (0)",
    "constraint": "INSERT INTO strict VALUES (0)",
    "trigger": "INSERT INTO guarded VALUES (1)",
}


def create(connection):
    for statement in (
        "DROP TABLE IF EXISTS t",
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER)",
        "INSERT INTO t VALUES (0, 0), (-1, 0)",
    ):
        connection.execute(text(statement))


def create_on_sqlite(connection):
    for statement in (
        "CREATE TABLE t (a INTEGER PRIMARY KEY)",
        "INSERT INTO t VALUES (0)",
        "CREATE TABLE strict (a INTEGER PRIMARY KEY ON CONFLICT ROLLBACK)",
        "INSERT INTO strict VALUES (0)",
        "CREATE TABLE guarded (a INTEGER)",
        "CREATE TRIGGER guard BEFORE INSERT ON guarded BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
    ):
        connection.execute(text(statement))


def driver():
    """Return the driver's own connection of the request, whatever its handle is."""
    db = cherrypy.request.db
    if isinstance(db, DriverUnit):
        return db.handle
    handle = db.handle
    handle = handle.connection() if hasattr(handle, "add_all") else handle
    pooled = handle.connection
    pooled.cursor()
    return pooled.driver_connection


class Root:
    """Call what a test asks for, and answer 200."""

    def __init__(self, does):
        self.does = does

    @cherrypy.expose
    def index(self):
        self.does()
        return "ok"


def serve(handle, does):
    config = {"cpkit.db.on": True, "cpkit.db.handle": handle}
    cherrypy.tree.mount(Root(does), "/", {"/": config})


def rows(database):
    with database.begin(write=False) as unit:
        return set(unit.scalars(text("SELECT a FROM t WHERE a > 0")))


def run(connection, statement):
    cursor = connection.cursor()
    cursor.execute(statement)
    cursor.close()


def caught(connection, statement):
    with suppress(Exception):
        run(connection, statement)


@pytest.fixture(params=["file", "memory"])
def lite(request, start_database, cp_client):
    cp_client.raise_exceptions = False
    url = "sqlite://" if request.param == "memory" else None
    return start_database(url, setup=create_on_sqlite)


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("how", LITE_LOSES)
def test_work_that_sqlite_undid_is_never_a_200(lite, cp_client, handle, how):
    def does():
        connection = driver()
        run(connection, "INSERT INTO t VALUES (1)")
        caught(connection, LITE_LOSES[how])

    serve(handle, does)
    assert cp_client.post("/").status_code == 500
    assert rows(lite) == set()
    serve(handle, lambda: run(driver(), "INSERT INTO t VALUES (2)"))
    assert cp_client.post("/").status_code == 200
    assert rows(lite) == {2}


BY_HAND = {
    "commit": lambda it: it.commit(),
    "sql": lambda it: run(it, "COMMIT"),
    "script": lambda it: it.executescript("SELECT 1;"),
    "sql again": lambda it: (run(it, "COMMIT"), run(it, "BEGIN"), run(it, "COMMIT")),
}


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("how", BY_HAND)
def test_a_commit_by_hand_is_no_loss(lite, cp_client, handle, how):
    def does():
        cherrypy.request.db.execute(
            "COMMIT" if handle == "dbapi" else text("COMMIT")
        )  # so that the driver knows the statement already
        connection = driver()
        run(connection, "INSERT INTO t VALUES (1)")
        BY_HAND[how](connection)

    serve(handle, does)
    assert cp_client.post("/").status_code == 200
    assert rows(lite) == {1}


@pytest.mark.parametrize("handle", HANDLES)
def test_a_rollback_by_hand_is_no_loss(lite, cp_client, handle):
    def does():
        connection = driver()
        run(connection, "INSERT INTO t VALUES (1)")
        connection.rollback()

    serve(handle, does)
    assert cp_client.post("/").status_code == 200
    assert rows(lite) == set()


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize("any_database", ["sqlite", "postgresql", mariadb], indirect=True)
def test_what_follows_a_commit_is_a_transaction_there_too(
    start_database, any_database, cp_client, handle, end
):
    cp_client.raise_exceptions = False
    database = start_database(any_database, setup=create)

    def does():
        connection = driver()
        run(connection, "INSERT INTO t VALUES (1, 0)")
        getattr(cherrypy.request.db, end)()
        run(connection, "INSERT INTO t VALUES (2, 0)")
        raise cherrypy.HTTPError(409)

    serve(handle, does)
    # A session has given its connection back, which is closed, since it was handed out.
    assert cp_client.post("/").status_code in ((500, 503) if handle == "session" else (409,))
    assert rows(database) == ({1} if end == "commit" else set())


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("url", ["psycopg", "psycopg2", "pg8000"])
@pytest.mark.parametrize("after", [False, True], ids=["first", "after a commit"])
def test_work_that_postgresql_will_undo_is_never_a_200(
    start_database, postgres, cp_client, handle, url, after
):
    cp_client.raise_exceptions = False
    database = start_database(postgres.url.replace("psycopg", url), setup=create)

    def does():
        connection = driver()
        if after:
            cherrypy.request.db.commit()
        run(connection, "INSERT INTO t VALUES (1, 0)")
        caught(connection, "INSERT INTO t VALUES (0, 0)")

    serve(handle, does)
    assert cp_client.post("/").status_code in (500, 503)
    assert rows(database) == set()


@pytest.mark.faults
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("url", MARIADB)
def test_half_of_the_work_that_a_deadlock_undid_is_never_a_200(
    start_database, mariadb, cp_client, handle, url
):
    cp_client.raise_exceptions = False
    database = start_database(mariadb.url.replace("pymysql", url), setup=create, timeout=5)
    ready, waits = threading.Event(), threading.Event()

    def other():
        with database.begin() as unit:  # with more work, so that it is not the victim
            for number in range(100, 140):
                unit.execute(text(f"INSERT INTO t VALUES ({number}, 0)"))
            unit.execute(text("UPDATE t SET b = 1 WHERE a = -1"))
            ready.set()
            waits.wait(10)
            unit.execute(text("UPDATE t SET b = 1 WHERE a = 0"))

    def does():
        connection = driver()
        run(connection, "INSERT INTO t VALUES (1, 0)")
        run(connection, "UPDATE t SET b = 2 WHERE a = 0")
        ready.wait(10)
        waits.set()
        caught(connection, "UPDATE t SET b = 2 WHERE a = -1")
        run(connection, "INSERT INTO t VALUES (2, 0)")

    serve(handle, does)
    thread = threading.Thread(target=other)
    thread.start()
    assert cp_client.post("/").status_code == 500
    thread.join()
    assert not rows(database) & {1, 2}


@pytest.mark.faults
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("url", MARIADB)
def test_what_ends_a_transaction_by_hand_on_mariadb_is_no_loss(
    start_database, mariadb, cp_client, handle, url
):
    database = start_database(mariadb.url.replace("pymysql", url), setup=create)
    for number, by_hand in enumerate(
        (lambda it: it.commit(), lambda it: run(it, "COMMIT"), lambda it: it.ping()), 1
    ):

        def does(by_hand=by_hand, number=number):
            connection = driver()
            run(connection, "SAVEPOINT mine")
            run(connection, f"INSERT INTO t VALUES ({number}, 0)")
            run(connection, "RELEASE SAVEPOINT mine")
            by_hand(connection)

        serve(handle, does)
        assert cp_client.post("/").status_code == 200
    assert rows(database) == {1, 2, 3}


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("url", ["psycopg", "psycopg2", "pg8000"])
@pytest.mark.parametrize("after", [False, True], ids=["", "and went on"])
@pytest.mark.parametrize("retry", [0, 1])
def test_a_conflict_that_the_handler_caught_is_one_all_the_same(
    start_database, postgres, cp_client, handle, url, after, retry
):
    cp_client.raise_exceptions = False
    start_database(postgres.url.replace("psycopg", url), setup=create)
    conflict = "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40P01'; END $$"
    calls = []

    def attempt(statement):
        with suppress(Exception):
            cherrypy.request.db.execute(statement if handle == "dbapi" else text(statement))

    def does():
        calls.append("call")
        attempt("INSERT INTO t VALUES (1, 0)")
        if len(calls) == 1:
            attempt(conflict)
        if after:
            attempt("SELECT 1")

    config = {"cpkit.db.on": True, "cpkit.db.handle": handle, "cpkit.db.retry": retry}
    cherrypy.tree.mount(Root(does), "/", {"/": config})
    answer = cp_client.post("/")
    assert (answer.status_code, len(calls)) == ((200, 2) if retry else (503, 1))


MADE_ANEW = {
    "pymysql": [lambda driver: driver.close() or driver.connect()],
    "mysqlconnector": [
        lambda driver: driver.reconnect(),
        lambda driver: driver.reset_session(),
        lambda driver: driver.cmd_reset_connection(),
    ],
}


@pytest.mark.faults
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("kind", MADE_ANEW)
def test_a_driver_that_connects_anew_has_lost_what_was_done_before(
    start_database, mariadb, cp_client, handle, kind
):
    class Root:
        @cherrypy.expose
        def index(self, way):
            db = cherrypy.request.db
            for number in (1, 2):
                insert = f"INSERT INTO t VALUES ({number}, 0)"
                db.execute(insert if isinstance(db, DriverUnit) else text(insert))
                if number == 1:
                    MADE_ANEW[kind][int(way)](drivers_own(db))

    database = start_database(mariadb.url.replace("pymysql", kind), setup=create, pool_size=1)
    config = {"cpkit.db.on": True, "cpkit.db.handle": handle}
    cherrypy.tree.mount(Root(), "/", {"/": config})
    cp_client.raise_exceptions = False
    for way in range(len(MADE_ANEW[kind])):
        assert cp_client.post("/", data={"way": str(way)}).status_code == 500
        with database.begin(write=False) as unit:
            assert set(unit.scalars(text("SELECT a FROM t"))) == {0, -1}


def drivers_own(db):
    handle = db.handle
    handle = handle.connection() if hasattr(handle, "add_all") else handle
    pooled = getattr(handle, "connection", handle)
    return getattr(pooled, "driver_connection", pooled)
