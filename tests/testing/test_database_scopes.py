"""cp_db for wider scopes and for several databases, and the databases that it does not take."""

import sqlite3
import tempfile

import cherrypy

# NOTE: what is imported first in a test that has pytester is forgotten after it.
import psycopg  # noqa: F401
import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from cpkit.errors import UnfitDatabaseError
from cpkit.plugins import DatabasePlugin
from cpkit.testing._database import databases, is_for_tests

# What else is installed only takes time to be imported.
OTHERS = ("hypothesispytest", "anyio", "benchmark", "schemathesis")
LEAN = ("-p", "no:cacheprovider", *(f"-pno:{name}" for name in OTHERS), "-W", "error")

SCOPES = """
import cherrypy
import pytest
from sqlalchemy import text

def titles(db):
    with db.begin(write=False) as unit:
        return unit.execute(text("SELECT title FROM book ORDER BY title")).scalars().all()

def add(db, title):
    with db.begin() as unit:
        unit.execute(text("INSERT INTO book VALUES (:title)"), {"title": title})

@pytest.fixture(scope="session", params=URLS)
def cp_db_url(request):
    return request.param

@pytest.fixture(scope="SCOPE")
def library(cp_db_SCOPE):
    with cp_db_SCOPE.begin() as unit:
        unit.execute(text("CREATE TABLE book (title VARCHAR(20))"))
    add(cp_db_SCOPE, "Emma")
    return cp_db_SCOPE

class TestBooks:
    @pytest.mark.parametrize("turn", range(2))
    def test_each_test_begins_with_what_the_wider_fixture_made(self, library, cp_db, turn):
        assert titles(cp_db) == ["Emma"]
        add(cp_db, "Persuasion")
        assert titles(cp_db) == ["Emma", "Persuasion"]

    def test_without_it_tests_share_the_wider_one(self, library):
        assert titles(library) == ["Emma"]
        add(library, "Sanditon")

    def test_what_they_add_stays_for_the_others(self, cp_db, library):
        assert titles(cp_db) == ["Emma", "Sanditon"]
        assert library is cp_db is cherrypy.engine.db

    def test_requests_use_it(self, library, cp_client):
        import cpkit.tools

        class Root:
            @cherrypy.expose
            def index(self):
                return str(cherrypy.request.db.execute(text("SELECT count(*) FROM book")).scalar())

        cherrypy.tree.mount(Root(), "", {"/": {"cpkit.db.on": True}})
        assert cp_client.get("/").text == "2"

    def test_the_engine_may_start_and_stop(self, library, cp_db, cp_engine):
        cp_db.subscribe()
        cp_engine.start()
        assert titles(cp_db) == ["Emma", "Sanditon"]
        cp_engine.exit()

    def test_the_wider_one_runs_on(self, library):
        assert titles(library) == ["Emma", "Sanditon"]
"""

AFTER = """
import cherrypy

def test_the_plugin_is_gone_after_it():
    assert hasattr(cherrypy.engine, "db") is LASTS
"""


MARIADB = pytest.param("mariadb", marks=pytest.mark.faults)


# A run of pytest for all kinds at once: its start takes longer than its tests.
@pytest.fixture(params=["here", MARIADB])
def urls(request, tmp_path):
    if request.param == "here":
        postgresql = request.getfixturevalue("lone_postgres").url
        return [f"sqlite:///{tmp_path}/shop.sqlite", "sqlite://", None, postgresql]
    server = request.getfixturevalue("mariadb").url
    with create_engine(server, poolclass=NullPool).begin() as connection:
        connection.execute(text("CREATE DATABASE IF NOT EXISTS scopes_test"))
    return [server.replace("/mysql", "/scopes_test")]


@pytest.mark.parametrize("scope", ["class", "module", "session"])
def test_a_wider_database_is_copied_for_each_test(pytester, urls, scope):
    pytester.makepyfile(
        test_a=SCOPES.replace("SCOPE", scope).replace("URLS", repr(urls)),
        test_b=AFTER.replace("LASTS", str(scope == "session")),
    )
    pytester.runpytest_subprocess(*LEAN).assert_outcomes(passed=7 * len(urls) + 1)


def test_a_url_of_a_narrower_scope_is_refused_by_pytest(pytester):
    pytester.makepyfile("""
        import pytest

        @pytest.fixture
        def cp_db_url():
            return "sqlite://"

        def test_it(cp_db_module):
            pass
    """)
    result = pytester.runpytest_subprocess(*LEAN)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ScopeMismatch*"])


@pytest.fixture
def files(tmp_path):
    urls = {}
    for name in ("db", "audit"):
        with sqlite3.connect(tmp_path / f"{name}.sqlite") as connection:
            connection.execute("CREATE TABLE note (text TEXT)")
        connection.close()
        urls[name] = f"sqlite:///{tmp_path}/{name}.sqlite"
    return urls


def notes(url):
    connection = sqlite3.connect(make_url(url).database)
    try:
        return connection.execute("SELECT count(*) FROM note").fetchone()[0]
    finally:
        connection.close()


class TestSeveral:
    @pytest.fixture(params=["told", "the plugins' own"])
    def cp_db_url(self, request, files):
        if request.param == "told":
            return files
        for name, url in files.items():
            setattr(cherrypy.engine, name, DatabasePlugin(cherrypy.engine, url))
        return None

    @pytest.fixture
    def afterwards(self, files):
        yield
        assert [notes(url) for url in files.values()] == [0, 0]

    @pytest.mark.parametrize("turn", range(2))
    def test_databases_are_copied_each(self, afterwards, cp_db, turn):
        for db in (cp_db, cherrypy.engine.audit):
            with db.begin() as unit:
                unit.execute(text("INSERT INTO note VALUES ('once')"))
                assert unit.execute(text("SELECT count(*) FROM note")).scalar() == 1


@pytest.mark.parametrize(
    ("url", "fit"),
    [
        ("sqlite://", True),
        ("sqlite:///file:shop?mode=memory&cache=shared&uri=true", True),
        (f"sqlite:///{tempfile.gettempdir()}/shop.sqlite", True),
        ("sqlite:////var/lib/shop_test.sqlite", True),
        ("sqlite:///file:/var/lib/test.sqlite?uri=true", True),
        ("postgresql://me@host/test_shop", True),
        ("mysql+pymysql://host/shop-test-2", True),
        ("mariadb+pymysql://host/tests", True),
        ("sqlite:////var/lib/shop.sqlite", False),
        ("sqlite:////var/lib/latest.sqlite", False),
        ("sqlite:////home/test/shop.sqlite", False),
        ("postgresql://test@test/shop", False),
        ("postgresql://me@host/contest", False),
        ("postgresql://me@host/testament", False),
        ("postgresql://me@host", False),
    ],
)
def test_a_database_for_tests_is_told_by_its_name_or_place(url, fit):
    assert is_for_tests(make_url(url)) is fit


def run(told=None):
    with databases(told) as db, db.begin() as unit:
        unit.execute(text("INSERT INTO note VALUES ('a test was here')"))
        return unit.execute(text("SELECT count(*) FROM note")).scalar()


@pytest.fixture
def plugin(cp_isolation, files, monkeypatch, tmp_path):
    # What lies elsewhere than in the folder for temporary files.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere").mkdir()
    cherrypy.engine.db = plugin = DatabasePlugin(cherrypy.engine, files["db"])
    yield plugin
    plugin.stop()


def test_the_applications_own_database_is_not_taken_unless_told(plugin, files):
    with pytest.raises(UnfitDatabaseError, match=r"neither its name nor its place.*cp_db_url"):
        run()
    assert (plugin.running, plugin.url) == (False, files["db"])
    assert run(files["db"]) == 1
    assert (plugin.running, plugin.url, notes(files["db"])) == (False, files["db"], 0)


def test_a_database_that_is_open_is_not_taken_unless_told(plugin, files):
    plugin.start()
    with pytest.raises(UnfitDatabaseError, match=r"cherrypy\.engine\.db has it open already"):
        run()
    assert run(files["audit"]) == 1
    assert (plugin.running, plugin.url) == (True, files["db"])
    with plugin.begin(write=False) as unit:
        assert unit.execute(text("SELECT count(*) FROM note")).scalar() == 0
    assert notes(files["audit"]) == 0


def test_what_an_open_plugin_holds_in_memory_comes_back(cp_isolation):
    ran = []

    def setup(connection):
        ran.append("setup")
        connection.execute(text("CREATE TABLE IF NOT EXISTS note (text TEXT)"))

    plugin = DatabasePlugin(cherrypy.engine, "sqlite://", setup=setup)
    plugin.cleanup = lambda connection: ran.append("cleanup")
    cherrypy.engine.db = plugin
    plugin.start()
    with plugin.begin() as unit:
        unit.execute(text("INSERT INTO note VALUES ('kept')"))
    assert run("sqlite://") == 2
    with plugin.begin() as unit:
        assert unit.execute(text("SELECT text FROM note")).scalars().all() == ["kept"]
    plugin.stop()
    assert ran == ["setup", "setup", "cleanup", "cleanup"]


def test_a_password_is_in_no_message(cp_isolation):
    plugin = DatabasePlugin(cherrypy.engine, "postgresql+psycopg://me:secret@127.0.0.1:1/shop")
    cherrypy.engine.db = plugin
    for told in (None, plugin.url):
        with pytest.raises(UnfitDatabaseError) as caught:
            run(told)
        assert "secret" not in str(caught.value)


def test_another_kind_of_database_is_refused(cp_isolation):
    with pytest.raises(UnfitDatabaseError, match="copies no database of the kind mssql"):
        run("mssql+pyodbc://host/test")


def test_a_plugin_that_cannot_start_says_why(cp_isolation):
    cherrypy.engine.db = DatabasePlugin(cherrypy.engine, "sqlite://", pol_size=5)
    with pytest.raises(Exception, match="pol_size"):
        run()
    assert not cherrypy.engine.db.running


def test_postgresql_is_copied_though_an_engine_keeps_a_connection(cp_isolation, lone_postgres):
    engine = create_engine(lone_postgres.url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE note (text TEXT)"))
    assert run(lone_postgres.url) == 1
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM note")).scalar() == 0
        with pytest.raises(UnfitDatabaseError, match="no other connection to it while"):
            run(lone_postgres.url)
    engine.dispose()
