"""A thread that goes on with the unit of a request that has ended."""

import threading
import time

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from tests.statements import HANDLES

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
