"""A mapping of media type to renderer: the handler returns data, the renderer makes the bytes."""

import io
import json

import cherrypy
import pytest
from werkzeug.test import create_environ

import cpkit.tools
from cpkit.errors import NotRenderedError, SettingError

BOOK = {"title": "Émile"}
JSON = "application/json"


def page(book):
    return f"<h1>{book['title']}</h1>"


def rows(book):
    yield "title\r\n"
    yield book["title"]


def serve(result, media, **config):
    """Mount a handler that returns *result* (called, if it can be), negotiated for *media*."""

    class Root:
        @cherrypy.expose
        @cpkit.tools.accept(media=media)
        def index(self):
            return result() if callable(result) else result

    cherrypy.tree.mount(Root(), "/", {"/": config})


BOOK_FORMS = {
    "text/html": page,
    "application/json": json.dumps,
    "text/plain": lambda book: book["title"].encode(),
    "text/csv;header=present": rows,
    "text/html;charset=iso-8859-1;level=1": page,
    "application/xml": lambda book: f"<title>{book['title']}</title>",
}


@pytest.mark.parametrize("encode", [True, False], ids=["encode-on", "encode-off"])
@pytest.mark.parametrize(
    ("accept", "content_type", "body"),
    [
        ("text/html", "text/html;charset=utf-8", "<h1>Émile</h1>".encode()),
        ("application/json", "application/json", b'{"title": "\\u00c9mile"}'),
        ("text/csv", "text/csv;header=present;charset=utf-8", "title\r\nÉmile".encode()),
        ("text/html;level=1", "text/html;charset=iso-8859-1;level=1", b"<h1>\xc9mile</h1>"),
        ("application/xml", "application/xml", "<title>Émile</title>".encode()),
    ],
)
def test_the_renderer_of_the_accepted_type_makes_the_body(
    cp_client, encode, accept, content_type, body
):
    serve(BOOK, BOOK_FORMS, **{"tools.encode.on": encode})
    response = cp_client.get("/", headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == content_type
    assert response.content == body
    assert response.headers["Content-Length"] == str(len(body))


def test_bytes_of_a_renderer_stay_as_they_are(cp_client):
    serve(BOOK, BOOK_FORMS)
    response = cp_client.get("/", headers={"Accept": "text/plain"})
    assert response.content == "Émile".encode()


def test_bytes_keep_the_charset_of_the_offer(cp_client):
    serve(b"\xc9", ["text/plain;charset=iso-8859-1"])
    response = cp_client.get("/")
    assert response.headers["Content-Type"] == "text/plain;charset=iso-8859-1"
    assert response.content == b"\xc9"


def test_bytes_pass_when_the_encode_tool_is_off(cp_client):
    serve(b"\xc9", {"text/plain": str}, **{"tools.encode.on": False})
    response = cp_client.get("/")
    assert (response.headers["Content-Type"], response.content) == ("text/plain", b"\xc9")


def test_the_offer_is_declared_as_it_is_written(cp_client):
    serve('"x"', ["Application/JSON; version=2"])
    response = cp_client.get("/", headers={"Accept": "application/json;version=2;q=0.5"})
    assert response.headers["Content-Type"] == "Application/JSON; version=2"


@pytest.mark.parametrize("offers", [[JSON], JSON, {JSON: None}])
def test_a_str_for_json_needs_no_renderer(cp_client, offers):
    serve('"É"', offers)
    response = cp_client.get("/")
    assert response.json() == "É"
    assert response.headers["Content-Type"] == JSON


def test_a_text_is_encoded_where_the_encode_tool_is_off(cp_client):
    serve("É", ["text/plain"], **{"tools.encode.on": False})
    response = cp_client.get("/")
    assert response.headers["Content-Type"] == "text/plain;charset=utf-8"
    assert response.content == "É".encode()


@pytest.mark.parametrize("encode", [True, False], ids=["encode-on", "encode-off"])
def test_a_text_of_another_type_than_the_offers_is_encoded(cp_client, encode):
    def handler():
        cherrypy.response.headers["Content-Type"] = JSON
        return '"É"'

    serve(handler, ["text/plain"], **{"tools.encode.on": encode})
    response = cp_client.get("/")
    assert (response.headers["Content-Type"], response.json()) == (JSON, "É")


def test_a_charset_that_the_encode_tool_is_told_holds_for_text(cp_client):
    serve("É", ["text/plain"], **{"tools.encode.encoding": "iso-8859-1"})
    response = cp_client.get("/")
    assert response.headers["Content-Type"] == "text/plain;charset=iso-8859-1"
    assert response.content == b"\xc9"


@pytest.mark.parametrize("offer", ["text/html", JSON])
def test_none_is_an_empty_body_and_not_rendered(cp_client, offer):
    serve(None, {offer: lambda data: 1 / 0})
    response = cp_client.get("/")
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("offer", ["text/html", JSON])
def test_bytes_and_files_of_a_handler_are_not_rendered(cp_client, offer):
    serve(b"made", {offer: lambda data: 1 / 0})
    assert cp_client.get("/").content == b"made"
    serve(lambda: io.BytesIO(b"file"), {offer: lambda data: 1 / 0})
    assert cp_client.get("/").content == b"file"


@pytest.mark.parametrize("charset", ["latin-99", "hex"])
def test_an_offer_in_a_charset_that_nobody_can_write_is_refused(charset):
    with pytest.raises(SettingError, match="charset that Python knows"):
        cpkit.tools.accept(media={f'text/plain;charset="{charset}"': str})


def test_a_generator_is_data_and_a_renderer_may_stream_it(cp_client):
    closed = []

    def numbers():
        try:
            yield from (1, 2, 3)
        finally:
            closed.append(True)

    def lines(data):
        yield from (json.dumps(number) + "\n" for number in data)

    serve(numbers, {"application/jsonl": lines, JSON: lambda data: json.dumps(list(data))},
          **{"response.stream": True})  # fmt: skip
    assert cp_client.get("/").text == "1\n2\n3\n"
    assert cp_client.get("/", headers={"Accept": JSON}).json() == [1, 2, 3]
    assert closed == [True, True]


def test_a_stream_that_is_left_is_closed():
    from cpkit.negotiation.rendering import chunks

    class Rows:
        closed = False

        def __iter__(self):
            yield "É"
            yield b"more"

        def close(self):
            self.closed = True

    rows = Rows()
    chunks = chunks(rows, "utf-8", JSON)
    assert next(chunks) == "É".encode()
    chunks.close()
    assert rows.closed


def test_data_may_have_an_attribute_named_read(cp_client):
    class Message(dict):
        read = True

    serve(Message(title="Émile"), {JSON: json.dumps})
    assert cp_client.get("/").json() == BOOK


@pytest.mark.parametrize("result", [5, {"a": 1}, [{"a": 1}], [b"a", 5], bytearray(b"a")])
def test_data_that_nobody_rendered_are_named(cp_client, result):
    serve(result, [JSON])
    with pytest.raises(NotRenderedError, match="body for application/json is of type") as raised:
        cp_client.get("/")
    assert raised.value.body == result


@pytest.mark.parametrize("encode", [True, False], ids=["encode-on", "encode-off"])
@pytest.mark.parametrize("renderer", [dict, len, lambda book: None], ids=["dict", "int", "None"])
@pytest.mark.parametrize("offer", ["text/html", JSON])
def test_a_renderer_that_returns_no_body_is_named(cp_client, offer, renderer, encode):
    serve(BOOK, {offer: renderer}, **{"tools.encode.on": encode})
    with pytest.raises(NotRenderedError, match=f"renderer of {offer}"):
        cp_client.get("/")


def test_a_content_type_of_the_handlers_own_holds(cp_client):
    def handler():
        cherrypy.response.headers["Content-Type"] = "text/x-own"
        return "É"

    serve(handler, [JSON])
    response = cp_client.get("/")
    assert response.headers["Content-Type"] == "text/x-own;charset=utf-8"
    assert response.text == "É"


@pytest.mark.parametrize("encode", [True, False], ids=["encode-on", "encode-off"])
@pytest.mark.parametrize(("result", "body"), [(None, b""), ("É", "É".encode())])
def test_a_handler_may_take_the_content_type_out(cp_client, result, body, encode):
    def handler():
        del cherrypy.response.headers["Content-Type"]
        return result

    serve(handler, [JSON], **{"tools.encode.on": encode})
    response = cp_client.get("/")
    assert (response.content, response.headers["Content-Type"]) == (body, None)


def test_an_odd_content_type_of_the_handlers_own_is_no_error(cp_client):
    def handler():
        cherrypy.response.headers["Content-Type"] = "application/x-own; odd"
        return "É"

    serve(handler, [JSON])
    response = cp_client.get("/")
    assert (response.headers["Content-Type"], response.text) == ("application/x-own; odd", "É")


def test_a_head_request_is_answered_as_a_get_without_the_body(cp_client):
    serve(BOOK, BOOK_FORMS)
    asked = {"Accept": JSON}
    head, get = cp_client.head("/", headers=asked), cp_client.get("/", headers=asked)
    assert head.content == b""
    for name in ("Content-Type", "Content-Length", "Vary"):
        assert head.headers[name] == get.headers[name]


def test_the_params_tool_still_converts_the_arguments(cp_client):
    class Root:
        @cherrypy.expose
        @cherrypy.tools.params()
        @cpkit.tools.accept(media={JSON: json.dumps})
        def index(self, number: int):
            return number + 1

    cherrypy.tree.mount(Root())
    assert cp_client.get("/?number=41").json() == 42


def test_a_tool_that_wraps_the_handler_is_inside(cp_client):
    def doubled(next_handler, *args, **kwargs):
        return next_handler(*args, **kwargs) * 2

    class Root:
        @cherrypy.expose
        @cpkit.tools.accept(media={JSON: json.dumps})
        def index(self):
            request = cherrypy.request
            return [request.accepted]

        index._cp_config["hooks.before_handler"] = lambda: cherrypy._cptools.HandlerWrapperTool(
            doubled
        ).callable()

    cherrypy.tree.mount(Root())
    assert cp_client.get("/").json() == [JSON, JSON]


def test_caching_keeps_the_representations_apart(cp_client):
    calls = []

    def handler():
        calls.append(cherrypy.request.accepted)
        return BOOK

    serve(handler, BOOK_FORMS, **{"tools.caching.on": True, "tools.caching.delay": 60})
    for _ in range(2):
        for accept, content in ((JSON, b'{"title": "\\u00c9mile"}'), ("text/html", b"<h1>")):
            response = cp_client.get("/", headers={"Accept": accept})
            assert response.content.startswith(content)
            assert response.headers["Content-Type"].startswith(accept)
            assert response.headers.get_all("Vary") == ["Accept"]
    assert calls == [JSON, "text/html"]
    del cherrypy._cache


def test_gzip_compresses_what_was_rendered(cp_client):
    serve({"title": "x" * 2000}, {"text/html": page}, **{"tools.gzip.on": True})
    response = cp_client.get("/", headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["Vary"] == "Accept-Encoding, Accept"


@pytest.mark.parametrize("status", [204, "205 Reset Content"])
@pytest.mark.parametrize("result", [None, "", b""], ids=["none", "str", "bytes"])
@pytest.mark.parametrize("encode", [True, False])
def test_what_has_no_content_has_no_type(cp_client, status, result, encode):
    def answer():
        cherrypy.response.status = status
        return result

    serve(answer, {JSON: json.dumps}, **{"tools.encode.on": encode})
    answered = cp_client.get("/")
    assert (answered.status_code, answered.content) == (int(str(status)[:3]), b"")
    assert "Content-Type" not in answered.headers


class Rows:
    """Rows of one's own that count how often they are closed."""

    closed = 0

    def __iter__(self):
        return iter(["one", "two"])

    def close(self):
        self.closed += 1


@pytest.mark.parametrize("read", [0, 1, 2])
def test_what_makes_a_stream_is_closed_once_when_the_client_is_gone(read):
    made = Rows()
    serve(made, {JSON: lambda it: it}, **{"tools.encode.on": False, "response.stream": True})
    answer = cherrypy.tree(create_environ("/"), lambda *told: None)
    for _ in range(read):
        next(iter(answer))
    answer.close()
    assert made.closed == 1
