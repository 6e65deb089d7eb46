"""The guard's headers are those of every answer that has none of that name itself."""

import cherrypy
import pytest

from cpkit.dispatchers import RequestGuard
from cpkit.testing import Client

HEADERS = {"X-Frame-Options": "DENY", "Content-Security-Policy": "default-src 'none'"}
OWN = "default-src 'self'"


class Pages:
    @cherrypy.expose
    def index(self):
        return "index"

    @cherrypy.expose
    def own(self):
        cherrypy.response.headers["content-security-policy"] = OWN
        return "own"

    @cherrypy.expose
    def fails(self):
        raise ValueError

    @cherrypy.expose
    def moves(self):
        raise cherrypy.InternalRedirect("/")

    @cherrypy.expose
    def streams(self):
        yield "streams"

    streams._cp_config = {"response.stream": True}  # noqa: RUF012


@pytest.fixture(params=["around the tree", "in the pipeline", "both", "inside alone"])
def client(request):
    """Return a client of an application with the guard in one place or in two."""
    inside = {"wsgi.pipeline": [("guard", RequestGuard)], "wsgi.guard.headers": HEADERS}
    config = {} if request.param == "around the tree" else inside
    cherrypy.tree.mount(Pages(), "", {"/": config})
    outer = {"around the tree": HEADERS, "both": dict(HEADERS), "inside alone": {}}
    app = cherrypy.tree
    if request.param in outer:
        app = RequestGuard(cherrypy.tree, outer[request.param])
    return Client(app, raise_exceptions=False)


def fields(answer, name):
    return [value for key, value in answer.headers.items() if key.lower() == name]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/streams", 200),
        ("/moves", 200),
        ("/fails", 500),
        ("/nowhere", 404),
    ],
)
def test_every_answer_has_each_once(client, path, status):
    answer = client.get(path)
    assert answer.status_code == status
    assert fields(answer, "x-frame-options") == ["DENY"]
    assert fields(answer, "content-security-policy") == ["default-src 'none'"]


def test_what_is_refused_has_them_too():
    answer = Client(RequestGuard(cherrypy.tree, HEADERS)).get("/" + "a" * 9000)
    assert answer.status_code == 414
    assert fields(answer, "x-frame-options") == ["DENY"]


def test_what_an_answer_has_itself_stays(client):
    answer = client.get("/own")
    assert fields(answer, "content-security-policy") == [OWN]
    assert fields(answer, "x-frame-options") == ["DENY"]


def test_the_fields_that_an_application_hands_over_stay_its_own():
    told = [("Content-Type", "text/plain")]

    def app(environ, start_response):
        start_response("200 OK", told)
        return [b"a"]

    assert Client(RequestGuard(app, HEADERS)).get("/").headers["X-Frame-Options"] == "DENY"
    assert told == [("Content-Type", "text/plain")]
