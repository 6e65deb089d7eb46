"""Settings that a statement leaves on its connection, by whatever words: the next has none."""

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from tests.statements import HANDLES, run

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
        run(self.statement)

    @cherrypy.expose
    def see(self):
        return str(run(SEE).fetchone()[0] or "nothing")


@pytest.fixture(params=HANDLES)
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


mariadb = pytest.param("mariadb", marks=pytest.mark.faults)
LEFT = {
    "sqlite": ("PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys"),
    "memory": ("PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys"),
    "postgresql": ("SET application_name = 'left'", "SHOW application_name"),
    "mariadb": ("SET sql_safe_updates = 1", "SELECT @@sql_safe_updates"),
}


@pytest.mark.parametrize("any_database", ["sqlite", "memory", "postgresql", mariadb], indirect=True)
@pytest.mark.parametrize("autocommit", [False, True], ids=["", "autocommit"])
def test_what_a_connection_of_the_engine_sets_is_gone_with_it(
    start_database, any_database, autocommit, request
):
    database = start_database(any_database, pool_size=1)
    kind = request.node.callspec.params["any_database"]
    statement, see = LEFT[kind]

    def seen():
        with database.engine.connect() as connection:
            by_engine = connection.exec_driver_sql(see).scalar()
        with database.begin("dbapi", write=False) as unit:
            return by_engine, unit.execute(see).fetchone()[0]

    before = seen()
    options = {"isolation_level": "AUTOCOMMIT"} if autocommit else {}
    with database.engine.connect().execution_options(**options) as connection:
        connection.exec_driver_sql(statement)
        connection.commit()
        if kind == "postgresql" or autocommit:
            assert connection.exec_driver_sql(see).scalar() != before[0]
    assert seen() == before
    with database.engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_a_connection_of_the_engine_that_sets_nothing_is_kept(start_database, postgres):
    database = start_database(postgres.url, pool_size=1)

    def backend():
        with database.engine.connect() as connection:
            return connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()

    first = backend()
    with database.engine.connect() as connection:
        connection.exec_driver_sql("SET application_name = 'left'")
        connection.commit()
    assert backend() == first
