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
