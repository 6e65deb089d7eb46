"""The params tool: each value is read where it stands, whoever else has a hand in it."""

import functools
import sqlite3

import cherrypy
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

import cpkit.tools
from cpkit.dispatchers import RoutesDispatcher
from cpkit.tools import Part

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FILES = {"Content-Type": "multipart/form-data; boundary=x"}


def serve(handler, template="/", *, body=False, **settings):
    """Serve *handler* by a route, with the tool on."""
    page = cpkit.tools.params(**settings)(handler)
    controller = type("Root", (), {"page": cpkit.tools.body()(page) if body else page})()
    dispatcher = RoutesDispatcher()
    dispatcher.connect("it", template, controller, action="page")
    cherrypy.tree.mount(None, "/", {"/": {"request.dispatch": dispatcher}})


def errors(response, status):
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    return [tuple(each.values()) for each in response.json().get("errors", ())]


def part(head, content=b""):
    return b"--x\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n--x--\r\n" % (head, content)


def test_a_variable_of_the_path_that_kwargs_takes_is_read_as_the_rest_is(cp_client):
    def page(self, number: int, **rest: int):
        return repr((number, rest))

    serve(page, "/{number}/{other}")
    assert cp_client.get("/1/2?third=3").text == "(1, {'other': 2, 'third': 3})"
    fault = ("path", "other", "must be a whole number")
    assert errors(cp_client.get("/1/x?third=y"), 404) == [fault]


def test_what_is_skipped_is_left_alone_where_kwargs_takes_the_rest(cp_client):
    def page(self, user, **rest: int):
        return repr((user, rest))

    serve(page, skip=["user"])
    assert cp_client.get("/?user=bob&x=1").text == "('bob', {'x': 1})"


def test_kwargs_takes_neither_the_receiver_nor_the_document(cp_client):
    def page(self, body: dict | None = None, **rest: str):
        return repr((body, rest))

    serve(page, body=True)
    told = [("query", "self", "is unknown"), ("query", "body", "is unknown")]
    assert errors(cp_client.get("/?self=1&body=2&x=3"), 400) == told
    assert cp_client.put("/?x=3", json={"a": 1}).text == "({'a': 1}, {'x': '3'})"


@pytest.mark.parametrize("annotation", [Part | None, list[Part]])
def test_a_file_that_nobody_chose_is_a_field_that_was_left_empty(cp_client, annotation):
    """Browsers send it with an empty name."""

    def page(self, cover=None):
        return repr(cover)

    page.__annotations__["cover"] = annotation
    serve(page)
    unchosen = part(b'name="cover"; filename=""\r\nContent-Type: application/octet-stream')
    assert cp_client.post("/", data=unchosen, headers=FILES).text == "None"


def test_a_file_that_nobody_chose_is_missing_where_one_must_be_sent(cp_client):
    def page(self, cover: Part, note: str = ""):
        return "unreachable"

    serve(page)
    for filename, content, said in ((b"", b"", "is missing"), (b"", b"a", "must be a file")):
        body = part(b'name="cover"; filename="%s"' % filename, content)
        response = cp_client.post("/", data=body, headers=FILES)
        assert errors(response, 400) == [("form", "cover", said)]


@pytest.fixture
def conflicting(start_database):
    """Return a decorator: the handler is run twice, since it meets a conflict at first."""
    start_database()

    def decorator(handler):
        left = [OperationalError("", {}, sqlite3.OperationalError("database is locked"))]

        @functools.wraps(handler)
        def page(*args, **kwargs):
            got = handler(*args, **kwargs)
            cherrypy.request.db.execute(text("SELECT 1"))
            if left:
                raise left.pop()
            return repr(got)

        return cpkit.tools.db(retry=1)(page)

    return decorator


def test_each_attempt_of_a_retry_gets_lists_of_its_own(cp_client, conflicting):
    @conflicting
    def page(self, ids: list[int], tags: list[str] = [], **rest: set[int]):  # noqa: B006
        ids.append(0)
        tags.append("x")
        return ids, tags, rest["other"].pop()

    serve(page)
    assert cp_client.get("/?ids=7&other=8").text == "([7, 0], ['x'], 8)"


def test_each_attempt_of_a_retry_reads_a_file_from_its_begin(cp_client, conflicting):
    sent = []

    @conflicting
    def page(self, cover: Part, pages: list[Part]):
        sent[:] = [cover.file, *(each.file for each in pages)]
        return [file.read() for file in sent]

    serve(page)
    response = cp_client.post("/", files={"cover": b"abc", "pages": ("1.png", b"d")})
    assert response.text == "[b'abc', b'd']"
    for file in sent:
        file.close()
