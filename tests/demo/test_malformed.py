"""What a client gets wrong is a 4xx, never a 500, and never stored in part."""

import re
import socket

import cheroot.wsgi
import cherrypy
import pytest

from tests.connections import answered

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("GET", "/generate?length=1&length=2", None, id="length"),
        pytest.param("GET", "/books?q=a&q=b", None, id="words"),
        pytest.param("GET", "/books?start=1&start=2", None, id="start"),
        pytest.param("PUT", "/generator", b"another_string=a&another_string=b", id="string"),
        pytest.param("PUT", "/library/12/book/15", b"copies=1&copies=2", id="copies"),
        pytest.param("POST", "/store/till/regular", b"apples=1&apples=2", id="basket"),
    ],
)
def test_a_field_that_is_given_twice_is_a_400_that_names_it(demo, method, path, body):
    response = demo.request(
        method, path, data=body, headers={"Content-Type": FORM, "Accept": "text/plain"}
    )
    assert response.status_code == 400
    assert re.search(r"\w+ must be given once\.", response.text)


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", ""])
def test_a_body_that_is_no_form_is_a_415_that_says_what_is(demo, media_type):
    headers = {"Content-Type": media_type} if media_type else {}
    response = demo.put("/generator", data=b'{"another_string": "a"}', headers=headers)
    assert response.status_code == 415
    assert "Send a form: application/x-www-form-urlencoded" in response.text
    assert response.headers["Connection"] == "close"


@pytest.mark.parametrize("charset", ["hex", "no-such-charset"])
def test_a_form_is_read_as_utf_8_whatever_charset_it_claims(demo, charset):
    media_type = f"{FORM}; charset={charset}"
    body = "another_string=na\u00efve".encode()
    response = demo.put("/generator", data=body, headers={"Content-Type": media_type})
    assert (response.status_code, response.text) == (200, "na\u00efve")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_field_that_is_not_known_is_named(demo, method):
    fields = {"data": {"lenght": "9"}} if method == "POST" else {"params": {"lenght": "9"}}
    response = demo.request(method, "/generate", headers={"Accept": "text/plain"}, **fields)
    assert response.status_code == 400
    assert "lenght is unknown." in response.text


@pytest.mark.parametrize("path", ["/", "/nowhere", "/static/style.css", "/library/12/book/15"])
@pytest.mark.parametrize(
    "media_type", [f"{FORM}; charset=hex", "multipart/form-data", 'multipart/a; boundary=" "']
)
def test_a_body_that_no_page_reads_is_no_500(demo, path, media_type):
    for method in ("PUT", "POST"):
        response = demo.request(method, path, data=b"a=b", headers={"Content-Type": media_type})
        assert 400 <= response.status_code < 500


def test_a_post_without_a_body_needs_no_type(demo):
    assert demo.post("/generator", data=b"").status_code == 201


@pytest.mark.parametrize("value", ["=?nope?q?x?=", "=?utf-8?q?=ff=fe?=", "/, =?utf-8?q?x?="])
def test_a_header_that_cannot_be_decoded_is_a_400(demo, value):
    response = demo.get("/", headers={"X-Note": value})
    assert response.status_code == 400
    assert "A header field cannot be decoded." in response.text
    assert "Traceback" not in response.text
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "ranges",
    [
        "bytes=a-b",
        "x=1",
        pytest.param("bytes=" + ",".join(["0-"] * 1000), id="bytes=0-,0-,..."),
    ],
)
def test_a_range_that_is_none_is_ignored(demo, ranges):
    whole = demo.get("/static/style.css").content
    response = demo.get("/static/style.css", headers={"Range": ranges})
    assert (response.status_code, response.content) == (200, whole)


# CherryPy leaves the file of a partial answer to be closed by itself.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("ranges", ["bytes=0-1, 4-"])
def test_a_range_is_answered(demo, ranges):
    headers = {"Range": ranges, "Accept-Encoding": "gzip"}
    response = demo.get("/static/style.css", headers=headers)
    assert response.status_code == 206
    assert "Content-Encoding" not in response.headers


def answer_to(server, head, body):
    """Send what no client would, and return the whole answer."""
    fields = f"{head} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: {FORM}\r\n"
    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        connection.sendall(fields.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", id="size"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n3\r\na=bXX0\r\n\r\n", id="end"),
        pytest.param(b"Content-Length: 90\r\n\r\nanother_string=a", id="cut-off"),
    ],
)
def test_a_body_that_ends_wrong_is_a_400_and_nothing_is_stored(demo, cp_server, body):
    demo.put("/generator", data={"another_string": "before"})
    cookie = f"Cookie: cpkit_demo={demo.cookies['cpkit_demo']}\r\n".encode()
    answer = answer_to(cp_server, "PUT /generator", cookie + body)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert demo.get("/generator").text == "before"


@pytest.fixture
def strict_server(demo):
    """A server that takes a kilobyte and waits for a twentieth of a second."""
    server = cheroot.wsgi.Server(("127.0.0.1", 0), cherrypy.tree, timeout=0.05)
    server.max_request_body_size = 1024
    return server


PUT = f"PUT /generator HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\n".encode()


def test_a_body_in_chunks_that_is_too_large_is_a_413(strict_server):
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (2048, b"a" * 2048)
    assert answered(strict_server, PUT + chunked).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_does_not_come_is_a_408(strict_server):
    head = PUT + b"Content-Length: 9\r\n\r\n"
    assert answered(strict_server, head, stays=True).startswith(b"HTTP/1.1 408 ")
