"""Every answer knows its route: OPTIONS, 405, and what is raised while dispatching."""

import cherrypy
import pytest

import cpkit.tools
from cpkit.dispatchers import RoutesDispatcher

PREFLIGHT = {"Origin": "http://a.example", "Access-Control-Request-Method": "PUT"}


def headers(value):
    return {"tools.response_headers.on": True, "tools.response_headers.headers": [("X-Is", value)]}


def only(*methods):
    return {"method": list(methods)}


@pytest.fixture
def dispatcher():
    return RoutesDispatcher()


@pytest.fixture
def labels():
    """Return the templates that requests are left with."""
    found = []
    cherrypy.engine.subscribe("after_request", lambda: found.append(cherrypy.request.route))
    return found


class Books:
    _cp_config = headers("controller")

    def get(self, id):
        return "got"

    @cherrypy.config(**headers("handler"))
    def put(self, id):
        return "put"


@pytest.mark.parametrize("method", ["OPTIONS", "DELETE"])
@pytest.mark.parametrize("place", ["section", "literal", "connect", "controller"])
def test_a_refusal_has_the_config_of_its_route(dispatcher, mount, cp_client, labels, method, place):
    config = headers("connect") if place == "connect" else None
    dispatcher.connect(
        "get", r"/b/{id:\d+}", Books(), action="get", config=config, conditions=only("GET")
    )
    sections = {"section": {"/b/{id}": headers("section")}, "literal": {"/b/7": headers("literal")}}
    mount(dispatcher, sections=sections.get(place))
    found = cp_client.request(method, "/b/7")
    assert found.status_code == (204 if method == "OPTIONS" else 405)
    assert found.headers["X-Is"] == place
    assert labels == ["/b/{id}"]


def test_a_preflight_has_the_config_of_the_method_that_it_asks_for(dispatcher, mount, cp_client):
    for method in ("get", "put"):
        conditions = only(method.upper())
        dispatcher.connect(method, "/b/{id}", Books(), action=method, conditions=conditions)
    mount(dispatcher)
    assert cp_client.options("/b/7", headers=PREFLIGHT).headers["X-Is"] == "handler"
    assert cp_client.options("/b/7").headers["X-Is"] == "controller"
    assert cp_client.delete("/b/7").headers["X-Is"] == "controller"


def test_a_405_of_a_method_controller_has_its_config(dispatcher, mount, cp_client, labels):
    @cherrypy.expose
    class Shelf:
        _cp_config = headers("shelf")

        def PUT(self):  # noqa: N802
            return "put"

    dispatcher.connect("shelf", "/shelf", Shelf())
    mount(dispatcher)
    assert cp_client.get("/shelf").headers["X-Is"] == "shelf"
    assert labels == ["/shelf"]


def test_error_pages_of_a_section_show_its_405(dispatcher, mount, cp_client):
    dispatcher.connect("get", "/b/{id}", Books(), action="get", conditions=only("GET"))
    mount(dispatcher, sections={"/b": {"error_page.405": lambda **info: "our own 405"}})
    assert cp_client.put("/b/7").text.strip() == "our own 405"


def fails(environ, result):
    raise LookupError("of the condition")


class Broken:
    _cp_config = headers("controller")

    def __init__(self):
        raise LookupError("of the constructor")

    @cherrypy.expose
    def show(self, id):
        raise AssertionError


def failing(dispatcher, kind):
    if kind == "condition":
        dispatcher.connect("other", "/b/{x}", Books(), action="get", conditions={"function": never})
        dispatcher.connect("b", "/b/{id}", Books(), action="get", conditions={"function": fails})
    else:
        dispatcher.connect("b", "/b/{id}", Broken, action="show")


def never(environ, result):
    return False


@pytest.mark.parametrize("kind", ["condition", "constructor"])
def test_what_is_raised_while_dispatching_is_answered_as_from_a_handler(
    dispatcher, mount, cp_client, labels, kind
):
    failing(dispatcher, kind)
    own = {"error_page.500": lambda **info: "our own 500", "cpkit.timing.on": True}
    own |= {"cpkit.timing.header": True, "tools.proxy.on": True, "request.show_tracebacks": False}
    mount(dispatcher, sections={"/b/{id}": own})
    cp_client.raise_exceptions = False
    found = cp_client.get("/b/7", headers={"X-Forwarded-Host": "shop.example"})
    assert (found.status_code, found.text.strip()) == (500, "our own 500")
    assert found.headers["X-Is"] == "controller"
    assert "total" in found.headers["Server-Timing"]
    assert labels == ["/b/{id}"]


@pytest.mark.parametrize("method", ["OPTIONS", "DELETE"])
def test_what_a_condition_raises_for_another_method_is_answered_so_too(
    dispatcher, mount, cp_client, labels, method
):
    conditions = {"function": fails, "method": ["PUT"]}
    dispatcher.connect("b", "/b/{id}", Books(), action="put", conditions=conditions)
    own = {"error_page.500": lambda **info: "our own 500", "request.show_tracebacks": False}
    mount(dispatcher, sections={"/b/{id}": own})
    cp_client.raise_exceptions = False
    found = cp_client.request(method, "/b/7")
    assert (found.status_code, found.text.strip()) == (500, "our own 500")
    assert found.headers["X-Is"] == "handler"
    assert labels == ["/b/{id}"]


def test_a_condition_may_redirect_as_a_handler_does(dispatcher, mount, cp_client):
    def away(environ, result):
        raise cherrypy.HTTPRedirect("/login")

    dispatcher.connect("b", "/b", print, conditions={"function": away})
    mount(dispatcher, **{"tools.proxy.on": True})
    found = cp_client.get("/b")
    assert found.status_code == 303
    assert found.headers["Location"] == "http://127.0.0.1/login"


def test_an_internal_redirect_of_a_condition_leads_on(dispatcher, mount, cp_client):
    def away(environ, result):
        raise cherrypy.InternalRedirect("/there")

    dispatcher.connect("b", "/b", print, conditions={"function": away})
    dispatcher.connect("there", "/there", lambda: "there")
    mount(dispatcher)
    assert cp_client.get("/b").text == "there"


class Sensor:
    """A condition that is an object: its class's code is run."""

    def __call__(self, environ, result):
        raise LookupError("of the object")


def test_the_route_of_a_condition_object_is_found_too(dispatcher, mount, cp_client, labels):
    dispatcher.connect("b", "/b/{id}", print, conditions={"function": Sensor()})
    mount(dispatcher, **{"request.show_tracebacks": False})
    cp_client.raise_exceptions = False
    assert cp_client.get("/b/7").status_code == 500
    assert labels == ["/b/{id}"]


def test_options_of_the_server_names_every_method(dispatcher, mount, cp_client, labels):
    dispatcher.connect("get", "/b", print, conditions=only("GET", "PROPFIND"))
    mount(dispatcher)
    found = cp_client.options("/*", environ={"REQUEST_URI": "*"})
    assert found.status_code == 204
    assert {"GET", "OPTIONS", "PROPFIND"} <= set(found.headers["Allow"].split(", "))
    assert cp_client.options("/*").status_code == 404
    assert labels == [None, None]


def test_options_of_the_server_on_a_socket(dispatcher, mount, cp_server):
    dispatcher.connect("get", "/b", print)
    mount(dispatcher)
    connection = cp_server.connect()
    connection.request("OPTIONS", "*")
    found = connection.getresponse()
    connection.close()
    assert (found.status, "GET" in found.headers["Allow"]) == (204, True)


def test_a_405_and_an_options_stand_in_server_timing(dispatcher, mount, cp_client):
    assert cpkit.tools.timing
    dispatcher.connect("get", "/b", print, conditions=only("GET"))
    timing = {"cpkit.timing.on": True, "cpkit.timing.header": True}
    mount(dispatcher, sections={"/b": timing})
    for method in ("PUT", "OPTIONS"):
        assert "total" in cp_client.request(method, "/b").headers["Server-Timing"]


PARTS = "multipart/form-data; boundary=b"
BAD_BODIES = [
    (PARTS, b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--b--\r\n'),
    (PARTS, b"--b\r\nContent-Disposition: form-data; name="),
    ("multipart/form-data", b"--b--"),
    ("application/x-www-form-urlencoded", b"a=%FF"),
]


@pytest.mark.parametrize(
    ("kind", "body"), BAD_BODIES, ids=["no text", "cut off", "no boundary", "no UTF-8"]
)
@pytest.mark.parametrize("params", [True, False])
def test_a_resource_that_is_not_there_comes_before_a_body_that_cannot_be_read(
    dispatcher, mount, cp_client, kind, body, params
):
    dispatcher.connect("x", "/x", lambda: "", conditions=only("GET"))
    mount(dispatcher, **{"cpkit.params.on": params})
    for path, status in (("/x", 405), ("/none", 404)):
        response = cp_client.post(path, data=body, headers={"Content-Type": kind})
        assert response.status_code == status


def test_a_tool_answers_a_form_where_no_handler_does(dispatcher, mount, cp_client):
    def greet():
        cherrypy.response.body = cherrypy.request.params["name"].encode()
        return True

    cherrypy.tools.greet = cherrypy._cptools.HandlerTool(greet)
    mount(dispatcher, **{"tools.greet.on": True})
    assert cp_client.post("/none", data={"name": "Ann"}).text == "Ann"
