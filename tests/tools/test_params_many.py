"""Forms and queries of very many fields: params and body read as many as a guard lets through."""

import cherrypy
import pytest
from msgspec import Struct

import cpkit.tools
from cpkit.dispatchers import RequestGuard
from cpkit.testing import Client
from cpkit.tools import Part

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PARTS = {"Content-Type": "multipart/form-data; boundary=B"}


class Tag(Struct):
    tag: int = 0


class Root:
    @cherrypy.expose
    @cpkit.tools.params()
    def params(self, tag: list[int] = [], **rest: str):  # noqa: B006
        return str(len(tag) + len(rest))

    @cherrypy.expose
    @cpkit.tools.params()
    def files(self, file: list[Part] = []):  # noqa: B006
        for part in file:
            part.file.close()
        return str(len(file))

    @cherrypy.expose
    @cpkit.tools.params()
    def texts(self, file: list[str]):
        files = [part for part in cherrypy.request.body.parts if part.file]
        return f"{len(file)} texts, {len(files)} files"

    @cherrypy.expose
    @cpkit.tools.body(media=["application/json", FORM["Content-Type"]])
    def body(self, body: Tag):
        return str(body.tag)


@pytest.fixture(autouse=True)
def root():
    cherrypy.tree.mount(Root())


@pytest.mark.parametrize("field", ["tag=1", "tag=%31", "n{}=1", "n%7E{}=1"])
def test_a_form_of_a_thousand_fields_is_read_and_a_longer_one_a_413(cp_client, field):
    form = "&".join(field.format(number) for number in range(1000))
    assert cp_client.post("/params", data=form, headers=FORM).text == "1000"
    refused = cp_client.post("/params", data=f"{form}&{field}", headers=FORM)
    assert refused.status_code == 413
    assert refused.json()["detail"] == "The form has more than 1000 fields."


def test_the_body_tool_reads_no_longer_forms(cp_client):
    assert cp_client.post("/body", data="tag=1" + "&" * 999, headers=FORM).text == "1"
    assert cp_client.post("/body", data="tag=1" + "&" * 1000, headers=FORM).status_code == 413
    assert cp_client.post("/body", json={"tag": "&" * 1000}).status_code == 422


def parts_of(count, content="", file=True):
    named = '; filename="a"' if file else ""
    head = f"--B\r\nContent-Disposition: form-data; name=file{named}\r\n\r\n"
    return f"{head}{content}\r\n" * count + "--B--\r\n"


def test_a_form_of_20_files_is_read_and_one_of_more_a_413(cp_client):
    assert cp_client.post("/files", data=parts_of(20), headers=PARTS).text == "20"
    refused = cp_client.post("/files", data=parts_of(21), headers=PARTS)
    assert refused.status_code == 413
    assert refused.json()["detail"] == "The body has too many files."


def test_a_guard_says_how_many_files_there_may_be():
    client = Client(RequestGuard(cherrypy.tree, max_files=30))
    assert client.post("/files", data=parts_of(30), headers=PARTS).text == "30"
    assert client.post("/files", data=parts_of(31), headers=PARTS).status_code == 413


def test_a_long_text_becomes_no_file(cp_client):
    texts = parts_of(100, "a" * 60_000, file=False)
    assert cp_client.post("/texts", data=texts, headers=PARTS).text == "100 texts, 0 files"


@pytest.mark.parametrize("field", ["tag=1", "n{}=1"])
def test_a_query_of_500_fields_is_read_and_a_longer_one_a_400(cp_client, field):
    query = "&".join(field.format(number) for number in range(500))
    assert cp_client.get(f"/params?{query}").text == "500"
    refused = cp_client.get(f"/params?{query}&{field}")
    assert refused.status_code == 400
    assert refused.json()["errors"] == [
        {"in": "query", "name": "", "detail": "has more than 500 fields"}
    ]


def test_a_guard_says_how_many_fields_there_may_be():
    client = Client(RequestGuard(cherrypy.tree, max_form_fields=2000, max_query_fields=10))
    form = "&".join(["tag=1"] * 1500)
    assert client.post("/params", data=form, headers=FORM).text == "1500"
    assert client.get("/params?" + "&".join(["tag=1"] * 11)).status_code == 400


@pytest.mark.parametrize("path", ["/params", "/body"])
def test_a_hundred_percent_signs_may_begin_no_escape(cp_client, path):
    assert cp_client.post("/params", data="a=" + "%" * 100, headers=FORM).text == "1"
    assert cp_client.post(path, data="tag=" + "%" * 10_000, headers=FORM).status_code == 400
    assert cp_client.get("/params?a=" + "%zz" * 101).status_code == 400
    assert cp_client.get("/params?a=" + "%zz%20" * 100).text == "1"


def test_a_form_has_200_parts_at_most_without_a_guard_too(cp_client):
    for parts, status in ((199, 200), (1000, 413)):
        form = parts_of(parts, file=False)
        assert cp_client.post("/texts", data=form, headers=PARTS).status_code == status
