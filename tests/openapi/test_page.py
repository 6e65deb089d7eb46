"""The page of a description: negotiated, cached by ETag, and free of foreign hosts."""

import base64
import hashlib
import re

import cherrypy
import pytest
from msgspec import Struct

from cpkit import openapi
from cpkit.dispatchers import RoutesDispatcher
from cpkit.openapi import reference
from cpkit.openapi.wording import words
from tests.openapi import applications


@pytest.fixture
def page(cp_isolation):
    dispatcher = applications.mount("notes")
    made = openapi.Page(dispatcher, title="Notes & <more>", version="1", description="All.")
    cherrypy.tree.mount(made, "/docs")
    return made


def test_a_browser_gets_a_page_and_a_program_json(cp_client, page):
    browser = cp_client.get("/docs/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert browser.headers["Content-Type"] == "text/html;charset=utf-8"
    program = cp_client.get("/docs/", headers={"Accept": "application/json"})
    assert program.json() == page.description()
    assert program.json() == cp_client.get("/docs/openapi.json").json()
    own = "application/vnd.oai.openapi+json;version=3.1"
    response = cp_client.get("/docs/openapi.json", headers={"Accept": own})
    assert response.headers["Content-Type"] == own
    assert cp_client.get("/docs/openapi.json", headers={"Accept": "text/html"}).status_code == 406


def test_it_leads_home_if_it_is_told_where_that_is(cp_client, page):
    assert ">Home</a>" not in cp_client.get("/docs/", headers={"Accept": "text/html"}).text
    dispatcher = cherrypy.tree.apps[""].config["/"]["request.dispatch"]
    made = openapi.Page(dispatcher, title="Notes", version="1", home="/?a&b")
    cherrypy.tree.mount(made, "/other")
    text = cp_client.get("/other/", headers={"Accept": "text/html"}).text
    assert '<a href="/?a&amp;b">Home</a>' in text


@pytest.mark.parametrize("path", ["/docs/", "/docs/openapi.json"])
def test_what_a_client_has_already_is_a_304(cp_client, page, path):
    first = cp_client.get(path)
    again = cp_client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    other = cp_client.get(path, headers={"If-None-Match": '"other"'})
    assert other.status_code == 200
    assert first.headers["Vary"] == "Accept"
    assert first.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("field", "status"),
    [("W/{}", 304), ('"a", W/{}', 304), ('"a",{}', 304), ("*", 304), ('"a"', 200), ("no tag", 200)],
    ids=["weak", "weak in a list", "in a list", "any", "other", "none"],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_weak_tag_is_as_good_as_a_strong_one(cp_client, page, field, status, method):
    path = "/docs/openapi.json"
    tag = cp_client.get(path).headers["ETag"]
    response = cp_client.request(method, path, headers={"If-None-Match": field.format(tag)})
    assert response.status_code == status


def test_each_representation_has_an_etag_of_its_own(cp_client, page):
    accepted = ("text/html", "application/json")
    tags = {cp_client.get("/docs/", headers={"Accept": it}).headers["ETag"] for it in accepted}
    assert len(tags) == 2


def test_a_route_that_is_added_is_described(cp_client, page):
    tag = cp_client.get("/docs/openapi.json").headers["ETag"]
    dispatcher = cherrypy.tree.apps[""].config["/"]["request.dispatch"]
    dispatcher.connect("more", "/more", lambda: "", conditions={"method": ["GET"]})
    response = cp_client.get("/docs/openapi.json")
    assert response.headers["ETag"] != tag
    assert "/more" in response.json()["paths"]


def test_the_page_needs_nothing_but_itself(cp_client, page):
    response = cp_client.get("/docs/", headers={"Accept": "text/html"})
    text = response.text
    assert not re.search(r"(src|href)=\"(https?:)?//", text)
    policy = response.headers["Content-Security-Policy"]
    for tag in ("style", "script"):
        (found,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(found.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_the_page_escapes_what_it_shows(cp_client, page):
    text = cp_client.get("/docs/", headers={"Accept": "text/html"}).text
    assert "Notes &amp; &lt;more&gt;" in text
    assert "<more>" not in text


def test_the_page_shows_every_operation_and_schema(cp_client, page):
    text = cp_client.get("/docs/", headers={"Accept": "text/html"}).text
    for _, methods in page.description()["paths"].items():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in text
    for name in page.description()["components"]["schemas"]:
        assert f'id="schema-{name}"' in text


def test_the_page_can_be_reached_by_routes_and_describes_itself_not(cp_client):
    dispatcher = RoutesDispatcher()
    page = openapi.Page(dispatcher, title="t", version="1")
    dispatcher.connect("docs", "/docs", page, action="index", conditions={"method": ["GET"]})
    dispatcher.connect("openapi", "/openapi.json", page, action="openapi_json")
    cherrypy.tree.mount(None, "", {"/": {"request.dispatch": dispatcher}})
    assert cp_client.get("/openapi.json").json()["paths"] == {}
    assert "<title>t</title>" in cp_client.get("/docs", headers={"Accept": "text/html"}).text


def test_an_annotation_that_cannot_be_read_is_no_secret(cp_client):
    class Wrong(Struct):
        value: complex

    def handler(self) -> Wrong: ...

    dispatcher = RoutesDispatcher()
    pages = type("Pages", (), {"handler": handler})()
    dispatcher.connect("it", "/it", pages, action="handler", conditions={"method": ["GET"]})
    assert openapi.describe(dispatcher, title="t", version="1", config={})["paths"]["/it"]


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({}, "anything"),
        ({"type": "integer", "minimum": 1, "maximum": 2**63 - 1, "default": 1},
         "whole number, at least 1, default <code>1</code>"),
        ({"type": "string", "minLength": 1, "maxLength": 9, "pattern": "<"},
         "text, at least 1 character, at most 9 characters, matches <code>&lt;</code>"),
        ({"type": "array", "items": {"type": "string", "format": "uuid"}, "maxItems": 3},
         "list of UUID, at most 3 items"),
        ({"type": "array"}, "list"),
        ({"anyOf": [{"$ref": "#/components/schemas/Note"}, {"type": "null"}]},
         '<a href="#schema-Note">Note</a> or null'),
        ({"anyOf": [{"type": "boolean"}, {"type": "string"}], "default": False},
         "true or false, default <code>false</code>"),
        ({"enum": ["a", 1]}, "one of <code>a</code>, <code>1</code>"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "object of number"),
        ({"type": "number", "exclusiveMinimum": 0}, "number, more than 0"),
    ],
)  # fmt: skip
def test_a_schema_is_told_in_words(schema, told):
    assert words(schema) == told


@pytest.mark.parametrize("mounted", [True, False])
def test_a_page_says_that_its_dispatcher_is_not_the_one_that_is_mounted(
    cp_client, page, caplog, mounted
):
    dispatcher = cherrypy.tree.apps[""].config["/"]["request.dispatch"]
    made = openapi.Page(dispatcher if mounted else RoutesDispatcher(), title="N", version="1")
    cherrypy.tree.mount(made, "/other")
    for _ in range(2):
        cp_client.get("/other/openapi.json")
    told = [it for it in caplog.messages if "dispatcher that no application has" in it]
    assert len(told) == (0 if mounted else 1)


HOSTILE = "</script><img src=x onerror=alert(1)>\ud800&\u202e"


def test_hostile_words_are_shown_as_they_are(cp_client):
    class Thing(Struct):
        value: int

    Thing.__doc__ = HOSTILE

    @openapi.operation(tags=[HOSTILE], responses={409: HOSTILE})
    def handler(self) -> Thing: ...

    handler.__doc__ = f"{HOSTILE}\n\n{HOSTILE}"
    dispatcher = RoutesDispatcher()
    pages = type("Pages", (), {"handler": handler})()
    conditions = {"method": ["GET"]}
    dispatcher.connect("it", "/it", pages, action="handler", conditions=conditions)
    made = openapi.Page(dispatcher, title=HOSTILE, version=HOSTILE, description=HOSTILE)
    cherrypy.tree.mount(None, "", {"/": {"request.dispatch": dispatcher}})
    cherrypy.tree.mount(made, "/docs")
    text = cp_client.get("/docs/", headers={"Accept": "text/html"}).text
    assert "<img" not in text
    assert text.count("</script>") == 1
    # Words that are written from the right turn nothing around them.
    assert text.count('dir="auto">&lt;/script&gt;') == 3
    told = cp_client.get("/docs/openapi.json").json()
    assert told["info"]["title"] == HOSTILE.replace("\ud800", "?")


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (True, "anything"),
        (False, "nothing"),
        ({"type": ["string", "null"]}, "text or null"),
        ({"const": None}, "<code>null</code>"),
        ({"enum": [""]}, "empty"),
        ({"enum": ["", [""]]}, "empty"),
        ({"$ref": "https://x/<y>"}, "https://x/&lt;y&gt;"),
        ({"type": "string", "format": "<b>"}, "&lt;b&gt;"),
        ({"type": "array", "prefixItems": [{"type": "integer"}, True], "items": False,
          "minItems": 2, "maxItems": 2}, "list of whole number and anything"),
        ({"anyOf": [{"type": "integer", "minimum": 3}, {"type": "null"}]},
         "whole number (at least 3) or null"),
        ({"allOf": [{"type": "object"}, {"$ref": "#/components/schemas/A"}]},
         'object and <a href="#schema-A">A</a>'),
        ({"type": "array", "items": {"type": "string", "maxLength": 1}},
         "list of text (at most 1 character)"),
    ],
)  # fmt: skip
def test_any_schema_that_openapi_knows_is_told(schema, told):
    assert words(schema) == told


def test_responses_as_openapi_has_them_are_shown(cp_isolation):
    responses = {
        200: {
            "description": "It.",
            "content": {"application/json": {"schema": {"type": ["null"]}}},
        },
        299: {"content": {"text/plain": {}}, "description": "<b>"},
        409: {"$ref": "#/components/responses/Own"},
    }
    handler = openapi.operation(responses=responses)(lambda: "")
    dispatcher = RoutesDispatcher()
    dispatcher.connect("it", "/it", handler, conditions={"method": ["GET"]})
    told = openapi.describe(dispatcher, title="t", version="1", config={})
    text = reference.page(told)
    for shown in ("<code>application/json</code>: null", "&lt;b&gt;", "Own"):
        assert shown in text


def test_no_operation_has_the_id_of_a_part_of_the_page(cp_isolation):
    dispatcher = RoutesDispatcher()
    for name in (
        "search",
        "found",
        "operations",
        "search-field",
        "all-operations",
        "schema-Problem",
    ):
        dispatcher.connect(name, f"/{name}", lambda: "", conditions={"method": ["GET"]})
    text = reference.page(openapi.describe(dispatcher, title="t", version="1", config={}))
    ids = re.findall(r' id="([^"]*)"', text)
    assert len(ids) == len(set(ids)) > 6
