"""The body tool: documents decoded into the handler's annotation, by their media type."""

import dataclasses
import json
import sqlite3
import types
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Annotated, TypedDict

import cherrypy
import pytest
from msgspec import Meta, Struct, to_builtins

import cpkit.tools
from cpkit.config_check import faults
from cpkit.dispatchers import RequestGuard, RoutesDispatcher
from cpkit.errors import CpkitError
from cpkit.testing import Client

JSON = {"Content-Type": "application/json"}


class Note(Struct):
    text: Annotated[str, Meta(min_length=1)]
    copies: int = 1


@dataclasses.dataclass
class Card:
    text: str


class Slip(TypedDict):
    text: str


def note(self, body: Note):
    return json.dumps([body.text, body.copies])


def serve(handler, config=None, methods=("PUT",), **settings):
    """Serve *handler* at ``/``, with the tool on."""

    class Root:
        pass

    handler = fresh(handler)
    Root.handler = cpkit.tools.body(**settings)(handler)
    dispatcher = RoutesDispatcher()
    conditions = {"method": list(methods)}
    dispatcher.connect("it", "/", Root(), action="handler", conditions=conditions)
    cherrypy.tree.mount(None, "/", {"/": {"request.dispatch": dispatcher, **(config or {})}})


def fresh(handler):
    """Return a handler of the same code, which a decorator marks for this test alone."""
    made = types.FunctionType(*map(partial(getattr, handler), MADE_OF))
    made.__kwdefaults__ = handler.__kwdefaults__
    made.__dict__.update(handler.__dict__)
    made.__annotations__ = handler.__annotations__
    made.__module__, made.__qualname__ = handler.__module__, handler.__qualname__
    return made


MADE_OF = ("__code__", "__globals__", "__name__", "__defaults__", "__closure__")


def errors(response, status):
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    return [tuple(each.values()) for each in response.json().get("errors", ())]


@pytest.mark.parametrize("annotation", [Note, Card, Slip, dict, dict[str, str], None], ids=str)
def test_a_document_becomes_what_the_annotation_says(cp_client, annotation):
    def handler(self, body):
        return repr(body)

    if annotation:
        handler.__annotations__["body"] = annotation
    serve(handler)
    response = cp_client.put("/", json={"text": "a"})
    assert response.text in ("Note(text='a', copies=1)", repr(Card("a")), "{'text': 'a'}")


@pytest.mark.parametrize(
    ("field", "status"),
    [
        ("application/json", 200),
        ("Application/JSON", 200),
        ("application/json; charset=utf-8", 200),
        ('application/json; charset="UTF-8"', 200),
        ("application/vnd.note+json; version=1", 200),
        ("application/json; charset=utf-16", 415),
        ("application/json; charset=latin-1", 415),
        ("text/json", 415),
        ("text/plain", 415),
        ("application/xml+jsonx", 415),
        ("json", 415),
        ("*/*", 415),
        ("", 415),
        (",,,,", 415),
        ("application/json, text/plain", 415),
    ],
)
def test_the_media_type_decides_who_reads_and_a_415_says_what_is_taken(cp_client, field, status):
    serve(note)
    response = cp_client.put("/", data=b'{"text": "a"}', headers={"Content-Type": field})
    assert response.status_code == status
    assert response.headers.get("Accept") == ("application/json" if status == 415 else None)


def test_a_content_coding_is_a_415(cp_client):
    serve(note)
    headers = {**JSON, "Content-Encoding": "gzip"}
    assert cp_client.put("/", data=b"{}", headers=headers).status_code == 415


def test_parsers_of_ones_own_are_chosen_by_media_type(cp_client):
    def lines(document):
        return dict(line.split("=") for line in document.decode().splitlines())

    serve(note, media={"application/json": None, "text/x-note": lines})
    ask = cp_client.put
    assert ask("/", json={"text": "a"}).json() == ["a", 1]
    headers = {"Content-Type": "Text/X-Note"}
    assert ask("/", data=b"text=b", headers=headers).json() == ["b", 1]
    wrong = ask("/", data=b"copies=2", headers=headers)
    assert errors(wrong, 422) == [
        ("body", "/copies", "must be a whole number"),
        ("body", "/text", "is missing"),
    ]
    assert errors(ask("/", data=b"\xff", headers=headers), 400)[0][:2] == ("body", "")
    refused = ask("/", data=b"", headers={"Content-Type": "text/plain", "Content-Length": "9"})
    assert refused.headers["Accept"] == "application/json, text/x-note"


def test_json_alone_of_all_types_takes_its_suffix(cp_client):
    serve(note, media=["application/vnd.note+json"])
    ask = cp_client.put
    body = b'{"text": "a"}'
    vendor = {"Content-Type": "application/vnd.note+json"}
    assert ask("/", data=body, headers=vendor).status_code == 200
    assert ask("/", data=body, headers=JSON).status_code == 415
    other = {"Content-Type": "application/vnd.other+json"}
    assert ask("/", data=body, headers=other).status_code == 415


@pytest.mark.parametrize(
    "document",
    [b"{", b"nope", b'{"text": "\xff"}', b'{"text": "\\ud800"}', b"[" * 60_000, b"\xef\xbb\xbf{}"],
    ids=lambda document: repr(document[:16]),
)
def test_a_malformed_document_is_a_400(cp_client, document):
    serve(note)
    ((place, name, detail),) = errors(cp_client.put("/", data=document, headers=JSON), 400)
    assert (place, name) == ("body", "")
    assert detail.startswith("is malformed: ")


def test_a_wrong_document_is_a_422_with_a_pointer_for_each_fault(cp_client):
    serve(note)
    assert errors(cp_client.put("/", json={"text": "", "copies": None}), 422) == [
        ("body", "/text", "must be text of at least 1 character"),
        ("body", "/copies", "must be a whole number"),
    ]
    assert errors(cp_client.put("/", json=[]), 422) == [("body", "", "must be an object")]


@pytest.mark.parametrize("number", [b"9" * 60_000, b"1e999", b"-1e999", b"9" * 4000])
def test_a_number_that_nothing_holds_is_a_422(cp_client, number):
    serve(note)
    document = b'{"text": "a", "copies": %s}' % number
    assert errors(cp_client.put("/", data=document, headers=JSON), 422)[0][1] == "/copies"


@pytest.mark.parametrize("chunked", [True, False])
def test_a_long_body_is_a_413(cp_client, chunked):
    serve(note, max_bytes=20)
    for size, status in ((20, 200), (21, 413)):
        document = json.dumps({"text": "a" * (size - 12)}).encode()
        assert len(document) == size
        data = [document[:5], document[5:]] if chunked else document
        assert cp_client.put("/", data=data, headers=JSON).status_code == status


def test_64_kib_are_taken_unless_more_is_asked_for(cp_client):
    serve(note)
    document = json.dumps({"text": "a" * (65_536 - 12)}).encode()
    assert cp_client.put("/", data=document, headers=JSON).status_code == 200
    assert cp_client.put("/", data=document + b" ", headers=JSON).status_code == 413


@pytest.mark.parametrize(
    ("settings", "most"), [({}, 6553), ({"max_values": 40}, 2), ({"max_bytes": 100}, 10)], ids=str
)
def test_a_document_of_which_too_much_would_be_made_is_a_413(cp_client, settings, most):
    def handler(self, body: list[Decimal]):
        return str(len(body))

    serve(handler, **settings)
    assert cp_client.put("/", json=[1] * most).text == str(most)
    refused = cp_client.put("/", json=[1] * (most + 1))
    assert refused.status_code == 413
    assert "The document has too many values." in refused.text


def test_a_body_that_was_cut_off_is_a_400(cp_client):
    def handler(self, body: int):
        return str(body)

    serve(handler)
    response = cp_client.put("/", data=b"12", headers={**JSON, "Content-Length": "3"})
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("document", "reason"),
    [(b"12", "ended too early"), (b"[" * 3000, "nested")],
)
def test_what_the_guard_refuses_of_a_body_is_told_in_json_too(cp_client, document, reason):
    """As on a GuardedServer, which is what a deployment should have."""

    def handler(self, body: list):
        return str(body)

    serve(handler)
    guarded = Client(RequestGuard(cherrypy.tree))
    response = guarded.put("/", data=document, headers={**JSON, "Content-Length": "3000"})
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Connection"] == "close"
    assert reason in response.json()["detail"]


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "0"}, {**JSON, "Content-Length": "0"}])
def test_no_body_is_missing_and_no_411(cp_client, headers):
    serve(note)
    response = cp_client.request("PUT", "/", headers=headers)
    assert errors(response, 400) == [("body", "", "is missing")]


def test_no_body_is_the_default_where_there_is_one(cp_client):
    def handler(self, body: Note | None = None):
        return repr(body)

    serve(handler)
    assert cp_client.request("PUT", "/").text == "None"
    assert cp_client.put("/", json=None, data=b"null", headers=JSON).text == "None"


def test_a_method_that_cherrypy_knows_no_body_of_is_read_too(cp_client):
    serve(note, methods=["DELETE"])
    assert cp_client.request("DELETE", "/", json={"text": "a"}).json() == ["a", 1]


def test_path_and_query_are_params_and_a_form_is_none(cp_client):
    def handler(self, body: Note, dry: bool = False):
        return json.dumps([body.text, dry])

    serve(cpkit.tools.params()(handler))
    assert cp_client.put("/?dry=1", json={"text": "a"}).json() == ["a", True]
    response = cp_client.put("/?dry=x&body=1", data=b"x", headers=JSON)
    assert errors(response, 400) == [
        ("query", "dry", "must be true or false"),
        ("query", "body", "is unknown"),
    ]
    assert cp_client.put("/?dry=x", data=b"", headers={"Content-Type": "a/b"}).status_code == 400
    assert cp_client.put("/?dry=x", data=b"x", headers={"Content-Type": "a/b"}).status_code == 415


def test_a_query_cannot_stand_for_a_body(cp_client):
    def handler(self, body: Note | None = None):
        return repr(body)

    serve(handler)
    assert cp_client.request("PUT", "/?body=x").text == "None"


def test_a_handler_without_the_parameter_is_left_alone(cp_client):
    class Root:
        @cherrypy.expose
        def index(self, q="x"):
            return q

    cherrypy.tree.mount(Root(), "/", {"/": {"cpkit.body.on": True}})
    assert cp_client.get("/?q=a").text == "a"
    assert cp_client.post("/", data={"q": "b"}).text == "b"


def test_the_bytes_are_left_on_the_request(cp_client):
    def handler(self, note: Note):
        return cherrypy.request.document

    serve(handler, parameter="note")
    document = b'{ "text":"a" }'
    assert cp_client.put("/", data=document, headers=JSON).content == document


@pytest.mark.parametrize("data", [None, [b""]], ids=["nothing", "no chunks"])
def test_each_call_gets_a_default_of_its_own(cp_client, start_database, data):
    import sqlalchemy.exc

    start_database()
    seen = []

    @cpkit.tools.db(retry=1)
    def handler(self, body: list[int] = []):  # noqa: B006
        seen.append(list(body))
        body.append(1)
        if len(seen) % 2:
            cherrypy.request.db.execute(sqlalchemy.text("SELECT 1"))
            locked = sqlite3.OperationalError("database is locked")
            raise sqlalchemy.exc.OperationalError("", {}, locked)
        return "done"

    serve(handler)
    for _ in range(2):
        assert cp_client.put("/", data=data, headers=JSON).text == "done"
    assert seen == [[]] * 4


def test_each_attempt_of_a_retry_gets_a_value_of_its_own(cp_client, start_database):
    import sqlalchemy.exc

    start_database()
    seen = []

    @cpkit.tools.db(retry=2)
    def handler(self, body: Note):
        seen.append((body.copies, id(body)))
        body.copies += 1
        if len(seen) < 3:
            cherrypy.request.db.execute(sqlalchemy.text("SELECT 1"))
            locked = sqlite3.OperationalError("database is locked")
            raise sqlalchemy.exc.OperationalError("", {}, locked)
        return "done"

    serve(handler)
    assert cp_client.put("/", json={"text": "a"}).text == "done"
    assert [copies for copies, _ in seen] == [1, 1, 1]


def test_the_default_dispatcher_and_the_methoddispatcher_work_too(cp_client):
    class Root:
        exposed = True

        @cherrypy.expose
        @cpkit.tools.body()
        def put(self, body: Note):
            return body.text

        PUT = put

    method = {"request.dispatch": cherrypy.dispatch.MethodDispatcher()}
    cherrypy.tree.mount(Root(), "/m", {"/": method})
    cherrypy.tree.mount(Root(), "/d")
    assert cp_client.put("/m/", json={"text": "a"}).text == "a"
    assert cp_client.put("/d/put", json={"text": "a"}).text == "a"


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BOTH = ["application/json", "application/x-www-form-urlencoded"]


class Slip2(Struct):
    text: Annotated[str, Meta(max_length=9, extra={"expects": "a line of 9 letters"})]
    copies: int
    due: date | None = None
    tags: list[int] = []


@pytest.mark.parametrize(
    ("form", "card"),
    [
        ("text=a&copies=2", Slip2("a", 2)),
        ("text=a&copies=2&due=2026-11-29&tags=1&tags=2", Slip2("a", 2, date(2026, 11, 29), [1, 2])),
        ("text=a&copies=2&due=&tags=", Slip2("a", 2)),
    ],
)
def test_a_form_may_stand_for_a_document(cp_client, form, card):
    def handler(self, body: Slip2):
        return repr(body)

    serve(handler, media=BOTH)
    assert cp_client.put("/", data=form, headers=FORM).text == repr(card)
    assert cp_client.put("/", json=to_builtins(card)).text == repr(card)


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("text=a", [("form", "copies", "is missing")]),
        ("text=&copies=x", [("form", "copies", "must be a whole number"),
                            ("form", "text", "is missing")]),
        ("text=0123456789&copies=1&more=1&tags=1&tags=x", [
            ("form", "text", "must be a line of 9 letters"),
            ("form", "more", "is unknown"),
            ("form", "tags/1", "must be a whole number"),
        ]),
        ("text=%FF&copies=1", [("body", "", "is malformed: it is no UTF-8")]),
    ],
)  # fmt: skip
def test_a_wrong_form_is_a_400_and_a_wrong_document_a_422(cp_client, form, told):
    def handler(self, body: Slip2):
        return ""

    serve(handler, media=BOTH)
    assert errors(cp_client.put("/", data=form, headers=FORM), 400) == told
    assert cp_client.put("/", json={"text": "a"}).status_code == 422


def test_what_no_form_writes_ends_the_start():
    def handler(self, body: list[int]): ...

    serve(handler, media=BOTH)
    (fault,) = map(str, faults())
    assert "a form is a Struct, a dataclass or a TypedDict" in fault


class Unreadable(Struct):
    value: complex


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        (Unreadable, "nothing is known of complex"),
        (int | str, "int | str cannot be told apart"),
        ("Nowhere", "imported for type checkers only"),
    ],
)
def test_an_annotation_that_cannot_be_read_ends_the_start(annotation, said):
    def handler(self, body): ...

    handler.__annotations__["body"] = annotation
    serve(handler)
    (fault,) = map(str, faults())
    assert fault.startswith("cpkit.body.on in ")
    assert said in fault


def test_a_decorated_handler_without_the_parameter_ends_the_start():
    def handler(self, note: Note): ...

    serve(handler)
    (fault,) = map(str, faults())
    assert "the parameter body cannot be read: there is none" in fault


@pytest.mark.parametrize(
    "setting",
    [
        {"media": []},
        {"media": "json"},
        {"media": {"text/plain": None}},
        {"media": ["text/plain"]},
        {"media": 1},
        {"parameter": "a b"},
        {"max_bytes": 0},
        {"max_bytes": True},
        {"max_values": -1},
        {"max_values": "many"},
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused(setting):
    with pytest.raises(CpkitError):
        cpkit.tools.body(**setting)
