"""A connection that is dropped in the middle of a unit: the next one is the unit's as well."""

from contextlib import suppress

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from tests.statements import HANDLES, create, driver, insert, run, serve, stored

mariadb = pytest.param("mariadb", marks=pytest.mark.faults)
WHO = {
    "postgresql": "SELECT pg_backend_pid()",
    "generic": "SELECT pg_backend_pid()",
    "mariadb": "SELECT connection_id()",
}
KILLS = {
    "postgresql": "SELECT pg_terminate_backend({}, 10000)",
    "generic": "SELECT pg_terminate_backend({}, 10000)",
    "mariadb": "KILL {}",
}


@pytest.fixture
def database(start_database, any_database):
    database = start_database(any_database, setup=create, timeout=1, pool_size=2)
    yield database
    assert database.figures().in_use == 0


@pytest.mark.parametrize("status", [200, 409])
@pytest.mark.parametrize("handle", ["connection", "session"])
@pytest.mark.parametrize("any_database", ["sqlite", "postgresql", mariadb], indirect=True)
def test_what_is_done_after_it_is_the_requests_own(database, handle, status):
    def handler():
        db = cherrypy.request.db
        insert(1)
        db.invalidate()
        db.rollback()
        run("CREATE TEMPORARY TABLE left_over (a INTEGER)")
        insert(2)
        cherrypy.response.status = status
        return "ok"

    assert serve(handler, **{"cpkit.db.handle": handle}).post("/").status_code == status
    assert stored() == ([2] if status == 200 else [])
    # Whoever has that connection next finds nothing of it.
    with database.begin() as unit:
        unit.execute(text("CREATE TEMPORARY TABLE left_over (a INTEGER)"))
        unit.doom()


# SQLite keeps its lock to write as long as somebody has a cursor with rows.
@pytest.mark.parametrize("handle", ["connection", "session"])
@pytest.mark.parametrize("any_database", ["sqlite", "postgresql", mariadb], indirect=True)
def test_it_holds_no_lock_though_somebody_has_its_rows(database, handle):
    def handler():
        insert(1)
        kept.append(run("SELECT a FROM t UNION SELECT 7 UNION SELECT 8"))
        cherrypy.request.db.invalidate()
        cherrypy.request.db.rollback()
        insert(2)
        return "ok"

    kept = []
    assert serve(handler, **{"cpkit.db.handle": handle}).post("/").text == "ok"
    assert stored() == [2]


@pytest.mark.parametrize("any_database", ["sqlite", "postgresql", mariadb], indirect=True)
def test_so_it_is_where_the_drivers_connection_was_handed_out(database):
    def handler():
        db = cherrypy.request.db
        db.connection.cursor().execute("INSERT INTO t VALUES (1)")
        db.invalidate()
        db.rollback()
        insert(2)
        return "ok"

    assert serve(handler).post("/").text == "ok"
    assert stored() == [2]


@pytest.mark.parametrize("any_database", ["sqlite", "postgresql"], indirect=True)
def test_a_reading_request_stays_one(database):
    def handler():
        db = cherrypy.request.db
        run("SELECT 1").fetchall()
        db.handle.invalidate()
        run("SELECT 1").fetchall()
        cursor = db.connection.cursor()
        cursor.execute("INSERT INTO t VALUES (1)")
        db.connection.commit()

    assert serve(handler).get("/").status_code == 500
    assert stored() == []


@pytest.mark.parametrize("status", [200, 409])
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("any_database", ["postgresql", "generic", mariadb], indirect=True)
def test_after_a_rollback_it_goes_on_with_another(request, database, handle, status):
    def handler():
        insert(1)
        with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as other:
            other.execute(text(KILLS[kind].format(run(WHO[kind]).fetchone()[0])))
        for number in (2, 3):
            with suppress(Exception):
                insert(number)
        cherrypy.request.db.rollback()
        insert(4)
        cherrypy.response.status = status
        return "ok"

    kind = request.node.callspec.params["any_database"]
    assert serve(handler, **{"cpkit.db.handle": handle}).post("/").status_code == status
    assert stored() == ([4] if status == 200 else [])


# A cursor of it could not be closed, and with the rest of the end its lock was kept.
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("any_database", ["sqlite", "postgresql", mariadb], indirect=True)
def test_one_that_the_handler_has_closed_by_hand_keeps_nobody_out(database, handle, method):
    def handler():
        if method == "POST":
            insert(1)
        kept.append(run("SELECT a FROM t UNION SELECT 7 UNION SELECT 8"))
        found = driver()
        getattr(found, "driver_connection", found).close()
        return "ok"

    kept = []
    answer = serve(handler, **{"cpkit.db.handle": handle}).request(method, "/")
    assert answer.status_code in ((500, 503) if method == "POST" else (200, 500, 503))
    kept.clear()
    with database.begin() as unit:
        insert(2, unit)
    assert stored() == [2]
