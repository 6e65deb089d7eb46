"""The config of a request: which layer overrides which, and that changes are noticed."""

import threading

import cherrypy
import pytest

from cpkit.dispatchers import RoutesDispatcher
from cpkit.routing.endpoint import Depths, along, prefixes
from cpkit.testing import Client


@cherrypy.config(who="root")
class Root:
    pass


@cherrypy.config(who="controller")
class Books:
    @cherrypy.expose
    @cherrypy.config(who="handler")
    def show(self, **params):
        return str(cherrypy.request.config["who"])

    @cherrypy.expose
    def plain(self, **params):
        return str(cherrypy.request.config["who"])


def who(**params):
    return str(cherrypy.request.config["who"])


# Each row adds a layer above those before it.
LAYERS = [
    ("root", {}),
    ("/", {"sections": {"/": "/"}}),
    ("controller", {"action": "plain"}),
    ("handler", {"action": "show"}),
    ("connect", {"action": "show", "config": {"who": "connect"}}),
    ("/library", {"action": "show", "sections": {"/library": "/library"}}),
    ("template", {"action": "show", "sections": {"/library/{id}": "template"}}),
    ("literal", {"action": "show", "sections": {"/library/7": "literal"}}),
    ("deeper", {"action": "show", "sections": {"/library/{id}/book": "deeper"}}),
    ("exact", {"action": "show", "sections": {"/library/{id}/book/{n}": "exact"}}),
    ("deepest", {"action": "show", "sections": {"/library/7/book/8": "deepest"}}),
]


@pytest.mark.parametrize("number", range(len(LAYERS)), ids=[name for name, _ in LAYERS])
def test_each_layer_overrides_those_before(cp_client, number):
    sections, options, controller = {}, {}, who
    for _, layer in LAYERS[: number + 1]:
        given = dict(layer)
        for name, value in given.pop("sections", {}).items():
            sections[name] = {"who": value}
        options.update(given)
    if "action" in options:
        controller = Books()
    dispatcher = RoutesDispatcher()
    dispatcher.connect("book", "/library/{id}/book/{n}", controller, **options)
    sections.setdefault("/", {})["request.dispatch"] = dispatcher
    cherrypy.config.update({"who": "global"})
    cherrypy.tree.mount(Root(), "", sections)
    assert cp_client.get("/library/7/book/8").text == LAYERS[number][0]


def test_without_any_other_layer_the_global_config_holds(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("x", "/x", who)
    mount(dispatcher)
    cherrypy.config.update({"who": "global"})
    assert cp_client.get("/x").text == "global"


@pytest.fixture
def app(mount):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("home", "/", who, config={"who": "connect"})
    dispatcher.connect("x", "/x/{y}", who, config={"who": "connect"})
    return mount(dispatcher)


def test_the_file_overrides_an_index_by_its_name(app, cp_client):
    assert cp_client.get("/").text == "connect"
    app.merge({"/index": {"who": "the file"}})
    assert cp_client.get("/").text == "the file"


def test_a_section_that_comes_changes_or_goes_is_noticed(app, cp_client):
    assert cp_client.get("/x/1").text == "connect"
    app.merge({"/x/1": {"who": "merged"}})
    assert cp_client.get("/x/1").text == "merged"
    app.config["/x/1"]["who"] = "changed"
    assert cp_client.get("/x/1").text == "changed"
    app.config["/x/1"] = {"who": "replaced"}
    assert cp_client.get("/x/1").text == "replaced"
    del app.config["/x/1"]
    app.config["/x/{y}"] = {"who": "another"}
    assert cp_client.get("/x/1").text == "another"
    app.config = {"/": app.config["/"]}
    assert cp_client.get("/x/1").text == "connect"


def test_the_global_config_is_noticed(app, cp_client):
    cherrypy.config.update({"tools.response_headers.on": True})
    for value in ("a", "b"):
        cherrypy.config.update({"tools.response_headers.headers": [("X-Is", value)]})
        assert cp_client.get("/x/1").headers["X-Is"] == value


def test_what_a_request_does_to_its_config_stays_there(app, cp_client):
    def spoil(**params):
        cherrypy.request.config["who"] = "spoilt"
        return "spoilt"

    app.config["/"]["request.dispatch"].connect("spoil", "/spoil", spoil)
    cp_client.get("/spoil")
    assert cp_client.get("/x/1").text == "connect"


def test_config_holds_for_404_405_and_malformed_paths(app, cp_client):
    app.config["/"]["request.dispatch"].connect("get", "/g", who, conditions={"method": ["GET"]})
    said = {"tools.response_headers.on": True, "tools.response_headers.headers": [("X-Is", "/n")]}
    app.merge({"/": {"error_page.404": lambda **info: "our own"}, "/n": said, "/g": said})
    assert "our own" in cp_client.get("/none").text
    assert "our own" in cp_client.get("/%00").text
    assert cp_client.get("/n").headers["X-Is"] == "/n"
    assert cp_client.options("/g").headers["X-Is"] == "/n"


def test_a_condition_that_fails_leaves_a_request_with_config(mount, cp_client):
    def condition(environ, result):
        raise LookupError("of the condition")

    dispatcher = RoutesDispatcher()
    dispatcher.connect("x", "/x", who, conditions={"function": condition})
    mount(dispatcher)
    with pytest.raises(LookupError, match="of the condition"):
        cp_client.get("/x")


@pytest.mark.parametrize("place", ["section", "connect"])
def test_staticdir_serves_below_its_section(mount, cp_client, tmp_path, place):
    (tmp_path / "css").mkdir()
    (tmp_path / "css" / "a.css").write_text("a {}")
    static = {"tools.staticdir.on": True, "tools.staticdir.dir": str(tmp_path)}
    dispatcher = RoutesDispatcher()
    dispatcher.connect("files", "/f/{path:.*}", who, config=static if place == "connect" else None)
    mount(dispatcher, sections={"/f": static} if place == "section" else None)
    assert cp_client.get("/f/css/a.css").text == "a {}"


def test_the_prefixes_of_a_path():
    assert list(prefixes("/a/b/c")) == ["/a", "/a/b", "/a/b/c"]
    assert list(prefixes("/a/")) == ["/a", "/a/index"]
    assert list(prefixes("/")) == ["/index"]


def test_no_level_below_the_deepest_section_is_looked_at():
    looked = []

    class Sections(dict):
        def __contains__(self, name):
            looked.append(name)
            return False

    assert along(Sections(), "/a" * 100_000, (), 2) == []
    assert looked == ["/a", "/a/a"]
    assert along(Sections(), "/a", (), 1_000_000_000) == []


def test_the_depths_that_are_remembered_are_bounded():
    depths, sections = Depths(), [{"/" + "a/" * n: {}} for n in range(1, 200)]
    assert [depths.of(each) for each in sections] == [n + 1 for n in range(1, 200)]
    assert len(depths._known) <= 64
    assert depths.of({}) == depths.of({"/": {}}) == 0


def test_is_index_tells_where_the_path_ends(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("a", "/a/", lambda: str(cherrypy.request.is_index))
    dispatcher.connect("b", "/b", lambda: str(cherrypy.request.is_index))
    mount(dispatcher)
    assert (cp_client.get("/a/").text, cp_client.get("/b").text) == ("True", "False")


def test_an_extra_slash_is_redirected_when_the_tool_says_so(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("b", "/b", who)
    mount(dispatcher)
    assert cp_client.get("/b/").status_code == 404
    cherrypy.config.update({"tools.trailing_slash.extra": True})
    found = cp_client.get("/b/?q=1")
    assert (found.status_code, found.headers["Location"]) == (301, "http://127.0.0.1/b?q=1")


@pytest.mark.parametrize("entry", ["tools.trailing_slash.on", "tools.trailing_slash.missing"])
def test_without_the_tool_a_slash_is_significant(mount, cp_client, entry):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("a", "/a/", lambda: "a")
    mount(dispatcher, **{entry: False})
    assert cp_client.get("/a").status_code == 404
    assert cp_client.get("/a/").text == "a"


def test_a_slash_is_added_only_for_a_method_that_is_answered(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("a", "/a/", lambda: "a", conditions={"method": ["GET"]})
    mount(dispatcher)
    assert cp_client.get("/a").status_code == 301
    assert cp_client.post("/a").status_code == 404


def test_the_mount_point_is_served_without_the_tool(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("home", "/", lambda: "home")
    mount(dispatcher, "/sub", **{"tools.trailing_slash.on": False})
    assert cp_client.get("/sub").text == cp_client.get("/sub/").text == "home"


def test_a_route_connected_while_serving_never_lacks_its_config(mount):
    dispatcher = RoutesDispatcher()
    app = mount(dispatcher, **{"who": "unguarded", "log.screen": False})
    connect, answers = dispatcher.mapper.connect, []
    thread = threading.Thread(target=lambda: answers.append(Client(app).get("/x").text))

    def connect_and_ask(*args, **kwargs):
        connect(*args, **kwargs)  # the route can be found from here on
        thread.start()
        thread.join(0.1)

    dispatcher.mapper.connect = connect_and_ask
    dispatcher.connect("x", "/x", who, config={"who": "guarded"})
    thread.join()
    assert answers == ["guarded"]
