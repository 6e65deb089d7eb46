"""A database that is not to be had: refused in time, with a time to come back."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import cherrypy
import psycopg
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from cpkit.errors import DatabaseBusyError, DatabaseError, SettingError
from cpkit.testing import Client


class Slow:
    """Hold what was borrowed until the test says so."""

    def __init__(self):
        self.holds, self.may_go = threading.Event(), threading.Event()

    @cherrypy.expose
    def hold(self):
        cherrypy.request.db.execute(text("SELECT 1"))
        self.holds.set()
        assert self.may_go.wait(30)
        return "done"

    @cherrypy.expose
    def use(self):
        cherrypy.request.db.execute(text("SELECT 1"))
        return "used"

    @cherrypy.expose
    def idle(self):
        return "idle"


@pytest.fixture
def slow(cp_client):
    root = Slow()
    cherrypy.tree.mount(root, "/", {"/": {"cpkit.db.on": True}})
    with ThreadPoolExecutor(4) as pool:
        root.pool = pool
        yield root
        root.may_go.set()


def refused(path: str, method: str) -> tuple[int, str | None, float]:
    started = time.monotonic()
    response = Client(raise_exceptions=False).request(method, path)
    return response.status_code, response.headers["Retry-After"], time.monotonic() - started


def hold(slow: Slow, method: str):
    held = slow.pool.submit(Client(raise_exceptions=False).request, method, "/hold")
    assert slow.holds.wait(10)
    return held


def test_a_pool_that_is_exhausted_refuses_with_retry_after(slow, start_database):
    start_database(pool_size=1, timeout=0.2)
    held = hold(slow, "GET")
    assert refused("/use", "GET")[:2] == (503, "1")
    slow.may_go.set()
    assert held.result().text == "done"
    assert Client().get("/use").text == "used"


def test_a_writer_that_holds_the_turn_makes_others_be_refused(slow, start_database):
    database = start_database(timeout=0.2)
    held = hold(slow, "POST")
    assert refused("/use", "POST")[:2] == (503, "1")
    assert database.figures().writers_waiting == 0
    slow.may_go.set()
    assert held.result().text == "done"
    assert Client().post("/use").text == "used"


def test_readers_go_on_while_a_writer_holds_the_turn(slow, start_database):
    start_database(timeout=0.2)
    hold(slow, "POST")
    assert Client().get("/use").text == "used"


def test_in_memory_one_unit_at_a_time_is_served(slow, start_database):
    start_database("sqlite://", timeout=0.2)
    hold(slow, "GET")
    assert refused("/use", "GET")[:2] == (503, "1")


def test_a_handler_that_uses_no_database_is_served_all_the_same(slow, start_database):
    start_database(pool_size=1, timeout=0.2)
    hold(slow, "GET")
    assert Client().get("/idle").text == "idle"


def test_another_process_that_writes_for_long_makes_writers_be_refused(
    slow, start_database, tmp_path
):
    import sqlite3

    start_database(timeout=0.2)
    other = sqlite3.connect(tmp_path / "db.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert refused("/use", "POST")[:2] == (503, "1")
    assert Client().get("/use").text == "used"
    other.execute("ROLLBACK")
    other.close()
    assert Client().post("/use").text == "used"


def test_waits_are_counted(slow, start_database):
    database = start_database(pool_size=1, timeout=0.1)
    hold(slow, "GET")
    _, _, seconds = refused("/use", "GET")
    figures = database.figures()
    assert (figures.waits, figures.in_use) == (1, 1)
    assert 0 < figures.waited <= seconds


def test_a_write_that_held_up_others_is_logged(slow, start_database, caplog):
    start_database(slow_write=0.0)
    Client().post("/use")
    assert "kept others from writing" in caplog.text


def test_a_thread_does_not_wait_for_itself(start_database):
    database = start_database()
    with database.begin() as one:
        one.execute(text("SELECT 1"))
        with pytest.raises(DatabaseError, match="holds the turn to write already"):
            database.begin().execute(text("SELECT 1"))


@pytest.mark.parametrize("name", ["reports", "db"])
def test_a_plugin_that_does_not_run_is_named(cp_client, name):
    cherrypy.tree.mount(Slow(), "/", {"/": {"cpkit.db.on": True, "cpkit.db.plugin": name}})
    with pytest.raises(DatabaseError, match=f"cherrypy.engine.{name} is not running"):
        cp_client.get("/use")


def test_an_unknown_handle_is_named(cp_client, start_database):
    start_database()
    cherrypy.tree.mount(Slow(), "/", {"/": {"cpkit.db.on": True, "cpkit.db.handle": "orm"}})
    with pytest.raises(SettingError, match="connection, session, dbapi"):
        cp_client.get("/use")


def test_a_handler_that_is_refused_a_unit_of_its_own_is_a_503_too(start_database, cp_client):
    class Root:
        @cherrypy.expose
        def index(self):
            cherrypy.request.db.execute(text("SELECT 1"))
            raise DatabaseBusyError("All is taken", 7)

    start_database()
    cherrypy.tree.mount(Root(), "/", {"/": {"cpkit.db.on": True}})
    cp_client.raise_exceptions = False
    answer = cp_client.get("/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")


class Elsewhere:
    """Use the database by ``engine.db`` alone: the request's own unit is never used."""

    def __init__(self):
        self.calls = 0

    @cherrypy.expose
    def raises(self):
        with cherrypy.engine.db.begin() as unit:
            unit.execute(text("SELECT 1"))
            self.calls += 1
            raise psycopg.errors.SerializationFailure("secret")

    @cherrypy.expose
    def waits(self):
        with cherrypy.engine.db.begin() as unit:
            unit.execute(text("SELECT 1"))

    @cherrypy.expose
    def fails(self):
        raise ZeroDivisionError


def test_what_fails_where_the_unit_of_the_request_was_never_used_is_a_503_as_well(
    start_database, cp_client
):
    database, root = start_database(timeout=0.1), Elsewhere()
    cp_client.raise_exceptions = False
    cherrypy.tree.mount(root, "/", {"/": {"cpkit.db.on": True, "cpkit.db.retry": 2}})
    answer = cp_client.post("/raises")
    assert (answer.status_code, answer.headers["Retry-After"], root.calls) == (503, "1", 3)
    with ThreadPoolExecutor(1) as pool, database.begin() as unit:
        unit.execute(text("SELECT 1"))
        assert pool.submit(cp_client.post, "/waits").result().status_code == 503
    assert cp_client.post("/fails").status_code == 500


@pytest.mark.parametrize("take", ["connect", "raw_connection"])
def test_a_connection_of_the_engine_that_does_not_come_is_a_503(start_database, cp_client, take):
    class Root:
        @cherrypy.expose
        def index(self):
            with database.engine.connect():
                getattr(database.engine, take)()

    database = start_database(pool_size=1, timeout=0.05)
    cherrypy.tree.mount(Root(), "/", {"/": {"cpkit.db.on": True}})
    cp_client.raise_exceptions = False
    answer = cp_client.get("/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert database.figures().in_use == 0
