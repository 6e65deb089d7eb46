"""How a request with a session may end, and begin: streams, redirects, ids of one's own."""

import cherrypy
import pytest
from cherrypy.lib.sessions import Session
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from cpkit.sessions import DatabaseSession
from cpkit.testing import Client
from tests.test_sessions import CONFIG, opened, rows, stored, visits  # noqa: F401

# ruff: noqa: F811


class Ends:
    @cherrypy.expose
    def index(self):
        return str(cherrypy.session.get("user", "nobody"))

    @cherrypy.expose
    def log_in(self, user="anna"):
        cherrypy.session["user"] = user
        return "ok"

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def streamed_log_out(self):
        cherrypy.session.delete()
        yield b"bye"

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def fails_to_commit(self):
        cherrypy.session["user"] = "bob"
        db = cherrypy.request.db
        db.execute(text("SELECT 1"))
        db.on_commit(str)

        def refuse():
            raise ZeroDivisionError

        db._finish = refuse
        return iter([b"x"])

    @cherrypy.expose
    def passes_on(self, renew=None, leave=None):
        if renew:
            cherrypy.session.regenerate()
        cherrypy.session["user"] = "carla"
        if leave:
            cherrypy.session.delete()
        raise cherrypy.InternalRedirect("/passes_on_again")

    @cherrypy.expose
    def passes_on_again(self):
        raise cherrypy.InternalRedirect("/")

    @cherrypy.expose
    def passes_on_badly(self):
        cherrypy.session["user"] = object()
        raise cherrypy.InternalRedirect("/")

    @cherrypy.expose
    def saves_twice(self):
        cherrypy.session["user"] = "early"
        cherrypy.session.save()
        cherrypy.session["user"] = "dora"
        return "ok"

    @cherrypy.expose
    def becomes(self, id):
        cherrypy.session.id = id
        cherrypy.session["seen"] = True
        return str(cherrypy.session.get("user", "nobody"))


@pytest.fixture
def ends(visits):
    cherrypy.tree.mount(Ends(), "/", CONFIG)
    client = Client(raise_exceptions=False)
    client.get("/log_in")
    return client


def test_a_session_is_deleted_by_a_streamed_response_too(ends):
    assert ends.get("/streamed_log_out").text == "bye"
    assert ends.get("/").text == "nobody"


def test_a_stream_whose_transaction_cannot_be_committed_leaves_its_session(ends):
    assert ends.post("/fails_to_commit").status_code == 500
    assert ends.get("/").text == "anna"


@pytest.mark.parametrize("renew", ["", "yes"])
@pytest.mark.parametrize("known", [True, False], ids=["a visitor", "a new visitor"])
def test_a_redirect_within_the_server_keeps_the_session(ends, renew, known):
    client = ends if known else Client()
    assert client.get(f"/passes_on?renew={renew}").text == "carla"
    assert client.get("/").text == "carla"


def test_a_session_deleted_before_a_redirect_within_the_server_is_gone(ends):
    assert ends.get("/passes_on?leave=yes").text == "nobody"
    assert ends.get("/").text == "nobody"


def test_a_session_that_cannot_be_stored_is_redirected_nowhere(ends):
    assert ends.get("/passes_on_badly").status_code == 500
    assert ends.get("/").text == "anna"


def test_a_handler_may_save_the_session_itself(ends):
    ends.get("/saves_twice")
    assert ends.get("/").text == "dora"


@pytest.mark.parametrize("locking", ["implicit", "explicit"])
def test_an_application_may_give_a_session_another_id(ends, visits, locking):
    cherrypy.tree.apps[""].merge({"/": {"tools.sessions.locking": locking}})
    other = DatabaseSession()
    other["user"] = "emil"
    Session.save(other)
    assert ends.get(f"/becomes?id={other.id}").text == "emil"
    assert ends.cookies["session_id"] == other.id
    assert stored(other) == {"user": "emil", "seen": True}
    # The lock of the first one is free, which has another's name still.
    with visits.begin(write=False) as connection:
        held = "SELECT count(*) FROM cpkit_sessions WHERE owner IS NOT NULL"
        assert connection.scalar(text(held)) == 0
    assert rows(visits) == 2


def test_what_is_read_moves_along_to_an_id_that_nobody_has(visits):
    session, _ = opened(visits, a=1)
    session.id = "f" * 40
    Session.save(session)
    assert stored(session) == {"a": 1}


def test_a_session_is_saved_outside_of_requests_too(visits):
    session = DatabaseSession()
    session["a"] = 1
    session.save()
    assert stored(session) == {"a": 1}
