"""A transaction that is prepared outlives its request, so that none is: refused by each way."""

from contextlib import suppress

import cherrypy
import pytest

import cpkit.tools  # noqa: F401
from cpkit.database.statements import judge
from cpkit.errors import SettingError
from tests.statements import HANDLES, create, insert, run, serve, stored

mariadb = pytest.param("mariadb", marks=pytest.mark.faults)
STATEMENTS = {
    "postgresql": ["PREPARE TRANSACTION 'p'", "/* */ commit prepared 'p'", "ROLLBACK PREPARED 'p'"],
    "mariadb": ["XA START 'p'", "xa begin 'p'", "/*! XA COMMIT 'p' */", "(XA ROLLBACK 'p')"],
}


@pytest.mark.parametrize("any_database", ["postgresql", mariadb], indirect=True)
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_statement_prepares_a_transaction(start_database, any_database, handle, method, request):
    def handler(statement, status):
        refused = "no"
        if method == "POST":
            insert(1)
        try:
            run(statement)
        except SettingError as error:
            refused = str(error)
        cherrypy.response.status = int(status)
        return refused

    start_database(any_database, setup=create, pool_size=1, timeout=1)
    client = serve(handler, **{"cpkit.db.handle": handle})
    for statement in STATEMENTS[request.node.callspec.params["any_database"]]:
        refused = client.request(method, "/", params={"statement": statement, "status": "409"})
        assert "cherrypy.engine.db.engine" in refused.text
        assert stored() == []
    kept = client.request(method, "/", params={"statement": statement, "status": "200"})
    assert (kept.status_code, stored()) == (200, [1] if method == "POST" else [])


@pytest.mark.parametrize("any_database", ["sqlite", "postgresql", mariadb], indirect=True)
def test_sqlalchemy_prepares_none(start_database, any_database):
    def handler():
        with suppress(SettingError):
            cherrypy.request.db.begin_twophase()
            return "begun"
        insert(1)
        return "refused"

    start_database(any_database, setup=create)
    assert serve(handler).post("/").text == "refused"
    assert stored() == [1]


@pytest.mark.parametrize("any_database", ["postgresql", "psycopg2", "generic"], indirect=True)
def test_the_driver_prepares_none(start_database, any_database):
    def handler():
        db = cherrypy.request.db
        with suppress(SettingError):
            db.tpc_begin(db.xid(1, "g", "b"))
            return "begun"
        insert(1)
        return "refused"

    start_database(any_database, setup=create)
    assert serve(handler, **{"cpkit.db.handle": "dbapi"}).post("/").text == "refused"
    assert stored() == [1]


@pytest.mark.parametrize("statement", ["PREPARE p AS SELECT 1", "XA RECOVER", "COMMIT", "ROLLBACK"])
def test_nothing_else_is_taken_for_it(statement):
    assert not judge(statement, mariadb=True).two_phases
