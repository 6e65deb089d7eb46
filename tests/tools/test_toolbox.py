"""The toolbox: registered on import, and clear about names that it does not have."""

import functools
import pickle
from functools import cached_property

import cherrypy
import pytest

import cpkit.tools
from cpkit.errors import CpkitError, SettingError, UnknownSettingError
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


@pytest.mark.parametrize(
    "kind", [property, functools.partialmethod, functools.singledispatchmethod, cached_property]
)
def test_what_makes_another_handler_at_each_look_up_is_refused(kind):
    def page(self):
        return ""

    with pytest.raises(SettingError, match=r"^timing = .*Decorate a method\.$"):
        cpkit.tools.timing()(kind(page))
    for kept in (page, staticmethod(page), classmethod(page), functools.partial(page, None)):
        assert cpkit.tools.timing()(kept) is kept


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


def test_settings_are_told_apart_however_many_there_are(cp_client):
    handlers = {
        f"page{number}": cherrypy.expose(
            cpkit.tools.accept(media={f"text/x-{number}": str})(lambda self: None)
        )
        for number in range(600)
    }
    cherrypy.tree.mount(type("Root", (), handlers)())
    for number in (0, 1, 0, 599, 300, 0):
        served = cp_client.get(f"/page{number}").headers["Content-Type"]
        assert served.partition(";")[0] == f"text/x-{number}"


def test_a_value_that_cannot_be_compared_is_a_setting_like_others(cp_client):
    class Renderers(dict):
        def __eq__(self, other):
            raise AssertionError("is not compared")

        __hash__ = None

    class Root:
        @cherrypy.expose
        @cpkit.tools.accept(media="text/plain", errors=Renderers({"text/plain": str}))
        def index(self):
            return ""

        @cherrypy.expose
        @cpkit.tools.accept(media="text/plain", errors=Renderers({"text/plain": repr}))
        def other(self):
            return ""

    cherrypy.tree.mount(Root())
    assert [cp_client.get(path).status_code for path in ("/", "/other", "/")] == [200] * 3


def test_tools_are_set_up_in_one_order_however_their_settings_are_written(cp_client, monkeypatch):
    done = []
    for name in ("accept", "timing"):
        tool = getattr(cpkit.tools, name)
        monkeypatch.setattr(
            tool, "setup_for", lambda settings, name=name: lambda request: done.append(name)
        )

    accept, timing = {"cpkit.accept.on": True}, {"cpkit.timing.on": True}
    for on in ({**timing, **accept}, {**accept, **timing}):
        cherrypy.tree.mount(lambda: "", "/", {"/": {**on, "cpkit.accept.media": "text/plain"}})
        cp_client.get("/")
    assert done == ["accept", "timing"] * 2
