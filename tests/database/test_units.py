"""A unit of work by itself: committed, undone, doomed, given back, over."""

import contextlib
import sqlite3
import sys

import cherrypy
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError

import cpkit.plugins
import cpkit.tools
from cpkit.errors import DatabaseNotRunningError, UnitOverError
from cpkit.testing import Client
from tests.statements import HANDLES


@pytest.fixture
def database(start_database):
    return start_database(setup=lambda c: c.execute(text("CREATE TABLE IF NOT EXISTS t (a)")))


@pytest.fixture(params=HANDLES)
def unit(request, database):
    unit = database.unit(request.param)
    unit.statement = "INSERT INTO t VALUES (1)"
    if request.param != "dbapi":
        unit.statement = text(unit.statement)
    yield unit
    unit.close()
    assert database.figures().in_use == 0


def count(database) -> int:
    with database.begin(write=False) as connection:
        return connection.scalar(text("SELECT count(*) FROM t"))


def test_committed_work_stays_when_the_rest_is_undone(unit, database):
    unit.execute(unit.statement)
    unit.commit()
    unit.execute(unit.statement)
    unit.rollback()
    unit.execute(unit.statement)
    unit.end(commit=True)
    assert count(database) == 2


def test_a_doomed_unit_is_undone(unit, database):
    unit.execute(unit.statement)
    unit.doom()
    unit.end(commit=True)
    assert count(database) == 0


def test_a_block_that_raises_is_undone(unit, database):
    with contextlib.suppress(ZeroDivisionError), unit:
        unit.execute(unit.statement)
        raise ZeroDivisionError
    assert count(database) == 0


def test_an_unused_unit_takes_no_connection(unit, database):
    unit.commit()
    unit.rollback()
    unit.close()
    unit.end(commit=True)
    assert not unit.opened
    assert database.figures().in_use == 0


def test_a_unit_that_is_over_says_what_to_use(unit):
    with unit:
        unit.execute(unit.statement)
    with pytest.raises(UnitOverError, match=r"cherrypy\.engine\.db\.begin"):
        unit.execute(unit.statement)


def test_a_unit_that_was_kept_beyond_its_request_is_over(database, cp_client):
    kept = []

    class Root:
        @cherrypy.expose
        def index(self):
            kept.append(cherrypy.request.db)
            kept[0].execute(text("SELECT 1"))
            return "kept"

    cherrypy.tree.mount(Root(), "/", {"/": {"cpkit.db.on": True}})
    cp_client.get("/")
    with pytest.raises(UnitOverError):
        kept[0].execute(text("SELECT 1"))


def test_what_an_error_page_writes_is_kept(database):
    def page(**_):
        cherrypy.request.db.execute(text("INSERT INTO t VALUES (1)"))
        return "noted"

    class Root:
        @cherrypy.expose
        def index(self):
            cherrypy.request.db.execute(text("INSERT INTO t VALUES (1)"))
            raise ZeroDivisionError

    config = {"cpkit.db.on": True, "error_page.500": page}
    cherrypy.tree.mount(Root(), "/", {"/": config})
    assert Client(raise_exceptions=False).post("/").text.startswith("noted")
    assert count(database) == 1


@pytest.mark.parametrize("write", [True, False])
def test_a_unit_that_writes_locks_the_file_from_its_first_statement(database, tmp_path, write):
    other = sqlite3.connect(tmp_path / "db.sqlite", isolation_level=None, timeout=0)
    with database.begin(write=write) as connection:
        connection.execute(text("SELECT count(*) FROM t"))
        if write:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        else:
            other.execute("BEGIN IMMEDIATE").connection.rollback()
    other.close()


def test_the_engine_itself_begins_for_real(database):
    with database.engine.begin() as connection:
        assert connection.connection.driver_connection.in_transaction
        connection.execute(text("SELECT 1"))


@pytest.mark.usefixtures("new_minute")
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_full_disk_is_a_503_and_passes(start_database, caplog, method):
    database = start_database(
        pragmas={"max_page_count": 12},
        setup=lambda c: c.execute(text("CREATE TABLE IF NOT EXISTS t (a)")),
    )

    class Root:
        @cherrypy.expose
        def index(self):
            cherrypy.request.db.execute(text("INSERT INTO t VALUES (randomblob(2000))"))
            return "kept"

    cherrypy.tree.mount(Root(), "/", {"/": {"cpkit.db.on": True}})
    client, statuses = Client(raise_exceptions=False), []
    while 503 not in statuses:
        assert len(statuses) < 100
        statuses.append(client.request(method, "/").status_code)
    assert count(database) == len(statuses) - 1
    assert any(record.levelname == "CRITICAL" for record in caplog.records)
    with database.begin() as connection:
        connection.execute(text("DELETE FROM t"))
    assert client.request(method, "/").status_code == 200


def test_another_plugin_attribute_is_no_plugin():
    with pytest.raises(AttributeError, match="has no attribute 'Databass'"):
        cpkit.plugins.Databass  # noqa: B018


def test_another_module_that_is_missing_is_named_as_it_is(monkeypatch):
    monkeypatch.delitem(sys.modules, "cpkit.plugins.database", raising=False)
    monkeypatch.setitem(sys.modules, "cpkit.database.database", None)
    with pytest.raises(ModuleNotFoundError, match=r"cpkit\.database\.database"):
        cpkit.plugins.DatabasePlugin  # noqa: B018


def test_a_plugin_that_was_never_started_is_named():
    plugin = cpkit.plugins.DatabasePlugin(cherrypy.engine, "sqlite://")
    for ask in (lambda: plugin.engine, lambda: plugin.database.backend):
        with pytest.raises(DatabaseNotRunningError):
            ask()
    assert plugin.engines() == []
    assert plugin.figures().size == 0


def test_an_sql_error_is_the_drivers_own(database):
    with pytest.raises((OperationalError, ProgrammingError), match="syntax"):
        database.begin().execute(text("SELEKT"))


@pytest.mark.parametrize("error", [AttributeError, MemoryError])
def test_a_handle_that_cannot_be_made_keeps_no_connection_and_hides_no_error(
    start_database, monkeypatch, error
):
    database = start_database()

    def fail(*args):
        raise error("of SQLAlchemy's")

    with monkeypatch.context() as broken:
        broken.setattr("cpkit.database.connection.UnitConnection", fail)
        with pytest.raises(error, match="of SQLAlchemy's"), database.begin() as unit:
            unit.execute(text("SELECT 1"))
    with database.begin() as unit:  # the turn to write is free
        assert unit.scalar(text("SELECT 1")) == 1
