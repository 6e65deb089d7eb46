"""AUTOCOMMIT, which would keep what an answer of 409 is to undo: refused, by whatever words."""

import sys
from contextlib import suppress

import cherrypy
import pytest
from sqlalchemy import make_url, text

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


WITH_DRIVERS = [
    ("postgres", "psycopg", {"autocommit": True}),
    pytest.param("mariadb", "pymysql", {"autocommit": True}, marks=pytest.mark.faults),
    pytest.param("mariadb", "mysqlconnector", {"autocommit": True}, marks=pytest.mark.faults),
]


# A request that was answered 409 had stored all that it had written.
@pytest.mark.parametrize(("server", "driver", "arguments"), WITH_DRIVERS)
@pytest.mark.parametrize("place", ["url", "connect_args"])
def test_a_driver_that_connects_with_autocommit_ends_the_start(
    request, start_database, server, driver, arguments, place
):
    url = make_url(request.getfixturevalue(server).url)
    url = url.set(drivername=f"{url.get_backend_name()}+{driver}")
    options = {"connect_args": arguments}
    if place == "url":
        url, options = url.update_query_dict({"autocommit": "1"}), {}
    with pytest.raises(SystemExit):
        start_database(url.render_as_string(hide_password=False), **options)
    reading = start_database(
        url.render_as_string(hide_password=False), name="reading", read_only=True, **options
    )
    with reading.begin() as unit:
        assert unit.scalar(text("SELECT 1")) == 1


# Each request was a 500: SQLAlchemy sets the level while it makes the unit's Connection.
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("fails", [False, True])
def test_another_level_may_be_an_option_of_the_engine(start_database, any_database, handle, fails):
    options = {"execution_options": {"isolation_level": "SERIALIZABLE"}}
    database = start_database(any_database, setup=create, pool_size=1, **options)
    with suppress(ZeroDivisionError), database.begin(handle) as unit:
        insert(1, unit)
        if fails:
            raise ZeroDivisionError
    assert rows(database) == (not fails)
    assert database.figures().in_use == 0


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sqlite3 has had no autocommit before")
def test_a_sqlite3_that_connects_with_autocommit_ends_the_start(start_database):
    with pytest.raises(SystemExit):
        start_database(connect_args={"autocommit": True})


def switch(unit):
    """Switch the driver's own connection, as its driver does, behind the unit's back."""
    handle = unit.handle
    driver = handle if not hasattr(handle, "exec_driver_sql") else handle.connection
    driver = getattr(driver, "driver_connection", driver)
    driver.rollback()
    if callable(getattr(driver, "autocommit", None)):
        driver.autocommit(True)
    else:
        driver.autocommit = True


@pytest.mark.parametrize("handle", ["connection", "dbapi"])
@pytest.mark.parametrize(
    ("server", "driver"),
    [
        ("postgres", "psycopg"),
        ("postgres", "psycopg2"),
        ("postgres", "pg8000"),
        pytest.param("mariadb", "pymysql", marks=pytest.mark.faults),
        pytest.param("mariadb", "mysqlconnector", marks=pytest.mark.faults),
    ],
)
def test_nothing_is_run_through_the_unit_of_a_driver_that_was_switched(
    request, start_database, server, driver, handle
):
    url = make_url(request.getfixturevalue(server).url)
    url = url.set(drivername=f"{url.get_backend_name()}+{driver}")
    database = start_database(url.render_as_string(hide_password=False), setup=create)
    with database.begin(handle) as unit:
        switch(unit)
        with pytest.raises(SettingError, match="AUTOCOMMIT"):
            insert(1, unit)
    assert rows(database) == 0


# The driver's commit() does nothing then: what was answered 200 was not stored.
@pytest.mark.skipif(sys.version_info < (3, 12), reason="sqlite3 has had no autocommit before")
@pytest.mark.parametrize("handle", ["connection", "dbapi"])
def test_nothing_is_run_through_the_unit_of_a_sqlite3_that_was_switched(start_database, handle):
    database = start_database(setup=create)
    with database.begin(handle) as unit:
        switch(unit)
        with pytest.raises(SettingError, match="AUTOCOMMIT"):
            insert(1, unit)
    assert rows(database) == 0


# Of "INSERT …; INSERT …" the second one's error was lost, and a 200 had stored the first.
@pytest.mark.faults
@pytest.mark.parametrize("place", ["url", "connect_args"])
def test_a_pymysql_that_takes_several_statements_in_a_text_ends_the_start(
    mariadb, start_database, place, capfd
):
    flag, url = 1 << 16, make_url(mariadb.url)
    options = {"connect_args": {"client_flag": flag}}
    if place == "url":
        url, options = url.update_query_dict({"client_flag": str(flag)}), {}
    with pytest.raises(SystemExit):
        start_database(url.render_as_string(hide_password=False), **options)
    assert "one statement at a time" in capfd.readouterr().err
