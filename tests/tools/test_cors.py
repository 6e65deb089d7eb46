"""The cors tool: every answer can be read by whom the policy names, and preflights are exact."""

import cherrypy
import pytest

import cpkit.tools
from cpkit.config_check import faults
from cpkit.dispatchers import RoutesDispatcher
from cpkit.errors import CpkitError
from cpkit.tools import CorsTool

PAGE = "https://app.example"
ON = {"cpkit.cors.on": True, "cpkit.cors.origins": [PAGE]}


INTERNAL = {"tools.err_redirect.internal": False}


def preflight(client, path, method="PUT", origin=PAGE, headers=None, **more):
    fields = {"Origin": origin, "Access-Control-Request-Method": method, **more}
    if headers:
        fields["Access-Control-Request-Headers"] = headers
    return client.options(path, headers=fields)


class Books:
    exposed = True

    def GET(self, book_id=None):  # noqa: N802
        return "read"

    def PUT(self, book_id=None):  # noqa: N802
        return "replaced"


class Shelf:
    def read(self, **variables):
        return "read"

    def own_options(self, **variables):
        cherrypy.response.headers["X-Own"] = "1"
        return ""

    def fail(self, **variables):
        raise ZeroDivisionError

    @cherrypy.config(**{"response.stream": True})
    def stream(self, **variables):
        yield b"one"

    @cpkit.tools.accept(media=["application/json"])
    def strict(self, **variables):
        return {}


def routes(**config):
    dispatcher, shelf = RoutesDispatcher(), Shelf()
    table = [
        ("/books/{id}", "read", ["GET"]),
        ("/books/{id}", "read", ["PUT", "PATCH"]),
        ("/own", "own_options", ["GET", "OPTIONS"]),
        ("/fail", "fail", ["GET"]),
        ("/stream", "stream", ["GET"]),
        ("/strict", "strict", ["GET"]),
    ]
    for number, (template, action, methods) in enumerate(table):
        conditions = {"method": methods}
        dispatcher.connect(str(number), template, shelf, action=action, conditions=conditions)
    cherrypy.tree.mount(None, "", {"/": {"request.dispatch": dispatcher, **ON, **config}})


def by_method(**config):
    dispatch = cherrypy.dispatch.MethodDispatcher()
    config = {"/": {"request.dispatch": dispatch, **ON, **config}}
    cherrypy.tree.mount(type("Root", (), {"books": Books()})(), "", config)


class Page:
    @cherrypy.expose
    def books(self, book_id=None):
        assert cherrypy.request.method != "OPTIONS", "a preflight ran the handler"
        return "read"


def by_page(**config):
    cherrypy.tree.mount(Page(), "", {"/": {**ON, **config}})


@pytest.mark.parametrize(
    ("mount", "path", "methods"),
    [
        pytest.param(routes, "/books/1", "GET, HEAD, OPTIONS, PATCH, PUT", id="RoutesDispatcher"),
        pytest.param(by_method, "/books", "GET, HEAD, PUT", id="MethodDispatcher"),
        pytest.param(by_page, "/books", "PUT", id="the default dispatcher"),
    ],
)
def test_a_preflight_names_the_methods_of_the_resource(cp_client, mount, path, methods):
    mount()
    answer = preflight(cp_client, path)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert answer.headers["Access-Control-Allow-Methods"] == methods
    assert answer.headers["Vary"].startswith("Origin")
    assert answer.content == b""
    assert "Content-Type" not in answer.headers


OTHER = "https://other.example"


class Open:
    """A resource of which other origins may use one method each, and one nobody else."""

    exposed = True

    @cpkit.tools.cors(origins=[OTHER])
    def GET(self):  # noqa: N802
        return "read"

    @cpkit.tools.cors(origins=[PAGE])
    def PUT(self):  # noqa: N802
        return "written"

    def DELETE(self):  # noqa: N802
        return "gone"


@pytest.mark.parametrize(
    ("method", "origin", "granted"),
    [
        ("GET", OTHER, True),
        ("GET", PAGE, False),
        ("PUT", PAGE, True),
        ("PUT", OTHER, False),
        ("DELETE", OTHER, False),
        ("PATCH", OTHER, False),
    ],
)
def test_a_preflight_is_answered_by_the_method_that_it_asks_for(cp_client, method, origin, granted):
    config = {"/": {"request.dispatch": cherrypy.dispatch.MethodDispatcher()}}
    cherrypy.tree.mount(type("Root", (), {"open": Open()})(), "", config)
    answer = preflight(cp_client, "/open", method, origin=origin)
    assert ("Access-Control-Allow-Origin" in answer.headers) is granted


def under_routes(resource, dispatch):
    dispatcher = RoutesDispatcher()
    for name in ("GET", "PUT", "DELETE"):
        conditions = {"method": [name]}
        dispatcher.connect(name, "/open", resource, action=name, conditions=conditions)
    cherrypy.tree.mount(None, "", {"/": {"request.dispatch": dispatcher}})


def by_its_methods(resource, dispatch):
    tree = type("Root", (), {"open": resource})()
    cherrypy.tree.mount(tree, "", {"/": {"request.dispatch": dispatch}})


@pytest.mark.parametrize("mount", [under_routes, by_its_methods])
@pytest.mark.parametrize(("method", "origin"), [("GET", OTHER), ("PUT", PAGE)])
def test_a_preflight_tells_of_no_method_that_is_shared_otherwise(cp_client, mount, method, origin):
    """Else its browser remembers that one too, and a page sends it without another preflight."""
    mount(Open(), cherrypy.dispatch.MethodDispatcher())
    answer = preflight(cp_client, "/open", method, origin=origin)
    told = set(answer.headers["Access-Control-Allow-Methods"].split(", ")) - {"OPTIONS"}
    assert told == ({"GET", "HEAD"} if method == "GET" else {method})


class Shared(Open):
    """As that, but for what a section says of all its methods."""

    @cpkit.tools.cors(on=False)
    def PATCH(self):  # noqa: N802
        return "nobody's"


def under_sections(resource, dispatch):
    tree = type("Root", (), {"open": resource, "shop": type("Host", (), {"open": resource})()})()
    cherrypy.tree.mount(tree, "", {"/": {"request.dispatch": dispatch, **ON}})


def under_a_virtual_host(resource, dispatch):
    tree = type("Root", (), {"shop": type("Host", (), {"open": resource})()})()
    hosts = cherrypy.dispatch.VirtualHost(dispatch, **{"shop.example": "/shop"})
    cherrypy.tree.mount(tree, "", {"/": {"request.dispatch": hosts}})


@pytest.mark.parametrize("mount", [under_sections, under_a_virtual_host])
@pytest.mark.parametrize("origin", [PAGE, OTHER])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_a_preflight_grants_what_the_request_will_be_granted(cp_client, mount, method, origin):
    """Else a page has written before its browser finds that it may not read the answer."""
    mount(Shared(), cherrypy.dispatch.MethodDispatcher())
    host = {"Host": "shop.example"}
    asked = preflight(cp_client, "/open", method, origin=origin, **host)
    answer = cp_client.request(method, "/open", headers={"Origin": origin, **host})
    granted = [it.headers.get("Access-Control-Allow-Origin") for it in (asked, answer)]
    assert answer.status_code == 200
    assert granted[0] == granted[1]


def answering(**settings):
    """Return a resource that answers OPTIONS by itself, with these settings of cors."""

    class Answering(Shared):
        @cherrypy.config(**{f"cpkit.cors.{name}": it for name, it in settings.items()})
        def OPTIONS(self):  # noqa: N802
            return "by itself"

    return Answering()


def routes_of_its_methods(resource, dispatch):
    dispatcher = RoutesDispatcher()
    for name in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        conditions = {"method": [name]}
        dispatcher.connect(name, "/open", resource, action=name, conditions=conditions)
    cherrypy.tree.mount(None, "", {"/": {"request.dispatch": dispatcher}})


def one_route(resource, dispatch):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("open", "/open", resource)
    cherrypy.tree.mount(None, "", {"/": {"request.dispatch": dispatcher, **ON}})


@pytest.mark.parametrize(
    "mount", [by_its_methods, under_sections, routes_of_its_methods, one_route]
)
@pytest.mark.parametrize("options", [{}, {"on": False}, {"on": True, "origins": ["*"]}], ids=str)
@pytest.mark.parametrize("origin", [PAGE, OTHER])
def test_it_grants_the_same_where_a_handler_answers_options(cp_client, mount, options, origin):
    mount(answering(**options), cherrypy.dispatch.MethodDispatcher())
    fields = {"Origin": origin}
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        asked = preflight(cp_client, "/open", method, origin=origin)
        answer = cp_client.request(method, "/open", headers=fields)
        granted = [it.headers.get("Access-Control-Allow-Origin") for it in (asked, answer)]
        assert granted[0] == granted[1]
        assert (asked.text == "by itself") is ("Origin" not in answer.headers.get("Vary", ""))
    other = cp_client.options("/open", headers=fields)
    assert other.text == "by itself"


def test_a_handler_of_options_keeps_its_other_settings(cp_client):
    @cherrypy.config(**{"cpkit.timing.on": True, "cpkit.timing.header": True})
    def options(self):
        return "by itself"

    resource = Open()
    resource.OPTIONS = options.__get__(resource)
    by_its_methods(resource, cherrypy.dispatch.MethodDispatcher())
    assert "Server-Timing" in preflight(cp_client, "/open", "DELETE").headers


@pytest.mark.parametrize("mount", [under_sections, one_route])
@pytest.mark.parametrize(
    ("method", "origin", "told"), [("GET", OTHER, "GET"), ("PUT", PAGE, "DELETE, PUT")]
)
def test_of_methods_that_are_set_those_are_told_of_that_are_shared_alike(
    cp_client, mount, method, origin, told
):
    mount(Shared(), cherrypy.dispatch.MethodDispatcher())
    cherrypy.tree.apps[""].merge({"/": {"cpkit.cors.methods": ["GET", "PUT", "DELETE"]}})
    answer = preflight(cp_client, "/open", method, origin=origin)
    assert answer.headers["Access-Control-Allow-Methods"] == told


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("origin", [PAGE, OTHER])
def test_in_cherrypys_toolbox_it_grants_no_more_than_the_request_will_be(
    cp_client, monkeypatch, method, origin
):
    monkeypatch.setattr(cherrypy.tools, "cors", CorsTool(), raising=False)

    class Resource:
        exposed = True

        @cherrypy.tools.cors(origins=[OTHER])
        def GET(self):  # noqa: N802
            return "read"

        @cherrypy.tools.cors(origins=[PAGE])
        def PUT(self):  # noqa: N802
            return "written"

        def DELETE(self):  # noqa: N802
            return "gone"

        @cherrypy.tools.cors(origins=["*"])
        def OPTIONS(self):  # noqa: N802
            return "by itself"

    by_its_methods(Resource(), cherrypy.dispatch.MethodDispatcher())
    answer = preflight(cp_client, "/open", method, origin=origin)
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_405_tells_the_origins_of_a_resource_behind_a_virtual_host(cp_client):
    under_a_virtual_host(Open(), cherrypy.dispatch.MethodDispatcher())
    headers = {"Host": "shop.example", "Origin": OTHER}
    answer = cp_client.post("/open", headers=headers)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, PUT"
    assert answer.headers["Access-Control-Allow-Origin"] == OTHER


@pytest.mark.parametrize("dispatch", [None, RoutesDispatcher, cherrypy.dispatch.MethodDispatcher])
def test_a_preflight_for_a_file_grants_what_files_have(cp_client, tmp_path, dispatch):
    (tmp_path / "data.json").write_text("{}")
    files = {"tools.staticdir.on": True, "tools.staticdir.dir": str(tmp_path)}
    config = {"/": {**ON, **({"request.dispatch": dispatch()} if dispatch else {})}}
    cherrypy.tree.mount(None, "", {**config, "/files": files})
    answer = preflight(cp_client, "/files/data.json", "GET", headers="authorization")
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization"
    refused = preflight(cp_client, "/files/data.json", "DELETE")
    assert "Access-Control-Allow-Origin" not in refused.headers


def test_a_setting_without_methods_grants_none_and_no_handler_runs(cp_client):
    by_page(**{"cpkit.cors.methods": []})
    answer = preflight(cp_client, "/books", "GET")
    assert answer.status_code == 204
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("mount", [routes, by_method])
def test_a_method_that_the_resource_has_not_is_not_granted(cp_client, mount):
    mount()
    answer = preflight(cp_client, "/books/1" if mount is routes else "/books", "DELETE")
    assert answer.status_code == 204
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_allow_tool_tells_the_methods_of_a_page(cp_client):
    by_page(**{"tools.allow.on": True, "tools.allow.methods": ["GET", "POST"]})
    answer = preflight(cp_client, "/books", "POST")
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST"


@pytest.mark.parametrize("method", ["P" * 60_000, "GET, PUT", "<b>", "PUT\x1b", "é", ""])
def test_a_method_that_is_no_token_is_not_sent_back(cp_client, method):
    by_page()
    answer = preflight(cp_client, "/books", method)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Access-Control-Allow-Methods" not in answer.headers


def test_the_setting_tells_the_methods_where_no_dispatcher_can(cp_client):
    by_page(**{"cpkit.cors.methods": ["POST"]})
    assert preflight(cp_client, "/books").headers.get("Access-Control-Allow-Origin") is None
    assert preflight(cp_client, "/books", "POST").headers["Access-Control-Allow-Methods"] == "POST"


def test_a_preflight_of_a_route_with_options_of_its_own_is_answered_exactly(cp_client):
    routes()
    answer = preflight(cp_client, "/own", "GET")
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    assert "X-Own" not in answer.headers
    assert cp_client.options("/own", headers={"Origin": PAGE}).headers["X-Own"] == "1"


def test_a_preflight_passes_a_log_in_check(cp_client):
    routes(
        **{
            "tools.auth_basic.on": True,
            "tools.auth_basic.realm": "here",
            "tools.auth_basic.checkpassword": lambda realm, user, password: False,
        }
    )
    assert preflight(cp_client, "/books/1").status_code == 204
    refused = cp_client.get("/books/1", headers={"Origin": PAGE})
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == PAGE


@pytest.mark.parametrize(
    ("method", "path", "accept", "status"),
    [
        ("GET", "/books/1", "*/*", 200),
        ("GET", "/stream", "*/*", 200),
        ("GET", "/nowhere", "*/*", 404),
        ("DELETE", "/books/1", "*/*", 405),
        ("GET", "/strict", "image/png", 406),
        ("GET", "/fail", "*/*", 500),
        ("OPTIONS", "/books/1", "*/*", 204),
    ],
)
def test_every_answer_can_be_read(cp_client, method, path, accept, status):
    routes(**{"request.throw_errors": False})
    cp_client.raise_exceptions = False
    answer = cp_client.request(method, path, headers={"Origin": PAGE, "Accept": accept})
    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("point", "failure"),
    [
        ("before_handler", ZeroDivisionError),
        ("before_finalize", ZeroDivisionError),
        ("before_finalize", cherrypy.HTTPError),
        ("before_finalize", cherrypy.HTTPRedirect),
        ("on_end_resource", ZeroDivisionError),
        # Other errors here are told by CherryPy's last resort, which no tool sees.
        ("after_error_response", cherrypy.HTTPRedirect),
    ],
)
@pytest.mark.parametrize("priority", [10, 95])
def test_the_answer_of_a_tool_that_fails_can_be_read(cp_client, point, failure, priority):
    def fail():
        raise failure("/") if failure is cherrypy.HTTPRedirect else failure(403)

    fail.priority = priority
    routes(**{f"hooks.{point}": fail})
    cp_client.raise_exceptions = False
    answer = cp_client.get("/fail", headers={"Origin": PAGE})
    assert answer.status_code in (500, 303)
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "Origin" in answer.headers["Vary"]


def redirecting():
    raise cherrypy.HTTPRedirect("/books/1")


@pytest.mark.parametrize(
    "config",
    [
        {"tools.err_redirect.on": True, "tools.err_redirect.url": "/b", **INTERNAL},
        {"request.error_response": redirecting},
        {"hooks.before_error_response": redirecting},
    ],
    ids=["err_redirect", "error_response", "a hook"],
)
def test_where_an_error_redirects_to_can_be_read(cp_client, config):
    """Such a redirect ends CherryPy's handling of errors before the hooks that come last."""
    routes(**config)
    cp_client.raise_exceptions = False
    answer = cp_client.get("/fail", headers={"Origin": PAGE})
    assert answer.status_code == 303
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert answer.headers["Vary"] == "Origin"


def test_the_caching_tool_keeps_a_copy_for_each_origin(cp_client):
    routes(**{"tools.caching.on": True, "cpkit.cors.origins": [PAGE, OTHER]})
    for origin in (PAGE, OTHER, PAGE, "https://evil.example", OTHER):
        answer = cp_client.get("/books/1", headers={"Origin": origin})
        granted = None if "evil" in origin else origin
        assert answer.headers.get("Access-Control-Allow-Origin") == granted
    assert "Age" in answer.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null", PAGE + "/", "x" * 4000, "\x85"])
def test_another_origin_is_granted_nothing(cp_client, origin):
    routes()
    answer = cp_client.get("/books/1", headers={"Origin": origin})
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.headers["Vary"] == "Origin"
    refused = preflight(cp_client, "/books/1", origin=origin)
    assert refused.status_code == 204
    assert "Access-Control-Allow-Origin" not in refused.headers


def test_an_answer_varies_by_origin_though_none_was_sent(cp_client):
    routes()
    assert cp_client.get("/books/1").headers["Vary"] == "Origin"


@pytest.mark.parametrize("fields", [{"Origin": "https://any.example"}, {"Origin": "x y"}, {}])
def test_what_is_for_everybody_varies_by_nothing(cp_client, fields):
    """The same without Origin: a cache may give that answer to the next page."""
    routes(**{"cpkit.cors.origins": ["*"]})
    answer = cp_client.get("/books/1", headers=fields)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Vary" not in answer.headers


def test_a_field_that_a_handler_has_set_stays(cp_client):
    class Root:
        @cherrypy.expose
        @cpkit.tools.cors(origins=[PAGE])
        def index(self):
            cherrypy.response.headers["Access-Control-Allow-Origin"] = "*"
            return "open"

    cherrypy.tree.mount(Root())
    answer = cp_client.get("/", headers={"Origin": PAGE})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_preflight_of_nothing_is_a_404(cp_client):
    routes()
    assert preflight(cp_client, "/nowhere").status_code == 404


@pytest.mark.parametrize(
    "answer", [cherrypy.HTTPRedirect("/"), cherrypy.HTTPError(403), ValueError()]
)
def test_a_dispatcher_that_answers_by_itself_is_asked_by_the_request_alone(cp_client, answer):
    class Closing(cherrypy.dispatch.Dispatcher):
        def __call__(self, path_info):
            if cherrypy.request.method == "PUT":
                raise answer
            super().__call__(path_info)

    by_page(**{"request.dispatch": Closing()})
    assert preflight(cp_client, "/books", "PUT").status_code == 204
    assert preflight(cp_client, "/books", "GET").headers["Access-Control-Allow-Methods"] == "GET"


def test_a_dispatcher_is_asked_for_each_method_of_a_preflight_once(cp_client):
    asked = []

    class Asked(cherrypy.dispatch.MethodDispatcher):
        def __call__(self, path_info):
            asked.append(cherrypy.request.method)
            super().__call__(path_info)

    root = type("Root", (), {"books": Books()})()
    cherrypy.tree.mount(root, "", {"/": {"request.dispatch": Asked(), **ON}})
    answer = preflight(cp_client, "/books", "PUT")
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, PUT"
    assert sorted(asked) == ["GET", "HEAD", "OPTIONS", "PUT"]


@pytest.mark.parametrize("path", ["/books/1/", "/nowhere/", "/shelf"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_preflight_is_granted_where_the_request_is_redirected(cp_client, path, method):
    """A browser follows it (Fetch, 4.4), and asks anew where it leads."""
    dispatcher = RoutesDispatcher()
    for template in ("/books/{id}", "/shelf/"):
        conditions = {"method": ["GET", "PUT"]}
        dispatcher.connect(None, template, Shelf(), action="read", conditions=conditions)
    extra = {"tools.trailing_slash.extra": True}
    cherrypy.tree.mount(None, "", {"/": {"request.dispatch": dispatcher, **ON, **extra}})
    moved = cp_client.request(method, path, headers={"Content-Length": "0"}).status_code in (
        301,
        308,
    )
    assert preflight(cp_client, path, method).status_code == (204 if moved else 404)


def test_credentials_and_header_names_are_told(cp_client):
    routes(**{"cpkit.cors.credentials": True, "cpkit.cors.headers": ["Content-Type"]})
    answer = preflight(cp_client, "/books/1", headers="content-type")
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.headers["Access-Control-Allow-Headers"] == "content-type"
    refused = preflight(cp_client, "/books/1", headers="x-other")
    assert "Access-Control-Allow-Origin" not in refused.headers


@pytest.mark.parametrize(
    "settings",
    [
        {"origins": ["example.org"]},
        {"origins": ["https://example.org/"]},
        {"origins": 7},
        {"max_age": "long"},
        {"credentials": "yes"},
        {"expose": "ETag"},
        {"expose": [7]},
        {"expose": ["ETag\r\nX-Own: 1"]},
        {"headers": [None]},
        {"headers": ["Content-Type, If-Match"]},
        {"methods": ["get"]},
        {"methods": ["*"]},
    ],
)
def test_a_setting_that_cannot_be_is_refused_at_once(settings):
    with pytest.raises(CpkitError):
        cpkit.tools.cors(**settings)


def test_a_star_among_the_fields_lets_a_page_set_any(cp_client):
    routes(**{"cpkit.cors.headers": ["*"]})
    answer = preflight(cp_client, "/books/1", headers="x-other")
    assert answer.headers["Access-Control-Allow-Headers"] == "x-other"


def test_all_fields_are_not_exposed_with_credentials(cp_isolation):
    # Fetch, 3.3.5: there the star is the name of a field.
    settings = {"cpkit.cors.credentials": True, "cpkit.cors.expose": ["*"]}
    cherrypy.tree.mount(None, "/", {"/": {**ON, **settings}})
    assert "cors.expose" in str(next(faults()))


@pytest.mark.parametrize("origins", [["*"], "*", [PAGE, "null"], "null"])
def test_cookies_for_everybody_are_refused_at_the_start(cp_isolation, origins):
    """A sandboxed frame has the origin null, and any page can have one."""
    cherrypy.tree.mount(
        None,
        "/",
        {"/": {**ON, "cpkit.cors.origins": origins, "cpkit.cors.credentials": True}},
    )
    assert "cors.origins" in str(next(faults()))


@pytest.mark.parametrize("origins", [["https://*.app.example"], "https://*.app.example"])
def test_cookies_for_the_hosts_below_one_are_no_fault(cp_isolation, origins):
    settings = {"cpkit.cors.origins": origins, "cpkit.cors.credentials": True}
    cherrypy.tree.mount(None, "/", {"/": {**ON, **settings}})
    assert list(faults()) == []


def test_cors_without_an_origin_is_refused_at_the_start(cp_isolation):
    cherrypy.tree.mount(None, "/", {"/": {"cpkit.cors.on": True}})
    assert "cors.origins" in str(next(faults()))
