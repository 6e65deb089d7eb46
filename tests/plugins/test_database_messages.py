"""What is wrong with a database is said in one line, with what to do about it."""

from inspect import currentframe, getframeinfo

import cherrypy
import pytest
from sqlalchemy import text

from cpkit.config_check import StartCheck, faults
from cpkit.plugins import DatabasePlugin


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite+aiosqlite:///x.db", "aiosqlite is for asyncio"),
        ("postgresql+asyncpg://me@host/db", "take a driver such as"),
        ("mysql+aiomysql://me@host/db", "take a driver such as"),
        ("sqlite://x.db", "sqlite:///x.db"),
        ("sqlite:////no/such/dir/x.db", "the folder /no/such/dir does not exist: create it"),
        ("postgresql+psycopg://me:p@ss@host/db", "%40"),
        ("mysql+mysqldb://me@host/db", "pip install mysqlclient"),
        ("oracle+oracledb://me@host/db", "pip install oracledb"),
    ],
)
def test_a_url_is_refused_with_what_to_write(cp_isolation, caplog, url, told):
    plugin = DatabasePlugin(cherrypy.engine, url, wait=0)
    with pytest.raises(SystemExit):
        plugin.preflight()
    assert told in caplog.text
    assert "p@ss" not in caplog.text


# Each request was a 500.
@pytest.mark.parametrize("level", [{"isolation_level": "CHAOS"}])
@pytest.mark.parametrize("wrapped", [False, True], ids=["", "execution_options"])
def test_an_isolation_level_that_there_is_not_ends_the_start(
    cp_isolation, any_database, caplog, level, wrapped
):
    options = {"execution_options": level} if wrapped else level
    plugin = DatabasePlugin(cherrypy.engine, any_database, wait=0, **options)
    with pytest.raises(SystemExit):
        plugin.preflight()
    assert "Invalid value 'CHAOS' for isolation_level" in caplog.text


@pytest.mark.parametrize("change", ["/nope", "nobody@", "?sslmode=require"])
def test_what_will_not_pass_ends_the_start_at_once(cp_isolation, postgres, caplog, change):
    url = postgres.url
    if change == "/nope":
        url = url.replace("/postgres", change)
    elif change == "nobody@":
        url = url.replace("me:secret@", change)
    else:
        url += change
    plugin = DatabasePlugin(cherrypy.engine, url, wait=60, required=False)
    with pytest.raises(SystemExit):  # a minute would be a time-out
        plugin.preflight()
    assert "nothing is served" in caplog.text


def test_a_limit_that_cannot_be_kept_is_refused(cp_isolation, caplog, monkeypatch):
    monkeypatch.setattr("cpkit.database.backends.sqlite.SqliteBackend.limits_statements", False)
    plugin = DatabasePlugin(cherrypy.engine, "sqlite://", statement_timeout=1)
    with pytest.raises(SystemExit):
        plugin.preflight()
    assert "leave it out" in caplog.text


@pytest.mark.parametrize("priority", [1, 45, 50, 66, 70, 90])
def test_a_start_listener_of_any_priority_can_read(cp_engine, tmp_path, priority):
    found = []

    def listener():
        with cherrypy.engine.db.begin() as connection:
            found.append(connection.scalar(text("SELECT 1")))

    cherrypy.engine.db = DatabasePlugin(cherrypy.engine, f"sqlite:///{tmp_path}/x.sqlite")
    cherrypy.engine.db.subscribe()
    cherrypy.engine.subscribe("start", listener, priority)
    try:
        cp_engine.start()
        assert found == [1]
    finally:
        cherrypy.engine.unsubscribe("start", listener)


@pytest.mark.parametrize("priority", [1, 59, 60, 62, 70])
def test_a_start_listener_of_any_priority_can_leave_its_unit_open(cp_engine, tmp_path, priority):
    left = []

    def listener():
        left.append(cherrypy.engine.db.begin())
        left[0].execute(text("CREATE TABLE book (title TEXT)"))

    cherrypy.engine.db = DatabasePlugin(cherrypy.engine, f"sqlite:///{tmp_path}/x.sqlite", wait=0)
    cherrypy.engine.db.subscribe()
    cherrypy.engine.subscribe("start", listener, priority)
    try:
        cp_engine.start()
        left[0].end(commit=True)
        with cherrypy.engine.db.begin(write=False) as connection:
            assert connection.scalar(text("SELECT count(*) FROM book")) == 0
    finally:
        cherrypy.engine.unsubscribe("start", listener)


def test_a_unit_that_was_left_open_is_told_with_its_place(cp_isolation, tmp_path, caplog):
    plugin = DatabasePlugin(cherrypy.engine, f"sqlite:///{tmp_path}/x.sqlite", wait=0)
    plugin.start()
    with plugin.begin() as ended:
        ended.execute(text("CREATE TABLE book (title TEXT)"))
    left, line = plugin.begin(), getframeinfo(currentframe()).lineno
    left.execute(text("SELECT * FROM book"))
    for _ in range(1000):  # that have ended, and are forgotten
        plugin.begin()
    plugin.stop()
    place = f"{__file__}, line {line}, in the thread MainThread"
    assert f"a unit of work was left open. It was begun in {place}." in caplog.text
    caplog.clear()
    with pytest.raises(SystemExit):
        plugin.preflight()
    assert "database is locked; a unit of work is open that was begun in " + place in caplog.text
    left.close()
    caplog.clear()
    plugin.preflight()
    plugin.start()
    plugin.stop()
    assert "left open" not in caplog.text


def test_a_tool_whose_plugin_was_never_switched_on_is_told_at_the_start(cp_isolation):
    import cpkit.tools

    class Root:
        @cherrypy.expose
        @cpkit.tools.db()
        def index(self):
            return ""

    cherrypy.engine.db = DatabasePlugin(cherrypy.engine, "sqlite://")
    cherrypy.tree.mount(Root())
    assert StartCheck(cherrypy.engine) in cherrypy.engine.listeners["start"]
    assert "engine.db.on" in str(next(faults()))
