"""A database in memory is one connection for all: nothing that a request does costs the data."""

import sqlite3
import sys

import cherrypy
import pytest
from sqlalchemy import event, text

import cpkit.tools  # noqa: F401
from cpkit.errors import DatabaseError
from tests.statements import HANDLES, create, driver, insert, run, serve, stored

SET = {
    "recursive_triggers": 1,
    "ignore_check_constraints": 1,
    "case_sensitive_like": 1,
    "journal_mode": "OFF",
    "query_only": 1,
    "cache_size": 7,
    "busy_timeout": 77,
    "locking_mode": "EXCLUSIVE",
}
LOOK = {"case_sensitive_like": "SELECT 'a' LIKE 'A'"}


def value_of(name):
    return run(LOOK.get(name, f"PRAGMA {name}")).fetchone()[0]


@pytest.fixture
def memory(start_database):
    return start_database("sqlite://", setup=create)


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("watched", [True, False], ids=["watched", "unwatched"])
@pytest.mark.parametrize("name", SET)
def test_a_pragma_is_gone_with_its_request(memory, handle, watched, name):
    def handler():
        if cherrypy.request.params.get("sets"):
            statement = f"PRAGMA {name} = {SET[name]}"
            run(statement) if watched else driver().execute(statement)
            return "set"
        return str(value_of(name))

    client = serve(lambda sets=None: handler(), **{"cpkit.db.handle": handle})
    before = client.post("/").text
    assert client.post("/?sets=1").text == "set"
    assert client.post("/").text == before
    insert(1, memory.begin())


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("does", ["set", "forbids", "interrupts"])
def test_what_a_request_does_to_its_connection_does_not_cost_the_data(memory, handle, does):
    def handler():
        match does:
            case "set":
                run("PRAGMA cache_size = 7")
            case "forbids":
                driver().execute("PRAGMA query_only = ON")
                insert(2)
            case "interrupts":
                raw = driver()
                getattr(raw, "driver_connection", raw).set_progress_handler(lambda: 1, 1)
        return "ok"

    # As an application's own, which a file's connection would lose.
    event.listen(memory.engine, "connect", lambda *_: None)
    with memory.begin() as unit:
        insert(1, unit)
    serve(handler, **{"cpkit.db.handle": handle}).post("/")
    assert stored() == [1]
    with memory.begin() as unit:
        insert(3, unit)
    assert stored() == [1, 3]


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_request_that_only_reads_is_guarded_after_one_that_was_tidied(memory, method):
    def handler():
        driver().execute("SELECT 1")
        return "ok"

    getattr(serve(handler), method)("/")
    with memory.begin(write=False) as unit:
        assert unit.scalar(text("PRAGMA query_only")) == 1


def test_its_connection_is_not_replaced_after_pool_recycle(start_database):
    database = start_database("sqlite://", setup=create, pool_recycle=0, max_age=0)
    with database.begin() as unit:
        insert(1, unit)
    database.engine.connect().close()
    assert stored() == [1]


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("does", ["traces", "limits", "autocommits"])
def test_what_is_set_on_the_driver_itself_is_gone_with_its_request(memory, handle, does):
    def handler():
        raw = driver()
        raw = getattr(raw, "driver_connection", raw)
        if does == "traces":
            raw.set_trace_callback(traced.append)
        elif does == "limits":
            raw.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, 10)
        else:
            raw.isolation_level = None

    traced = []
    if does == "limits" and sys.version_info < (3, 11):
        pytest.skip("Python sets no limits")
    assert serve(handler, **{"cpkit.db.handle": handle}).post("/").status_code == 200
    del traced[:]
    with memory.engine.connect() as connection:
        connection.execute(text("INSERT INTO t VALUES (1)"))
        connection.rollback()
    assert (stored(), traced) == ([], [])


DROPS = {
    "detach": ("connection", lambda db: db.detach()),
    "invalidate": ("connection", lambda db: db.invalidate()),
    "detach the pooled one": ("connection", lambda db: db.connection.detach()),
    "invalidate the pooled one": ("connection", lambda db: db.connection.invalidate()),
    "detach a session's": ("session", lambda db: db.connection().detach()),
}


@pytest.mark.parametrize("what", DROPS)
def test_what_would_drop_the_data_is_refused(memory, what):
    handle, drop = DROPS[what]

    def handler():
        insert(2) if cherrypy.request.method == "POST" else run("SELECT 1").fetchall()
        with pytest.raises(DatabaseError, match="in memory"):
            drop(cherrypy.request.db)
        return "refused"

    insert_one(memory)
    client = serve(handler, **{"cpkit.db.handle": handle})
    assert client.get("/").text == "refused"
    assert client.post("/").text == "refused"
    assert stored() == [1, 2]


def test_a_session_that_is_invalidated_is_rolled_back(memory):
    def handler():
        insert(2)
        cherrypy.request.db.invalidate()
        insert(3)
        return "ok"

    insert_one(memory)
    assert serve(handler, **{"cpkit.db.handle": "session"}).post("/").text == "ok"
    assert stored() == [1, 3]


@pytest.mark.parametrize("lent", [True, False])
@pytest.mark.parametrize("close", [True, False])
def test_disposing_of_the_engine_does_not_cost_the_data(memory, lent, close):
    insert_one(memory)
    if lent:
        with memory.begin() as unit:
            insert(2, unit)
            memory.engine.dispose(close)
            insert(3, unit)
    else:
        memory.engine.dispose(close)
    assert stored() == [1, 2, 3][: 1 + 2 * lent]


def test_a_plugin_that_is_stopped_frees_its_memory(memory):
    insert_one(memory)
    connection = memory.engine.raw_connection()
    driver_connection = connection.driver_connection
    connection.close()
    memory.stop()
    with pytest.raises(sqlite3.ProgrammingError):
        driver_connection.execute("SELECT 1")
    memory.start()
    assert stored() == []


def insert_one(memory):
    with memory.begin() as unit:
        insert(1, unit)
