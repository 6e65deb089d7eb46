"""What is watched, after something was ended by hand on the driver's own connection."""

from contextlib import suppress

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from cpkit.testing import Client
from tests.statements import HANDLES, driver, run

mariadb = pytest.param("mariadb", marks=pytest.mark.faults)
on_every_database = pytest.mark.parametrize(
    "any_database",
    ["sqlite", "memory", "postgresql", "psycopg2", "generic", mariadb],
    indirect=True,
)
on_sqlite = pytest.mark.parametrize("any_database", ["sqlite", "memory"], indirect=True)


def create(connection):
    connection.execute(text("DROP TABLE IF EXISTS t"))
    connection.execute(text("CREATE TABLE t (a INTEGER PRIMARY KEY)"))
    connection.execute(text("INSERT INTO t VALUES (0)"))


def run_unwatched(statement):
    driver().cursor().execute(statement)


@pytest.fixture(params=HANDLES)
def serve(request, start_database, any_database):
    database = start_database(any_database, setup=create, pool_size=1, timeout=1)

    def serve(handler):
        class Root:
            index = staticmethod(cherrypy.expose(handler))

        config = {"cpkit.db.on": True, "cpkit.db.handle": request.param}
        cherrypy.tree.mount(Root(), "/", {"/": config})
        status = Client(raise_exceptions=False).post("/").status_code
        with database.begin(write=False) as unit:
            return status, set(unit.scalars(text("SELECT a FROM t WHERE a > 0")))

    return serve


@on_every_database
@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize("insert", [run, run_unwatched], ids=["watched", "unwatched"])
def test_what_follows_is_undone_with_its_request(serve, end, insert):
    def handler():
        run_unwatched("INSERT INTO t VALUES (1)")
        getattr(driver(), end)()
        insert("INSERT INTO t VALUES (2)")
        raise cherrypy.HTTPError(409)

    assert serve(handler) == (409, {1} if end == "commit" else set())


@on_every_database
def test_a_rollback_undoes_what_nobody_watched(serve):
    def handler():
        run_unwatched("INSERT INTO t VALUES (1)")
        cherrypy.request.db.rollback()
        run("INSERT INTO t VALUES (2)")

    assert serve(handler) == (200, {2})


@on_sqlite
@pytest.mark.parametrize("insert", [run, run_unwatched], ids=["watched", "unwatched"])
def test_nothing_goes_on_after_a_transaction_that_is_lost(serve, insert):
    def handler():
        for statement in ("INSERT OR ROLLBACK INTO t VALUES (0)", "INSERT INTO t VALUES (1)"):
            with suppress(Exception):
                (run if "ROLLBACK" in statement else insert)(statement)

    assert serve(handler) == (500, set())


@on_every_database
def test_what_waits_for_another_commit_is_not_called(serve):
    def handler():
        driver().commit()
        cherrypy.request.db.on_commit(lambda: calls.append(1))
        run("INSERT INTO t VALUES (1)")
        raise cherrypy.HTTPError(409)

    calls = []
    assert serve(handler) == (409, set())
    assert not calls
