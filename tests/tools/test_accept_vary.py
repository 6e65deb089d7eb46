"""Vary names Accept exactly once, on every answer of a negotiated resource."""

import cherrypy
import pytest

import cpkit.tools


def serve(handler, **config):
    class Root:
        @cherrypy.expose
        @cpkit.tools.accept(media=["text/html"])
        def index(self):
            return handler()

    cherrypy.tree.mount(Root(), "/", {"/": config})


def raising(error):
    def handler():
        raise error

    return handler


def setting(vary):
    def handler():
        cherrypy.response.headers["Vary"] = vary
        return "page"

    return handler


def not_modified():
    raise cherrypy.HTTPRedirect([], 304)


def created():
    cherrypy.response.status = 201
    return "page"


def moved():
    raise cherrypy.HTTPRedirect("/elsewhere")


@pytest.mark.parametrize(
    ("handler", "status"),
    [
        pytest.param(lambda: "page", 200, id="200"),
        pytest.param(created, 201, id="201"),
        pytest.param(moved, 303, id="303"),
        pytest.param(not_modified, 304, id="304"),
        pytest.param(raising(cherrypy.HTTPError(400)), 400, id="400"),
        pytest.param(raising(cherrypy.HTTPError(401)), 401, id="401"),
        pytest.param(raising(cherrypy.HTTPError(404)), 404, id="404"),
        pytest.param(raising(ZeroDivisionError()), 500, id="500-unexpected"),
        pytest.param(raising(cherrypy.HTTPError(503)), 503, id="503"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_every_answer_varies_by_accept(cp_client, method, handler, status):
    serve(handler)
    cp_client.raise_exceptions = False
    response = cp_client.request(method, "/", headers={"Accept": "text/html"})
    assert response.status_code == status
    assert response.headers.get_all("Vary") == ["Accept"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_406_varies_by_accept(cp_client, method):
    serve(lambda: "page")
    response = cp_client.request(method, "/", headers={"Accept": "image/png"})
    assert response.status_code == 406
    assert response.headers.get_all("Vary") == ["Accept"]


def test_a_304_of_the_etags_tool_varies_by_accept(cp_client):
    serve(lambda: "page", **{"tools.etags.on": True, "tools.etags.autotags": True})
    etag = cp_client.get("/").headers["ETag"]
    response = cp_client.get("/", headers={"If-None-Match": etag})
    assert response.status_code == 304
    assert response.headers.get_all("Vary") == ["Accept"]


@pytest.mark.parametrize(
    ("set_by_handler", "sent"),
    [
        ("Cookie", "Cookie, Accept"),
        ("Accept", "Accept"),
        ("accept", "accept"),
        ("Accept-Encoding, ACCEPT", "Accept-Encoding, ACCEPT"),
        ("*", "*"),
    ],
)
def test_what_the_handler_varies_by_is_kept(cp_client, set_by_handler, sent):
    serve(setting(set_by_handler))
    assert cp_client.get("/").headers.get_all("Vary") == [sent]


def test_the_star_stays_alone_beside_gzip(cp_client):
    serve(setting("*"), **{"tools.gzip.on": True})
    assert cp_client.get("/").headers.get_all("Vary") == ["*"]


def test_gzip_and_autovary_add_theirs(cp_client):
    serve(lambda: "page", **{"tools.gzip.on": True})
    assert cp_client.get("/").headers.get_all("Vary") == ["Accept-Encoding, Accept"]
    serve(lambda: "page", **{"tools.autovary.on": True})
    names = cp_client.get("/").headers["Vary"].split(", ")
    assert sorted(names) == ["Accept", "Accept-Charset"]


def test_a_call_in_a_handler_and_the_tool_vary_once(cp_client):
    serve(lambda: cpkit.tools.accept.callable(["text/html", "text/plain"]))
    assert cp_client.get("/").headers.get_all("Vary") == ["Accept"]
