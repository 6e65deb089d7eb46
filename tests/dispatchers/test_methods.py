"""405 with an exact Allow, automatic OPTIONS and HEAD (RFC 9110, 9.3.2, 9.3.7, 10.2.1, 15.5.6)."""

import contextlib

import cherrypy
import pytest

from cpkit.dispatchers import RoutesDispatcher
from cpkit.testing import Client
from tests.properties import given, settings, st

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"]


def by_method(*methods):
    def answer(self, **params):
        return cherrypy.request.method

    return type("Resource", (), {"exposed": True, **dict.fromkeys(methods, answer)})()


def answer(**params):
    return f"{cherrypy.request.method} {cherrypy.request.route}"


def only(*methods):
    return {"method": list(methods)}


@pytest.fixture
def dispatcher(mount):
    dispatcher = RoutesDispatcher()
    mount(dispatcher)
    return dispatcher


def allow(answer):
    return answer.status_code, answer.headers["Allow"]


def test_allow_joins_the_routes_of_a_path(dispatcher, cp_client):
    dispatcher.connect("read", "/x/{id}", answer, conditions=only("GET"))
    dispatcher.connect("drop", "/{kind}/1", answer, conditions=only("DELETE"))
    dispatcher.connect("else", "/y", answer, conditions=only("PUT"))
    assert allow(cp_client.post("/x/1")) == (405, "DELETE, GET, HEAD, OPTIONS")
    assert allow(cp_client.post("/x/2")) == (405, "GET, HEAD, OPTIONS")


def test_allow_joins_a_method_controller_and_conditions(dispatcher, cp_client):
    dispatcher.connect("odd", "/x", answer, conditions=only("PROPFIND", "PUT"))
    dispatcher.connect("x", "/x", by_method("GET", "POST"))
    dispatcher.connect("late", "/x", answer, conditions=only("DELETE"))
    # DELETE goes to the method controller, which is declared before and has none.
    assert allow(cp_client.delete("/x")) == (405, "GET, HEAD, OPTIONS, POST, PROPFIND, PUT")


def test_a_method_that_the_controller_lacks_is_not_allowed(dispatcher, cp_client):
    dispatcher.connect("x", "/x", by_method("GET"), conditions=only("GET", "POST"))
    assert allow(cp_client.put("/x")) == (405, "GET, HEAD, OPTIONS")
    assert allow(cp_client.post("/x")) == (405, "GET, HEAD, OPTIONS")


def test_a_method_condition_may_be_a_string(dispatcher, cp_client):
    dispatcher.connect("x", "/x", answer, conditions={"method": "OUTPUT,POST"})
    assert allow(cp_client.put("/x")) == (405, "OPTIONS, OUTPUT, POST")


def test_options_is_the_controllers_own_if_it_has_one(dispatcher, cp_client):
    dispatcher.connect("x", "/x", by_method("GET", "OPTIONS"))
    dispatcher.connect("any", "/any", answer)
    assert cp_client.options("/x").text == "OPTIONS"
    assert cp_client.options("/any").text == "OPTIONS /any"


def test_options_has_no_body_and_no_length(dispatcher, cp_client):
    dispatcher.connect("x", "/x", by_method("GET"))
    found = cp_client.options("/x?with=params")
    assert allow(found) == (204, "GET, HEAD, OPTIONS")
    assert found.content == b""
    assert "Content-Length" not in found.headers
    assert "Content-Type" not in found.headers


def test_options_survives_a_tool_that_wraps_the_handler(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("x", "/x", by_method("GET"))
    mount(dispatcher, **{"tools.json_out.on": True})
    assert allow(cp_client.options("/x")) == (204, "GET, HEAD, OPTIONS")


def test_an_unknown_path_is_404_for_every_method(dispatcher, cp_client):
    dispatcher.connect("x", "/x", answer, conditions=only("GET"))
    for method in (*METHODS, "OPTIONS", "x", "\u00e9"):
        found = cp_client.request(method, "/y")
        assert (found.status_code, "Allow" in found.headers) == (404, False)


def test_head_goes_where_get_goes(dispatcher, cp_client):
    dispatcher.connect("get", "/x", answer, conditions=only("GET"))
    dispatcher.connect("any", "/{any}", lambda any: "any")
    assert cp_client.head("/x").headers["Content-Length"] == str(len("HEAD /x"))


def test_a_controller_that_answers_head_alone_on_a_route_for_get_is_found(dispatcher, cp_client):
    dispatcher.connect("x", "/x", by_method("HEAD"), conditions=only("GET"))
    assert cp_client.head("/x").status_code == 200
    assert allow(cp_client.get("/x")) == (405, "HEAD, OPTIONS")


def test_head_goes_to_a_route_of_its_own(dispatcher, cp_client):
    dispatcher.connect("get", "/x", lambda: "a long answer", conditions=only("GET"))
    dispatcher.connect("head", "/x", lambda: "short", conditions=only("HEAD"))
    assert cp_client.head("/x").headers["Content-Length"] == "5"


def test_the_template_is_on_the_request_of_a_405_by_a_method_controller(dispatcher, cp_client):
    templates = []
    dispatcher.connect("x", "/x/{id}", by_method("GET"))
    cherrypy.engine.subscribe("after_request", lambda: templates.append(cherrypy.request.route))
    for method, path in (("GET", "/x/1"), ("PUT", "/x/1"), ("GET", "/y")):
        cp_client.request(method, path)
    assert templates == ["/x/{id}", "/x/{id}", None]


@st.composite
def tables(draw):
    dispatcher = RoutesDispatcher()
    methods = st.lists(st.sampled_from(METHODS), min_size=1, max_size=3, unique=True)
    for number in range(draw(st.integers(1, 5))):
        controller = draw(st.one_of(st.just(answer), methods.map(lambda names: by_method(*names))))
        conditions = draw(st.one_of(st.none(), methods.map(lambda names: only(*names))))
        path = draw(st.sampled_from(["/a", "/{x}", "/a/b", "/{x}/{y}", "/a/{y}"]))
        dispatcher.connect(f"r{number}", path, controller, conditions=conditions)
    return dispatcher


@settings(max_examples=25)
@given(dispatcher=tables(), path=st.sampled_from(["/a", "/b", "/a/b", "/c/d"]))
def test_allow_names_exactly_what_is_answered(dispatcher, path):
    client = Client(cherrypy.Application(None, "", {"/": {"request.dispatch": dispatcher}}))
    asked = [client.request(method, path) for method in (*METHODS, "OPTIONS", "UNKNOWN")]
    answered = {
        method
        for method, found in zip((*METHODS, "OPTIONS", "UNKNOWN"), asked, strict=True)
        if found.status_code in (200, 204)
    }
    # Where any method is answered, Allow can only list those that have a name.
    unnamed = {"UNKNOWN", "PROPFIND"} - dispatcher.named_methods()
    for found in asked:
        if found.status_code in (204, 405):
            assert set(found.headers["Allow"].split(", ")) == answered - unnamed
        else:
            assert found.status_code == (200 if answered else 404)


WITHOUT_A_HANDLER = pytest.mark.parametrize(
    ("path", "status"),
    [("/x", 405), ("/y", 404), ("/x%00", 404), ("/%FF", 404), ("/old", 302), ("/slash", 308)],
)


@pytest.fixture
def refusing(dispatcher, cp_server):
    """Return a connection to routes of which none takes a POST."""
    dispatcher.connect("x", "/x", answer, conditions=only("GET"))
    dispatcher.connect("slash", "/slash/", answer)
    dispatcher.mapper.redirect("/old", "/x")
    with contextlib.closing(cp_server.connect()) as connection:
        yield connection


@WITHOUT_A_HANDLER
def test_a_refusal_needs_no_length_of_a_body_that_is_not_there(refusing, path, status):
    refusing.putrequest("POST", path)
    refusing.endheaders()
    assert refusing.getresponse().status == status


@WITHOUT_A_HANDLER
def test_a_refusal_does_not_depend_on_a_body_that_cannot_be_read(refusing, path, status):
    refusing.request("POST", path, b"abc", {"Content-Type": "multipart/form-data"})
    assert refusing.getresponse().status == status
