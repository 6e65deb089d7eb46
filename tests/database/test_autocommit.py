"""AUTOCOMMIT, which would keep what an answer of 409 is to undo: refused, by whatever words."""

from contextlib import suppress

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools
from cpkit.errors import SettingError
from cpkit.plugins import DatabasePlugin
from tests.statements import HANDLES, insert

mariadb = pytest.param("mariadb", marks=pytest.mark.faults)
AUTOCOMMIT = {"isolation_level": "AUTOCOMMIT"}
WAYS = {
    "connection": [lambda db: db.execution_options(**AUTOCOMMIT)],
    "session": [lambda db: db.connection(execution_options=AUTOCOMMIT)],
}


def create(connection):
    connection.execute(text("DROP TABLE IF EXISTS t"))
    connection.execute(text("CREATE TABLE t (a INTEGER)"))


def rows(database):
    with database.begin(write=False) as unit:
        return unit.scalar(text("SELECT count(*) FROM t"))


class Root:
    """Ask for AUTOCOMMIT, insert a row, and refuse the request."""

    def __init__(self, ask):
        self.ask = ask

    @cherrypy.expose
    def index(self):
        with suppress(SettingError):
            self.ask(cherrypy.request.db)
        insert(1)
        raise cherrypy.HTTPError(409)


def serve(handle, ask, **config):
    settings = {"cpkit.db.on": True, "cpkit.db.handle": handle, **config}
    cherrypy.tree.mount(Root(ask), "/", {"/": settings})


@pytest.mark.parametrize("handle", WAYS)
@pytest.mark.parametrize("any_database", ["sqlite", "postgresql", mariadb], indirect=True)
def test_sqlalchemys_autocommit_is_refused(start_database, any_database, cp_client, handle):
    database = start_database(any_database, setup=create)
    for ask in WAYS[handle]:
        serve(handle, ask)
        assert cp_client.post("/").status_code == 409
        assert rows(database) == 0


def test_what_is_refused_says_what_to_do(start_database):
    database = start_database()
    with (
        database.begin() as unit,
        pytest.raises(SettingError, match=r"commit\(\).*cherrypy\.engine\.db\.engine"),
    ):
        unit.execution_options(**AUTOCOMMIT)


def test_another_level_is_not_refused(start_database, postgres):
    with start_database(postgres.url).begin() as unit:
        unit.execution_options(isolation_level="SERIALIZABLE")
        assert unit.scalar(text("SHOW transaction_isolation")) == "serializable"


DRIVERS = {
    "psycopg": ["autocommit", "set_autocommit"],
    "psycopg2": ["autocommit", "set_session"],
    "pg8000": ["autocommit"],
}


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_driver_for_postgresql_is_not_switched_to_autocommit(
    start_database, postgres, cp_client, driver
):
    database = start_database(postgres.url.replace("psycopg", driver), setup=create)

    def by_assignment(db):
        db.autocommit = True

    ways = [by_assignment]
    if driver == "psycopg":
        ways.append(lambda db: db.set_autocommit(True))
    if driver == "psycopg2":
        ways.append(lambda db: db.set_session(autocommit=True))
        ways.append(lambda db: db.set_isolation_level(0))
    for ask in ways:
        serve("dbapi", ask)
        assert cp_client.post("/").status_code == 409
        assert rows(database) == 0


@pytest.mark.faults
@pytest.mark.parametrize("driver", ["pymysql", "mysqlconnector"])
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize(
    "statement", ["SET autocommit = 1", "set session autocommit=on", "SET @@autocommit := 1"]
)
def test_mariadb_is_not_switched_to_autocommit(
    start_database, mariadb, cp_client, handle, driver, statement
):
    database = start_database(mariadb.url.replace("pymysql", driver), setup=create)
    serve(handle, lambda db: db.execute(statement if handle == "dbapi" else text(statement)))
    assert cp_client.post("/").status_code == 409
    assert rows(database) == 0
    if handle == "dbapi":
        serve(handle, lambda db: db.autocommit(True))
        if driver == "pymysql":
            assert cp_client.post("/").status_code == 409
        assert rows(database) == 0


@pytest.mark.parametrize(
    "options", [AUTOCOMMIT, {"execution_options": AUTOCOMMIT}, {"isolation_level": "autocommit"}]
)
def test_an_engine_of_autocommit_is_refused_at_the_start(tmp_path, options, cp_isolation):
    plugin = DatabasePlugin(cherrypy.engine, f"sqlite:///{tmp_path}/a.sqlite", **options)
    with pytest.raises(SettingError, match=r"(?i)autocommit"):
        plugin.database.configured()


def test_a_unit_of_autocommit_is_refused(start_database):
    with pytest.raises(SettingError, match="AUTOCOMMIT"):
        start_database().begin(isolation="AUTOCOMMIT")


def test_the_tool_refuses_the_level_autocommit():
    with pytest.raises(SettingError, match="AUTOCOMMIT"):
        cpkit.tools.db(isolation="AUTOCOMMIT")
