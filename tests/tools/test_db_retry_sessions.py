"""A handler is run again although its session, or a tool before it, has written already."""

import cherrypy
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

import cpkit.tools  # noqa: F401
from cpkit.sessions import DatabaseSession
from cpkit.testing import Client
from tests.statements import create, insert, stored

psycopg = pytest.importorskip("psycopg")
SESSIONS = {"tools.sessions.on": True, "tools.sessions.storage_class": DatabaseSession}


class Again:
    """A handler of two runs, or more, of which all but the last fail of a conflict."""

    def __init__(self, work, first=lambda: None, conflicts=1):
        self.runs, self.work, self.first, self.conflicts = 0, work, first, conflicts

    @cherrypy.expose
    def index(self, **_):
        self.runs += 1
        self.first()
        cherrypy.request.db.execute(text("SELECT 1"))
        insert(self.runs)
        answer = self.work(self.runs)
        if self.runs <= self.conflicts:
            conflict = psycopg.errors.SerializationFailure("conflict")
            raise OperationalError("x", {}, conflict)
        return repr(answer)

    def serve(self, **config):
        on = {"cpkit.db.on": True, "cpkit.db.retry": 3, **config}
        cherrypy.tree.mount(self, "/", {"/": on})
        return Client(raise_exceptions=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(start_database, request):
    url = request.getfixturevalue("postgres").url if request.param == "postgresql" else None
    return start_database(url, setup=create)


def count(_):
    session = cherrypy.session
    session["visits"] = session.get("visits", 0) + 1
    session.setdefault("list", []).append(1)
    return session["visits"], len(session["list"])


def lock_anew():
    cherrypy.session.release_lock()
    cherrypy.session.acquire_lock()


@pytest.mark.parametrize(
    ("locking", "first"),
    [
        ("implicit", lambda: None),
        ("early", lambda: None),
        ("explicit", lambda: None),
        ("explicit", lambda: cherrypy.session.acquire_lock()),
        ("implicit", lock_anew),
    ],
    ids=["implicit", "early", "explicit", "by the handler", "anew by the handler"],
)
def test_a_session_of_the_database_hinders_no_second_run(database, locking, first):
    root = Again(count, first)
    client = root.serve(**SESSIONS, **{"tools.sessions.locking": locking})
    for visit in (1, 2):
        root.runs = 0
        answer = client.post("/")
        assert (answer.status_code, answer.text, root.runs) == (200, repr((visit, visit)), 2)
        assert 1 not in stored()
        with database.begin() as unit:
            unit.execute(text("DELETE FROM t"))


@pytest.mark.parametrize("runs", [2, 3])
def test_a_session_that_only_the_run_before_the_last_has_deleted_is_kept(database, runs):
    def work(run):
        if delete and run == runs - 1:
            cherrypy.session.delete()
        return count(run)

    delete = False
    root = Again(work)
    client = root.serve(**SESSIONS)
    client.post("/")
    root.runs, root.conflicts, delete = 0, runs - 1, True
    with database.begin() as unit:
        unit.execute(text("DELETE FROM t"))
    assert client.post("/").text == "(2, 2)"
    root.runs = runs
    assert client.post("/").text == "(3, 3)"


@pytest.mark.parametrize("by", ["a unit of its own", "the request's"])
def test_what_a_tool_has_committed_before_the_handler_hinders_no_second_run(
    database, monkeypatch, by
):
    def note():
        if by == "the request's":
            insert(100)
            cherrypy.request.db.commit()
        else:
            with cherrypy.engine.db.begin() as unit:
                insert(100, unit)

    monkeypatch.setattr(
        cherrypy.tools, "note", cherrypy.Tool("before_handler", note), raising=False
    )
    root = Again(lambda _: None)
    assert root.serve(**{"tools.note.on": True}).post("/").status_code == 200
    assert (root.runs, stored()) == (2, [2, 100])


def test_a_commit_after_one_of_a_tool_hinders_the_second_run(database, monkeypatch):
    def note():
        insert(100)
        cherrypy.request.db.commit()

    monkeypatch.setattr(
        cherrypy.tools, "note", cherrypy.Tool("before_handler", note), raising=False
    )
    root = Again(lambda _: cherrypy.request.db.commit())
    assert root.serve(**{"tools.note.on": True}).post("/").status_code == 503
    assert (root.runs, stored()) == (1, [1, 100])


def test_the_request_and_the_answer_are_as_they_were(database):
    def work(run):
        request, response = cherrypy.request, cherrypy.response
        found = "sent" in request.cookie, dict(request.body.params), hasattr(response, "mine")
        request.cookie.pop("sent", None)
        request.body.params["left"] = response.mine = run
        return found

    client = Again(work).serve()
    headers = {"Cookie": "sent=1"}
    answer = client.post("/", data={"a": "b"}, headers=headers)
    assert answer.text == repr((True, {"a": "b"}, False))
