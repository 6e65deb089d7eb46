"""The variables of the path win over query and body, for every reader of the params."""

import cherrypy
import pytest

from cpkit.dispatchers import RoutesDispatcher

URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


def echo(**params):
    return repr(sorted(params.items()))


@pytest.fixture
def connect(mount):
    def connect(handler, path="/users/{id}", **entries):
        dispatcher = RoutesDispatcher()
        dispatcher.connect("user", path, handler, role="guest")
        mount(dispatcher, **entries)

    return connect


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_query_and_body_together_override_nothing(connect, cp_client, method):
    connect(echo)
    found = cp_client.request(method, "/users/5?id=6&a=1", data=b"id=7&b=2", headers=URLENCODED)
    assert found.text == "[('a', '1'), ('b', '2'), ('id', '5'), ('role', 'guest')]"


def test_a_chunked_body_overrides_nothing(connect, cp_client):
    connect(echo)
    found = cp_client.post("/users/5", data=iter([b"id=", b"7"]), headers=URLENCODED)
    assert found.text == "[('id', '5'), ('role', 'guest')]"


def test_tools_see_the_variables_of_the_path(connect, cp_client, monkeypatch):
    seen = []

    def look():
        seen.append(cherrypy.request.params["id"])

    for point in ("on_start_resource", "before_request_body", "before_handler"):
        name = "look_" + point
        tool = cherrypy.Tool(point, look, priority=0)
        monkeypatch.setattr(cherrypy.tools, name, tool, raising=False)
    tools = ("on_start_resource", "before_request_body", "before_handler")
    connect(echo, **{f"tools.look_{name}.on": True for name in tools})
    cp_client.post("/users/5?id=6", data=b"id=7", headers=URLENCODED)
    assert seen == ["5", "5", "5"]


def test_tools_params_converts_a_variable(connect, cp_client):
    def handler(id: int, role, **params):
        return repr(id)

    connect(handler, **{"tools.params.on": True})
    assert cp_client.get("/users/5?id=6").text == "5"


def test_tools_json_in_reads_the_body_beside_the_variables(connect, cp_client):
    def handler(**params):
        return repr((params, cherrypy.request.json))

    connect(handler, **{"tools.json_in.on": True})
    found = cp_client.post("/users/5?id=6", json={"id": 7})
    assert found.text == "({'id': '5', 'role': 'guest'}, {'id': 7})"


def test_the_body_alone_keeps_what_was_sent(connect, cp_client):
    connect(lambda **params: repr(cherrypy.request.body.params))
    assert cp_client.post("/users/5", data={"id": "7"}).text == "{'id': '7'}"


class Page:
    def takes_all(self, **params):
        return "all"

    def positional(self, /, **params):
        return repr(params)

    def fails(self, **params):
        raise TypeError("of its own")

    @staticmethod
    def static(**params):
        return repr(params)


class Callable:
    def __call__(this, **params):  # noqa: N805
        return "called"


@pytest.mark.parametrize(("handler", "name"), [(Page().takes_all, "self"), (Callable(), "this")])
def test_a_parameter_named_as_self_is_404_or_400(mount, cp_client, handler, name):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("x", "/x", handler)
    mount(dispatcher)
    assert cp_client.get("/x").status_code == 200
    assert cp_client.get(f"/x?{name}=1").status_code == 404
    assert cp_client.post("/x", data={name: "1"}).status_code == 400


@pytest.mark.parametrize("action", ["positional", "static"])
def test_a_parameter_named_as_self_may_be_taken(mount, cp_client, action):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("x", "/x", Page(), action=action)
    mount(dispatcher)
    assert cp_client.get("/x?self=1&action=a").text == "{'self': '1', 'action': 'a'}"


def fails(**params):
    raise TypeError("of its own")


@pytest.mark.parametrize("handler", [Page().fails, fails], ids=["method", "function"])
def test_a_handlers_own_type_error_is_its_own(mount, cp_client, handler):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("x", "/x", handler)
    mount(dispatcher)
    with pytest.raises(TypeError, match="of its own"):
        cp_client.get("/x")


def test_the_query_names_no_controller_and_no_action(connect, cp_client):
    connect(echo)
    found = cp_client.get("/users/5?controller=admin&action=drop&self=me&__class__=x")
    assert found.status_code == 200
    assert found.text.startswith("[('__class__', 'x'), ('action', 'drop')")


def tool(point, call, priority=50):
    return cherrypy.Tool(point, call, priority=priority)


REQUESTS = {
    "plain": ("GET", "/users/5", None),
    "query": ("GET", "/users/5?id=6&a=1", None),
    "body": ("POST", "/users/5", b"id=7&a=1"),
    "both": ("POST", "/users/5?id=6", b"id=7&a=1"),
}


@pytest.mark.parametrize("point", ["on_start_resource", "before_request_body", "before_handler"])
@pytest.mark.parametrize("kind", REQUESTS)
def test_what_a_tool_made_of_a_variable_stands(connect, cp_client, monkeypatch, point, kind):
    def convert():
        cherrypy.request.params["id"] = int(cherrypy.request.params["id"])
        cherrypy.request.params.pop("role", None)

    monkeypatch.setattr(cherrypy.tools, "convert", tool(point, convert), raising=False)
    connect(lambda id, **params: f"{id!r} {sorted(params)}", **{"tools.convert.on": True})
    method, path, body = REQUESTS[kind]
    found = cp_client.request(method, path, data=body, headers=URLENCODED)
    assert found.text == f"5 {[] if kind == 'plain' else ['a']}"


@pytest.mark.parametrize("kind", ["query", "body", "both"])
def test_a_variable_that_a_tool_took_out_does_not_come_back(connect, cp_client, monkeypatch, kind):
    def take():
        cherrypy.request.params.pop("id")

    monkeypatch.setattr(cherrypy.tools, "take", tool("before_request_body", take), raising=False)
    connect(echo, **{"tools.take.on": True})
    method, path, body = REQUESTS[kind]
    found = cp_client.request(method, path, data=body, headers=URLENCODED)
    assert "'id'" not in found.text


def test_a_processor_of_the_body_takes_out_parameters_but_no_variable(
    connect, cp_client, monkeypatch
):
    def take():
        for name in ("id", "a"):
            del cherrypy.request.body.request_params[name]

    monkeypatch.setattr(cherrypy.tools, "take", tool("before_request_body", take), raising=False)
    connect(echo, **{"tools.take.on": True})
    assert cp_client.get("/users/5?a=1").text == "[('id', '5'), ('role', 'guest')]"


def test_a_tool_may_read_the_body_early(connect, cp_client, monkeypatch):
    def read():
        cherrypy.request.body.process()
        cherrypy.request.process_request_body = False

    monkeypatch.setattr(cherrypy.tools, "read", tool("before_request_body", read), raising=False)
    connect(echo, **{"tools.read.on": True})
    found = cp_client.post("/users/5?id=6", data=b"id=7&a=1", headers=URLENCODED)
    assert found.text == "[('a', '1'), ('id', '5'), ('role', 'guest')]"


def test_what_a_tool_puts_beside_the_variables_is_the_bodys_to_add_to(
    connect, cp_client, monkeypatch
):
    def put():
        cherrypy.request.params["tag"] = "tool"

    monkeypatch.setattr(cherrypy.tools, "put", tool("before_request_body", put), raising=False)
    connect(echo, **{"tools.put.on": True})
    found = cp_client.post("/users/5?a=1", data=b"tag=body&a=2", headers=URLENCODED)
    assert "('a', ['1', '2'])" in found.text
    assert "('tag', ['tool', 'body'])" in found.text


@pytest.mark.parametrize("path", ["/search{.format}", "/search"])
@pytest.mark.parametrize(
    ("method", "query", "body"),
    [("GET", "?format=json", None), ("POST", "", b"format=json"), ("POST", "?a=1", b"format=json")],
)
def test_an_absent_optional_variable_hides_no_parameter(
    mount, cp_client, path, method, query, body
):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("search", path, lambda format=None, a=None: repr(format))
    mount(dispatcher)
    found = cp_client.request(method, "/search" + query, data=body, headers=URLENCODED)
    assert found.text == "'json'"


def test_an_optional_variable_that_is_there_stands(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("search", "/search{.format}", lambda format: format)
    mount(dispatcher)
    assert cp_client.get("/search.xml?format=json").text == "xml"
    assert cp_client.post("/search.xml", data={"format": "json"}).text == "xml"


def test_a_constant_none_is_no_parameters_place(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("user", "/users/{id}", echo, role=None)
    mount(dispatcher)
    expected = "[('id', '5'), ('role', None)]"
    assert cp_client.get("/users/5?role=admin").text == expected
    assert cp_client.post("/users/5", data={"role": "admin"}).text == expected
