"""The compress tool: what is sent compressed, to whom, and what stays as it is."""

import gzip
import io
import zlib
from http.client import HTTPConnection

import cherrypy
import pytest
from cherrypy.lib.static import serve_file, serve_fileobj
from werkzeug.test import create_environ

import cpkit.tools
from cpkit.errors import CpkitError
from cpkit.negotiation.codings import LEVELS, compressor, is_installed
from cpkit.negotiation.compression import MediaTypes
from cpkit.tools import CompressTool

TEXT = "A page of text that is long enough. " * 40
ON = {"cpkit.compress.on": True}


def mount(handler, **config):
    class Root:
        @cherrypy.expose
        def index(self, **kwargs):
            return handler()

    cherrypy.tree.mount(Root(), "", {"/": {**ON, **config}})


def page():
    return TEXT


def asked(coding="gzip", **more):
    return {"headers": {"Accept-Encoding": coding, **more}}


def body_of(answer):
    coding = answer.headers.get("Content-Encoding")
    if coding == "gzip":
        return gzip.decompress(answer.content)
    if coding == "br":
        return pytest.importorskip("brotli").decompress(answer.content)
    if coding == "zstd":
        reader = pytest.importorskip("zstandard").ZstdDecompressor().decompressobj()
        return reader.decompress(answer.content)
    return answer.content


@pytest.mark.parametrize(
    ("field", "coding"),
    [
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("br;q=0.5, gzip", "gzip"),
        ("identity", None),
        ("deflate", None),
        ("", None),
    ],
)
def test_a_body_comes_in_the_coding_that_the_client_likes_best(cp_client, field, coding):
    if coding and not is_installed(coding):
        pytest.skip(f"{coding} is not installed")
    mount(page)
    answer = cp_client.get("/", **asked(field))
    assert answer.headers.get("Content-Encoding") == coding
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert body_of(answer).decode() == TEXT


def test_without_the_field_a_body_is_as_it_is(cp_client):
    mount(page)
    answer = cp_client.get("/")
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("field", ["identity;q=0", "*;q=0", "deflate, identity;q=0"])
def test_a_client_that_takes_none_gets_a_406_that_varies_and_nothing_runs(cp_client, field):
    ran = []
    mount(lambda: ran.append(1) or TEXT)
    answer = cp_client.get("/", **asked(field))
    assert answer.status_code == 406
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert "gzip" in answer.text
    assert not ran


def test_a_small_body_is_compressed_for_who_takes_nothing_else(cp_client):
    mount(lambda: "small")
    assert "Content-Encoding" not in cp_client.get("/", **asked("gzip")).headers
    answer = cp_client.get("/", **asked("gzip, identity;q=0"))
    assert body_of(answer) == b"small"
    assert answer.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("first", ["cpkit.compress.on", "tools.gzip.on"])
@pytest.mark.parametrize("field", ["gzip", "zstd", "br", "gzip, br, zstd", "deflate"])
def test_beside_cherrypys_own_tool_nobody_is_refused(cp_client, first, field):
    class Root:
        @cherrypy.expose
        def index(self):
            return TEXT

    both = {first: True, "cpkit.compress.on": True, "tools.gzip.on": True}
    cherrypy.tree.mount(Root(), "", {"/": both})
    answer = cp_client.get("/", **asked(field))
    assert (answer.status_code, body_of(answer).decode()) == (200, TEXT)


@pytest.mark.parametrize("field", ["gzip," * 200, "g" * 9000])
def test_a_field_over_the_limits_is_a_431(cp_client, field):
    mount(page)
    assert cp_client.get("/", **asked(field)).status_code == 431


def with_headers(**headers):
    def handler():
        for name, value in headers.items():
            cherrypy.response.headers[name.replace("_", "-")] = value
        return TEXT.encode()

    return handler


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "image/png"},
        {"Content_Type": "application/zip"},
        {"Content_Encoding": "x-own"},
        {"Cache_Control": "private, No-Transform"},
    ],
)
def test_what_is_compressed_or_not_to_be_touched_stays(cp_client, headers):
    mount(with_headers(**headers))
    answer = cp_client.get("/", **asked())
    assert answer.content == TEXT.encode()


@pytest.mark.parametrize(
    "kind",
    [
        "text/css",
        "application/json",
        "application/problem+json",
        "image/svg+xml",
        "Application/JSON; charset=utf-8",
    ],
)
def test_text_of_any_type_is_compressed(cp_client, kind):
    mount(with_headers(Content_Type=kind))
    assert cp_client.get("/", **asked()).headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize(("tag", "coded"), [('"5"', 'W/"5-gzip"'), ('W/"5"', 'W/"5-gzip"')])
def test_a_tag_names_the_coding(cp_client, tag, coded):
    mount(with_headers(ETag=tag), **{"tools.etags.on": True})
    answer = cp_client.get("/", **asked())
    assert answer.headers["ETag"] == coded
    assert cp_client.get("/").headers["ETag"] == tag
    again = cp_client.get("/", **asked(**{"If-None-Match": coded}))
    assert again.status_code == 304
    assert again.headers["ETag"] == coded
    other = cp_client.get("/", **asked(**{"If-None-Match": 'W/"4-gzip"'}))
    assert other.status_code == 200


@pytest.mark.parametrize("status", [200, 204])
@pytest.mark.parametrize(
    ("name", "sent"), [("ETag", 'W/"7-gzip"'), ("Cache-Control", "7"), ("X-Own", "7")]
)
def test_a_field_may_be_a_number_as_elsewhere_in_cherrypy(cp_client, name, sent, status):
    def handler():
        cherrypy.response.headers[name] = 7
        cherrypy.response.status = status
        return TEXT

    mount(handler)
    answer = cp_client.get("/", **asked())
    assert answer.status_code == status
    assert answer.headers[name] == (sent if status == 200 else "7")


@pytest.mark.parametrize("status", [999, "fine"])
def test_a_status_that_is_none_is_cherrypys_to_tell(cp_client, status):
    def handler():
        cherrypy.response.status = status
        return TEXT

    mount(handler)
    answer = cp_client.get("/")
    assert answer.status_code == 500
    assert "Illegal response status from server" in answer.text


@pytest.mark.parametrize("fields", [{"If-None-Match": '"5"'}, {"If-None-Match": "*"}])
def test_not_modified_varies_as_the_answer_does(cp_client, fields):
    mount(with_headers(ETag='"5"'), **{"tools.etags.on": True})
    answer = cp_client.get("/", headers=fields)
    assert answer.status_code == 304
    assert answer.headers["Vary"] == "Accept-Encoding"


def test_a_plain_tag_still_says_not_modified(cp_client):
    mount(with_headers(ETag='"5"'), **{"tools.etags.on": True})
    answer = cp_client.get("/", headers={"If-None-Match": '"5"'})
    assert answer.status_code == 304
    assert answer.headers["ETag"] == '"5"'


def test_who_read_a_compressed_page_can_replace_it(cp_client):
    mount(with_headers(ETag='"5"'), **{"tools.etags.on": True})
    fields = {"If-Match": 'W/"5-gzip"'}
    assert cp_client.put("/", headers=fields).status_code == 200
    assert cp_client.put("/", headers={"If-Match": 'W/"4-gzip"'}).status_code == 412


def test_automatic_tags_are_of_the_page_and_not_of_its_coding(cp_client):
    mount(page, **{"tools.etags.on": True, "tools.etags.autotags": True})
    plain, coded = cp_client.get("/"), cp_client.get("/", **asked())
    assert coded.headers["ETag"] == f'W/{plain.headers["ETag"][:-1]}-gzip"'
    again = cp_client.get("/", **asked(**{"If-None-Match": coded.headers["ETag"]}))
    assert again.status_code == 304


def test_head_says_what_get_would(cp_client):
    mount(with_headers(ETag='"5"'))
    get, head = cp_client.get("/", **asked()), cp_client.head("/", **asked())
    assert head.content == b""
    for name in ("Content-Encoding", "ETag", "Vary", "Content-Type"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize("make", [TEXT.encode, lambda: iter([TEXT.encode()])])
def test_head_tells_the_length_of_what_get_would_send(cp_client, make):
    mount(make)
    get, head = cp_client.get("/", **asked()), cp_client.head("/", **asked())
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


def test_what_the_caching_tool_stored_of_head_is_good_for_get(cp_client):
    mount(lambda: TEXT, **{"tools.caching.on": True})
    cp_client.head("/", **asked())
    assert body_of(cp_client.get("/", **asked())).decode() == TEXT


def stream():
    yield from (TEXT.encode(), b"second", b"third")


def test_each_chunk_of_a_stream_can_be_read_as_it_comes(cp_client):
    mount(stream, **{"response.stream": True})
    answer = cp_client.get("/", stream=True, **asked())
    reader = zlib.decompressobj(31)
    chunks = [reader.decompress(chunk) for chunk in answer.iter_content()]
    assert chunks[:3] == [TEXT.encode(), b"second", b"third"]
    assert "Content-Length" not in answer.headers


class Chunks:
    """A stream of chunks that is no generator."""

    closed = 0

    def __iter__(self):
        return self

    def __next__(self):
        return TEXT.encode()

    def close(self):
        self.closed += 1


@pytest.mark.parametrize("read", [0, 1, 2])
def test_what_makes_a_stream_is_closed_once_when_the_client_is_gone(read):
    chunks = Chunks()
    mount(lambda: chunks, **{"response.stream": True, "tools.encode.on": False})
    environ = create_environ("/", headers={"Accept-Encoding": "gzip"})
    answer = cherrypy.tree(environ, lambda *told: None)
    for _ in range(read):
        next(iter(answer))
    answer.close()
    assert chunks.closed == 1


def test_a_generator_that_is_no_stream_is_compressed_whole(cp_client):
    mount(stream)
    answer = cp_client.get("/", **asked())
    assert body_of(answer) == TEXT.encode() + b"secondthird"
    assert answer.headers["Content-Length"] == str(len(answer.content))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "page.txt"
    path.write_text(TEXT)
    return path


def test_a_file_is_compressed_and_takes_no_ranges_then(cp_client, file):
    mount(lambda: serve_file(str(file)))
    answer = cp_client.get("/", **asked())
    assert body_of(answer).decode() == TEXT
    assert "Accept-Ranges" not in answer.headers


AS_THEY_ARE = {"tools.encode.on": False}  # which reads a text whole, to encode it


class Pieces(io.BytesIO):
    """A file that counts how often it is read from."""

    reads = 0

    def read(self, size=-1):
        self.reads += 1
        return super().read(size)

    def fileno(self):
        raise io.UnsupportedOperation


@pytest.fixture
def large():
    """Return a file of 2 MB, of which a handler tells the length as CherryPy's static files do."""
    return Pieces(b"".join(b"%d,%d\n" % (number, number**3) for number in range(100_000)))


def sending(large, **headers):
    def handler():
        for name, value in {"Content-Length": str(len(large.getvalue())), **headers}.items():
            cherrypy.response.headers[name] = value
        return large

    return handler


def test_a_large_file_is_compressed_while_it_is_sent(cp_client, large):
    mount(sending(large, ETag='"5"'), **AS_THEY_ARE)
    text, answer = large.getvalue(), cp_client.get("/", stream=True, **asked())
    chunks = answer.iter_content()
    begun = next(chunks)
    assert large.reads < 20
    assert gzip.decompress(begun + b"".join(chunks)) == text
    assert "Content-Length" not in answer.headers
    assert answer.headers["ETag"] == 'W/"5-gzip"'


@pytest.mark.parametrize(
    ("handler", "config", "window"),
    [
        pytest.param(page, {}, 2 << 10, id="a page: what it needs"),
        pytest.param(stream, {"response.stream": True}, 128 << 10, id="a stream"),
        pytest.param("large", AS_THEY_ARE, 128 << 10, id="a large file"),
    ],
)
def test_what_a_slow_client_keeps_open_holds_a_small_window(
    cp_client, large, handler, config, window
):
    library = pytest.importorskip("zstandard")
    mount(sending(large) if handler == "large" else handler, **config)
    answer = cp_client.get("/", stream=True, **asked("zstd"))
    assert library.get_frame_parameters(answer.content).window_size == window


def test_head_reads_nothing_of_a_large_file(cp_client, large):
    mount(sending(large), **AS_THEY_ARE)
    answer = cp_client.head("/", **asked())
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Content-Length" not in answer.headers
    assert large.reads == 0


def test_a_large_file_that_is_not_compressed_has_its_length(cp_client, large):
    mount(sending(large), **AS_THEY_ARE)
    answer = cp_client.get("/")
    assert answer.headers["Content-Length"] == str(len(answer.content))


def test_the_caching_tool_stores_a_large_file_with_the_length_that_it_has(cp_client, large):
    text = large.getvalue()
    caching = {"tools.caching.on": True, "tools.caching.maxobj_size": 10**7}
    mount(sending(large), **AS_THEY_ARE, **caching)
    cp_client.get("/", **asked())
    answer = cp_client.get("/", **asked())
    assert "Age" in answer.headers
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert body_of(answer) == text


def test_a_large_file_goes_through_a_connection_that_is_kept(cp_server, tmp_path):
    text = b"A line of a large file.\n" * 100_000
    (tmp_path / "large.txt").write_bytes(text)
    files = {"tools.staticdir.on": True, "tools.staticdir.dir": str(tmp_path)}
    cherrypy.tree.mount(None, "", {"/": {**ON, **files}})
    connection = HTTPConnection(cp_server.host, cp_server.port, timeout=10)
    for method in ("HEAD", "GET", "HEAD", "GET"):
        connection.request(method, "/large.txt", headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        body = answer.read()
        assert (answer.status, answer.headers["Content-Encoding"]) == (200, "gzip")
        assert method == "HEAD" or gzip.decompress(body) == text
    connection.close()


@pytest.mark.parametrize(
    "name", ["Content-Digest", "Repr-Digest", "Digest", "Content-MD5", "Accept-Ranges"]
)
def test_nothing_is_told_of_the_bytes_that_is_true_of_others(cp_client, name):
    mount(with_headers(**{name.replace("-", "_"): "of the text"}))
    assert name not in cp_client.get("/", **asked()).headers
    assert name not in cp_client.head("/", **asked()).headers
    assert cp_client.get("/").headers[name] == "of the text"


def test_a_range_of_what_was_compressed_is_the_whole_again(cp_client, file):
    mount(lambda: serve_file(str(file)))
    fields = {"Range": "bytes=0-9", "If-Range": 'W/"5-gzip"'}
    answer = cp_client.get("/", **asked("gzip", **fields))
    assert (answer.status_code, answer.headers["Content-Encoding"]) == (200, "gzip")


def test_a_range_is_one_of_the_bytes_as_they_are(cp_client, file):
    with file.open("rb") as opened:  # CherryPy leaves the file of a range to the collector
        mount(lambda: serve_fileobj(opened, "text/plain"))
        answer = cp_client.get("/", **asked(Range="bytes=2-5"))
    assert answer.status_code == 206
    assert answer.content == TEXT[2:6].encode()
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(("kind", "varies"), [("text/plain", True), ("image/png", False)])
@pytest.mark.parametrize("ranges", ["0-1", "0-1,4-5"])
def test_ranges_vary_as_the_whole_does(cp_client, file, kind, varies, ranges):
    with file.open("rb") as opened:
        mount(lambda: serve_fileobj(opened, kind))
        answer = cp_client.get("/", **asked(Range=f"bytes={ranges}"))
    assert answer.status_code == 206
    # Several ranges have a type of their own, which does not tell that of the whole.
    assert ("Vary" in answer.headers) is (varies or "," in ranges)


def test_an_error_page_is_compressed(cp_client):
    def handler():
        raise cherrypy.HTTPError(404, TEXT)

    mount(handler)
    answer = cp_client.get("/", **asked())
    assert answer.status_code == 404
    assert TEXT.strip() in body_of(answer).decode()


def test_the_caching_tool_stores_a_copy_for_each_field(cp_client):
    calls = []
    mount(lambda: calls.append(1) or TEXT, **{"tools.caching.on": True})
    for _ in range(2):
        assert body_of(cp_client.get("/", **asked())).decode() == TEXT
        assert cp_client.get("/").text == TEXT
    assert len(calls) == 2


def test_vary_names_the_field_once_beside_others(cp_client):
    mount(with_headers(Vary="accept-encoding, Cookie"))
    assert cp_client.get("/", **asked()).headers["Vary"] == "accept-encoding, Cookie"


def test_it_takes_the_place_of_cherrypys_with_its_settings(cp_client, monkeypatch):
    monkeypatch.setattr(cherrypy.tools, "gzip", CompressTool())
    config = {
        "cpkit.compress.on": False,
        "tools.gzip.on": True,
        "tools.gzip.compress_level": 9,
        "tools.gzip.mime_types": ["text/html", "application/*+xml"],
    }
    mount(page, **config)
    assert cp_client.get("/", **asked()).headers["Content-Encoding"] == "gzip"
    assert cp_client.get("/", **asked("compress")).status_code == 200


@pytest.mark.parametrize(
    ("listed", "named", "fits"),
    [
        ("text/*", "text/html; charset=utf-8", True),
        ("text/*", "textual/html", False),
        ("application/*+json", "application/problem+json", True),
        ("application/*+json", "application/json", False),
        ("text/html", "TEXT/HTML", True),
        ("text/html", "text/html5", False),
    ],
)
def test_a_list_of_media_types_matches(listed, named, fits):
    assert MediaTypes([listed]).match(named) is fits


@pytest.mark.parametrize("level", [1, 9])
def test_a_level_is_the_librarys(cp_client, level):
    mount(lambda: io.BytesIO(TEXT.encode()), **{"cpkit.compress.levels": {"gzip": level}})
    assert (
        len(cp_client.get("/", **asked()).content) == len(zlib.compress(TEXT.encode(), level)) + 12
    )


def test_nothing_is_added_where_there_is_no_body(cp_client):
    def handler():
        cherrypy.response.status = 204

    mount(handler)
    answer = cp_client.get("/", **asked())
    assert answer.status_code == 204
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(
    "settings",
    [
        {"compress_level": 10},
        {"levels": {"br": 12}},
        {"levels": {"br": "5"}},
        {"levels": {"deflate": 5}},
        {"mime_types": ["*/*"]},
        {"mime_types": ["text"]},
        {"mime_types": ["text/html;charset=utf-8"]},
    ],
)
def test_a_setting_that_fails_at_each_answer_is_refused_at_once(settings):
    with pytest.raises(CpkitError):
        cpkit.tools.compress(**settings)


@pytest.mark.parametrize(("coding", "level"), [(it, n) for it, of in LEVELS.items() for n in of])
def test_each_level_can_be_used(coding, level):
    stream = compressor(coding, level)
    assert stream.compress(b"a" * 2000) + stream.finish()
