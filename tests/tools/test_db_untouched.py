"""A unit of work that nobody has used yet, and when it comes to be used."""

import subprocess
import sys
import threading

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools
from cpkit.errors import UnitOverError

ON = {"cpkit.db.on": True}


@pytest.fixture
def database(start_database):
    return start_database(
        setup=lambda c: c.execute(text("CREATE TABLE IF NOT EXISTS t (a UNIQUE CHECK (a < 9))"))
    )


def serve(handler, **settings):
    class Root:
        index = staticmethod(cherrypy.expose(handler))

    cherrypy.tree.mount(Root(), "/", {"/": {**ON, **settings}})


def hooks() -> dict[str, int]:
    points = ("before_error_response", "on_end_request")
    return {point: len(cherrypy.request.hooks[point]) for point in points}


def insert(unit, value: int) -> None:
    unit.execute(text(f"INSERT INTO t VALUES ({value})"))


def stored(database) -> list[int]:
    with database.begin(write=False) as unit:
        return list(unit.scalars(text("SELECT a FROM t")))


def test_who_holds_it_holds_the_unit(database, cp_client):
    def handler():
        first = cherrypy.request.db
        insert(first, 1)
        return str(first is cherrypy.request.db and first.queries == 1)

    serve(handler)
    assert cp_client.post("/").text == "True"


def test_uses_hang_up_one_further_hook_the_first_time(database, cp_client):
    def handler():
        before = hooks()
        insert(cherrypy.request.db, 1)
        cherrypy.request.db.commit()
        insert(cherrypy.request.db, 2)
        after = hooks()
        return str([after[point] - before[point] for point in before])

    serve(handler)
    assert cp_client.post("/").text == "[0, 1]"


@pytest.mark.parametrize(("used", "hung_up"), [(False, 0), (True, 1)])
def test_only_a_unit_that_was_used_is_called_when_the_request_ends(
    database, cp_client, used, hung_up
):
    def handler():
        if used:
            insert(cherrypy.request.db, 1)
        return "done"

    found = []
    hook = cherrypy._cprequest.Hook(lambda: found.append(hooks()["on_end_request"]), priority=99)
    serve(handler, **{"hooks.on_end_resource": hook})
    cp_client.post("/")
    assert found == [hung_up]


def test_a_hook_that_is_hung_up_after_the_answer_may_not_be_the_first_to_use_it(
    database, cp_client, cp_engine
):
    def first():
        with pytest.raises(UnitOverError):
            insert(cherrypy.request.db, 1)
        refused.append(True)

    def listener():
        cherrypy.request.hooks.attach("on_end_request", first)

    refused = []
    serve(lambda: "done")
    cherrypy.engine.subscribe("after_request", listener)
    try:
        cp_client.post("/")
    finally:
        cherrypy.engine.unsubscribe("after_request", listener)
    assert refused == [True]
    assert stored(database) == []
    assert database.figures().in_use == 0


def test_a_thread_that_took_the_request_over_cannot_be_the_first_to_use_it_afterwards(
    database, cp_client
):
    def handler():
        kept.append((cherrypy.serving.request, cherrypy.serving.response))
        return "done"

    def later():
        cherrypy.serving.load(*kept[0])
        with pytest.raises(UnitOverError):
            insert(cherrypy.request.db, 1)
        refused.append(True)

    kept, refused = [], []
    serve(handler)
    cp_client.post("/")
    thread = threading.Thread(target=later)
    thread.start()
    thread.join()
    assert refused == [True]
    assert stored(database) == []
    assert database.figures().in_use == 0


@pytest.mark.parametrize("how", ["with", "doom", "thread"])
def test_any_use_makes_it_the_unit(database, cp_client, how):
    def handler():
        unit = cherrypy.request.db
        if how == "with":
            with unit as same:
                insert(same, 1)
        elif how == "doom":
            unit.doom()
            insert(unit, 1)
        else:
            thread = threading.Thread(target=insert, args=(unit, 1))
            thread.start()
            thread.join()
        kept.append(unit)
        return "done"

    kept = []
    serve(handler)
    cp_client.post("/")
    assert stored(database) == ([] if how == "doom" else [1])
    assert database.figures().in_use == 0
    with pytest.raises(UnitOverError):
        insert(kept[0], 2)


@pytest.mark.parametrize(("value", "status"), [(1, 200), (9, 500)])
def test_what_first_uses_it_at_the_end_of_the_resource_is_committed_before_it_is_sent(
    database, cp_client, value, status
):
    hook = cherrypy._cprequest.Hook(lambda: insert(cherrypy.request.db, value))
    serve(lambda: "done", **{"hooks.on_end_resource": hook})
    cp_client.raise_exceptions = False
    assert cp_client.post("/").status_code == status
    assert stored(database) == ([1] if status == 200 else [])
    assert database.figures().in_use == 0


def test_what_only_the_drivers_connection_has_may_be_the_first_that_is_used(database, cp_client):
    serve(lambda: str(cherrypy.request.db.total_changes), **{"cpkit.db.handle": "dbapi"})
    assert cp_client.get("/").text == "0"


NEVER_THERE = """
import cherrypy, cpkit.tools
from cpkit.plugins import DatabasePlugin
from cpkit.testing import Client

class Root:
    @cherrypy.expose
    def index(self):
        with cherrypy.request.db.transaction():  # psycopg's
            return "stored"

url, settings = "postgresql+psycopg://nobody@127.0.0.1:1/none", {"required": False, "wait": 0}
cherrypy.engine.db = DatabasePlugin(cherrypy.engine, url, timeout=0.1, **settings)
cherrypy.tree.mount(Root(), "/", {"/": {"cpkit.db.on": True, "cpkit.db.handle": "dbapi"}})
cherrypy.engine.db.start()
print(Client(raise_exceptions=False).post("/").status_code)
cherrypy.engine.db.stop()
"""


def test_so_it_is_while_no_connection_was_ever_opened():
    pytest.importorskip("psycopg")
    ended = subprocess.run([sys.executable, "-c", NEVER_THERE], capture_output=True, text=True)
    assert ended.stdout.splitlines()[-1:] == ["503"], ended.stderr


def test_settings_that_change_are_heeded(database, cp_client):
    serve(lambda: str(cherrypy.request.db.write))
    assert [cp_client.get("/").text, cp_client.post("/").text] == ["False", "True"]
    cherrypy.tree.apps[""].merge({"/": {"cpkit.db.write": True}})
    assert cp_client.get("/").text == "True"
    for read_only, writes in ((True, "False"), (False, "True")):
        database.read_only = read_only
        assert cp_client.get("/").text == writes


def test_another_tool_in_its_place_is_heeded(database, cp_client, monkeypatch):
    serve(lambda: str(cherrypy.request.db.write))
    assert cp_client.get("/").text == "False"
    other = cpkit.tools.DatabaseTool()
    other._setup = lambda: setattr(cherrypy.request, "db", type("Other", (), {"write": "other"}))
    monkeypatch.setattr(cpkit.tools.toolbox, "db", other)
    assert cp_client.get("/").text == "other"


def test_statements_are_seen_without_events_that_slow_each_connection(database):
    assert not any(engine._has_events for engine in database.engines())
