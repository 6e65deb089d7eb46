"""The guards before the tree: long and deep paths are 414, bodies of unclear length 400."""

import re
import socket
import subprocess
import sys
import textwrap
import threading
from http.client import HTTPConnection

import cherrypy
import pytest
from cheroot.makefile import StreamWriter
from cherrypy._cpserver import Server as ServerAdapter

from cpkit.dispatchers import GuardedServer, PathGuard
from cpkit.testing import Client


def app(environ, start_response):
    start_response("200 OK", [])
    return [b"reached"]


def ask(guard, path, method="GET", script_name=""):
    environ = {"PATH_INFO": path, "SCRIPT_NAME": script_name}
    return Client(guard).request(method, "/", environ=environ)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/" + "a" * 8191, 200),
        ("/" + "a" * 8192, 414),
        ("/a" * 256, 200),
        ("/a" * 257, 414),
        ("/" * 257, 414),
        ("/" + "\xe9" * 8191, 200),
        ("", 200),
    ],
    ids=lambda value: str(value)[:4] + str(len(str(value))),
)
def test_paths_beyond_8_kb_or_256_segments_are_414(path, status):
    assert ask(PathGuard(app), path).status_code == status


def test_the_mount_point_counts():
    assert ask(PathGuard(app), "/a" * 200, script_name="/b" * 100).status_code == 414


def test_the_limits_can_be_set():
    guard = PathGuard(app, max_bytes=10, max_segments=2)
    assert [ask(guard, path).status_code for path in ("/a/b", "/a/b/c", "/" + "a" * 10)] == [
        200,
        414,
        414,
    ]


def test_the_answer_has_a_length_and_head_has_no_body():
    get, head = (ask(PathGuard(app), "/" * 300, method) for method in ("GET", "HEAD"))
    assert get.reason == "URI Too Long"
    assert int(get.headers["Content-Length"]) == len(get.content)
    assert (head.status_code, head.content) == (414, b"")


def test_one_line_of_config_guards_cherrypys_own_server(monkeypatch):
    adapter = cherrypy._cpserver.Server()
    monkeypatch.setattr(cherrypy, "servers", {"guarded": adapter}, raising=False)
    cherrypy.tree.graft(app)
    cherrypy.config.update(
        {
            "server.guarded.instance": "cpkit.dispatchers.GuardedServer",
            "server.guarded.max_path_segments": 3,
        }
    )
    server, _ = adapter.httpserver_from_self()
    assert isinstance(server, GuardedServer)
    assert ask(server.wsgi_app, "/a/b").text == "reached"
    assert ask(server.wsgi_app, "/a/b/c/d").status_code == 414
    assert ask(server.wsgi_app, "/" + "a" * 8192).status_code == 414


@pytest.mark.xfail(strict=True, reason="C19: CherryPy's own tree lets any path through")
def test_c19_without_the_guard_the_application_is_reached():
    cherrypy.tree.graft(app)
    assert ask(cherrypy.tree, "/a" * 300).status_code == 414


@pytest.fixture
def port():
    """A guarded server's port, over which the body of no request is read."""
    adapter = ServerAdapter()
    adapter.socket_host, adapter.socket_port, adapter.thread_pool = "127.0.0.1", 0, 1
    server = GuardedServer(adapter)
    server.shutdown_timeout, server.expiration_interval = 1, 0.05
    logged = []
    server.error_log = lambda *args, **kwargs: logged.append(args)
    cherrypy.tree.graft(app)
    server.prepare()
    serving = threading.Thread(target=server.serve)
    serving.start()
    yield server.bind_addr[1]
    server.stop()
    serving.join()
    assert not logged


@pytest.mark.parametrize(
    ("fields", "body", "statuses"),
    [
        pytest.param(b"Content-Length: 3", b"a=b", [b"200", b"200"], id="clear"),
        pytest.param(b"Content-Length: -1", b"", [b"400"], id="negative"),
        pytest.param(b"Content-Length: +3", b"a=b", [b"400"], id="signed"),
        pytest.param(b"Content-Length: 0_3", b"a=b", [b"400"], id="underscore"),
        pytest.param(
            b"Content-Length: 3\r\nTransfer-Encoding: chunked", b"0\r\n\r\n", [b"400"], id="twice"
        ),
        pytest.param(b"Transfer-Encoding: chunked", b"0\r\n\r\n", [b"200"], id="unread-chunks"),
    ],
)
def test_what_follows_a_body_of_unclear_length_is_no_request(port, fields, body, statuses):
    smuggled = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        sent = b"PUT / HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n%b%b" % (fields, body, smuggled)
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == statuses


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"GET http://[::1/ HTTP/1.1\r\n", id="bracket"),
        pytest.param(b"GET http://[x]/ HTTP/1.1\r\n", id="address"),
        pytest.param(b"GET / HTTP/1.1\r\n folded: x\r\n", id="folded-first-field"),
    ],
)
def test_a_request_that_cannot_be_parsed_is_a_400_and_not_logged(port, start):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(start + b"Host: a\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")


def breaking(environ, start_response):
    """An answer that fails before its first byte, and is told to be another, as CherryPy's are."""
    start_response("200 OK", [("Content-Length", "9000"), ("Content-Encoding", "gzip")])
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        failed = sys.exc_info()
    start_response("500 Internal Server Error", [("Content-Length", "6")], failed)
    return [b"failed"]


def test_an_answer_that_takes_the_place_of_another_has_nothing_of_it(port):
    cherrypy.tree.graft(breaking)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert re.findall(rb"Content-[^\r]+", answer) == [b"Content-Length: 6"]
    assert answer.endswith(b"\r\n\r\nfailed")


@pytest.mark.parametrize("fields", [[], [("content-length", "4")], [("X-Own", "1")]])
def test_a_205_tells_its_end(port, fields):
    """RFC 9110, 15.3.6: without a length of 0 a client waits for a body, which there is none of."""

    def reset(environ, start_response):
        start_response("205 Reset Content", fields)
        return [b"form"]

    cherrypy.tree.graft(reset)
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(2):
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (205, b"")
        assert answer.headers.get_all("Content-Length") == ["0"]
    connection.close()


def in_pieces(environ, start_response):
    """An answer of two pieces, of which the first goes out with the head."""
    start_response("200 OK", [("Content-Length", "8")])
    return [b"", b"fir", b"st, "[:2], b"las"]


@pytest.mark.parametrize("protocol", [b"1.0", b"1.1"])
def test_the_first_piece_of_a_body_goes_out_with_the_head(port, monkeypatch, protocol):
    cherrypy.tree.graft(in_pieces)
    written, write = [], StreamWriter.write

    def noting(self, piece):
        written.append(bytes(piece))
        return write(self, piece)

    monkeypatch.setattr(StreamWriter, "write", noting)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/%b\r\nHost: a\r\nConnection: close\r\n\r\n" % protocol)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.endswith(b"\r\n\r\nfirstlas")
    assert [piece.rpartition(b"\r\n")[2] for piece in written] == [b"fir", b"st", b"las"]


def test_a_field_that_is_not_text_is_an_error_of_the_application(port):
    failed = []

    def wrong(environ, start_response):
        for fields in ([("X-A", b"b")], [(b"X-A", "b")], [("X-A", 1)]):
            try:
                start_response("200 OK", fields, (TypeError, TypeError(), None))
            except TypeError as error:
                failed.append(str(error))
        start_response("200 OK", [("X-A", "\xe9")], (TypeError, TypeError(), None))
        return [b"reached"]

    cherrypy.tree.graft(wrong)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert len(failed) == 3
    assert b"\r\nX-A: \xe9\r\n" in answer


STARTS = {
    "quickstart": "cherrypy.quickstart(Root(), config=config)",
    "engine.start": (
        "cherrypy.config.update(config['global']); cherrypy.tree.mount(Root());"
        " cherrypy.engine.start(); cherrypy.engine.block()"
    ),
}


def start(how, folder, environment, **settings):
    """Start a guarded server in a process of its own, which is to end; return what it said."""
    program = f"""
        import cherrypy
        from cherrypy.process.plugins import PIDFile
        from cpkit.plugins import ConfigCheck

        class Root:
            pass

        PIDFile(cherrypy.engine, {str(folder / "pid")!r}).subscribe()
        config = {{"global": {{
            "environment": {environment!r},
            "engine.autoreload.on": False,
            "server.instance": "cpkit.dispatchers.GuardedServer",
            "server.socket_host": "127.0.0.1",
            **{settings!r},
        }}}}
        {STARTS[how]}
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("environment", ["production", "embedded", None])
@pytest.mark.parametrize("how", STARTS)
def test_a_port_in_use_is_told_once_and_ends_the_process(tmp_path, how, environment):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = start(how, tmp_path, environment, **{"server.socket_port": port})
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if "Nothing is served" in line]
    assert len(told) == 1
    assert told[0].endswith(
        f"127.0.0.1:{port} is in use: end what serves there, or set server.socket_port"
    )
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "pid").exists()
    if environment == "production":
        assert done.stderr.splitlines() == told


@pytest.mark.parametrize("how", STARTS)
def test_an_address_that_is_not_here_is_told_too(tmp_path, how):
    there = {"server.socket_host": "192.0.2.1", "server.socket_port": 8099}
    done = start(how, tmp_path, "production", **there)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "Nothing is served, since it cannot listen at ('192.0.2.1', 8099)" in done.stderr
    assert not (tmp_path / "pid").exists()
