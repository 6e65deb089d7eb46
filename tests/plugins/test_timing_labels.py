"""Every label of the metrics is of a closed set, whatever clients and applications send."""

import gc
import io
import os
import socket
from urllib.request import urlopen

import cherrypy
import pytest
from prometheus_client import CollectorRegistry
from werkzeug.test import create_environ

import cpkit.tools  # noqa: F401 - registers the toolbox
from cpkit.dispatchers import RoutesDispatcher
from cpkit.plugins import TimingPlugin

ON = {"cpkit.timing.on": True}


class Root:
    """One page, and what comes to no other."""

    @cherrypy.expose
    def index(self, **params):
        return "ok"

    @cherrypy.expose
    def default(self, *path):
        return "default"


@pytest.fixture
def registry():
    plugin = TimingPlugin(cherrypy.engine)
    registry = plugin.prometheus = CollectorRegistry()
    plugin.subscribe()
    return registry


@pytest.fixture
def client(cp_client, registry):
    cp_client.raise_exceptions = False
    return cp_client


def counted(registry):
    """Return the labels of each count, and the count."""
    found = [s for metric in registry.collect() for s in metric.samples]
    name = "http_server_request_duration_seconds_count"
    return [(s.labels, s.value) for s in found if s.name == name]


def routes(registry):
    return {labels["http_route"] for labels, _ in counted(registry)}


@pytest.mark.parametrize(
    ("scheme", "label"),
    [
        ("http", "http"),
        ("https", "https"),
        ("ftp", "_OTHER"),
        ("x17", "_OTHER"),
        ("HTTP", "_OTHER"),
        ("", "_OTHER"),
        ('a"} 1\nforged{b="', "_OTHER"),
    ],
)
def test_the_scheme_is_http_https_or_other(client, registry, scheme, label):
    cherrypy.tree.mount(Root(), "", {"/": ON})
    client.get("/", environ={"wsgi.url_scheme": scheme})
    ((labels, _),) = counted(registry)
    assert labels["url_scheme"] == label


@pytest.mark.parametrize(
    "target", ["x{n}://h/", "OPTIONS x{n}://h/", "http{n}://h/{n}", "//h{n}/", "/{n};x={n}"]
)
def test_no_target_of_a_request_line_makes_a_series(cp_server, registry, target):
    cherrypy.tree.mount(Root(), "", {"/": ON})
    for number in range(5):
        line = target.format(n=number)
        line = line if line.startswith("OPTIONS") else f"GET {line}"
        peer = socket.create_connection((cp_server.host, cp_server.port), timeout=10)
        with peer:
            peer.sendall(f"{line} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
            while peer.recv(4096):
                pass
    allowed = {"http_request_method": {"GET", "OPTIONS"}, "url_scheme": {"http", "_OTHER"}}
    for labels, _ in counted(registry):
        assert all(labels[name] in values for name, values in allowed.items())
    assert routes(registry) <= {"Root.index", "Root.default", ""}


@pytest.mark.parametrize("method", ["GET", "POST", "M17", "get", "OPTIONS"])
@pytest.mark.parametrize("path", ["/a/7", "/nowhere", "/a/7/b", "/a"])
def test_misses_and_refused_methods_have_labels_of_the_table(client, registry, method, path):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("a", r"/a/{n:\d+}", Root(), action="index", conditions={"method": ["GET"]})
    cherrypy.tree.mount(None, "", {"/": {"request.dispatch": dispatcher, **ON}})
    client.request(method, path)
    ((labels, _),) = counted(registry)
    assert labels["http_route"] == ("/a/{n}" if path == "/a/7" else "")
    assert labels["http_request_method"] in {"GET", "POST", "OPTIONS", "_OTHER"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "a.txt").write_text("a" * 100)
    os.utime(tmp_path / "static" / "a.txt", (946684800, 946684800))  # 2000-01-01
    return tmp_path


def serve(folder, tool="staticdir", **more):
    name = {"staticdir": "dir", "staticfile": "filename"}[tool]
    there = folder / "static" / ("a.txt" if tool == "staticfile" else "")
    return {f"tools.{tool}.on": True, f"tools.{tool}.{name}": str(there), **more}


# CherryPy leaves the file of a range open, until it is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("root", [None, Root()], ids=["no page", "a default page"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Range": "bytes=0-9"}, 206),
        ({"If-Modified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"}, 304),
        ({"If-Unmodified-Since": "Fri, 01 Jan 1999 00:00:00 GMT"}, 412),
        ({"Range": "bytes=900-"}, 416),
    ],
)
def test_a_static_file_has_the_route_of_its_section(
    client, registry, folder, root, headers, status
):
    config = {"/": ON, "/static": serve(folder)}
    cherrypy.tree.mount(cherrypy.Application(root, "/shop", config), "/shop")
    assert client.get("/shop/static/a.txt", headers=headers).status_code == status
    assert routes(registry) == {"/shop/static"}
    gc.collect()


def test_a_file_that_is_not_there_has_no_route(client, registry, folder):
    cherrypy.tree.mount(cherrypy.Application(None, "", {"/": ON, "/static": serve(folder)}))
    for number in range(5):
        assert client.get(f"/static/{number}").status_code == 404
    assert routes(registry) == {""}


def test_pages_beside_static_files_keep_their_routes(client, registry, folder):
    cherrypy.tree.mount(Root(), "", {"/": {**ON, **serve(folder)}})
    client.get("/a.txt")
    client.get("/other")
    assert routes(registry) == {"/", "Root.default"}


def test_one_static_file_has_the_route_of_its_section(client, registry, folder):
    config = {"/": ON, "/robots.txt": serve(folder, "staticfile")}
    cherrypy.tree.mount(Root(), "", config)
    assert client.get("/robots.txt").text == "a" * 100
    assert routes(registry) == {"/robots.txt"}


def test_a_section_under_routes_is_a_route_too(client, registry, folder):
    config = {"request.dispatch": RoutesDispatcher(), **ON}
    cherrypy.tree.mount(None, "", {"/": config, "/static": serve(folder)})
    assert client.get("/static/a.txt").status_code == 200
    assert routes(registry) == {"/static"}


def test_a_page_that_is_a_tool_is_named_by_its_section_or_its_tool(client, registry, folder):
    class Site:
        nav = cherrypy.tools.staticdir.handler(section="/nav", dir=str(folder / "static"))
        one = cherrypy.tools.staticfile.handler(filename=str(folder / "static" / "a.txt"))

    cherrypy.tree.mount(Site(), "/site", {"/": ON})
    assert client.get("/site/nav/a.txt").text == "a" * 100
    assert client.get("/site/one").text == "a" * 100
    assert client.get("/site/nav/b.txt").status_code == 404
    assert routes(registry) == {"/site/nav", "/site:staticfile"}


def test_a_page_of_a_tool_of_ones_own_is_named_by_what_it_calls(client, registry):
    class Made:
        def __call__(self, *args):
            cherrypy.response.body = b"made"
            return True

    made = cherrypy._cptools.HandlerTool(Made())
    odd = cherrypy._cptools.HandlerTool(lambda **kwargs: kwargs.pop("wrong", True))

    class Site:
        one = made.handler("whatever")
        two = odd.handler(wrong=True)
        three = cherrypy.tools.staticdir.handler("/third", "too", "many", "of", "them", 6, 7, 8, 9)

    cherrypy.tree.mount(Site(), "/site", {"/": ON})
    for page in ("one", "two", "three"):
        client.get(f"/site/{page}")
    assert routes(registry) == {"/site:Made", "/site:<lambda>", "/site:staticdir"}


def test_a_section_is_no_label_unless_it_is_written_in_the_config(client, registry, folder):
    class Files:
        _cp_config = serve(folder)

    root = Root()
    root.my_files = Files()
    cherrypy.tree.mount(root, "", {"/": ON})
    for spelled in ("my_files", "my.files", "my-files"):
        assert client.get(f"/{spelled}/a.txt").status_code == 200
    assert len(routes(registry)) == 1
    assert not any("files" in route for route in routes(registry))


class Broken(io.BytesIO):
    """A file whose disk fails while it is read."""

    def read(self, size=-1):
        raise OSError("the disk is gone")


class Unready:
    """What cannot even be begun."""

    def __iter__(self):
        raise ZeroDivisionError


class Streams:
    """Bodies that break off, each in its own way."""

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def generator(self):
        yield "a"
        raise ZeroDivisionError

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True, "tools.encode.on": False})
    def at_once(self):
        yield b""  # no byte: the status is not sent yet
        raise ZeroDivisionError

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True, "tools.encode.on": False})
    def never(self):
        return Unready()

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True, "tools.encode.on": False})
    def iterator(self):
        return (1 // number * b"a" for number in (1, 0))

    @cherrypy.expose
    @cherrypy.config(**{"tools.encode.on": False})
    def file(self):
        cherrypy.response.headers["Content-Length"] = "5"
        return cherrypy.lib.file_generator(Broken())

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True, "tools.encode.on": False})
    def text(self):
        yield "no bytes"

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True, "tools.encode.on": False})
    def like(self):
        yield bytearray(b"like ")
        yield None
        yield memoryview(b"bytes")

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True, "tools.encode.on": False})
    def then_text(self):
        yield b"bytes"
        yield "no bytes"

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def whole(self):
        yield "a"
        yield "b"


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("generator", 200, "broken_stream"),
        ("iterator", 200, "broken_stream"),
        ("at_once", 500, "500"),
        ("never", 500, "500"),
        ("file", 500, "500"),
    ],
)
def test_a_stream_that_fails_is_an_error_with_the_status_that_was_sent(
    client, registry, path, status, error
):
    cherrypy.tree.mount(Streams(), "", {"/": ON})
    assert client.get(f"/{path}").status_code == status
    assert_is_one_error(registry, status, error)


def assert_is_one_error(registry, status, error):
    ((labels, count),) = counted(registry)
    assert (labels["http_response_status_code"], count) == (str(status), 1)
    assert labels["error_type"] == error
    (report,) = cherrypy.engine.publish("timing-report")
    assert [entry["errors"] for entry in report["routes"]] == [1]
    (slowest,) = report["slowest"]
    assert (slowest["status"], slowest["broken"]) == (status, error == "broken_stream")


@pytest.mark.parametrize(("path", "status"), [("text", 500), ("then_text", 200)])
def test_a_stream_of_text_is_told_of_as_the_server_answers_it(cp_server, registry, path, status):
    """PEP 3333 asks for bytes: CherryPy's server looks when it has sent the status."""
    cherrypy.tree.mount(Streams(), "", {"/": ON})
    peer = socket.create_connection((cp_server.host, cp_server.port), timeout=30)
    with peer, peer.makefile("rb") as answer:
        peer.sendall(f"GET /{path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
        assert answer.read().startswith(f"HTTP/1.1 {status}".encode())
    assert_is_one_error(registry, status, "500" if status == 500 else "broken_stream")


def test_a_stream_of_what_is_like_bytes_is_sent(cp_server, registry):
    cherrypy.tree.mount(Streams(), "", {"/": ON})
    with urlopen(f"http://{cp_server.host}:{cp_server.port}/like", timeout=30) as answer:
        assert answer.read() == b"like bytes"
    ((labels, _),) = counted(registry)
    assert (labels["http_response_status_code"], labels["error_type"]) == ("200", "")


def test_a_head_that_the_server_does_not_take_is_the_500_that_was_sent(registry):
    def start_response(status, fields, exc_info=None):
        if status.startswith("200"):
            raise ValueError("a field that I do not send")
        told.append(status)

    told = []
    cherrypy.tree.mount(Root(), "", {"/": ON})
    body = cherrypy.tree(create_environ("/"), start_response)
    body.close()
    assert told == ["500 Internal Server Error"]
    assert_is_one_error(registry, 500, "500")


@pytest.mark.parametrize("left", [False, True], ids=["to its end", "by a client that left"])
def test_a_stream_that_was_read_is_none(client, registry, left):
    cherrypy.tree.mount(Streams(), "", {"/": ON})
    environ = {}
    client.app = lambda e, start: environ.update(e) or cherrypy.tree(e, start)
    client.get("/whole")
    chunks = cherrypy.tree({**environ, "PATH_INFO": "/whole"}, lambda *args: None)
    assert next(iter(chunks)) == b"a"
    if not left:
        assert [*chunks] == [b"b"]
    chunks.close()
    ((labels, count),) = counted(registry)
    assert (labels["error_type"], count) == ("", 2)


def test_the_chunks_of_a_stream_are_begun_once(client, registry):
    begun = []

    class Chunks:
        def __iter__(self):
            begun.append(True)
            return iter([b"a", b"b"])

    class Site:
        @cherrypy.expose
        @cherrypy.config(**{"response.stream": True, "tools.encode.on": False})
        def index(self):
            return Chunks()

    cherrypy.tree.mount(Site(), "", {"/": ON})
    assert client.get("/").content == b"ab"
    assert begun == [True]


def test_the_chunks_of_a_stream_are_closed_as_without_timing(client, registry):
    closed = []

    class Chunks:
        def __iter__(self):
            return self

        def __next__(self):
            return b"a"

        def close(self):
            closed.append(True)

    class Site:
        @cherrypy.expose
        @cherrypy.config(**{"response.stream": True, "tools.encode.on": False})
        def index(self):
            return Chunks()

    cherrypy.tree.mount(Site(), "", {"/": ON})
    environ = {}
    client.app = lambda e, start: environ.update(e) or [start("200 OK", []) and b""]
    client.get("/")
    chunks = cherrypy.tree(environ, lambda *args: None)
    next(iter(chunks))
    chunks.close()
    assert closed == [True]
