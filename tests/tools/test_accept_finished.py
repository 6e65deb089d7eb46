"""What is an answer already is sent as it is, with its own type: no renderer gets it."""

import codecs
import io
import json
import tempfile

import cherrypy
import pytest
from cherrypy.lib import file_generator, static

import cpkit.tools

JSON, HTML, CSV = "application/json", "text/html", "text/csv"


def never(data):
    raise AssertionError(f"{data!r} was rendered")


def serve(handler, media, **config):
    """Mount *handler*, negotiated for *media*."""

    class Root:
        @cherrypy.expose
        @cpkit.tools.accept(media=media)
        def index(self):
            return handler()

    cherrypy.tree.mount(Root(), "/", {"/": config})


@pytest.fixture
def file(tmp_path):
    """Return what makes a file of this name, with "É" in UTF-8 for its content."""

    def make(name):
        path = tmp_path / name
        path.write_bytes("É".encode())
        return str(path)

    return make


ENCODE = pytest.mark.parametrize("encode", [True, False], ids=["encode-on", "encode-off"])
MEDIA = pytest.mark.parametrize(
    "media", [{JSON: never}, {HTML: never}, [JSON], [HTML]], ids=["JSON", "HTML", "[J]", "[H]"]
)


def kind(response):
    return response.headers["Content-Type"].partition(";")[0]


# ------------------------------ files that CherryPy serves ------------------------------


@ENCODE
@MEDIA
@pytest.mark.parametrize(
    ("name", "served_as"), [("a.pdf", "application/pdf"), ("a.css", "text/css"), ("a.png", None)]
)
def test_a_served_file_has_its_own_type(cp_client, file, media, name, served_as, encode):
    path = file(name)
    serve(lambda: static.serve_file(path), media, **{"tools.encode.on": encode})
    response = cp_client.get("/")
    assert response.content == "É".encode()
    assert kind(response) == (served_as or "image/png")


@MEDIA
def test_a_download_has_its_own_type(cp_client, file, media):
    path = file("report.json")
    serve(lambda: static.serve_download(path), media)
    response = cp_client.get("/")
    assert (kind(response), response.content) == ("application/x-download", "É".encode())
    assert response.headers["Content-Disposition"].startswith("attachment")


@MEDIA
def test_a_served_file_of_unknown_type_is_not_said_to_be_the_offer(cp_client, file, media):
    path = file("a.unheardof")

    class Plain:
        @cherrypy.expose
        def index(self):
            return static.serve_file(path)

    serve(lambda: static.serve_file(path), media)
    cherrypy.tree.mount(Plain(), "/plain")
    served, plain = cp_client.get("/"), cp_client.get("/plain/")
    assert served.headers["Content-Type"] == plain.headers["Content-Type"]
    assert served.content == "É".encode()


# NOTE: CherryPy leaves the file open of which it has served a part.
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("range_", ["bytes=0-0", "bytes=0-0,1-1"], ids=["one", "two"])
def test_a_part_of_a_served_file_is_sent(cp_client, file, range_):
    path = file("a.pdf")
    serve(lambda: static.serve_file(path), {JSON: never})
    response = cp_client.get("/", headers={"Range": range_})
    assert response.status_code == 206
    assert kind(response) in {"application/pdf", "multipart/byteranges"}
    assert b"\xc3" in response.content


def test_a_served_file_object_has_the_type_that_it_is_given(cp_client):
    def handler():
        return static.serve_fileobj(io.BytesIO(b"%PDF"), content_type="application/pdf")

    serve(handler, {JSON: never})
    response = cp_client.get("/")
    assert (response.headers["Content-Type"], response.content) == ("application/pdf", b"%PDF")


# ------------------------------ files ------------------------------


def spooled(path):
    file = tempfile.SpooledTemporaryFile(mode="w+", encoding="utf-8")  # noqa: SIM115
    file.write("É")
    file.seek(0)
    return file


def temporary(path):
    file = tempfile.NamedTemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
    file.write("É")
    file.seek(0)
    return file


TEXT_FILES = {
    "open": lambda path: open(path, encoding="utf-8"),  # noqa: SIM115
    "StringIO": lambda path: io.StringIO("É"),
    "codecs": lambda path: codecs.open(path, encoding="utf-8"),  # noqa: SIM115
    "spooled": spooled,
    "temporary": temporary,
}


@ENCODE
@MEDIA
@pytest.mark.parametrize("opened", TEXT_FILES)
def test_a_file_of_text_is_encoded(cp_client, file, media, opened, encode):
    path = file("a.txt")
    serve(lambda: TEXT_FILES[opened](path), media, **{"tools.encode.on": encode})
    response = cp_client.get("/")
    assert response.content == "É".encode()
    assert response.headers["Content-Type"] in {JSON, f"{HTML};charset=utf-8"}
    assert response.headers["Content-Length"] == "2"


@ENCODE
def test_a_file_of_text_has_the_charset_of_the_offer(cp_client, encode):
    offer = "text/plain;charset=iso-8859-1"
    serve(lambda: io.StringIO("É"), {offer: never}, **{"tools.encode.on": encode})
    response = cp_client.get("/")
    assert (response.headers["Content-Type"], response.content) == (offer, b"\xc9")


@MEDIA
@pytest.mark.parametrize("stream", [True, False])
def test_a_large_file_of_text_is_whole(cp_client, media, stream):
    text = "É" * 100_000
    serve(lambda: io.StringIO(text), media, **{"response.stream": stream})
    assert cp_client.get("/").content.decode() == text


class Reader:
    """A file of text of which no more is known than that it can be read."""

    def __init__(self):
        self.read = io.StringIO("É").read


@ENCODE
@MEDIA
def test_what_reads_as_text_need_be_no_file(cp_client, media, encode):
    serve(Reader, media, **{"tools.encode.on": encode})
    assert cp_client.get("/").content == "É".encode()


class Once:
    """A body that can be read in one go alone, as httpx's."""

    def __init__(self):
        self.parts = [b"all"]

    def read(self, size=None):
        if size == 0:
            raise TypeError("it takes no size")
        return self.parts.pop() if self.parts else b""


@MEDIA
def test_what_can_be_read_need_be_no_file(cp_client, media):
    serve(Once, media)
    assert cp_client.get("/").content == b"all"


@MEDIA
def test_a_file_in_chunks_is_a_body(cp_client, media):
    serve(lambda: file_generator(io.BytesIO(b"chunk")), media)
    assert cp_client.get("/").content == b"chunk"


# ------------------------------ a type of the handler's own ------------------------------


def rows():
    yield "a,b\r\n"
    yield "É,2\r\n"


@ENCODE
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "body",
    [rows, lambda: "a,b\r\nÉ,2\r\n", lambda: io.StringIO("a,b\r\nÉ,2\r\n")],
    ids=["generator", "str", "file"],
)
def test_a_handler_that_says_another_type_has_made_the_body(cp_client, body, stream, encode):
    def handler():
        cherrypy.response.headers["Content-Type"] = CSV
        return body()

    serve(handler, {JSON: never}, **{"response.stream": stream, "tools.encode.on": encode})
    response = cp_client.get("/")
    assert (kind(response), response.content.decode()) == (CSV, "a,b\r\nÉ,2\r\n")


def test_a_handler_that_says_more_of_the_same_type_leaves_its_data_to_the_renderer(cp_client):
    def handler():
        cherrypy.response.headers["Content-Type"] = f"{JSON};profile=x"
        return "É"

    serve(handler, {JSON: json.dumps})
    response = cp_client.get("/")
    assert (response.headers["Content-Type"], response.json()) == (f"{JSON};profile=x", "É")


def test_data_are_rendered_whatever_type_the_handler_says(cp_client):
    def handler():
        cherrypy.response.headers["Content-Type"] = "application/vnd.book+json"
        return {"title": "É"}

    serve(handler, {JSON: json.dumps})
    response = cp_client.get("/")
    assert response.headers["Content-Type"] == "application/vnd.book+json"
    assert json.loads(response.content) == {"title": "É"}


# ------------------------------ what other tools answer ------------------------------


@MEDIA
def test_json_out_of_a_section_above_makes_the_json(cp_client, media):
    serve(lambda: {"title": "É"}, media, **{"tools.json_out.on": True})
    response = cp_client.get("/")
    assert (response.headers["Content-Type"], response.json()) == (JSON, {"title": "É"})


def tool_that(answers, priority=50):
    """Return a tool of before_handler."""
    return cherrypy.Tool("before_handler", answers, priority=priority)


def maintenance():
    cherrypy.response.status = 503
    cherrypy.response.body = b"<p>back soon</p>"
    cherrypy.request.handler = None


@MEDIA
@pytest.mark.parametrize("priority", [10, 50, 64, 65, 69, 90])
def test_a_tool_that_answers_has_its_own_type(cp_client, cp_isolation, media, priority):
    cherrypy.tools.maintenance = tool_that(maintenance, priority)
    serve(lambda: never("handled"), media, **{"tools.maintenance.on": True})
    response = cp_client.get("/")
    assert (response.status_code, response.content) == (503, b"<p>back soon</p>")
    assert kind(response) == HTML
    assert response.headers["Content-Language"] is None


@MEDIA
def test_a_login_form_is_a_page(cp_client, media):
    config = {"tools.sessions.on": True, "tools.session_auth.on": True}
    serve(lambda: never("handled"), media, **config)
    response = cp_client.get("/")
    assert kind(response) == HTML
    assert "<form" in response.text


@MEDIA
def test_a_static_folder_has_the_types_of_its_files(cp_client, file, media):
    path = file("a.css")
    config = {"tools.staticfile.on": True, "tools.staticfile.filename": path}
    serve(lambda: never("handled"), media, **config)
    response = cp_client.get("/")
    assert (kind(response), response.content) == ("text/css", "É".encode())


@MEDIA
def test_a_static_handler_of_a_negotiated_section_has_the_types_of_its_files(
    cp_client, tmp_path, media
):
    (tmp_path / "a.css").write_text("p {}")

    class Root:
        static = cherrypy.tools.staticdir.handler(section="/static", dir=str(tmp_path))

    on = {"cpkit.accept.on": True, "cpkit.accept.media": media}
    cherrypy.tree.mount(Root(), "", {"/": on})
    response = cp_client.get("/static/a.css")
    assert (kind(response), response.text) == ("text/css", "p {}")


@MEDIA
def test_a_cached_answer_has_the_type_that_it_had(cp_client, monkeypatch, media):
    calls = []
    serve(lambda: calls.append(1) or b"made", media, **{"tools.caching.on": True})
    first, second = cp_client.get("/"), cp_client.get("/")
    assert first.headers["Content-Type"] == second.headers["Content-Type"]
    assert calls == [1]
    monkeypatch.delattr(cherrypy, "_cache")


def test_no_language_is_said_of_what_another_tool_answers(cp_client, cp_isolation):
    cherrypy.tools.maintenance = tool_that(maintenance)
    config = {"tools.maintenance.on": True, "cpkit.accept.languages": ["de"]}
    serve(lambda: never("handled"), [HTML], **config)
    response = cp_client.get("/")
    assert (response.status_code, response.headers["Content-Language"]) == (503, None)


def test_a_tool_that_wraps_the_handler_and_answers_for_it_has_its_own_type(cp_client, cp_isolation):
    def refuse(next_handler, *args, **kwargs):
        cherrypy.response.headers["Content-Type"] = "text/plain"
        return "not now"

    cherrypy.tools.refuse = cherrypy._cptools.HandlerWrapperTool(refuse)
    serve(lambda: never("handled"), {JSON: never}, **{"tools.refuse.on": True})
    response = cp_client.get("/")
    assert (kind(response), response.text) == ("text/plain", "not now")
