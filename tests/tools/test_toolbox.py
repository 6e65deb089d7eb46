"""The toolbox: registered on import, and clear about names that it does not have."""

import pickle

import cherrypy
import pytest

import cpkit.tools
from cpkit.errors import CpkitError, UnknownSettingError
from cpkit.plugins import DatabasePlugin


def test_importing_the_tools_registers_one_toolbox_and_replaces_none():
    assert cherrypy.Application.toolboxes["cpkit"] is cpkit.tools.toolbox
    assert cherrypy.Application.toolboxes["tools"] is cherrypy.tools


def test_a_misspelt_tool_is_answered_with_the_names_there_are():
    with pytest.raises(AttributeError, match=r"There is no tool cpkit\.acept; there is .*"):
        cpkit.tools.toolbox.acept  # noqa: B018


TOOLS = ["accept", "body", "db", "params", "timing"]


@pytest.mark.parametrize("name", TOOLS)
def test_a_misspelt_setting_is_refused_where_it_is_declared(name):
    with pytest.raises(UnknownSettingError, match=rf"The tool {name} has no setting haeder; it "):
        getattr(cpkit.tools, name)(haeder=True)


@pytest.mark.parametrize("name", TOOLS)
def test_a_misspelt_setting_in_config_is_named_by_the_request(cp_client, cp_engine, name):
    cp_engine.db = DatabasePlugin(cp_engine, "sqlite://")
    cp_engine.db.start()
    config = {f"cpkit.{name}.on": True, f"cpkit.{name}.haeder": True}
    cherrypy.tree.mount(lambda: "", "/", {"/": config})
    with pytest.raises(UnknownSettingError, match=rf"The tool {name} has no setting haeder; it "):
        cp_client.get("/")
    cp_engine.db.stop()


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("timing", {"header": "yes"}),
        ("timing", {"slow": "1"}),
        ("timing", {"slow": -1}),
        ("db", {"handle": "orm"}),
        ("db", {"retry": "3"}),
        ("db", {"retry": -1}),
    ],
)
def test_a_wrong_value_is_refused_where_it_is_declared(name, setting):
    with pytest.raises(CpkitError, match=next(iter(setting))):
        getattr(cpkit.tools, name)(**setting)


@pytest.mark.parametrize(
    ("name", "setting"),
    [("accept", {"priority": 40}), ("timing", {"slow": 0}), ("db", {"handle": "dbapi"})],
)
def test_a_setting_that_is_known_is_put_into_the_handlers_config(name, setting):
    @getattr(cpkit.tools, name)(**setting)
    def handler():
        """Do nothing."""

    ((key, value),) = setting.items()
    assert handler._cp_config == {f"cpkit.{name}.on": True, f"cpkit.{name}.{key}": value}


def test_an_unknown_setting_survives_pickling():
    error = UnknownSettingError("db", "haeder", ("handle", "retry"))
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.known) == (str(error), ("handle", "retry"))


@pytest.mark.parametrize("name", TOOLS)
def test_a_decorator_can_switch_a_tool_off_that_a_section_has_on(cp_client, name):
    class Root:
        @cherrypy.expose
        @getattr(cpkit.tools, name)(on=False)
        def index(self):
            return ",".join(set(vars(cherrypy.request)) & {"accepted", "db", "timing"})

    on = {f"cpkit.{name}.on": True, "cpkit.accept.media": "image/png"}
    cherrypy.tree.mount(Root(), "/", {"/": on})
    assert cp_client.get("/", headers={"Accept": "text/html"}).text == ""


@pytest.mark.parametrize("written", [dict, dict.keys], ids=["dict", "keys"])
def test_settings_that_are_equal_but_for_their_order_are_not_the_same(cp_client, written):
    one = written({"text/html": str, "text/plain": str})
    other = written({"text/plain": str, "text/html": str})
    assert one == other

    class Root:
        @cherrypy.expose
        @cpkit.tools.accept(media=one)
        def first(self):
            return cherrypy.request.accepted

        @cherrypy.expose
        @cpkit.tools.accept(media=other)
        def second(self):
            return cherrypy.request.accepted

    cherrypy.tree.mount(Root())
    for _ in range(2):
        assert [cp_client.get("/first").text, cp_client.get("/second").text] == [
            "text/html",
            "text/plain",
        ]


def test_settings_that_are_equal_but_of_another_type_are_not_the_same(cp_client):
    class Root:
        @cherrypy.expose
        @cherrypy.config(**{"cpkit.timing.on": True, "cpkit.timing.slow": 1})
        def right(self):
            return ""

        @cherrypy.expose
        @cherrypy.config(**{"cpkit.timing.on": True, "cpkit.timing.slow": True})
        def wrong(self):
            return ""

    cherrypy.tree.mount(Root())
    cp_client.check = False
    cp_client.get("/right")
    with pytest.raises(CpkitError, match="slow"):
        cp_client.get("/wrong")
