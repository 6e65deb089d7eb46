"""Settings that a statement leaves on its connection, by whatever words: the next has none."""

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401

SEE = "SELECT current_setting('app.x', true)"
LEAVES = {
    "do": "DO $$ BEGIN PERFORM set_config('app.x', 'left', false); END $$",
    "call": "CALL leaves()",
    "quoted": """SELECT "set_config"('app.x', 'left', false)""",
    "spaced": "SELECT pg_catalog . set_config ('app.x', 'left', false)",
    "with": "WITH a AS (SELECT set_config('app.x', 'left', false) AS b) SELECT * FROM a",
    "values": "VALUES (set_config('app.x', 'left', false))",
    "comment": "/* first */ SET app.x TO 'left'",
    "two": "SELECT 1; SET SESSION app.x = 'left'",
}


class Root:
    """Run a statement, and see what one before has left."""

    def __init__(self, statement):
        self.statement = statement

    @cherrypy.expose
    def index(self):
        self.run(self.statement)

    @cherrypy.expose
    def see(self):
        return str(self.run(SEE).fetchone()[0] or "nothing")

    def run(self, statement):
        db = cherrypy.request.db
        return db.execute(statement if type(db).__name__ == "DriverUnit" else text(statement))


@pytest.fixture(params=["connection", "session", "dbapi"])
def mount(request, start_database, postgres):
    def create(connection):
        body = "PERFORM set_config('app.x', 'left', false)"
        connection.execute(
            text(f"CREATE PROCEDURE leaves() LANGUAGE plpgsql AS $$ BEGIN {body}; END $$")
        )

    start_database(postgres.url, pool_size=1, setup=create)
    config = {"cpkit.db.on": True, "cpkit.db.handle": request.param}
    return lambda root: cherrypy.tree.mount(root, "/", {"/": config})


@pytest.mark.parametrize("how", LEAVES)
def test_what_a_statement_sets_is_gone_with_its_request(mount, cp_client, how):
    mount(Root(LEAVES[how]))
    cp_client.raise_exceptions = False
    for method in ("POST", "GET"):
        cp_client.request(method, "/")
        assert cp_client.get("/see").text == "nothing"
