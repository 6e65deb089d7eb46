"""What docs/accept.md says in its tables: each row is a test here, and the page has no other."""

import io
import json
import re
from pathlib import Path

import cherrypy
import pytest
from cherrypy.lib import static

import cpkit.tools
from cpkit.errors import NotRenderedError

PAGE = (Path(__file__).parents[2] / "docs" / "accept.md").read_text()
JSON, PROBLEM = "application/json", "application/problem+json"
HTML, TEXT = "text/html", "text/plain"


def rows(heading):
    """Return the rows of the first table under *heading*, as lists of cells."""
    text = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def serve(handler, **settings):
    config = settings.pop("config", {})

    class Root:
        @cherrypy.expose
        @cpkit.tools.accept(**settings)
        def index(self):
            return handler()

    cherrypy.tree.mount(Root(), "", {"/": config})


# ------------------------------ what it adds ------------------------------


def chosen(client, accept, *offers):
    serve(lambda: cherrypy.request.accepted, media=list(offers))
    response = client.get("/", headers={"Accept": accept})
    return response.text if response.status_code == 200 else response.status_code


def specific_first_and_exclusion(client):
    assert chosen(client, "*/*;q=0.9, text/html;q=0.1", HTML, TEXT) == TEXT
    assert chosen(client, "*/*, text/html;q=0", HTML, TEXT) == TEXT


def parameters_quotes_case(client):
    assert chosen(client, "Text/HTML;LEVEL=1", HTML, "text/html;level=1") == "text/html;level=1"
    assert chosen(client, 'a/b;c="x,y", text/plain;q=0.1', TEXT, 'a/b;c="x,y"') == 'a/b;c="x,y"'


def ties(client):
    assert chosen(client, "text/*, text/plain", HTML, TEXT) == TEXT
    assert chosen(client, f"{TEXT}, {HTML}", HTML, TEXT) == HTML


def renderers_and_type(client):
    serve(lambda: {"a": 1}, media={JSON: json.dumps})
    response = client.get("/")
    assert (response.json(), response.headers["Content-Type"]) == ({"a": 1}, JSON)


def vary_once(client):
    def answer(status):
        if status == 304:
            raise cherrypy.HTTPRedirect([], 304)
        if status >= 400:
            raise cherrypy.HTTPError(status)
        return "page"

    for status in (200, 304, 404, 406, 503):
        serve(lambda status=status: answer(status), media=[HTML])
        response = client.get("/", headers={"Accept": "image/png" if status == 406 else HTML})
        assert response.status_code == status
        assert response.headers.get_all("Vary") == ["Accept"]


def forms_of_a_406(client):
    for form in (HTML, TEXT, JSON, PROBLEM):
        serve(lambda: "feed", media=["text/csv"])
        response = client.get("/", headers={"Accept": form})
        assert response.status_code == 406
        assert response.headers["Content-Type"].partition(";")[0] == form


def no_list_of_types(client):
    assert chosen(client, "html, text/plain", HTML, TEXT) == TEXT
    serve(lambda: "page", media=[HTML], strict=True)
    assert client.get("/", headers={"Accept": "html, text/html"}).status_code == 400


def any_length(client):
    assert chosen(client, "a/b," * 129, HTML) == 431
    assert chosen(client, "a/" + "b" * 8_192, HTML) == 431
    assert chosen(client, HTML + "," * 8_183, HTML) == HTML


ADDED = [
    specific_first_and_exclusion,
    parameters_quotes_case,
    ties,
    renderers_and_type,
    vary_once,
    forms_of_a_406,
    no_list_of_types,
    any_length,
]


@pytest.mark.parametrize("claim", ADDED, ids=lambda claim: claim.__name__)
def test_what_it_adds(cp_client, claim):
    claim(cp_client)


# ------------------------------ what the handler returns ------------------------------


def of_type(content_type, body):
    def handler():
        cherrypy.response.headers["Content-Type"] = content_type
        return body() if callable(body) else body

    return handler


def served(path):
    path.write_bytes(b"%PDF")
    return static.serve_file(str(path))


def downloaded(path):
    path.write_bytes(b"%PDF")
    return static.serve_download(str(path))


def numbers():
    yield from (1, 2)


def lines(data):
    yield from (f"{number}\n" for number in data)


CSV = "text/csv;charset=utf-8"
RETURNED = {
    "data, such as a dict": [({"a": 1}, json.dumps, JSON, b'{"a": 1}')],
    "a generator": [(numbers, lambda data: json.dumps(list(data)), JSON, b"[1, 2]"),
                    (numbers, lines, JSON, b"1\n2\n")],
    "`None`": [(None, json.dumps, JSON, b"")],
    "`bytes`, or an open file": [(b"[]", json.dumps, JSON, b"[]"),
                                 (lambda: io.BytesIO(b"[]"), json.dumps, JSON, b"[]")],
    "an open file of text, `StringIO`": [
        (lambda: io.StringIO("É"), json.dumps, JSON, "É".encode())
    ],
    "`serve_file(…)`, `serve_download(…)`": [
        (served, json.dumps, "application/pdf", b"%PDF"),
        (downloaded, json.dumps, "application/x-download", b"%PDF"),
    ],
    "text, a file or a generator, after it set another `Content-Type`": [
        (of_type("text/csv", "a\r\n"), json.dumps, CSV, b"a\r\n"),
        (of_type("text/csv", lambda: io.StringIO("a\r\n")), json.dumps, CSV, b"a\r\n"),
        (of_type("text/csv", lambda: iter(["a\r\n"])), json.dumps, CSV, b"a\r\n"),
    ],
    "data, after it set another `Content-Type`": [
        (of_type("application/hal+json", {"a": 1}), json.dumps, "application/hal+json", b'{"a": 1}')
    ],
}  # fmt: skip
WITHOUT_RENDERER = "a list of dicts, and there is no renderer"


@pytest.mark.parametrize("returned", RETURNED)
def test_what_is_sent(cp_client, tmp_path, returned):
    for number, (result, renderer, content_type, body) in enumerate(RETURNED[returned]):

        def handler(result=result, number=number):
            if result in (served, downloaded):
                return result(tmp_path / f"{number}.pdf")
            return result() if callable(result) else result

        serve(handler, media={JSON: renderer}, config={"response.stream": number == 1})
        response = cp_client.get("/")
        assert (response.headers["Content-Type"], response.content) == (content_type, body)


def test_what_nobody_rendered_is_named(cp_client):
    serve(lambda: [{"a": 1}], media=[JSON])
    with pytest.raises(NotRenderedError, match=JSON):
        cp_client.get("/")


def test_every_row_of_what_is_sent_is_tested():
    assert [row[0] for row in rows("Renderers")] == [*RETURNED, WITHOUT_RENDERER]


# ------------------------------ errors ------------------------------

MEDIA = {JSON: json.dumps, HTML: str, TEXT: str, "text/csv": str}


@pytest.mark.parametrize("row", rows("Errors"), ids=lambda row: row[0])
def test_the_type_of_an_error(cp_client, row):
    seen = []

    def missing():
        seen.append(cherrypy.request.accepted)
        raise cherrypy.HTTPError(404)

    accept, negotiated, told = row
    serve(missing, media=MEDIA, errors=True)
    response = cp_client.get("/", headers={"Accept": accept.strip("`")})
    assert response.status_code == (404 if seen else 406)
    assert [f"`{kind}`" for kind in seen] == re.findall("`.*?`", negotiated)
    form = HTML if told == "CherryPy's page" else re.search("`(.*?)`", told)[1]
    assert response.headers["Content-Type"].partition(";")[0] == form


def test_every_row_of_what_it_adds_is_tested():
    assert len(rows("What it adds to CherryPy's own `tools.accept`")) == len(ADDED)
