"""The 404, 405 and 500 of a negotiated resource speak its type, however the tool is switched on."""

import json

import cherrypy
import pytest

import cpkit.tools
from cpkit.dispatchers import RoutesDispatcher

JSON, PROBLEM = "application/json", "application/problem+json"
HTML, TEXT = "text/html", "text/plain"
MEDIA = {JSON: json.dumps, HTML: str, TEXT: str}
SETTINGS = {"on": True, "media": MEDIA, "errors": True}
CONFIG = {f"cpkit.accept.{name}": value for name, value in SETTINGS.items()}


def book(self, number="7"):
    if number == "8":
        raise cherrypy.HTTPError(404, "There is no book 8.")
    if number == "9":
        raise ZeroDivisionError("secret")
    return {"number": number}


def handler(way):
    """Return a page handler that is negotiated, if by itself."""

    def own(self, number="7"):
        return book(self, number)

    if way == "decorator":
        return cpkit.tools.accept(media=MEDIA, errors=True)(own)
    if way == "_cp_config":
        own._cp_config = dict(CONFIG)
    return own


def controller(way, **members):
    """Return an object of these members, negotiated if by its class."""
    kind = type("Book", (), {**members, "exposed": True})
    if way == "class":
        kind._cp_config = dict(CONFIG)
    return kind()


def by_routes(way):
    dispatcher = RoutesDispatcher()
    root = controller(way, show=handler(way))
    conditions = {"method": ["GET"]}
    dispatcher.connect("book", "/book/{number}", root, action="show", conditions=conditions)
    return None, dispatcher


def by_method(way):
    resource = controller(way, GET=handler(way))
    return controller("", book=resource), cherrypy.dispatch.MethodDispatcher()


def by_page(way):
    page = cherrypy.expose(cherrypy.tools.allow(methods=["GET"])(handler(way)))
    return controller(way, book=page), cherrypy.dispatch.Dispatcher()


DISPATCHERS = {"routes": by_routes, "method": by_method, "default": by_page}
WAYS = ["decorator", "_cp_config", "class", "section"]


@pytest.fixture(params=DISPATCHERS)
def mount(request):
    """Return what mounts the book, negotiated in one of the WAYS."""

    def mount(way):
        root, dispatcher = DISPATCHERS[request.param](way)
        section = CONFIG if way == "section" else {}
        config = {"request.dispatch": dispatcher, "request.show_tracebacks": True, **section}
        cherrypy.tree.mount(root, "", {"/": config})

    return mount


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/book/8", 404), ("PUT", "/book/7", 405), ("GET", "/book/9", 500)],
    ids=["404", "405", "500"],
)
@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (JSON, JSON),
        ("*/*", JSON),
        (None, JSON),
        (f"{JSON}, {PROBLEM}", PROBLEM),
        (TEXT, TEXT),
        (HTML, HTML),
    ],
)
def test_it_speaks_the_type(cp_client, mount, way, method, path, status, accept, content_type):
    cp_client.raise_exceptions = False
    mount(way)
    response = cp_client.request(method, path, headers={"Accept": accept} if accept else {})
    assert response.status_code == status
    assert response.headers["Content-Type"].partition(";")[0] == content_type
    assert response.headers.get_all("Vary") == ["Accept"]
    if content_type == JSON:
        assert json.loads(response.content)["status"] == status
        assert "secret" not in response.text
    if status == 405:
        assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize("way", WAYS)
def test_a_page_of_the_applications_own_goes_first(cp_client, mount, way):
    mount(way)
    cherrypy.tree.apps[""].config["/"]["error_page.405"] = lambda **told: "own"
    response = cp_client.put("/book/7", headers={"Accept": JSON})
    assert (response.status_code, response.text.strip()) == (405, "own")


@pytest.mark.parametrize("media", [[JSON], {JSON: json.dumps}, [TEXT]], ids=["J", "J-made", "T"])
@pytest.mark.parametrize("status", [404, 500])
def test_a_page_of_the_applications_own_has_its_own_type(cp_client, media, status):
    cp_client.raise_exceptions = False

    class Root:
        @cherrypy.expose
        @cpkit.tools.accept(media=media, languages=["de"])
        def index(self):
            raise cherrypy.HTTPError(404) if status == 404 else ZeroDivisionError

    cherrypy.tree.mount(Root(), "", {"/": {"error_page.default": lambda **told: "<p>sorry</p>"}})
    response = cp_client.get("/")
    assert (response.status_code, response.headers["Content-Type"]) == (status, HTML)
    assert response.headers["Content-Language"] is None


# ------------------------------ refusals of other tools ------------------------------


def refusing(status, point):
    def refuse():
        raise cherrypy.HTTPError(status)

    return cherrypy.Tool(point, refuse, priority=10)


@pytest.mark.parametrize("point", ["on_start_resource", "before_request_body", "before_handler"])
@pytest.mark.parametrize("accept", [JSON, "*/*"])
def test_an_earlier_401_speaks_the_type_too(cp_client, cp_isolation, point, accept):
    cherrypy.tools.refuse = refusing(401, point)
    root = controller("", index=cherrypy.expose(handler("decorator")))
    cherrypy.tree.mount(root, "", {"/": {"tools.refuse.on": True}})
    response = cp_client.get("/", headers={"Accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == (401, JSON)
    assert response.headers.get_all("Vary") == ["Accept"]


@pytest.mark.parametrize(
    ("point", "status"), [("on_start_resource", 401), ("before_request_body", 406)]
)
def test_a_tool_that_comes_first_refuses_first(cp_client, cp_isolation, point, status):
    cherrypy.tools.refuse = refusing(401, point)
    root = controller("", index=cherrypy.expose(handler("decorator")))
    cherrypy.tree.mount(root, "", {"/": {"tools.refuse.on": True}})
    assert cp_client.get("/", headers={"Accept": "image/png"}).status_code == status


def test_a_body_that_cannot_be_read_is_told_in_the_type(cp_client):
    root = controller("", index=cherrypy.expose(handler("decorator")))
    cherrypy.tree.mount(root, "", {"/": {"tools.json_in.on": True}})
    headers = {"Accept": JSON, "Content-Type": JSON}
    response = cp_client.post("/", headers=headers, data=b"{")
    assert (response.status_code, response.headers["Content-Type"]) == (400, JSON)


# ------------------------------ the body as it was made ------------------------------

PADDED = [400, 403, 404, 405, 406, 408, 409, 410, 500, 501, 505]


def failing_with(status, **settings):
    class Root:
        @cherrypy.expose
        @cpkit.tools.accept(media=MEDIA, **settings)
        def index(self):
            raise cherrypy.HTTPError(status, "told")

    cherrypy.tree.mount(Root())


@pytest.mark.parametrize("accept", [JSON, f"{JSON}, {PROBLEM}", TEXT])
@pytest.mark.parametrize("status", PADDED)
def test_no_blanks_are_added(cp_client, status, accept):
    failing_with(status, errors=True)
    response = cp_client.get("/", headers={"Accept": accept})
    assert response.status_code == status
    assert not response.content.endswith(b" ")
    assert response.headers["Content-Length"] == str(len(response.content))


def test_no_blanks_are_added_to_a_406(cp_client):
    failing_with(404)
    response = cp_client.get("/", headers={"Accept": "image/png"})
    assert (response.status_code, response.content[-1:]) == (406, b"}")


def test_no_blanks_are_added_to_an_unexpected_error(cp_client):
    cp_client.raise_exceptions = False

    class Root:
        @cherrypy.expose
        @cpkit.tools.accept(media=MEDIA, errors=True)
        def index(self):
            raise ZeroDivisionError

    cherrypy.tree.mount(Root())
    response = cp_client.get("/", headers={"Accept": JSON})
    assert (response.status_code, response.content[-1:]) == (500, b"}")


PACKED = "application/x-packed"


@pytest.mark.parametrize("ending", [b"", b" ", b"\x00  "])
def test_what_a_renderer_packs_arrives_as_it_was(cp_client, ending):
    failing_with(404, errors={PACKED: lambda told: b"\x1f\x8b" + ending})
    response = cp_client.get("/", headers={"Accept": f"{PACKED}, {JSON};q=0.1"})
    assert response.content == b"\x1f\x8b" + ending if ending else b"\x1f\x8b"


@pytest.mark.parametrize("gzip", [True, False])
def test_a_told_error_is_compressed_whole(cp_client, gzip):
    failing_with(404, errors=True)
    cherrypy.tree.apps[""].merge({"/": {"tools.gzip.on": gzip, "tools.gzip.mime_types": ["*/*"]}})
    headers = {"Accept": JSON, "Accept-Encoding": "gzip"}
    response = cp_client.get("/", headers=headers)
    assert response.json()["status"] == 404


# ------------------------------ renderers of one's own ------------------------------

OWN = "application/vnd.error+json"


@pytest.mark.parametrize(
    ("accept", "status", "content_type"),
    [
        pytest.param(OWN, 406, OWN, id="only-own"),
        pytest.param(f"{OWN}, {JSON};q=0.1", 404, OWN, id="own-first"),
        pytest.param(f"{OWN}, {JSON}", 404, JSON, id="equal"),
        pytest.param(f"{JSON}, {OWN};q=0.1", 404, JSON, id="offer-first"),
        pytest.param("image/png", 406, PROBLEM, id="neither"),
    ],
)
def test_a_client_that_accepts_the_type_of_ones_own_renderer_gets_it(
    cp_client, accept, status, content_type
):
    failing_with(404, errors={OWN: lambda told: json.dumps({"errors": [told["detail"]]})})
    response = cp_client.get("/", headers={"Accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == (status, content_type)
    assert ("errors" in response.json()) == (content_type == OWN)


def test_a_404_of_the_dispatcher_is_told_by_ones_own_renderer(cp_client):
    section = {**CONFIG, "cpkit.accept.errors": {OWN: lambda told: json.dumps({"errors": []})}}
    cherrypy.tree.mount(None, "", {"/": section})
    response = cp_client.get("/no/such", headers={"Accept": OWN})
    assert (response.status_code, response.headers["Content-Type"]) == (404, OWN)


@pytest.mark.parametrize(
    "made",
    [lambda told: 1 / 0, lambda told: 5, lambda told: None, list],
    ids=["raises", "int", "None", "list"],
)
def test_a_renderer_of_errors_that_fails_is_logged_and_the_error_told(cp_client, caplog, made):
    failing_with(404, errors={JSON: made})
    response = cp_client.get("/", headers={"Accept": JSON})
    assert response.status_code == 404
    assert response.headers["Content-Type"] in {JSON, PROBLEM}
    assert "ZeroDivisionError" not in response.text
    if made is not list:
        assert response.json()["title"] == "Not Found"
        assert "The renderer of errors for application/json fails" in caplog.text


def test_a_renderer_of_errors_may_yield(cp_client):
    failing_with(404, errors={TEXT: lambda told: (part for part in ["É", b"!"])})
    response = cp_client.get("/", headers={"Accept": TEXT})
    assert (response.text, response.headers["Content-Type"]) == ("É!", f"{TEXT};charset=utf-8")


# ------------------------------ what has no representation ------------------------------


def test_an_automatic_options_is_no_406(cp_client):
    dispatcher = RoutesDispatcher()
    conditions = {"method": ["GET"]}
    dispatcher.connect("book", "/book", controller("", show=book), action="show",
                       conditions=conditions)  # fmt: skip
    cherrypy.tree.mount(None, "", {"/": {"request.dispatch": dispatcher, **CONFIG}})
    response = cp_client.options("/book", headers={"Accept": "image/png"})
    assert (response.status_code, response.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")


def test_a_redirect_of_the_mapper_is_no_406(cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("book", "/book", controller("", show=book), action="show")
    dispatcher.mapper.redirect("/buch", "/book", _redirect_code="301 Moved Permanently")
    cherrypy.tree.mount(None, "", {"/": {"request.dispatch": dispatcher, **CONFIG}})
    response = cp_client.get("/buch", headers={"Accept": "image/png"})
    assert response.status_code == 301
    assert response.headers["Location"].endswith("/book")
