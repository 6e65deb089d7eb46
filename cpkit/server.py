"""A guard before the tree of applications: paths too long or too deep go no further."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import cherrypy
from cheroot.server import HTTPConnection, HTTPRequest
from cheroot.wsgi import Gateway_10

from cpkit.cherry import CPWSGIServer

MAX_BYTES = 8192
MAX_SEGMENTS = 256
BODY = b"The path of this URL is too long.\n"


class PathGuard:
    """Answer 414 (RFC 9110, 15.5.15) for long or deep paths before *app* sees them.

    CherryPy's own tree, dispatchers and config look-ups take time that grows with the square
    of the number of segments. *max_bytes* is the length of the decoded path, *max_segments*
    the number of its slashes. ``application = PathGuard(cherrypy.tree)`` guards any WSGI
    deployment; for CherryPy's own server see :class:`GuardedServer`.
    """

    def __init__(
        self, app: Any, max_bytes: int = MAX_BYTES, max_segments: int = MAX_SEGMENTS
    ) -> None:
        self.app, self.max_bytes, self.max_segments = app, max_bytes, max_segments

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Pass the request on, or answer it."""
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        if len(path) <= self.max_bytes and path.count("/") <= self.max_segments:
            answer: Iterable[bytes] = self.app(environ, start_response)
            return answer
        headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]
        start_response("414 URI Too Long", headers)
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [BODY]


class GuardedRequest(HTTPRequest):
    """Refuse what cheroot fails to parse; it would answer 500, with a traceback in the log."""

    def parse_request(self) -> None:
        """Read the request line and the header fields."""
        try:
            super().parse_request()
        except (ValueError, UnboundLocalError):  # http://[x/ as target; a folded first field
            self.simple_response("400 Bad Request", "Malformed request.\n")


class Connection(HTTPConnection):
    """A connection that ends with all it holds, whether the peer took it or hung up."""

    def close(self) -> None:
        """Close it; what a peer that hung up has not taken is given up."""
        # NOTE: cheroot leaves the writer to the garbage collector, which on Python 3.13 reports
        # that the rest could not be sent. A socket that may not block has nobody wait for it.
        with suppress(OSError):
            self.socket.settimeout(0)
            self.wfile.close()
        super().close()


class GuardedConnection(Connection):
    """Read requests with care."""

    RequestHandlerClass = GuardedRequest


class GuardedGateway(Gateway_10):
    """Pass on no request of which it is unclear where the next one begins (RFC 9112, 6.3, 11.2)."""

    def respond(self) -> None:
        """Answer the request, and read no other from what is left of its body."""
        length = self.req.inheaders.get(b"Content-Length")
        chunked = b"Transfer-Encoding" in self.req.inheaders
        if length is not None and (chunked or not length.isdigit()):
            self.req.close_connection = self.req.sent_headers = True
            self.req.simple_response("400 Bad Request", "The length of the body is unclear.\n")
            return
        if chunked:
            # NOTE: cheroot leaves on the connection what no handler has read of the chunks.
            self.req.close_connection = True
        super().respond()


class GuardedServer(CPWSGIServer):
    """Be CherryPy's own HTTP server with the guards before ``cherrypy.tree``.

    Config keys: ``server.instance = "cpkit.dispatchers.GuardedServer"``,
    ``server.max_path_bytes`` (8192), ``server.max_path_segments`` (256).
    """

    def __init__(self, server_adapter: Any) -> None:
        super().__init__(server_adapter)
        self.gateway, self.ConnectionClass = GuardedGateway, GuardedConnection
        max_bytes = getattr(server_adapter, "max_path_bytes", MAX_BYTES)
        max_segments = getattr(server_adapter, "max_path_segments", MAX_SEGMENTS)
        self.wsgi_app = PathGuard(cherrypy.tree, max_bytes, max_segments)
