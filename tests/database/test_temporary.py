"""What is made for one connection alone is gone with its request, by whatever words it was made."""

import cherrypy
import pytest
from psycopg.rows import dict_row
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from cpkit.database.statements import judge

LITE = [
    "CREATE TABLE temp.x (a)",
    'CREATE VIEW "temp".x AS SELECT 1',
    "CREATE TABLE [temp].x (a INTEGER PRIMARY KEY AUTOINCREMENT)",
    "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM t; END",
    "CREATE VIRTUAL TABLE temp.x USING fts5(a)",
]
SEEN_IN_LITE = "SELECT count(*) FROM sqlite_temp_master WHERE name NOT LIKE 'sqlite_%'"


@pytest.mark.parametrize("url", [None, "sqlite://"], ids=["file", "memory"])
@pytest.mark.parametrize("made", LITE)
def test_nothing_temporary_outlives_its_request(start_database, cp_client, url, made):
    class Root:
        @cherrypy.expose
        def index(self):
            cherrypy.request.db.execute(text(made))

        @cherrypy.expose
        def see(self):
            return str(cherrypy.request.db.execute(text(SEEN_IN_LITE)).scalar())

    start_database(url, setup=lambda it: it.execute(text("CREATE TABLE t (a)")))
    cherrypy.tree.mount(Root(), "/", {"/": {"cpkit.db.on": True}})
    assert cp_client.post("/").status_code == 200
    assert cp_client.post("/see").text == "0"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 AS a INTO TEMP x",
        "WITH a AS (SELECT 1) SELECT * INTO LOCAL TEMPORARY TABLE x FROM a",
        "CREATE TABLE pg_temp.x (a int)",
        'CREATE VIEW "pg_temp".x AS SELECT 1',
        "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ],
)
def test_a_temporary_thing_is_known_by_any_words(statement):
    assert judge(statement).sets


@pytest.mark.parametrize(
    "statement", ["INSERT INTO temp (a) VALUES (1)", "INSERT INTO t VALUES ('into temp x')"]
)
def test_a_table_that_is_called_temp_is_none(statement):
    assert not judge(statement).sets


@pytest.mark.parametrize(
    "statement", ["SELECT @x := 5", "SELECT 5 INTO @x", "INSERT INTO t VALUES (@x := 5)"]
)
def test_a_variable_of_mariadb_stays_on_its_connection(statement):
    assert judge(statement, mariadb=True).sets
    assert not judge("SELECT ':=', 'into @x'", mariadb=True).sets


@pytest.mark.parametrize("of", ["the unit", "its handle"])
def test_what_makes_rows_of_a_memory_database_is_put_back(start_database, cp_client, of):
    class Root:
        @cherrypy.expose
        def index(self):
            unit = cherrypy.request.db
            target = unit if of == "the unit" else unit.handle
            target.row_factory = lambda cursor, row: {"one": row[0]}
            return str(unit.execute("SELECT 7").fetchone())

        @cherrypy.expose
        def see(self):
            return str(cherrypy.request.db.execute("SELECT 7").fetchone())

    start_database("sqlite://")
    cherrypy.tree.mount(Root(), "/", {"/": {"cpkit.db.on": True, "cpkit.db.handle": "dbapi"}})
    assert cp_client.post("/").text == "{'one': 7}"
    assert cp_client.get("/see").text == "(7,)"


def test_the_kind_of_rows_is_set_on_the_unit_as_on_the_connection(postgres, start_database):
    database = start_database(postgres.url)
    with database.begin("dbapi") as unit:
        unit.row_factory = dict_row
        assert unit.execute("SELECT 7 AS seven").fetchone() == {"seven": 7}
        assert unit.row_factory is dict_row
    with database.begin("dbapi") as unit:
        assert unit.execute("SELECT 7 AS seven").fetchone() == (7,)
