"""What the guarded server costs beside CherryPy's own, for whole requests in bytes."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import cherrypy
from cherrypy._cpserver import Server as ServerAdapter

from cpkit.cherry import CPWSGIServer
from cpkit.dispatchers import GuardedServer
from tests.benchmarks.questions import Case, question
from tests.benchmarks.wsgi import QUIET, application

BROWSER = b"""\
GET /?a=b HTTP/1.1
Host: 127.0.0.1:8080
Connection: keep-alive
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0
Accept-Encoding: gzip, deflate, br
Accept-Language: en-US,en;q=0.9
Cookie: session_id=0123456789abcdef0123456789abcdef01234567; theme=dark

""".replace(b"\n", b"\r\n")
SMALL = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Root:
    @cherrypy.expose
    def index(self, **fields: str) -> str:
        return "page"


def _answering(kind: type[Any], app: Any, request: bytes, opened: ExitStack) -> Callable[[], bytes]:
    """Return a call that sends *request* over one connection and returns the end of the answer."""
    cherrypy.config.update(QUIET)
    adapter = ServerAdapter()
    adapter.socket_host, adapter.socket_port, adapter.thread_pool = "127.0.0.1", 0, 1
    server = kind(adapter)
    server.wsgi_app = type(server.wsgi_app)(app) if kind is GuardedServer else app
    client, served = (opened.enter_context(each) for each in socket.socketpair())
    connection = server.ConnectionClass(server, served)
    if kind is CPWSGIServer:
        connection.RequestHandlerClass = type(server).ConnectionClass.RequestHandlerClass

    def send() -> bytes:
        client.sendall(request)
        connection.communicate()
        return client.recv(65536)[-4:]

    return send


def _asked(request: bytes) -> Case:
    app, opened = application(Root(), {}), ExitStack()
    servers = {"CherryPy's own server": CPWSGIServer, "cpkit's guarded server": GuardedServer}
    return Case(
        {name: _answering(kind, app, request, opened) for name, kind in servers.items()},
        baseline="CherryPy's own server",
        expected=b"page",
        cleanup=opened.close,
    )


@question("server", "What does a browser's request cost, read strictly?")
def browser() -> Case:
    """Both servers are cheroot's: the guarded one reads the head at once instead of line by line,
    which pays for its checks."""
    return _asked(BROWSER)


@question("server", "And the smallest request?")
def small() -> Case:
    """One field: there is little to read, and the checks are the same."""
    return _asked(SMALL)
