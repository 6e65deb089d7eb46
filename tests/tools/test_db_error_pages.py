"""Error pages see nothing of what is undone, however many databases and whoever set the page."""

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools
from cpkit.testing import Client
from tests import statements

INSERT, COUNT = text("INSERT INTO t VALUES (1)"), text("SELECT count(*) FROM t")


def create(connection):
    connection.execute(text("CREATE TABLE t (a INTEGER PRIMARY KEY)"))


def count_in(*names):
    return ",".join(str(getattr(cherrypy.request, name).scalar(COUNT)) for name in names)


class Root:
    @cherrypy.expose
    def index(self):
        for name in ("db", "reports"):
            getattr(cherrypy.request, name).execute(INSERT)
        raise cherrypy.HTTPError(409)


def test_the_work_in_every_database_has_ended_before_the_page(start_database, monkeypatch):
    tool = cpkit.tools.DatabaseTool("reports")
    monkeypatch.setattr(cpkit.tools.toolbox, "reports", tool, raising=False)
    for name in ("db", "reports"):
        start_database(name=name, setup=create)
    pages = {"error_page.409": lambda **_: count_in("db", "reports")}
    config = {"cpkit.db.on": True, "cpkit.reports.on": True}
    cherrypy.tree.mount(Root(), "/", {"/": {**config, **pages}})
    assert Client().post("/").text.strip() == "0,0"


@pytest.mark.parametrize("any_database", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("by", ["tool", "handler", "handler, late"])
def test_a_page_that_was_set_for_the_request_is_made_after_it(
    start_database, any_database, monkeypatch, by
):
    def set_page():
        cherrypy.request.error_page[409] = lambda **_: count_in("db")

    class Site:
        @cherrypy.expose
        def index(self):
            if by == "handler":
                set_page()
            cherrypy.request.db.execute(INSERT)
            try:
                cherrypy.request.db.execute(INSERT)
            except Exception:
                if by == "handler, late":
                    set_page()
                raise cherrypy.HTTPError(409) from None

    tool = cherrypy.Tool("before_handler", set_page)
    monkeypatch.setattr(cherrypy.tools, "paged", tool, raising=False)
    start_database(any_database, setup=create)
    config = {"cpkit.db.on": True, "tools.paged.on": by == "tool"}
    cherrypy.tree.mount(Site(), "/", {"/": config})
    assert Client().post("/").text.strip() == "0"


# The page was the first to use the database, and what it wrote was undone.
@pytest.mark.parametrize("handle", ["connection", "session", "dbapi"])
@pytest.mark.parametrize("error", [cherrypy.HTTPError(409), ZeroDivisionError()])
def test_a_page_that_the_handler_has_set_stores_what_it_writes(start_database, handle, error):
    def write(**_):
        statements.insert(1)
        return "told"

    def handler():
        cherrypy.request.error_page = {409: write, 500: write}
        raise error

    database = start_database(setup=create)
    answer = statements.serve(handler, **{"cpkit.db.handle": handle}).post("/")
    assert answer.text.strip() == "told"
    assert statements.stored() == [1]
    assert database.figures().in_use == 0


# In a handler of its own, an answer that is refused is undone as ever.
@pytest.mark.parametrize("set_it", [True, False])
def test_what_is_written_where_an_error_is_handled_is_the_handlers(start_database, set_it):
    def handler():
        cherrypy.request.error_page[409] = lambda **_: "told"
        try:
            raise cherrypy.HTTPError(409)
        except cherrypy.HTTPError as error:
            statements.insert(1)
            if set_it:
                error.set_response()
            else:
                cherrypy.response.status = 409
        return cherrypy.response.body

    start_database(setup=create)
    assert statements.serve(handler).post("/").status_code == 409
    assert statements.stored() == []
