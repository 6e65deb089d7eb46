"""A handler is run again only if all that it did, on whatever database, can be undone first."""

import cherrypy
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

import cpkit.tools
from cpkit.tools._db import DatabaseTool

psycopg = pytest.importorskip("psycopg")
TABLE = text("CREATE TABLE t (a int)")
INSERT = text("INSERT INTO t VALUES (1)")


@pytest.fixture
def served(start_database, postgres, cp_client, monkeypatch):
    """Serve a handler whose first run fails of a conflict; return status, runs and rows."""
    for name, url in (("db", postgres.url), ("reports", None)):
        start_database(url, name=name, setup=lambda it: it.execute(TABLE))
    toolbox = cpkit.tools.toolbox
    monkeypatch.setattr(toolbox, "reports", DatabaseTool("reports"), raising=False)
    cp_client.raise_exceptions = False

    def serve(work, **config):
        runs = []

        class Root:
            @cherrypy.expose
            def index(self):
                cherrypy.request.db.execute(text("SELECT 1"))
                runs.append(work())
                if len(runs) == 1:
                    conflict = psycopg.errors.SerializationFailure("conflict")
                    raise OperationalError("x", {}, conflict)
                return str(runs[-1])

        on = {"cpkit.db.on": True, "cpkit.db.retry": 3, "cpkit.reports.on": True}
        cherrypy.tree.mount(Root(), "/", {"/": {**on, **config}})
        answer = cp_client.post("/")
        return answer.status_code, len(runs), answer.text

    return serve


def rows(name):
    with getattr(cherrypy.engine, name).unit(write=False) as unit:
        return unit.execute(text("SELECT count(*) FROM t")).scalar()


def test_what_was_done_in_another_database_is_undone_too(served):
    assert served(lambda: cherrypy.request.reports.execute(INSERT))[:2] == (200, 2)
    assert rows("reports") == 1


def test_what_was_committed_in_another_database_is_not_done_twice(served):
    def work():
        cherrypy.request.reports.execute(INSERT)
        cherrypy.request.reports.commit()

    assert served(work)[:2] == (503, 1)
    assert rows("reports") == 1


def test_what_the_engine_itself_committed_is_not_done_twice(served):
    def work():
        with cherrypy.engine.db.engine.begin() as connection:
            connection.execute(INSERT)

    assert served(work)[:2] == (503, 1)
    assert rows("db") == 1


@pytest.mark.parametrize("statements", [[INSERT], [text("BEGIN"), INSERT, text("COMMIT")]])
def test_what_the_engine_committed_without_a_transaction_is_not_done_twice(served, statements):
    def work():
        with cherrypy.engine.db.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            for statement in statements:
                connection.execute(statement)

    assert served(work)[:2] == (503, 1)
    assert rows("db") == 1


def test_what_a_tool_wrote_before_the_handler_is_not_lost(served, monkeypatch):
    tool = cherrypy.Tool("before_handler", lambda: cherrypy.request.db.execute(INSERT), priority=20)
    monkeypatch.setattr(cherrypy.tools, "audited", tool, raising=False)
    assert served(lambda: None, **{"tools.audited.on": True})[:2] == (503, 1)
    assert rows("db") == 0


def test_what_a_tool_has_waiting_for_the_commit_is_not_forgotten(served, monkeypatch):
    def wait():
        cherrypy.request.db.on_commit(lambda: None)

    tool = cherrypy.Tool("before_handler", wait, priority=20)
    monkeypatch.setattr(cherrypy.tools, "audited", tool, raising=False)
    assert served(lambda: None, **{"tools.audited.on": True})[:2] == (503, 1)


def test_a_run_that_was_doomed_does_not_doom_the_next(served):
    def work():
        cherrypy.request.db.execute(INSERT)
        if not runs:
            cherrypy.request.db.doom()
        runs.append(1)

    runs = []
    assert served(work)[:2] == (200, 2)
    assert rows("db") == 1


def test_the_second_run_finds_what_tools_gave_the_first(served, monkeypatch):
    def give():
        cherrypy.request.cart, cherrypy.request.seen = [], set()

    def work():
        request = cherrypy.request
        request.cart.append(1)
        request.seen.add(len(request.seen))
        request.headers["X-Runs"] = request.headers.get("X-Runs", "") + "1"
        return request.cart, request.seen, request.headers["X-Runs"]

    tool = cherrypy.Tool("before_handler", give, priority=20)
    monkeypatch.setattr(cherrypy.tools, "giving", tool, raising=False)
    assert served(work, **{"tools.giving.on": True})[1:] == (2, "([1], {0}, '1')")


@pytest.mark.parametrize("status", [1000, "4090 Odd", "x", 99])
def test_a_status_that_there_is_not_stores_nothing(served, status):
    def work():
        cherrypy.request.reports.execute(INSERT)
        cherrypy.request.db.execute(INSERT)
        cherrypy.response.status = status

    assert served(work)[0] == 500
    assert rows("db") == rows("reports") == 0


@pytest.mark.parametrize("returned", [True, False], ids=["given back", "kept"])
def test_what_a_drivers_connection_may_have_committed_is_not_done_twice(served, returned):
    kept = []

    def work():
        raw = cherrypy.engine.reports.engine.raw_connection()
        raw.cursor().execute("INSERT INTO t VALUES (1)")
        raw.commit()
        raw.close() if returned else kept.append(raw)

    assert served(work)[:2] == (503, 1)
    assert rows("reports") == 1


def test_what_a_connection_of_the_engine_has_read_hinders_no_second_run(served):
    def work():
        with cherrypy.engine.reports.engine.connect() as connection:
            return connection.scalar(text("SELECT count(*) FROM t"))

    assert served(work) == (200, 2, "0")
