"""What a well-behaved client sends is read as CherryPy's own server reads it, or more exactly."""

import contextlib
import gc
import io
import json
import socket
import struct
import threading
from wsgiref.util import is_hop_by_hop

import cherrypy
import pytest
from cherrypy._cpserver import Server as ServerAdapter
from cherrypy.lib.static import serve_file

import cpkit.tools
from cpkit.dispatchers import GuardedServer, RequestGuard
from cpkit.serving.body import ChunkedBody
from cpkit.serving.limits import Limits
from cpkit.testing import Client
from tests.connections import answered


class Pages:
    @cherrypy.expose
    def index(self, **fields):
        environ = cherrypy.request.wsgi_environ
        told = {name: value for name, value in environ.items() if isinstance(value, str)}
        return json.dumps(told | {"path": cherrypy.request.path_info, "fields": fields})

    @cherrypy.expose
    def echo(self):
        return cherrypy.request.rfile.read()

    @cherrypy.expose
    def upload(self, file):
        content = file if isinstance(file, str) else file.file.read().decode()
        return f"{len(content)} {hash(content)}"


def guarded(**settings):
    """Return a guarded server of the pages, which does not run yet."""
    cherrypy.tree.mount(Pages(), "", {"/echo": {"request.process_request_body": False}})
    adapter = ServerAdapter()
    adapter.socket_host, adapter.socket_port, adapter.thread_pool = "127.0.0.1", 0, 1
    for name, value in settings.items():
        setattr(adapter, name, value)
    return GuardedServer(adapter)


@contextlib.contextmanager
def serving(**settings):
    """Serve the pages under a guarded server, whose port is yielded."""
    server = guarded(**settings)
    server.shutdown_timeout, server.expiration_interval = 1, 0.05
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server.bind_addr[1]
    finally:
        server.stop()
        thread.join()


def ask(port, *pieces):
    """Send the pieces one after the other, and return all that is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def told(answer):
    return json.loads(answer.partition(b"\r\n\r\n")[2])


LAST = b"Connection: close\r\n\r\n"
GET = b"GET /?a=b HTTP/1.1\r\nHost: a\r\n"


def test_a_head_may_come_byte_by_byte():
    with serving() as port:
        sent = GET + b"A: b\r\n" + LAST
        answer = ask(port, *(sent[n : n + 1] for n in range(len(sent))))
    assert told(answer)["HTTP_A"] == "b"


def test_requests_may_follow_each_other_at_once():
    with serving() as port:
        posted = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        answer = ask(port, GET + b"\r\n" + posted + GET + b"A: c\r\n" + LAST)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert b'"HTTP_A": "c"' in answer


def test_an_absolute_target_names_the_host():
    with serving() as port:
        answer = ask(port, b"GET http://b:81/?a=b HTTP/1.1\r\nHost: a\r\n" + LAST)
    environ = told(answer)
    assert (environ["HTTP_HOST"], environ["PATH_INFO"]) == ("b:81", "/")
    assert environ["wsgi.url_scheme"] == "http"


def test_an_absolute_target_does_not_choose_the_scheme():
    with serving() as port:
        environ = told(ask(port, b"GET https://a/ HTTP/1.1\r\nHost: a\r\n" + LAST))
    assert environ["wsgi.url_scheme"] == "http"


def test_a_name_with_an_underscore_is_left_out():
    with serving() as port:
        environ = told(ask(port, GET + b"X_A: 1\r\nContent_Type: a/b\r\nX-A: 2\r\n" + LAST))
    assert environ["HTTP_X_A"] == "2"
    assert "CONTENT_TYPE" not in environ


@pytest.mark.parametrize(
    ("lines", "name", "value"),
    [
        (b"Accept: a/b\r\nAccept: c/d", "HTTP_ACCEPT", "a/b, c/d"),
        (b"Cookie: a=b\r\nCookie: c=d", "HTTP_COOKIE", "a=b; c=d"),
        (b"X-Forwarded-For: 1\r\nX-Forwarded-For: 2", "HTTP_X_FORWARDED_FOR", "2"),
        (b"A:\t b \t", "HTTP_A", "b"),
        (b"A:", "HTTP_A", ""),
        (b"A: \xe9", "HTTP_A", "\xe9"),
        (b"a-B: c", "HTTP_A_B", "c"),
    ],
)
def test_fields_are_read_as_cherrypys_server_reads_them(lines, name, value):
    with serving() as port:
        assert told(ask(port, GET + lines + b"\r\n" + LAST))[name] == value


@pytest.mark.parametrize(
    ("path", "read"),
    [
        (b"/%e4%bd%a0", "/\u4f60"),
        (b"/a%2fb", "/a%2Fb"),
        (b"/a%2Fb%20c", "/a%2Fb c"),
        (b"/100%", "/100%"),
        (b"/a+b;c=d", "/a+b;c=d"),
    ],
)
def test_paths_are_decoded_but_for_slashes(path, read):
    pages = Pages()
    pages.default = pages.index
    cherrypy.tree.mount(pages, "")
    with serving() as port:
        cherrypy.tree.mount(pages, "")
        answer = ask(port, b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n" + LAST)
    assert b"404" in answer.splitlines()[0] or told(answer)["path"] == read


@pytest.mark.parametrize("option", [b"close", b"Close", b"TE, close"])
def test_a_connection_is_closed_however_that_is_spelt(option):
    with serving() as port:
        answer = ask(port, GET + b"Connection: " + option + b"\r\n\r\n")
    assert b"Connection: close" in answer


def test_a_large_body_that_nobody_reads_leaves_the_connection_usable():
    body = b"a" * 300_000
    with serving() as port:
        posted = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
        answer = ask(port, posted + body + GET + LAST)
    assert answer.count(b"HTTP/1.1 200 OK") == 2


def test_a_client_that_expects_to_be_told_to_continue_is():
    with serving() as port:
        fields = b"Content-Length: 3\r\nExpect: 100-Continue\r\n" + LAST
        answer = ask(port, b"POST /echo HTTP/1.1\r\nHost: a\r\n" + fields, b"abc")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    assert answer.endswith(b"abc")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"GET / HTTP/1.1\r\n", id="head"),
        pytest.param(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na", id="body"),
    ],
)
def test_a_client_that_stops_in_the_middle_is_a_408(sent):
    server = guarded(socket_timeout=0.05)
    assert answered(server, sent, stays=True).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    ("setting", "value", "sent", "status"),
    [
        ("max_fields", 3, b"A: b\r\n" * 3, b"431"),
        ("max_field_bytes", 20, b"A: " + b"b" * 20 + b"\r\n", b"431"),
        ("max_head_bytes", 40, b"A: b\r\nC: d\r\n", b"431"),
        ("max_request_header_size", 40, b"A: b\r\nC: d\r\n", b"431"),
        ("max_target_bytes", 4, b"", b"414"),
        ("max_query_fields", 0, b"", b"400"),
        ("max_path_bytes", 0, b"", b"414"),
        ("max_path_segments", 0, b"", b"414"),
    ],
)
def test_each_limit_is_a_config_key(setting, value, sent, status):
    with serving(**{setting: value}) as port:
        answer = ask(port, GET + sent + LAST)
    assert answer.split()[1] == status


def test_the_whole_of_a_chunked_body_is_read():
    with serving() as port:
        fields = b"Host: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
        body = b"3;x=y\r\nabc\r\n0000a\r\n0123456789\r\n0\r\nA: b\r\n\r\n"
        answer = ask(port, b"POST /echo HTTP/1.1\r\n" + fields + body)
    assert answer.endswith(b"abc0123456789")


@pytest.mark.parametrize(
    ("size", "lines"),
    [(None, [b"one\n", b"two\n", b"three", b""]), (3, [b"one", b"\n", b"two", b"\n"])],
)
def test_a_chunked_body_is_read_by_lines(size, lines):
    chunks = b"2\r\non\r\n5\r\ne\ntwo\r\n6\r\n\nthree\r\n0\r\n\r\n"
    body = ChunkedBody(io.BytesIO(chunks), 0, Limits())
    assert [body.readline(size) for _ in lines] == lines


CONTENTS = [
    "",
    "a",
    "\r\n",
    "\n--x\n",
    "--x",
    "a\r\n--xy\r\nb",
    "--x--",
    "\r" * 9,
    "a\r",
    "-" * 9000,
]
CONTENTS += ["x" * n for n in range(8000, 8400, 37)] + ["\r\n" * 20_000, "\r\n--" * 9000]


@pytest.mark.parametrize("number", range(len(CONTENTS)))
@pytest.mark.parametrize("filename", ['; filename="b"', ""], ids=["file", "field"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_part_is_read_to_the_byte(number, filename):
    content = CONTENTS[number].replace("--x", "--other")
    disposition = f'Content-Disposition: form-data; name="file"{filename}'
    body = f"--x\r\n{disposition}\r\n\r\n{content}\r\n--x--\r\n".encode()
    cherrypy.tree.mount(Pages())
    answer = Client(RequestGuard(cherrypy.tree)).post(
        "/upload", data=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert answer.text == f"{len(content)} {hash(content)}"


def test_parts_follow_each_other():
    names = [f"a{n}" for n in range(150)]
    parts = [
        f'--x\r\nContent-Disposition: form-data;\r\n name="{name}"\r\n\r\n{name * 50}\r\n'
        for name in names
    ]
    cherrypy.tree.mount(Pages())
    answer = Client(RequestGuard(cherrypy.tree)).post(
        "/",
        data="".join([*parts, "--x--"]).encode(),
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.json()["fields"] == {name: name * 50 for name in names}


class Writes:
    @cherrypy.expose
    @cpkit.tools.db()
    def form(self, **fields):
        cherrypy.request.db.exec_driver_sql("INSERT INTO t VALUES (1)")

    @cherrypy.expose
    @cpkit.tools.db()
    def raw(self):
        cherrypy.request.db.exec_driver_sql("INSERT INTO t VALUES (2)")
        cherrypy.request.rfile.read()


@pytest.mark.parametrize(("path", "kind"), [("form", "x-www-form-urlencoded"), ("raw", "x")])
@pytest.mark.parametrize("received", [b"a=b", b""])
def test_of_a_body_that_was_cut_off_nothing_is_committed(start_database, path, kind, received):
    database = start_database()
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (n INTEGER)")
    sections = {"/raw": {"request.process_request_body": False}}
    with serving() as port:
        cherrypy.tree.mount(Writes(), "", sections)
        head = f"POST /{path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/{kind}\r\n"
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(head.encode() + b"Content-Length: 6\r\n\r\n" + received)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
    with database.begin() as connection:
        assert connection.exec_driver_sql("SELECT * FROM t").fetchall() == []


def grafted(environ, start_response):
    """A WSGI application that is not CherryPy's."""
    body = environ["wsgi.input"]
    lines = [body.readline(), *body.readlines(3), *body]
    start_response("200 OK", [])
    return lines


@pytest.mark.parametrize(
    ("length", "body", "answer"),
    [("9", b"a\nbc\nd\ne\n", 200), ("9", b"a\nb", 400), ("x", b"", 400)],
)
def test_another_wsgi_application_is_guarded_as_well(length, body, answer):
    client = Client(RequestGuard(grafted))
    got = client.post("/", data=body, environ={"CONTENT_LENGTH": length})
    assert got.status_code == answer
    assert got.status_code == 400 or got.content == body


@pytest.mark.parametrize("request_line", [b"GET /", b"HEAD /stream"])
def test_a_request_ends_whose_client_has_gone_before_an_answer_without_a_body(request_line):
    begun, gone, ended = threading.Event(), threading.Event(), threading.Event()

    class Slow:
        @cherrypy.expose
        def index(self):
            begun.set()
            gone.wait(20)
            cherrypy.response.status = 204

        @cherrypy.expose
        @cherrypy.config(**{"response.stream": True})
        def stream(self):
            begun.set()
            gone.wait(20)
            return iter([b"a"])

    with serving() as port:
        cherrypy.tree.mount(Slow(), "", {"/": {"hooks.on_end_request": ended.set}})
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(request_line + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        assert begun.wait(20)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        gone.set()
        assert ended.wait(20)


class Framed:
    """Answers whose bodies are not what their heads say."""

    @cherrypy.expose
    def elsewhere(self):
        raise cherrypy.InternalRedirect("/short")

    @cherrypy.expose
    def short(self):
        cherrypy.response.headers["Content-Length"] = "9"
        return iter([b"abc"])

    @cherrypy.expose
    def long(self):
        cherrypy.response.headers["Content-Length"] = "3"
        return iter([b"ab", b"cd", b"ef"])

    @cherrypy.expose
    def status(self, number):
        cherrypy.response.status = int(number)
        return iter([b"abc"])


@pytest.mark.parametrize(
    ("line", "body", "following"),
    [
        (b"HEAD /elsewhere", b"", 1),
        (b"HEAD /short", b"", 1),
        (b"GET /short", b"abc", 0),
        (b"GET /long", b"abc", 1),
        (b"GET /status/204", b"", 1),
        (b"GET /status/304", b"", 1),
    ],
)
def test_what_a_body_has_too_many_or_too_few_is_not_taken_for_another_answer(line, body, following):
    with serving() as port:
        cherrypy.tree.mount(Framed(), "", {"/": {"response.stream": True}})
        asked = line + b" HTTP/1.1\r\nHost: a\r\n\r\n"
        answer = ask(port, asked + (b"HEAD /status/204 HTTP/1.1\r\nHost: a\r\n" + LAST) * following)
    _, _, rest = answer.partition(b"\r\n\r\n")
    assert rest.partition(b"HTTP/1.1 204")[0] == body
    assert answer.count(b"HTTP/1.1 204") >= following


def test_a_client_of_http_1_0_is_not_told_to_continue():
    with serving() as port:
        answer = ask(
            port, b"PUT /echo HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\na"
        )
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("method", "sent", "status"),
    [
        ("GET", "bytes=0-4", 206),
        ("GET", "Bytes=0-4", 206),
        ("GET", "items=0-4", 200),
        ("HEAD", "bytes=0-4", 200),
        ("POST", "bytes=0-4", 200),
        ("GET", "bytes=9000-", 416),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_range_is_of_bytes_and_of_a_get(tmp_path, method, sent, status):
    (tmp_path / "file").write_text("0123456789")

    class Files:
        @cherrypy.expose
        def index(self):
            return serve_file(str(tmp_path / "file"), "text/plain")

    cherrypy.tree.mount(Files())
    answer = Client(RequestGuard(cherrypy.tree)).request(method, "/", headers={"Range": sent})
    gc.collect()  # CherryPy leaves the file to it
    assert answer.status_code == status


class Refusing:
    @cherrypy.expose
    @cherrypy.tools.json_in()
    def nested(self):
        return "read"

    @cherrypy.expose
    @cpkit.tools.body(media=["application/json"])
    def typed(self, body: list):
        return "read"


UNREAD = [("nested", b"application/json", b"400"), ("typed", b"text/plain", b"415")]


@pytest.mark.parametrize(("path", "kind", "status"), UNREAD)
def test_the_connection_ends_with_a_body_that_is_left_unread(path, kind, status):
    with serving() as port:
        cherrypy.tree.mount(Refusing())
        fields = b"Content-Type: %s\r\nContent-Length: 5000\r\n" % kind
        posted = b"POST /%s HTTP/1.1\r\nHost: a\r\n%s\r\n" % (path.encode(), fields)
        answer = ask(port, posted + b"[" * 5000)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"\r\nConnection: close\r\n" in answer


@pytest.mark.parametrize(("path", "kind", "status"), UNREAD)
def test_another_server_is_told_nothing_of_its_connection(path, kind, status):
    # PEP 3333 forbids it: waitress answers 500 to an application that does.
    guard = RequestGuard(cherrypy.tree)

    def under_waitress(environ, start_response):
        del environ["ACTUAL_SERVER_PROTOCOL"]
        return guard(environ, start_response)

    cherrypy.tree.mount(Refusing())
    answer = Client(under_waitress).post(
        f"/{path}", data=b"[" * 5000, headers={"Content-Type": kind.decode()}
    )
    assert answer.status_code == int(status)
    assert not any(map(is_hop_by_hop, answer.headers))
