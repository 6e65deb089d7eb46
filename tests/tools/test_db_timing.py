"""Queries are counted on the unit, and reach the timing tool."""

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from tests.statements import HANDLES


class Root:
    @cherrypy.expose
    def index(self):
        for _ in range(3):
            cherrypy.request.db.execute(self.statement)
        return f"{cherrypy.request.db.queries} {cherrypy.request.db.nanoseconds > 0}"

    @cherrypy.expose
    def none(self):
        return str(cherrypy.request.db.queries)


@pytest.fixture(params=HANDLES)
def root(request, start_database):
    start_database()
    root = Root()
    root.statement = "SELECT 1" if request.param == "dbapi" else text("SELECT 1")
    config = {"cpkit.db.on": True, "cpkit.db.handle": request.param}
    cherrypy.tree.mount(root, "/", {"/": config})
    return root


def test_the_unit_counts_its_queries(root, cp_client):
    assert cp_client.get("/").text == "3 True"
    assert cp_client.get("/none").text == "0"


def test_the_timing_tool_is_told(root, cp_client):
    cherrypy.tree.apps[""].merge({"/": {"cpkit.timing.on": True}})
    seen = []
    hook = cherrypy._cprequest.Hook(
        lambda: seen.append(cherrypy.request.timing.count("db")), priority=99
    )
    cherrypy.tree.apps[""].merge({"/": {"hooks.on_end_resource": hook}})
    cp_client.get("/")
    assert seen == [3]


def test_a_statement_that_fails_is_counted(start_database):
    with start_database().unit("dbapi") as unit:
        with pytest.raises(Exception, match="syntax"):
            unit.execute("SELEKT")
        assert unit.queries == 1
