"""The timing tool never changes a status: the same requests, with it and without it."""

import cherrypy
import pytest

import cpkit.tools  # noqa: F401 - registers the toolbox
from cpkit.testing import Client

REALM = {
    "tools.auth_basic.on": True,
    "tools.auth_basic.realm": "test",
    "tools.auth_basic.checkpassword": lambda realm, user, password: False,
}


class Root:
    """One page for each way in which CherryPy ends a request."""

    @cherrypy.expose
    def index(self, **params):
        return "ok"

    @cherrypy.expose
    def strict(self, name):
        return name

    @cherrypy.expose
    def redirected(self):
        raise cherrypy.HTTPRedirect("/")

    @cherrypy.expose
    def inside(self):
        raise cherrypy.InternalRedirect("/")

    @cherrypy.expose
    def teapot(self):
        raise cherrypy.HTTPError(418, "short and stout")

    @cherrypy.expose
    def broken(self):
        raise ZeroDivisionError

    @cherrypy.expose
    def unencodable(self):
        return 7

    @cherrypy.expose
    def streamed(self):
        yield "a"
        yield "b"

    @cherrypy.expose
    def breaking_stream(self):
        yield "a"
        raise ZeroDivisionError

    @cherrypy.expose
    @cherrypy.tools.json_in()
    @cherrypy.tools.json_out()
    def echo(self):
        return cherrypy.request.json


class Resource:
    """A resource with one method, for MethodDispatcher."""

    exposed = True

    def GET(self):  # noqa: N802
        return "ok"


def redirecting(tool):
    names = {"on": True, "url": "/", "internal": False}
    return {f"tools.{tool}.{name}": value for name, value in names.items()}


CONFIG = {
    "/": {"tools.trailing_slash.on": True},
    "/secret": REALM,
    "/index": {"tools.etags.on": True, "tools.etags.autotags": True},
    "/streamed": {"response.stream": True},
    "/breaking_stream": {"response.stream": True},
    "/accepting": {"tools.accept.on": True, "tools.accept.media": "text/csv"},
    "/posts": {"tools.allow.on": True, "tools.allow.methods": ["POST"]},
    "/finalized": {"hooks.before_finalize": lambda: 1 / 0},
    "/ended": {"hooks.on_end_resource": lambda: 1 / 0},
    "/moved": redirecting("redirect"),
    "/errors": redirecting("err_redirect"),
}
for name in ("secret", "accepting", "posts", "finalized", "ended", "moved"):
    setattr(Root, name, Root.index)
Root.errors = Root.broken

ETAG = '"444bcb3a3fcf8389296c49467f27e1d6"'  # of the body "ok"

# name: (method, path, keyword arguments, status)
REQUESTS = {
    "200": ("GET", "/", {}, 200),
    "HEAD": ("HEAD", "/", {}, 200),
    "OPTIONS": ("OPTIONS", "/", {}, 200),
    "303 redirect tool": ("GET", "/moved", {}, 303),
    "303 redirect": ("GET", "/redirected", {}, 303),
    "303 from an error": ("GET", "/errors", {}, 303),
    "internal redirect": ("GET", "/inside", {}, 200),
    "304": ("GET", "/index", {"headers": {"If-None-Match": ETAG}}, 304),
    "400 bad form body": (
        "POST",
        "/",
        {
            "data": b"a=%FF",
            "headers": {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        },
        400,
    ),
    "400 bad JSON": (
        "POST",
        "/echo",
        {"data": b"{", "headers": {"Content-Type": "application/json"}},
        400,
    ),
    "401": ("GET", "/secret", {}, 401),
    "404 no page": ("GET", "/strict/a/b/c", {}, 404),
    "404 missing parameter": ("GET", "/strict", {}, 404),
    "404 bad query": ("GET", "/?a=%FF", {}, 404),
    "405": ("GET", "/posts", {}, 405),
    "405 of MethodDispatcher": ("POST", "/resource", {}, 405),
    "406": ("GET", "/accepting", {"headers": {"Accept": "image/png"}}, 406),
    "411": ("POST", "/", {"environ": {"CONTENT_LENGTH": None}}, 411),
    "412": ("GET", "/index", {"headers": {"If-Match": '"other"'}}, 412),
    "415": ("POST", "/echo", {"data": b"a", "headers": {"Content-Type": "text/plain"}}, 415),
    "418": ("GET", "/teapot", {}, 418),
    "500": ("GET", "/broken", {}, 500),
    "500 not bytes": ("GET", "/unencodable", {}, 500),
    "500 in before_finalize": ("GET", "/finalized", {}, 500),
    "500 in on_end_resource": ("GET", "/ended", {}, 500),
    "stream": ("GET", "/streamed", {}, 200),
}
UNSEEN = {"400 missing Host": ("GET", "/", {"environ": {"HTTP_HOST": None}}, 400)}
ALL = {**REQUESTS, **UNSEEN}


def mount(timing=None):
    """Mount the pages with the timing tool, if *timing* is not None, on all of them."""
    on = {} if timing is None else {"cpkit.timing.on": True}
    on |= {f"cpkit.timing.{key}": value for key, value in (timing or {}).items()}
    config = {**CONFIG, "/": {**CONFIG["/"], **on}}
    cherrypy.tree.mount(Root(), "", config)
    methods = {"request.dispatch": cherrypy.dispatch.MethodDispatcher()}
    cherrypy.tree.mount(Resource(), "/resource", {"/": {**methods, **on}})


def send(client, name):
    """Send the request *name*; a header that is None is left out."""
    method, path, kwargs, _ = ALL[name]
    absent = [key for key, value in kwargs.get("environ", {}).items() if value is None]
    if not absent:
        return client.request(method, path, **kwargs)

    def without(environ, start_response):
        kept = {key: value for key, value in environ.items() if key not in absent}
        return cherrypy.tree(kept, start_response)

    return Client(without, raise_exceptions=False).request(method, path)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("timing", [None, {}, {"header": True}], ids=["off", "on", "header"])
def test_the_status_is_the_same_with_and_without(cp_client, name, timing):
    cp_client.raise_exceptions = False
    mount(timing)
    assert send(cp_client, name).status_code == ALL[name][3]


@pytest.mark.parametrize("name", REQUESTS)
def test_every_answer_has_one_header(cp_client, name):
    cp_client.raise_exceptions = False
    mount({"header": True})
    (value,) = send(cp_client, name).headers.get_all("Server-Timing")
    assert value.startswith("total;dur=")
    assert value.count("total;") == 1


@pytest.mark.parametrize("timing", [None, {"header": True}], ids=["off", "on"])
def test_an_aborted_stream_ends_alike(cp_client, timing):
    mount(timing)
    started = []

    def abort(environ, start_response):
        chunks = cherrypy.tree(environ, lambda *args: started.append(args[0]))
        started.append(next(iter(chunks)))
        chunks.close()
        return [start_response("200 OK", []) and b""]

    Client(abort).get("/streamed")
    assert started == ["200 OK", b"a"]


@pytest.mark.parametrize("timing", [None, {"header": True}], ids=["off", "on"])
def test_a_stream_that_breaks_ends_alike(cp_client, timing):
    cp_client.raise_exceptions = False
    mount(timing)
    response = cp_client.get("/breaking_stream")
    assert response.content.startswith(b"a")
