"""The marker and what it mounts: each slip is told, with what to write instead."""

import sqlite3
from pathlib import Path
from typing import ClassVar

import cherrypy
import pytest
from cherrypy.process.plugins import SimplePlugin
from sqlalchemy import text

import cpkit.tools
from cpkit.errors import ConfigError, MarkerError, UnknownSettingError
from cpkit.plugins import DatabasePlugin
from cpkit.testing._marker import Sections, options_of

CONF = """
[global]
shop.currency = "EUR"

[/]
shop.taxes = 0.19

[prices]
emma = 12
"""


class Shop:
    @cherrypy.expose
    def setting(self, name):
        return str(cherrypy.request.config.get(name))

    @cherrypy.expose
    def price(self, of):
        return str(cherrypy.request.app.config["prices"][of])


class Item:
    """What options_of needs of a test."""

    config = type("Config", (), {"rootpath": Path("/nowhere")})
    path = Path(__file__)

    def __init__(self, *marks):
        self.marks = [each.mark for each in marks]

    def iter_markers(self, name):
        return iter(self.marks)


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        (pytest.mark.cherrypy(rot=Shop), "no argument rot. Did you mean root?"),
        (
            pytest.mark.cherrypy(database="x"),
            "Its arguments are root, mount, config, engine, isolation.",
        ),
        (pytest.mark.cherrypy("/shop"), "takes no positional argument, but has '/shop'"),
        (pytest.mark.cherrypy(root="shop:Shop"), "root is 'shop:Shop'. Give an object"),
        (pytest.mark.cherrypy(root={"/": {}}), "Give an object whose methods are exposed"),
        (pytest.mark.cherrypy(mount="shop"), "Give a path that begins with a slash."),
        (pytest.mark.cherrypy(mount=None), "mount is None"),
        (pytest.mark.cherrypy(engine=1), "engine is 1. Give True or False."),
        (pytest.mark.cherrypy(isolation="no"), "isolation is 'no'. Give True or False."),
    ],
    ids=repr,
)
def test_a_marker_that_says_what_it_cannot_say_is_refused(mark, told):
    with pytest.raises(MarkerError) as caught:
        options_of(Item(mark))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (42, "config is 42. Give a dict, the name of a file, or a list."),
        ("no_such.conf", "config is 'no_such.conf'. There is no such file in "),
        ({"/": "tools.gzip.on"}, "config has 'tools.gzip.on' in the section /."),
        ({"global": None}, "config has None in the section global."),
        ({1: {}}, "config has the key 1. Keys are strings."),
    ],
    ids=str,
)
def test_a_config_that_is_none_is_refused(config, told):
    with pytest.raises(MarkerError) as caught:
        Sections(config, [Path("/nowhere")])
    assert told in str(caught.value)


def test_a_misspelt_argument_fails_each_test_that_is_marked(pytester):
    pytester.makepyfile("""
        import pytest

        @pytest.mark.cherrypy(rot=object)
        def test_with_a_client(cp_client):
            pass

        @pytest.mark.cherrypy(confg={})
        def test_without():
            pass
    """)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*Did you mean root?*", "*Did you mean config?*"])


@pytest.fixture
def conf(pytester):
    return pytester.makefile(".conf", server=CONF)


def test_a_config_file_is_found_beside_the_test(pytester, conf):
    pytester.mkdir("elsewhere")
    pytester.makepyfile("""
        import cherrypy
        import pytest
        from pathlib import Path

        class Shop:
            @cherrypy.expose
            def index(self, name):
                return f"{cherrypy.request.config[name]} {cherrypy.request.app.config['prices']}"

        HERE = Path(__file__).parent / "server.conf"

        @pytest.mark.parametrize("turn", range(2))
        @pytest.mark.cherrypy(root=Shop, config="server.conf")
        def test_beside(cp_client, turn):
            assert cp_client.get("/?name=shop.currency").text == "EUR {'emma': 12}"
            assert cp_client.get("/?name=shop.taxes").text == "0.19 {'emma': 12}"

        CONFIG = [HERE, {"/": {"shop.taxes": 0}, "shop.currency": "CHF"}]

        @pytest.mark.cherrypy(root=Shop, config=CONFIG)
        def test_what_comes_last_counts(cp_client):
            assert cp_client.get("/?name=shop.currency").text == "CHF {'emma': 12}"
            assert cp_client.get("/?name=shop.taxes").text == "0 {'emma': 12}"
    """)
    pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "-p", "no:hypothesispytest"
    ).assert_outcomes(passed=3)


@pytest.mark.cherrypy(root=Shop, config={"prices": {"emma": 12}, "shop.x": {"a": 1}})
def test_a_section_without_a_slash_is_the_applications(cp_client):
    assert cp_client.get("/price?of=emma").text == "12"
    assert cherrypy.config["shop.x"] == {"a": 1}


ROUTES = cherrypy.dispatch.RoutesDispatcher()
ROUTES.connect("setting", "/s/{name}", controller=Shop(), action="setting")


@pytest.mark.cherrypy(config={"/": {"request.dispatch": ROUTES}})
def test_sections_alone_mount_an_application_with_a_dispatcher(cp_client):
    assert cp_client.get("/s/anything").text == "None"


class Decorated:
    @cherrypy.expose
    @cherrypy.config(**{"cpkit.timing.headr": True})
    def index(self):
        return "ok"

    @cherrypy.expose
    def fine(self):
        return "fine"


@pytest.mark.cherrypy(root=Shop, config={"/": {"cpkit.accept.medai": ["text/html"]}})
def test_a_misspelt_setting_fails_the_first_request(cp_client):
    with pytest.raises(UnknownSettingError, match="medai") as caught:
        cp_client.get("/setting?name=a")
    assert isinstance(caught.value.__cause__, ConfigError)
    assert "cpkit.accept.medai in [/] of /" in str(caught.value.__cause__)


@pytest.mark.cherrypy(root=Decorated)
def test_a_misspelt_setting_of_another_page_fails_as_well(cp_client):
    with pytest.raises(UnknownSettingError, match="headr"):
        cp_client.get("/fine")


def test_what_a_test_mounts_later_is_checked_too(cp_client):
    cherrypy.tree.mount(Shop())
    assert cp_client.get("/setting?name=a").status_code == 200
    cherrypy.tree.mount(Decorated(), "/decorated")
    with pytest.raises(UnknownSettingError, match="headr"):
        cp_client.get("/setting?name=a")


@pytest.mark.cherrypy(config={"cpkit.tming.on": True}, root=Shop)
def test_a_tool_that_there_is_not_fails_the_first_request(cp_client):
    with pytest.raises(AttributeError, match=r"There is no tool cpkit\.tming"):
        cp_client.get("/setting?name=a")


@pytest.mark.cherrypy(root=Decorated)
def test_the_check_can_be_left_out(cp_client):
    cp_client.check = False
    assert cp_client.get("/fine").text == "fine"


@pytest.mark.cherrypy(root=Shop, config={"/price": {"cpkit.db.on": True}})
def test_a_test_that_uses_no_database_needs_none(cp_client):
    assert cpkit.tools.db
    assert cp_client.get("/setting?name=cpkit.db.on").text == "None"


def answer(server):
    connection = server.connect()
    try:
        connection.request("GET", "/fine")
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@pytest.mark.cherrypy(root=Decorated)
def test_the_server_answers_with_the_misspelt_setting(cp_server):
    for _ in range(2):
        status, text = answer(cp_server)
        assert (status, "headr" in text) == (500, True)


def test_the_server_says_that_nothing_is_mounted(cp_server):
    status, text = answer(cp_server)
    assert (status, text.partition(":")[0]) == (500, "NothingMountedError")
    cherrypy.tree.mount(Shop())
    assert answer(cp_server)[0] == 404


class Started(SimplePlugin):
    """A plugin that looks for the application when the engine starts."""

    seen: ClassVar = []

    def start(self):
        self.seen.append((list(cherrypy.tree.apps), cherrypy.config.get("shop.currency")))

    def stop(self):
        self.seen.append("stopped")


@pytest.fixture(scope="class")
def stopped():
    """What is claimed of the end, looked at after the test's own fixtures are torn down."""
    yield
    assert Started.seen[1:] == ["stopped"]
    assert cherrypy.engine.state is cherrypy.engine.states.STOPPED


class TestEngine:
    @pytest.fixture
    def cp_app(self):
        Started(cherrypy.engine).subscribe()
        return Shop()

    @pytest.mark.cherrypy(engine=True, config={"shop.currency": "CHF"})
    def test_is_started_after_mounting_and_stopped_after_it(self, stopped, cp_client):
        assert Started.seen == [([""], "CHF")]
        assert cherrypy.engine.state is cherrypy.engine.states.STARTED
        assert cherrypy.server.httpserver is None
        assert cp_client.get("/setting?name=shop.currency").text == "CHF"


class Books:
    @cherrypy.expose
    @cherrypy.config(**{"cpkit.db.on": True})
    def add(self):
        cherrypy.request.db.execute(text("INSERT INTO book VALUES (1)"))


class TestEngineWithADatabase:
    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "shop.sqlite"
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE book (n)")
        connection.close()
        yield path
        connection = sqlite3.connect(path)
        assert connection.execute("SELECT n FROM book").fetchall() == []
        connection.close()

    @pytest.fixture
    def cp_app(self, file):
        cherrypy.engine.db = DatabasePlugin(cherrypy.engine, f"sqlite:///{file}")
        cherrypy.config.update({"engine.db.on": True})
        return Books()

    @pytest.mark.cherrypy(engine=True)
    def test_opens_the_copy(self, cp_client, cp_db):
        cp_client.post("/add")
        with cp_db.begin(write=False) as unit:
            assert unit.execute(text("SELECT n FROM book")).scalars().all() == [1]
