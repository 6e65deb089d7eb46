"""Errors of a negotiated resource, told in a form that the client accepts."""

import json

import cherrypy
import pytest

import cpkit.tools
from cpkit.negotiation import problems as problem

JSON, PROBLEM = "application/json", "application/problem+json"
OFFERS = ["application/atom+xml", "text/csv"]


def serve(handler, config=None, **settings):
    class Root:
        @cherrypy.expose
        @cpkit.tools.accept(**settings)
        def index(self):
            return handler()

    cherrypy.tree.mount(Root(), "/", {"/": config or {}})


def missing():
    raise cherrypy.HTTPError(404, "There is no book <7>.")


def failing():
    raise ZeroDivisionError("secret")


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("text/html", "text/html;charset=utf-8"),
        ("text/plain", "text/plain;charset=utf-8"),
        ("text/*, text/csv;q=0", "text/html;charset=utf-8"),
        ("application/json", JSON),
        ("application/json, application/problem+json;q=0.5", JSON),
        ("application/problem+json", PROBLEM),
        ("application/*, application/atom+xml;q=0", PROBLEM),
        ("image/png", PROBLEM),
        ("application/xml", PROBLEM),
        ("text/csv;q=0", PROBLEM),
    ],
)
def test_406_lists_the_offers_in_a_form_that_the_client_accepts(cp_client, accept, content_type):
    serve(lambda: "feed", media=OFFERS)
    response = cp_client.get("/", headers={"Accept": accept})
    assert response.status_code == 406
    assert response.headers["Content-Type"] == content_type
    listed = f"But this resource only emits these media types: {', '.join(OFFERS)}."
    assert f"Your client sent this Accept header: {accept}. {listed}" in response.text


def test_a_406_problem_has_the_members_of_rfc_9457_and_the_offers(cp_client):
    serve(lambda: "feed", media=OFFERS)
    told = cp_client.get("/", headers={"Accept": "image/png"}).json()
    detail = told.pop("detail")
    assert told == {"status": 406, "title": "Not Acceptable", "offers": OFFERS}
    assert detail.startswith("Your client sent this Accept header: image/png.")


def test_a_406_escapes_the_field_in_html_and_shows_its_head_only(cp_client):
    serve(lambda: "feed", {"request.show_tracebacks": False}, media=OFFERS)
    field = 'text/html, a/b;x="<script>"' + ", image/png" * 100
    response = cp_client.get("/", headers={"Accept": field})
    assert "<script>" not in response.text
    assert response.text.count("image/png") < 20


@pytest.mark.parametrize("asked", ["application/json", "text/html", "image/png"])
def test_a_406_shows_a_field_that_is_no_utf_8(cp_client, asked):
    serve(lambda: "feed", media=OFFERS)
    encoded = f'{asked};q=1;x="\ud800'.encode("utf-7").decode().replace("=", "=3D")
    response = cp_client.get("/", headers={"Accept": f'=?utf-7?q?{encoded}"?='})  # RFC 2047
    assert response.status_code == 406
    assert f"Accept header: {asked};q=1;x=" in response.text


@pytest.mark.parametrize("key", ["error_page.406", "error_page.default"])
def test_a_406_page_of_the_applications_own_holds(cp_client, key):
    serve(lambda: "feed", {key: lambda **told: f"own: {told['status']}"}, media=OFFERS)
    response = cp_client.get("/", headers={"Accept": "image/png"})
    assert response.text.startswith("own: 406 Not Acceptable")


MEDIA = {
    "text/html": str,
    "application/json": json.dumps,
    "text/plain": str,
    "text/csv": str,
    "application/vnd.api+json": json.dumps,
}


@pytest.mark.parametrize(
    ("accept", "content_type", "body"),
    [
        ("application/json", JSON, b'{"status": 404, "title": "Not Found", "detail": "'),
        ("application/json, application/problem+json", PROBLEM, b'{"status": 404, "title"'),
        ("application/vnd.api+json", PROBLEM, b'{"status": 404'),
        ("application/vnd.api+json, application/json;q=0.1", JSON, b'{"status": 404'),
        ("text/plain", "text/plain;charset=utf-8", b"404 Not Found\n\nThere is no book <7>.\n"),
        ("text/csv", PROBLEM, b'{"status": 404'),
        ("text/csv, text/plain;q=0.1", "text/plain;charset=utf-8", b"404 Not Found"),
        ("text/html", "text/html;charset=utf-8", b"<!DOCTYPE html"),
        ("text/html, application/problem+json", "text/html;charset=utf-8", b"<!DOCTYPE html"),
    ],
)
def test_errors_tells_a_404_in_the_negotiated_type(cp_client, accept, content_type, body):
    serve(missing, media=MEDIA, errors=True)
    response = cp_client.get("/", headers={"Accept": accept})
    assert response.status_code == 404
    assert response.headers["Content-Type"] == content_type
    assert response.content.startswith(body)
    if "json" in content_type:
        assert response.json()["detail"] == "There is no book <7>."
    assert response.headers.get_all("Vary") == ["Accept"]


@pytest.mark.parametrize(
    ("query", "accept", "content_type"),
    [
        ("?format=json", "text/html", JSON),
        ("?format=html", JSON, "text/html;charset=utf-8"),
        ("?format=txt", "image/png", "text/plain;charset=utf-8"),
        ("?format=csv", "text/html", "text/html;charset=utf-8"),
        ("?format=csv", JSON, JSON),
        ("", "text/html", "text/html;charset=utf-8"),
    ],
)
def test_errors_tells_a_404_in_the_type_that_the_query_asks_for(
    cp_client, query, accept, content_type
):
    serve(missing, media=MEDIA, errors=True, format_param="format")
    response = cp_client.get(f"/{query}", headers={"Accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == (404, content_type)


def test_without_errors_cherrypys_page_tells_it(cp_client):
    serve(missing, media=MEDIA)
    response = cp_client.get("/", headers={"Accept": JSON})
    assert response.headers["Content-Type"] == "text/html;charset=utf-8"


def test_an_unexpected_error_is_told_without_its_traceback(cp_client):
    cp_client.raise_exceptions = False
    serve(failing, {"request.show_tracebacks": True}, media=MEDIA, errors=True)
    response = cp_client.get("/", headers={"Accept": JSON})
    assert response.status_code == 500
    assert response.json()["title"] == "Internal Server Error"
    assert "secret" not in response.text
    assert response.headers["Vary"] == "Accept"


@pytest.mark.parametrize(
    ("accept", "content_type", "body"),
    [
        ("text/html", "text/html;charset=utf-8", "<p>There is no book <7>.</p>"),
        ("text/csv", "text/csv;charset=utf-8", "404,Not Found"),
        ("application/json", JSON, '{"status": 404'),
    ],
)
def test_errors_may_be_renderers_of_ones_own(cp_client, accept, content_type, body):
    own = {
        "text/html": lambda told: f"<p>{told['detail']}</p>",
        "text/csv": lambda told: f"{told['status']},{told['title']}".encode(),
    }
    serve(missing, media=MEDIA, errors=own)
    response = cp_client.get("/", headers={"Accept": accept})
    assert response.headers["Content-Type"] == content_type
    assert response.text.startswith(body)


def test_an_error_page_of_the_applications_own_holds(cp_client):
    serve(missing, {"error_page.404": lambda **told: "own"}, media=MEDIA, errors=True)
    assert cp_client.get("/", headers={"Accept": JSON}).text.startswith("own")


@pytest.mark.parametrize(("accept", "status"), [("json, text/plain", 400), ("a/b," * 200, 431)])
def test_a_refused_field_is_told_by_errors_too(cp_client, accept, status):
    serve(missing, media=MEDIA, errors=True, strict=True)
    response = cp_client.get("/", headers={"Accept": accept})
    assert response.status_code == status
    assert response.headers["Content-Type"] != "text/html;charset=utf-8"
    assert response.headers["Vary"] == "Accept"
    serve(missing, media=MEDIA, strict=True)
    assert cp_client.get("/", headers={"Accept": accept}).status_code == status


def test_a_404_of_the_dispatcher_is_told_in_a_form_that_the_client_accepts(cp_client):
    config = {"cpkit.accept.on": True, "cpkit.accept.media": MEDIA, "cpkit.accept.errors": True}
    cherrypy.tree.mount(None, "/", {"/": config})
    response = cp_client.get("/no/such", headers={"Accept": JSON})
    assert response.status_code == 404
    assert response.json()["detail"] == "The path '/no/such' was not found."
    response = cp_client.get("/no/such", headers={"Accept": "image/png"})
    assert (response.status_code, response.headers["Content-Type"]) == (404, PROBLEM)


def test_the_form_for_a_field_over_the_limits_is_the_last_resort():
    assert problem.form("a" * 9_000) == PROBLEM
    assert problem.form("a" * 9_000, JSON, last_resort="text/plain") == "text/plain"


def test_a_problem_without_a_reason_has_an_empty_title():
    assert problem.problem("404", "gone", extra=1) == {
        "status": 404,
        "title": "",
        "detail": "gone",
        "extra": 1,
    }
