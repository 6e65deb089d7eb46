"""Sessions of requests that fail: nothing of the request is stored, and nobody is logged out."""

import time

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from cpkit.errors import SessionDataError
from cpkit.sessions import DatabaseSession

DEEP: list = []
for _ in range(100_000):
    DEEP = [DEEP]
BAD = {"set": {1, 2}, "bytes": b"x", "object": object(), "too deep": DEEP, "long": "x" * 2**23}


class Shop:
    @cherrypy.expose
    def put(self, bad):
        cherrypy.request.db.execute(text("INSERT INTO t VALUES (1)"))
        cherrypy.session["bad"] = BAD[bad]
        return "ok"

    @cherrypy.expose
    def log_in(self, fails=None):
        cherrypy.session.regenerate()
        cherrypy.session["user"] = "ann"
        if fails:
            raise ZeroDivisionError

    @cherrypy.expose
    def log_out(self, fails=None):
        cherrypy.session.delete()
        cherrypy.lib.sessions.expire()
        if fails:
            raise ZeroDivisionError

    @cherrypy.expose
    def user(self):
        return cherrypy.session.get("user", "nobody")

    @cherrypy.expose
    def slow(self):
        with cherrypy.engine.db.begin() as db:
            db.execute(text("UPDATE cpkit_sessions SET expires = :now"), {"now": time.time() - 1})
        cherrypy.session.clean_up()
        cherrypy.session["user"] = "bob"
        return "ok"


@pytest.fixture
def shop(start_database, any_database, cp_client):
    def create(connection):
        connection.execute(text("DROP TABLE IF EXISTS t"))
        connection.execute(text("CREATE TABLE t (a INTEGER)"))

    config = {
        "cpkit.db.on": True,
        "tools.sessions.on": True,
        "tools.sessions.storage_class": DatabaseSession,
    }
    cherrypy.tree.mount(Shop(), "/", {"/": config})
    cp_client.raise_exceptions = False
    return start_database(any_database, setup=create)


some = pytest.mark.parametrize("any_database", ["sqlite", "memory", "postgresql"], indirect=True)


@some
@pytest.mark.parametrize("bad", BAD)
def test_what_a_session_cannot_hold_undoes_the_work_of_its_request(shop, cp_client, bad):
    answer = cp_client.post("/put", data={"bad": bad})
    assert (answer.status_code, type(answer.exception)) == (500, SessionDataError)
    with shop.begin(write=False) as unit:
        assert unit.scalar(text("SELECT count(*) FROM t")) == 0


@some
@pytest.mark.parametrize("path", ["/log_in", "/log_out"])
def test_a_visitor_keeps_the_session_of_before_a_request_that_failed(shop, cp_client, path):
    assert cp_client.post("/log_in").status_code == 200
    assert cp_client.post(path, data={"fails": "1"}).status_code == 500
    assert cp_client.get("/user").text == "ann"


@some
def test_a_session_that_expires_while_a_request_has_it_is_not_cleaned_up(shop, cp_client):
    cp_client.post("/log_in")
    assert cp_client.post("/slow").status_code == 200
    assert cp_client.get("/user").text == "bob"
