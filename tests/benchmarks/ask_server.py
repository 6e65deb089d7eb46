"""What the guarded server costs beside CherryPy's own, for whole requests in bytes."""

import socket
from contextlib import ExitStack
from typing import Any

from cherrypy._cpserver import Server as ServerAdapter

from cpkit.cherry import CPWSGIServer
from cpkit.dispatchers import GuardedServer
from tests.benchmarks.questions import Call, Case, question
from tests.benchmarks.wsgi import Page, application

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
OWN = "CherryPy's own server"


def _answering(kind: type[Any], request: bytes, opened: ExitStack) -> Call:
    """Return a call that sends *request* over one connection and returns the end of the answer."""
    adapter, app = ServerAdapter(), application(Page())
    adapter.socket_host, adapter.socket_port, adapter.thread_pool = "127.0.0.1", 0, 1
    server = kind(adapter)
    server.wsgi_app = type(server.wsgi_app)(app) if kind is GuardedServer else app
    client, served = map(opened.enter_context, socket.socketpair())
    connection = server.ConnectionClass(server, served)
    if kind is CPWSGIServer:
        connection.RequestHandlerClass = type(server).ConnectionClass.RequestHandlerClass

    def send() -> bytes:
        client.sendall(request)
        connection.communicate()
        return client.recv(65536)[-4:]

    return send


def _case(request: bytes) -> Case:
    servers, opened = {OWN: CPWSGIServer, "cpkit's guarded server": GuardedServer}, ExitStack()
    calls = {name: _answering(kind, request, opened) for name, kind in servers.items()}
    return Case(calls, OWN, b"page", cleanup=opened.close)


@question("server", "What does a browser's request cost, read strictly?")
def browser() -> Case:
    """Both servers are cheroot's: the guarded one reads the head at once instead of line by line,
    which pays for its checks."""
    return _case(BROWSER)


@question("server", "And the smallest request?")
def small() -> Case:
    """One field: there is little to read, and the checks are the same."""
    return _case(SMALL)
