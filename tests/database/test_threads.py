"""A thread that goes on with the unit of a request that has ended."""

import threading
import time

import cherrypy
import pytest
from sqlalchemy import text
from sqlalchemy.event import listen

import cpkit.tools  # noqa: F401
from cpkit.errors import UnitOverError
from tests.statements import HANDLES, create, insert, serve, stored

ENDLESS = """
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers)
    SELECT max(n) FROM numbers
"""


# Python itself crashed here, for the connection was closed under the thread.
@pytest.mark.parametrize("any_database", ["sqlite", "memory"], indirect=True)
@pytest.mark.parametrize("handle", HANDLES)
def test_a_statement_of_a_thread_is_interrupted_at_the_end_of_the_request(
    start_database, any_database, cp_client, handle
):
    class Root:
        @cherrypy.expose
        def index(self):
            db = cherrypy.request.db
            thread = threading.Thread(target=self.ask, args=[db])
            thread.start()
            threads.append(thread)
            while not db.queries:
                time.sleep(0.001)
            return "ok"

        def ask(self, db):
            try:
                result = db.execute(ENDLESS if handle == "dbapi" else text(ENDLESS))
                result.fetchall()
            except Exception as error:
                failed.append(error)

    threads, failed = [], []
    database = start_database(any_database, pool_size=1)
    config = {"cpkit.db.on": True, "cpkit.db.handle": handle}
    cherrypy.tree.mount(Root(), "/", {"/": config})
    assert cp_client.get("/").text == "ok"
    threads[0].join(10)
    assert len(failed) == 1
    with database.begin() as unit:
        assert unit.scalar(text("SELECT 1")) == 1


class Held:
    """A thread that is held where it begins to use a unit, until its request has ended."""

    thread = None

    def __init__(self, database, event):
        self.here, self.goes_on, self.said = threading.Event(), threading.Event(), []
        for engine in database.engines():
            listen(engine, event, self.hold)
        database.graceful()  # a spare is lent without a word to listeners

    def hold(self, *_of_the_event):
        if threading.current_thread() is self.thread:
            self.here.set()
            self.goes_on.wait(10)

    def start(self, unit):
        self.thread = threading.Thread(target=self.work, args=[unit])
        self.thread.start()
        assert self.here.wait(10)

    def work(self, unit):
        try:
            insert(2, unit)
        except Exception as error:
            self.said.append(type(error))

    def go_on(self):
        self.goes_on.set()
        self.thread.join(10)
        assert not self.thread.is_alive()
        return self.said


# The connection of a session stayed lent for good: SQLAlchemy ends no session that another thread
# has connect, and what failed so took the end of the unit with it.
@pytest.mark.parametrize("any_database", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("handle", HANDLES)
def test_a_thread_whose_request_ends_while_it_waits_for_a_connection_gets_none(
    start_database, any_database, handle
):
    database = start_database(any_database, setup=create)
    held = Held(database, "checkout")

    def handler():
        held.start(cherrypy.request.db)
        return "ok"

    client = serve(handler, **{"cpkit.db.handle": handle})
    assert client.post("/").status_code == (500 if handle == "session" else 200)
    assert held.go_on() == [UnitOverError]
    assert database.figures().in_use == 0
    assert stored() == []


@pytest.mark.parametrize("any_database", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("event", ["checkout", "engine_connect"])
def test_a_thread_that_comes_too_late_is_refused_although_the_request_still_ends(
    start_database, any_database, event
):
    """The answer is decided, and the request has hooks to run."""

    def handler():
        cherrypy.request.hooks.attach("on_end_resource", after, priority=99)
        held.start(cherrypy.request.db)
        return "ok"

    def after():
        said.extend(held.go_on())

    said = []
    database = start_database(any_database, setup=create)
    held = Held(database, event)
    assert serve(handler).post("/").status_code == 200
    assert said == [UnitOverError]
    assert database.figures().in_use == 0
    assert stored() == []


@pytest.mark.parametrize("any_database", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("handle", ["connection", "session"])
def test_a_statement_that_a_thread_begins_as_the_request_ends_is_not_run(
    start_database, any_database, handle
):
    def handler():
        insert(1)
        held.start(cherrypy.request.db)
        return "ok"

    database = start_database(any_database, setup=create, pool_size=1)
    held = Held(database, "before_cursor_execute")
    assert serve(handler, **{"cpkit.db.handle": handle}).post("/").status_code == 200
    with database.begin() as unit:
        insert(3, unit)
        assert held.go_on() != []
        unit.rollback()
    assert stored() == [1]
    assert database.figures().in_use == 0
