"""The params tool: each value is read where it stands, whoever else has a hand in it."""

import dataclasses
import functools
import sqlite3
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import cherrypy
import pytest
from msgspec import Meta
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

import cpkit.tools
from cpkit.config_check import faults
from cpkit.dispatchers import RoutesDispatcher
from cpkit.tools import Part

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
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


def test_a_set_that_has_a_least_size_is_of_values_that_differ(cp_client):
    def page(self, tag: Annotated[set[str], Meta(min_length=2)]):
        return repr(sorted(tag))

    serve(page)
    assert cp_client.get("/?tag=a&tag=b").text == "['a', 'b']"
    fault = ("query", "tag", "must be a list of at least 2 items that differ")
    for query in ("tag=a", "tag=a&tag=a", "tag=a&tag=a&tag=b"):
        assert errors(cp_client.get(f"/?{query}"), 400) == [fault]


CONTRADICTIONS = [
    ("[a-z]+", int),
    ("[a-z]+", Annotated[int, Meta(ge=1)] | None),
    (r"0\d+", int),
    (r"\d+", UUID),
    ("[0-9a-f]{32}", UUID),
    (r"\d{8}", date),
    ("[a-z-]+", float),
    (r"[0-9]+\.", Decimal),
    ("yes|no", bool),
    ("green|blue", Literal["red", "yellow"]),
    ("a.b", Literal["a", "b"]),
    ("(?i:a)x", list[int]),
]
AGREEMENTS = [
    (r"\d+", int),
    ("[0-9]{4}", int),
    (".+", int),
    ("[^/]+", UUID),
    ("(?=[0-9])[a-z0-9]+", int),
    ("[0-9a-f-]{36}", UUID),
    (r"\d{4}-\d{2}-\d{2}", date),
    ("[0-9.]+", Decimal),
    ("[01]", bool),
    ("green|red", Literal["red", "yellow"]),
    ("A|b|C", Literal["a", "b"]),
    ("[a-z]+", str),
    ("[a-z]+", Annotated[str, Meta(pattern="[0-9]")]),
    ("[a-z]+", Any),
]


@pytest.mark.parametrize(("regex", "annotation"), CONTRADICTIONS, ids=str)
def test_a_regex_that_nothing_of_the_annotation_matches_ends_the_start(regex, annotation):
    def page(self, it: annotation, other=""):
        return repr(it)

    def rest(self, **rest: annotation):
        return repr(rest)

    for handler in (page, rest):
        serve(handler, f"/{{it:{regex}}}")
        (fault,) = map(str, faults())
        assert f"the parameter it cannot be read: nothing fits that matches {regex!r}" in fault
        assert "correct one of the two" in fault
        serve(handler, "/{it}")
        assert not list(faults())
    serve(page, f"/{{it:{regex}}}", skip=["it"])
    assert not list(faults())


@pytest.mark.parametrize(("regex", "annotation"), AGREEMENTS, ids=str)
def test_a_regex_that_something_of_the_annotation_matches_is_left_alone(regex, annotation):
    def page(self, it: annotation):
        return repr(it)

    serve(page, f"/{{it:{regex}}}")
    assert not list(faults())


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


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_in_a_content_coding_is_a_415(cp_client, kind):
    def page(self, copies: int = 0):
        return "unreachable"

    serve(page)
    headers = {"Content-Type": f"{kind}; boundary=x", "Content-Encoding": "gzip"}
    response = cp_client.post("/", data=b"copies=3", headers=headers)
    assert response.status_code == 415
    assert response.headers["Accept"] == "application/x-www-form-urlencoded, multipart/form-data"
    assert response.headers["Accept-Encoding"] == "identity"
    for coding in ("", " Identity"):
        headers = {**FORM, "Content-Encoding": coding}
        assert cp_client.post("/", data=b"copies=3", headers=headers).text == "unreachable"


def test_a_field_of_no_charset_is_told_as_other_faults_are(cp_client):
    def page(self, note: str = ""):
        return note

    serve(page)
    body = part(b'name="note"', b"\xff")
    assert errors(cp_client.post("/", data=body, headers=FILES), 400) == []


@pytest.mark.parametrize("headers", [FORM, FILES], ids=["form", "files"])
def test_a_form_that_is_too_large_is_told_as_other_faults_are(cp_client, headers):
    def page(self, note: str = ""):
        return note

    serve(page)
    cherrypy.tree.apps[""].config["/"]["request.body.maxbytes"] = 100
    body = part(b'name="note"', b"a" * 200) if headers is FILES else b"note=" + b"a" * 200
    chunks = [body[:50], body[50:]]
    assert errors(cp_client.post("/", data=chunks, headers=headers), 413) == []


class Failing:
    """What a server reads a body from, which fails as cheroot's does."""

    def __init__(self, error):
        self.error = error

    def read(self, size=-1):
        raise self.error

    readline = read


@pytest.mark.parametrize("headers", [FORM, FILES, JSON], ids=["form", "files", "json"])
@pytest.mark.parametrize(
    ("error", "status"),
    [(OSError("Request Entity Too Large"), 413), (ValueError("no chunk"), 400)],
    ids=["too large", "no chunk"],
)
def test_a_body_that_a_server_fails_to_read_is_told_as_other_faults_are(
    cp_client, headers, error, status
):
    def page(self, note: str = ""):
        return note

    def put(self, body: dict):
        return "unreachable"

    serve(put if headers is JSON else page, body=headers is JSON)
    fields = {**headers, "Transfer-Encoding": "chunked"}
    response = cp_client.post("/", headers=fields, environ={"wsgi.input": Failing(error)})
    assert errors(response, status) == []


def test_a_disk_that_is_full_is_the_servers_fault(cp_client):
    def page(self, note: str = ""):
        return note

    serve(page)
    environ = {"wsgi.input": Failing(OSError("No space left on device"))}
    fields = {**FILES, "Transfer-Encoding": "chunked"}
    with pytest.raises(OSError, match="No space"):
        cp_client.post("/", headers=fields, environ=environ)


def test_a_length_that_is_an_empty_text_is_none(cp_client):
    """As some WSGI servers have it (PEP 3333)."""

    def page(self, copies: int = 1, note: str = ""):
        return repr((copies, note))

    serve(page)
    environ = {"CONTENT_LENGTH": "", "CONTENT_TYPE": ""}
    assert cp_client.request("POST", "/", environ=environ).text == "(1, '')"


def test_a_place_of_the_path_that_is_skipped_keeps_its_place(cp_client):
    class Root:
        @cherrypy.expose
        @cpkit.tools.params(skip=["token"])
        def show(self, token, year: int):
            return repr((token, year))

        @cherrypy.expose
        @cpkit.tools.params()
        @cpkit.tools.body()
        def put(self, number: int, body: dict, dry: bool = False):
            return repr((number, body, dry))

    cherrypy.tree.mount(Root())
    assert cp_client.get("/show/abc/2026").text == "('abc', 2026)"
    assert cp_client.get("/show/abc/x").json()["errors"][0]["name"] == "year"
    assert cp_client.put("/put/7?dry=1", json={}).text == "(7, {}, True)"
    assert cp_client.put("/put/7/true", json={}).status_code == 404


def test_an_object_without_a_hash_may_be_a_page(cp_client):
    @dataclasses.dataclass
    class Page:
        exposed = True

        def __call__(self, number: int = 0, body: dict | None = None):
            return repr((number, body))

    config = {"cpkit.params.on": True, "cpkit.body.on": True}
    cherrypy.tree.mount(type("Root", (), {"page": Page()})(), "/", {"/": config})
    assert cp_client.put("/page?number=7", json={}).text == "(7, {})"
    assert cp_client.get("/page?number=x").status_code == 400


def test_a_route_behind_virtual_hosts_fills_no_star_either():
    class Root:
        @cpkit.tools.params()
        def page(self, number: int, *more: int): ...

    dispatcher = RoutesDispatcher()
    dispatcher.connect("it", "/{number}", Root(), action="page")
    hosts = cherrypy.dispatch.VirtualHost(next_dispatcher=dispatcher, **{"a.example": "/a"})
    cherrypy.tree.mount(None, "/", {"/": {"request.dispatch": hosts}})
    (fault,) = map(str, faults())
    assert "the parameter more cannot be read: a route passes its variables by name" in fault


@pytest.mark.parametrize(
    ("template", "methods", "settings"),
    [("/", ["GET"], {}), ("/{cover}", ["POST"], {}), ("/", ["POST"], {"form": False})],
)
def test_a_file_that_nothing_sends_ends_the_start(template, methods, settings):
    class Root:
        @cpkit.tools.params(**settings)
        def upload(self, cover: Part): ...

    dispatcher = RoutesDispatcher()
    conditions = {"method": methods}
    dispatcher.connect("it", template, Root(), action="upload", conditions=conditions)
    cherrypy.tree.mount(None, "/", {"/": {"request.dispatch": dispatcher}})
    (fault,) = map(str, faults())
    assert "the parameter cover cannot be read: nothing sends a file there" in fault
