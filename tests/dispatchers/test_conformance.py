"""The faults of CherryPy's own RoutesDispatcher that ours ends, one claim each.

The ids are those of docs/routing.md. Each claim fails on CherryPy's dispatcher (a strict
xfail: should a release mend it, this test says so) and holds on ours.
"""

import threading

import cherrypy
import pytest
import routes

import cpkit.dispatchers

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


WRONG = (AssertionError, pytest.fail.Exception)


@pytest.fixture(
    params=[
        pytest.param(cpkit.dispatchers.RoutesDispatcher, id="cpkit"),
        pytest.param(
            cherrypy.dispatch.RoutesDispatcher,
            id="cherrypy",
            marks=pytest.mark.xfail(strict=True, raises=WRONG, reason="what ours ends"),
        ),
    ]
)
def dispatcher(request):
    return request.param()


@pytest.fixture
def client(cp_client):
    cp_client.raise_exceptions = False
    return cp_client


class Echo:
    def __init__(self, name="echo"):
        self.name = name

    @cherrypy.expose
    def show(self, **params):
        return f"{self.name} {sorted(params.items())}"


def test_c1_a_condition_function_runs_once(dispatcher, client, mount):
    calls = []

    def condition(environ, result):
        calls.append(result)
        return True

    dispatcher.connect("a", "/a", Echo(), action="show", conditions={"function": condition})
    mount(dispatcher)
    assert client.get("/a").status_code == 200
    assert len(calls) == 1


class Doors:
    constructed = 0
    data = "no method"

    def __init__(self):
        type(self).constructed += 1

    @property
    def trap(self):
        raise AssertionError("a property ran")

    def drop(self, **params):
        return "dropped"

    def _private(self, **params):
        return "private"

    @cherrypy.expose
    def _exposed_private(self, **params):
        return "private"

    @cherrypy.expose
    def fine(self, **params):
        return "fine"

    @cherrypy.expose
    class Inner:
        pass


HIDDEN = ["drop", "_private", "_exposed_private", "__init__", "__repr__", "__class__"]
HIDDEN += ["data", "trap", "constructed", "Inner"]


@pytest.mark.parametrize("action", HIDDEN)
def test_c2_a_url_calls_only_what_is_exposed(dispatcher, client, mount, action):
    dispatcher.connect("act", "/act/{action}", Doors())
    mount(dispatcher)
    constructed = Doors.constructed
    assert client.get("/act/fine").text == "fine"
    assert client.get(f"/act/{action}").status_code == 404
    assert Doors.constructed == constructed


def test_c3_the_query_string_overrides_no_variable(dispatcher, client, mount):
    dispatcher.connect("user", "/users/{id}", Echo(), action="show", role="guest")
    mount(dispatcher)
    answer = client.get("/users/5?id=6&role=admin&page=2")
    assert answer.text == "echo [('id', '5'), ('page', '2'), ('role', 'guest')]"


FORM = ("application/x-www-form-urlencoded", "id=6&role=admin&page=2")
PART = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'.format
PARTS = PART("id", 6) + PART("role", "admin") + PART("page", 2) + "--b--\r\n"
MULTIPART = ("multipart/form-data; boundary=b", PARTS)


@pytest.mark.parametrize(("media", "body"), [FORM, MULTIPART], ids=["form", "multipart"])
def test_c4_the_body_overrides_no_variable(dispatcher, client, mount, media, body):
    dispatcher.connect("user", "/users/{id}", Echo(), action="show", role="guest")
    mount(dispatcher)
    answer = client.post("/users/5", data=body.encode(), headers={"Content-Type": media})
    assert answer.text == "echo [('id', '5'), ('page', '2'), ('role', 'guest')]"


def test_c5_another_method_is_405_with_allow(dispatcher, client, mount):
    dispatcher.connect("a", "/a", Echo(), action="show", conditions={"method": ["GET", "POST"]})
    mount(dispatcher)
    answer = client.put("/a")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert client.put("/b").status_code == 404


def test_c5_options_is_answered(dispatcher, client, mount):
    dispatcher.connect("a", "/a", Echo(), action="show", conditions={"method": ["GET"]})
    mount(dispatcher)
    answer = client.options("/a")
    assert (answer.status_code, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")


def test_c5_head_is_answered_where_get_is(dispatcher, client, mount):
    dispatcher.connect("a", "/a", Echo(), action="show", conditions={"method": ["GET"]})
    mount(dispatcher)
    head, get = client.head("/a"), client.get("/a")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


@pytest.mark.parametrize("name", ["same", None])
def test_c6_routes_of_one_name_keep_their_controllers(dispatcher, client, mount, name):
    dispatcher.connect(name, "/a", Echo("A"), action="show")
    dispatcher.connect(name, "/b", Echo("B"), action="show")
    mount(dispatcher)
    assert client.get("/a").text == "A []"
    assert client.get("/b").text == "B []"


def test_c7_an_unknown_controller_is_404(dispatcher, client, mount):
    dispatcher.mapper.connect("/nope", controller="nope", action="upper")
    mount(dispatcher)
    assert client.get("/nope").status_code == 404


def test_c8_a_url_names_no_controller_past_its_conditions(dispatcher, client, mount):
    dispatcher.connect("open", "/open", Echo("open"), action="show")
    post = {"method": ["POST"]}
    dispatcher.connect("admin", "/admin", Echo("admin"), action="show", conditions=post)
    dispatcher.mapper.connect("/any/{controller}", action="show")
    mount(dispatcher)
    assert client.get("/any/open").text == "open []"
    assert client.get("/any/admin").status_code == 404


def test_c9_conditions_hold_on_the_native_server(dispatcher, mount):
    dispatcher.connect("a", "/a", Echo(), action="show", conditions={"method": ["POST"]})
    app = mount(dispatcher)
    host = cherrypy.lib.httputil.Host("127.0.0.1", 80, "localhost")
    for method, status in (("GET", b"405"), ("POST", b"200")):
        request, response = app.get_serving(host, host, "http", "HTTP/1.1")
        headers = [("Host", "localhost"), ("Content-Length", "0")]
        request.run(method, "/a", "", "HTTP/1.1", headers, None)
        app.release_serving()
        assert response.output_status.startswith(status)


class MethodOverride(cherrypy._cprequest.Request):
    def process_headers(self):
        super().process_headers()
        self.method = self.headers.get("X-HTTP-Method-Override", self.method)


def test_c10_the_requests_own_method_counts(dispatcher, client, mount):
    dispatcher.connect("a", "/a", Echo(), action="show", conditions={"method": ["DELETE"]})
    mount(dispatcher).request_class = MethodOverride
    answer = client.post("/a", headers={"X-HTTP-Method-Override": "DELETE"})
    assert answer.status_code == 200


def test_c11_an_encoded_slash_is_part_of_a_value(dispatcher, client, mount):
    dispatcher.connect("one", "/one/{name}", Echo(), action="show")
    dispatcher.connect("all", "/all/{path:.*}", Echo(), action="show")
    mount(dispatcher)
    assert client.get("/one/a%2Fb").text == "echo [('name', 'a/b')]"
    assert client.get("/one/a/b").status_code == 404
    # A wildcard keeps the two apart.
    assert client.get("/all/a%2Fb").text == "echo [('path', 'a%2Fb')]"
    assert client.get("/all/a/b").text == "echo [('path', 'a/b')]"


def test_c12_a_falsy_controller_answers(dispatcher, client, mount):
    class Empty(list):
        def __call__(self):
            return "called"

    dispatcher.connect("a", "/a", Empty())
    mount(dispatcher)
    assert client.get("/a").text == "called"


def test_c12_a_controller_that_cant_answer_is_refused_at_connect(dispatcher):
    with pytest.raises(cpkit.errors.RouteError, match="can't be called"):
        dispatcher.connect("a", "/a", object())


def test_c13_under_a_virtual_host_the_route_is_that_of_the_path(dispatcher, client, mount):
    seen = []

    def handler():
        seen.append(routes.request_config())
        assert seen[0].mapper_dict["host"] == "vh"
        assert seen[0].route.routepath == "/vh/x"
        return "virtual"

    dispatcher.connect("main", "/x", lambda: "main", host="main")
    dispatcher.connect("vh", "/vh/x", lambda **params: handler(), host="vh")
    mount(cherrypy.dispatch.VirtualHost(dispatcher, **{"vh.example": "/vh"}))
    assert client.get("/x", headers={"Host": "vh.example"}).text == "virtual"


def test_c14_redirect_routes_redirect(dispatcher, client, mount):
    dispatcher.mapper.redirect("/old/{page}", "/new/{page}", _redirect_code="301 Moved Permanently")
    mount(dispatcher, "/sub")
    answer = client.get("/sub/old/7")
    assert answer.status_code == 301
    assert answer.headers["Location"] == "http://127.0.0.1/sub/new/7"


def test_c14_resource_routes_lead_to_their_controller(dispatcher, client, mount):
    class Messages:
        @cherrypy.expose
        def index(self, **params):
            return "index"

        @cherrypy.expose
        def show(self, id, **params):
            return f"show {id} {params}"

        @cherrypy.expose
        def create(self, **params):
            return "create"

    dispatcher.mapper.resource("message", "messages")
    dispatcher.controllers["messages"] = Messages()
    mount(dispatcher)
    assert client.get("/messages").text == "index"
    assert client.get("/messages/7").text == "show 7 {}"
    assert client.get("/messages/7.xml").text == "show 7 {'format': 'xml'}"
    assert client.post("/messages").text == "create"
    assert client.put("/messages").headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    # A route for DELETE, but no method: what is left is allowed.
    assert client.delete("/messages/7").headers["Allow"] == "GET, HEAD, OPTIONS"


def test_c14_a_route_connected_while_serving_is_served(dispatcher, client, mount):
    dispatcher.connect("a", "/a", Echo("A"), action="show")
    mount(dispatcher)
    assert client.get("/b").status_code == 404
    dispatcher.connect("b", "/b", Echo("B"), action="show")
    assert client.get("/b").text == "B []"


def test_c15_a_missing_slash_is_redirected(dispatcher, client, mount):
    dispatcher.connect("books", "/books/", Echo(), action="show")
    mount(dispatcher)
    answer = client.get("/books?page=2")
    assert answer.status_code == 301
    assert answer.headers["Location"] == "http://127.0.0.1/books/?page=2"


def test_c15_the_mount_point_without_its_slash_is_found(dispatcher, client, mount):
    dispatcher.connect("home", "/", Echo(), action="show")
    mount(dispatcher, "/sub")
    answer = client.get("/sub")
    assert answer.status_code == 301
    assert answer.headers["Location"] == "http://127.0.0.1/sub/"


def test_c16_a_config_file_overrides_the_code(dispatcher, client, mount):
    class Guarded:
        @cherrypy.expose
        @cherrypy.config(**{"who.says": "the code"})
        def show(self, **params):
            return cherrypy.request.config["who.says"]

    dispatcher.connect("book", "/library/{id}/book/{number}", Guarded(), action="show")
    mount(dispatcher, sections={"/library": {"who.says": "the file"}})
    assert client.get("/library/1/book/2").text == "the file"


def test_c17_a_url_is_made_in_any_thread(dispatcher, mount):
    dispatcher.connect("book", "/book/{id}", Echo(), action="show")
    mount(dispatcher, "/shop")
    made = []

    def make():
        url_for = getattr(dispatcher, "url_for", routes.url_for)
        made.append(url_for("book", id=7))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    assert [url.partition("/shop")[2] for url in made] == ["/book/7"]


@pytest.mark.parametrize("path", ["/say/a%00b", "/say/a%0Ab", "/say/%7F", "/say/%FF%FE"])
def test_c18_what_is_no_text_is_404(dispatcher, client, mount, path):
    dispatcher.connect("say", "/say/{word}", Echo(), action="show")
    mount(dispatcher)
    assert client.get("/say/%C3%A9").text == "echo [('word', 'é')]"
    assert client.get(path).status_code == 404
