"""The accept tool in a request: the choice, the renderers, the headers and the refusals."""

import json

import cherrypy
import pytest

import cpkit.tools
from cpkit.errors import InvalidOfferError

BOOK = {"title": "Émile"}


def page(book):
    return f"<h1>{book['title']}</h1>"


def line(book):
    return book["title"].encode()


class Library:
    @cherrypy.expose
    @cpkit.tools.accept(
        media={"text/html": page, "application/json": json.dumps, "text/plain": line}
    )
    def book(self):
        return BOOK

    @cherrypy.expose
    @cpkit.tools.accept(media=["application/json", "text/html"])
    def listed(self):
        return f'"{cherrypy.request.accepted}"'


@pytest.fixture
def library(cp_client):
    cherrypy.tree.mount(Library())
    return cp_client


@pytest.mark.parametrize(
    ("accept", "content_type", "body"),
    [
        ("text/html", "text/html;charset=utf-8", "<h1>Émile</h1>".encode()),
        ("application/json", "application/json", b'{"title": "\\u00c9mile"}'),
        ("text/plain", "text/plain;charset=utf-8", "Émile".encode()),
        ("application/*, text/*;q=0.5", "application/json", b'{"title": "\\u00c9mile"}'),
    ],
)
def test_the_renderer_of_the_accepted_type_makes_the_body(library, accept, content_type, body):
    response = library.get("/book", headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == content_type
    assert response.content == body
    assert response.headers.get_all("Vary") == ["Accept"]


def test_a_str_for_json_passes_the_encode_tool(library):
    response = library.get("/listed")
    assert response.json() == "application/json"
    assert response.headers["Content-Type"] == "application/json"


def test_406_lists_the_offers_and_varies(library):
    response = library.get("/book", headers={"Accept": "image/png"})
    assert response.status_code == 406
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["offers"] == ["text/html", "application/json", "text/plain"]
    assert response.headers.get_all("Vary") == ["Accept"]


def test_a_wrong_offer_is_refused_where_it_is_declared():
    with pytest.raises(InvalidOfferError):
        cpkit.tools.accept(media=["html"])
