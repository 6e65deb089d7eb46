"""The life of a database on the bus, from before the fork to after the server."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

import cherrypy
import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

import cpkit.tools  # noqa: F401
from cpkit.errors import DatabaseError, DatabaseNotRunningError, SettingError
from cpkit.plugins import DatabasePlugin
from cpkit.testing import Client


def test_config_keys_switch_it_on_and_set_it(cp_engine, tmp_path):
    cherrypy.engine.db = DatabasePlugin(cherrypy.engine)
    cherrypy.config.update(
        {
            "engine.db.on": True,
            "engine.db.url": f"sqlite:///{tmp_path}/a.sqlite",
            "engine.db.pool_size": 3,
            "engine.db.synchronous": "NORMAL",
            "engine.db.echo": False,
        }
    )
    cherrypy.engine.start()
    plugin = cherrypy.engine.db
    assert plugin.engine.pool.size() == 3
    assert plugin.engine_options == {"echo": False}
    with plugin.begin(write=False) as connection:
        assert connection.scalar(text("PRAGMA synchronous")) == 1
    cherrypy.engine.stop()
    assert not plugin.running
    cherrypy.config.update({"engine.db.on": False})
    del cherrypy.engine.db


def test_a_conf_file_sets_it(cp_engine, tmp_path):
    cherrypy.engine.db = DatabasePlugin(cherrypy.engine)
    conf = tmp_path / "app.conf"
    conf.write_text(
        f"[global]\nengine.db.on = True\nengine.db.url = 'sqlite:///{tmp_path}/c.sqlite'\n"
        "engine.db.pragmas = {'cache_size': -100}\nengine.autoreload.on = False\n"
    )
    cherrypy.config.update(str(conf))
    cherrypy.engine.start()
    with cherrypy.engine.db.begin(write=False) as connection:
        assert connection.scalar(text("PRAGMA cache_size")) == -100
    cherrypy.engine.exit()
    cherrypy.engine.db.unsubscribe()
    del cherrypy.engine.db


def test_it_opens_after_the_fork_before_the_server_and_closes_after_both(start_database):
    plugin = start_database()
    at = {
        (channel, listener.__name__): priority
        for (channel, listener), priority in cherrypy.engine._priorities.items()
        if getattr(listener, "__self__", None) is plugin
    }
    daemonizer = cherrypy.process.plugins.Daemonizer.start.priority
    drop = cherrypy.process.plugins.DropPrivileges.start.priority
    assert at["start", "preflight"] < daemonizer < at["start", "start"]
    assert at["start", "start"] < cherrypy.server.start.priority < drop < at["start", "recheck"]
    assert at["stop", "stop"] > 50


def test_unsubscribed_it_hears_nothing(start_database):
    plugin = start_database()
    plugin.unsubscribe()
    owners = {getattr(it, "__self__", None) for _, it in cherrypy.engine._priorities}
    assert plugin not in owners


@pytest.mark.parametrize("by", ["method", "setting"])
def test_unsubscribed_while_it_runs_it_closes(cp_engine, start_database, by):
    cleaned = []
    plugin = start_database(cleanup=cleaned.append)
    with plugin.begin(write=False) as connection:
        driver = connection.connection.dbapi_connection
    if by == "method":
        plugin.unsubscribe()
    else:
        cherrypy.config.update({"engine.db.on": False})
    assert not plugin.running
    assert len(cleaned) == 1
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        driver.execute("SELECT 1")


def test_setup_and_cleanup_are_called_in_a_transaction_each(start_database, tmp_path):
    plugin = start_database(
        setup=lambda connection: connection.execute(text("CREATE TABLE t (a)")),
        cleanup=lambda connection: connection.execute(text("DROP TABLE t")),
    )
    with plugin.begin() as connection:
        connection.execute(text("INSERT INTO t VALUES (1)"))
    plugin.stop()
    with sqlite3.connect(tmp_path / "db.sqlite") as connection:
        assert connection.execute("SELECT * FROM sqlite_master").fetchall() == []
    connection.close()


def test_what_ends_during_setup_is_not_cleaned_up(start_database, any_database):
    """As SIGTERM does, whose handler runs in the thread that is in ``setup``, with its locks."""
    cleaned = []

    def setup(connection):
        connection.execute(text("CREATE TABLE half_done (a INTEGER)"))
        cherrypy.engine.db.stop()

    start_database(any_database, setup=setup, cleanup=cleaned.append, wait=0.2)
    assert not cherrypy.engine.db.running
    assert not cleaned


def test_a_cleanup_that_fails_ends_the_rest_as_ever(start_database, caplog):
    caplog.set_level(20)
    plugin = start_database(cleanup=lambda connection: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        plugin.stop()
    assert not plugin.running
    assert "closed." in caplog.text


def test_it_can_be_started_again(start_database):
    plugin = start_database()
    plugin.stop()
    with pytest.raises(DatabaseNotRunningError):
        plugin.begin().execute(text("SELECT 1"))
    plugin.start()
    plugin.start()
    with plugin.begin() as connection:
        assert connection.scalar(text("SELECT 1")) == 1


def test_sqlite_is_durable_in_wal_and_keeps_foreign_keys(start_database):
    plugin = start_database()
    for write in (False, True):
        with plugin.begin(write=write) as connection:
            ask = [
                connection.scalar(text(f"PRAGMA {name}"))
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
            waits = connection.scalar(text("PRAGMA busy_timeout"))
        assert ask == ["wal", 2, 1]
        assert (waits == 0) is write  # who writes asks by itself: SQLite's own wait is not fair


def test_other_engines_are_left_alone(start_database, tmp_path):
    from sqlalchemy import create_engine

    start_database()
    other = create_engine(f"sqlite:///{tmp_path}/other.sqlite")
    with other.connect() as connection:
        assert connection.scalar(text("PRAGMA foreign_keys")) == 0
    other.dispose()


def start_as_the_bus_does(plugin):
    plugin.preflight()
    plugin.start()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"url": "sqlite:////no/such/folder/a.sqlite"}, "unable to open"),
        ({"setup": lambda connection: 1 / 0}, "division by zero"),
    ],
)
def test_what_cannot_work_ends_the_start(cp_isolation, tmp_path, caplog, settings, message):
    cherrypy.engine.db = DatabasePlugin(cherrypy.engine, f"sqlite:///{tmp_path}/a.sqlite")
    for name, value in settings.items():
        setattr(cherrypy.engine.db, name, value)
    with pytest.raises(SystemExit):
        start_as_the_bus_does(cherrypy.engine.db)
    assert message in caplog.text
    cherrypy.engine.db.stop()
    del cherrypy.engine.db


def test_a_file_that_cannot_be_written_is_found_at_the_start(cp_isolation, tmp_path, caplog):
    path = tmp_path / "a.sqlite"
    sqlite3.connect(path).execute("CREATE TABLE t (a)").connection.close()
    url = f"sqlite:///file:{path}?mode=ro&uri=true"
    with pytest.raises(SystemExit):
        DatabasePlugin(cherrypy.engine, url).preflight()
    assert "readonly database" in caplog.text
    plugin = DatabasePlugin(cherrypy.engine, url, read_only=True)
    plugin.preflight()
    plugin.start()
    with plugin.begin() as connection:
        assert connection.execute(text("SELECT * FROM t")).all() == []
        with pytest.raises(DatabaseError, match="only reads"):
            connection.execute(text("INSERT INTO t VALUES (1)"))
    plugin.stop()


APP = """
import sys, cherrypy
from cpkit.plugins import DatabasePlugin
cherrypy.config.update({"engine.autoreload.on": False, "server.socket_port": 0,
    "server.socket_host": "127.0.0.1"})
cherrypy.engine.db = DatabasePlugin(cherrypy.engine, sys.argv[1], wait=0.2)
cherrypy.engine.db.subscribe()
cherrypy.quickstart()
"""


def test_a_database_that_is_not_there_is_said_in_one_line_and_nothing_is_served():
    url = "postgresql+psycopg://me:s3cret@127.0.0.1:1/db"
    done = subprocess.run(
        [sys.executable, "-c", APP, url], capture_output=True, text=True, timeout=300
    )
    said = [line for line in done.stderr.splitlines() if "nothing is served" in line]
    assert done.returncode not in (0, None)
    assert len(said) == 1
    assert "postgresql+psycopg://me:***@127.0.0.1:1/db" in said[0]
    assert "s3cret" not in done.stderr
    assert "Serving on" not in done.stderr


def test_after_privileges_were_dropped_the_file_is_looked_at_again(start_database, monkeypatch):
    plugin = start_database()
    exits = []
    monkeypatch.setattr(plugin.bus, "exit", lambda: exits.append(1))
    plugin.recheck()
    plugin._user = -5
    plugin.recheck()
    assert exits == []
    plugin.database.backend.probe = lambda: 1 / 0
    plugin.recheck()
    assert exits == [1]


def is_open(driver) -> bool:
    try:
        driver.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return False
    return True


def test_graceful_closes_idle_connections_and_lets_lent_ones_finish(start_database):
    plugin = start_database()
    with plugin.begin(write=False) as lent, plugin.begin(write=False) as idle:
        drivers = [unit.handle.connection.driver_connection for unit in (lent, idle)]
        idle.close()
        plugin.graceful()
        assert lent.scalar(text("SELECT 2")) == 2
        assert [is_open(driver) for driver in drivers] == [True, False]
    assert not is_open(drivers[0])
    assert plugin.figures().in_use == 0


def test_graceful_under_load_refuses_and_loses_nothing(start_database):
    plugin = start_database(setup=lambda c: c.execute(text("CREATE TABLE t (a)")), timeout=120)
    answered, more, over = [], threading.Semaphore(0), threading.Event()

    def write() -> None:
        while not over.is_set():
            with plugin.begin() as connection:
                connection.execute(text("INSERT INTO t VALUES (1)"))
            answered.append(1)
            more.release()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(30):
        assert all(more.acquire(timeout=60) for _ in range(10))
        plugin.graceful()
    over.set()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)  # none waits for a pool that was left
    with plugin.begin(write=False) as connection:
        assert connection.scalar(text("SELECT count(*) FROM t")) == len(answered) >= 300


def test_graceful_keeps_what_lives_in_memory(start_database):
    plugin = start_database("sqlite://", setup=lambda c: c.execute(text("CREATE TABLE t (a)")))
    plugin.graceful()
    with plugin.begin() as connection:
        assert connection.execute(text("SELECT * FROM t")).all() == []


def test_a_memory_database_is_shared_by_threads(start_database):
    plugin = start_database("sqlite://", setup=lambda c: c.execute(text("CREATE TABLE t (a)")))

    def write() -> None:
        with plugin.begin() as connection:
            connection.execute(text("INSERT INTO t VALUES (1)"))

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with plugin.begin(write=False) as connection:
        assert connection.scalar(text("SELECT count(*) FROM t")) == 8


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_process_opens_connections_of_its_own(start_database, postgres):
    plugin = start_database(postgres.url)
    engine = plugin.engine
    with plugin.begin(write=False) as connection:
        backend = connection.scalar(text("SELECT pg_backend_pid()"))

    def connect() -> str:
        with plugin.begin(write=False) as connection:
            mine = connection.scalar(text("SELECT pg_backend_pid()"))
        with engine.connect() as connection:
            return f"{mine} {connection.scalar(text('SELECT pg_backend_pid()'))}"

    theirs = {int(pid) for pid in in_a_child(connect).split()}
    assert backend not in theirs
    assert len(theirs) == 2
    with plugin.begin(write=False) as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) == backend


def in_a_child(do, meanwhile=lambda: None) -> str:
    """Return what *do* returns in a process that is forked now; do something *meanwhile*."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(write, str(do()).encode())
        finally:
            os._exit(0)
    os.close(write)
    meanwhile()
    with os.fdopen(read) as answer:
        os.waitpid(child, 0)
        return answer.read()


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
may_fork = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


@forks
@may_fork
def test_a_child_process_sets_up_a_database_that_lives_in_its_memory(start_database):
    plugin = start_database("sqlite://", setup=lambda c: c.execute(text("CREATE TABLE t (a)")))

    def count() -> int:
        with plugin.begin() as connection:
            return connection.scalar(text("SELECT count(*) FROM t"))

    assert in_a_child(count) == "0"


@forks
@may_fork
def test_a_child_process_finds_out_by_itself_that_the_server_is_back(start_database, postgres):
    postgres.stop()
    try:
        plugin = start_database(
            postgres.url,
            setup=lambda c: c.execute(text("CREATE TABLE t (a INTEGER)")),
            required=False,
            wait=0,
        )
        plugin.database.outage.stop()  # a parent such as uwsgi's, which has no threads

        def count() -> int:
            deadline = time.monotonic() + 120
            while not (is_back := plugin.ping(1)) and time.monotonic() < deadline:
                time.sleep(0.01)
            assert is_back  # before any unit of work
            with plugin.begin(write=False) as connection:
                return connection.scalar(text("SELECT count(*) FROM t"))

        assert in_a_child(count, meanwhile=postgres.start) == "0"
    finally:
        postgres.restart()


def test_no_thread_finds_the_parents_connections_while_another_opens_new_ones(start_database):
    plugin = start_database()
    parents = plugin.engine
    plugin.database._pid = -1  # as after a fork
    build, building, may_go = plugin.database._open, threading.Event(), threading.Event()

    def slowly():
        building.set()
        assert may_go.wait(20)
        return build()

    plugin.database._open = slowly
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(lambda: plugin.engine)
        assert building.wait(20)
        second = threads.submit(lambda: plugin.engine)
        wait([second], 0.1)  # it is not done, if it is right
        may_go.set()
        assert first.result(20) is second.result(20)
    assert first.result() is not parents


def test_a_unit_that_outlives_the_plugin_ends_as_ever(start_database):
    plugin = start_database(slow_write=0.0)
    with plugin.begin() as connection:
        connection.execute(text("CREATE TABLE t (a)"))
        plugin.stop()
    plugin.start()
    with plugin.begin(write=False) as connection:
        assert connection.scalar(text("SELECT count(*) FROM t")) == 0


def test_what_opens_connections_in_their_place_opens_the_first_one_too(start_database, postgres):
    import psycopg

    def creator():
        return psycopg.connect(postgres.url.replace("+psycopg", ""))

    plugin = start_database("postgresql+psycopg://nowhere.invalid/", creator=creator, wait=0)
    assert plugin.ping(20)


def test_without_a_pool_each_unit_has_a_connection_of_its_own(start_database, postgres):
    plugin = start_database(postgres.url, poolclass=NullPool)

    def backend() -> int:
        with plugin.begin() as connection:
            return connection.scalar(text("SELECT pg_backend_pid()"))

    assert backend() != backend()


@pytest.mark.parametrize(
    "any_database",
    ["sqlite", "postgresql", pytest.param("mariadb", marks=pytest.mark.faults)],
    indirect=True,
)
def test_setups_that_begin_together_run_one_after_another(cp_isolation, any_database):
    met, together = [], threading.Barrier(2)

    def set_up(connection):
        connection.execute(text("SELECT 1"))
        with contextlib.suppress(threading.BrokenBarrierError):  # nobody else is here
            met.append(together.wait(0.3))

    # Two of them stand for two processes.
    plugins = [DatabasePlugin(cherrypy.engine, any_database, setup=set_up) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(DatabasePlugin.start, plugins))
    for plugin in plugins:
        plugin.stop()
    assert met == []


@pytest.mark.faults
def test_processes_that_start_on_mariadb_wait_for_setup_only(start_database, mariadb):
    plugin = start_database(mariadb.url, setup=lambda connection: None)
    with plugin.begin(write=False) as connection:
        assert connection.scalar(text("SELECT IS_FREE_LOCK('cpkit')")) == 1


class Keeper:
    """Keep what was borrowed."""

    kept = None

    @cherrypy.expose
    def keep(self, secret=None):
        self.kept = cherrypy.engine.db.engine.connect()
        self.kept.execute(text("SELECT 1"))
        return "kept"

    @cherrypy.expose
    @cherrypy.config(**{"cpkit.db.on": True})
    def keep_handle(self):
        self.kept = cherrypy.request.db.handle
        return "kept"


@pytest.mark.parametrize("path", ["/keep", "/keep_handle"])
def test_what_a_handler_keeps_is_taken_back(start_database, path):
    plugin = start_database()
    keeper = Keeper()
    cherrypy.tree.mount(keeper, "/")
    Client().get(path)
    assert plugin.figures().in_use == 0
    with pytest.raises(SQLAlchemyError):
        keeper.kept.execute(text("SELECT 1"))


def test_what_was_taken_back_is_logged_with_its_path(start_database, caplog):
    start_database()
    cherrypy.tree.mount(Keeper(), "/")
    Client().get("/keep?secret=1")
    said = [record.message for record in caplog.records if "taken back" in record.message]
    assert len(said) == 1
    assert said[0].endswith("GET /keep kept a connection: taken back.")


def test_health_is_asked_on_the_bus(start_database):
    start_database()
    start_database("sqlite://", name="reports")
    began = time.perf_counter()
    healths = {health.name: health for health in cherrypy.engine.publish("database_health", 60)}
    ended = time.perf_counter()
    assert {name: health.up for name, health in healths.items()} == {"db": True, "reports": True}
    assert healths["db"].pool.size == cherrypy.server.thread_pool + 1
    assert 0 < healths["reports"].seconds <= ended - began


def test_a_stopped_database_is_not_up(start_database):
    plugin = start_database()
    plugin.stop()
    assert not plugin.ping(1)


def test_two_databases_in_one_request(start_database, cp_client):
    from cpkit.tools import DatabaseTool, toolbox

    start_database(setup=lambda c: c.execute(text("CREATE TABLE t (a)")))
    start_database(name="reports", setup=lambda c: c.execute(text("CREATE TABLE t (a)")))
    toolbox.reports = DatabaseTool(plugin="reports")

    class Root:
        @cherrypy.expose
        @cherrypy.config(**{"cpkit.db.on": True, "cpkit.reports.on": True})
        def index(self):
            for unit in (cherrypy.request.db, cherrypy.request.reports):
                unit.execute(text("INSERT INTO t VALUES (1)"))
            return "ok"

    cherrypy.tree.mount(Root(), "/")
    try:
        assert cp_client.post("/").text == "ok"
    finally:
        del toolbox.reports
    for plugin in (cherrypy.engine.db, cherrypy.engine.reports):
        with plugin.begin(write=False) as connection:
            assert connection.scalar(text("SELECT count(*) FROM t")) == 1


def test_an_unknown_handle_is_refused(start_database):
    with pytest.raises(SettingError, match="connection, session, dbapi"):
        start_database().unit("orm")


@pytest.mark.parametrize("use", ["cpkit.plugins:DatabasePlugin", "cpkit.sessions:DatabaseSession"])
def test_without_sqlalchemy_the_remedy_is_named(use):
    code = f"""if True:
        import sys
        sys.modules["sqlalchemy"] = None
        import pkgutil
        from cpkit.errors import MissingExtraError
        try:
            pkgutil.resolve_name("{use}")
        except MissingExtraError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "SQLAlchemy is not installed: pip install 'cpkit[db]'.\n", done.stderr
