"""CherryPy's own HTTP server, reading requests strictly, with the guard before its tree."""

from __future__ import annotations

import io
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import fields, replace
from email.utils import formatdate
from typing import Any, NoReturn

import cherrypy
import portend
from cheroot.server import HTTPConnection, HTTPRequest, KnownLengthRFile
from cheroot.wsgi import Gateway_10
from cherrypy.process.servers import Timeouts

from .cherry import CPWSGIServer
from .config_check import end_start
from .serving.body import ChunkedBody
from .serving.guard import NO_HEADERS, RequestGuard
from .serving.head import CRLF, Head, parse_head
from .serving.limits import Limits, RefusedError
from .serving.reading import read_head

_PIECE = 65536
_LENGTH = b"content-length"
_WITHOUT_BODY = (b"204", b"205", b"304")


class GuardedRequest(HTTPRequest):
    """A request whose head and body are read strictly (RFC 9112)."""

    def parse_request(self) -> None:
        """Read the request line and the header fields; answer what is malformed."""
        limits = self.server.limits
        try:
            head = read_head(self.conn.rfile, limits, self.server.timeout, self._begin)
            if head:
                self._take(parse_head(head, limits))
                self.ready = True
        except RefusedError as refusal:
            self.refuse(refusal)

    def _begin(self) -> None:
        self.started_request = True  # from here on, cheroot answers 408 to a client that stops

    def _take(self, head: Head) -> None:
        self.uri, self.method, self.path, self.qs = head.target, head.method, head.path, head.query
        self.authority, self.inheaders = head.authority, head.fields
        asked = "HTTP/1.1" if head.version == (1, 1) else "HTTP/1.0"
        self.request_protocol = asked.encode()
        self.response_protocol = min(asked, self.server.protocol)
        self.chunked_read = head.chunked
        largest = self.server.max_request_body_size
        if largest and head.length > largest:
            raise RefusedError(413, "The body is too large.")
        # NOTE: what a handler leaves of the chunks would be taken for the next request.
        self.close_connection = head.chunked or not head.persistent
        self.rfile = (
            ChunkedBody(self.conn.rfile, largest, self.server.limits)
            if head.chunked
            else KnownLengthRFile(self.conn.rfile, head.length)
        )
        # RFC 9110, 10.1.1: HTTP/1.0 knows no such answer.
        expected = head.fields.get(b"Expect", b"") if asked == "HTTP/1.1" else b""
        if expected.lower() == b"100-continue":
            self.conn.wfile.write(b"HTTP/1.1 100 Continue" + CRLF + CRLF)

    def respond(self) -> None:
        """Call the application and send its answer."""
        self.server.gateway(self).respond()
        self.ensure_headers_sent()
        if self.chunked_write:
            self.conn.wfile.write(b"0\r\n\r\n")
        if self.close_connection and self.rfile.remaining:
            self.conn.hear_out()

    def send_headers(self) -> None:
        """Send the head of the answer, once the request has been read."""
        if (b"Connection", b"close") in self.outheaders:
            self.close_connection = True
        # NOTE: cheroot reads what the handler has left of it into memory, all at once.
        while not self.close_connection and self.rfile.remaining > _PIECE:
            if not self.rfile.read(_PIECE):
                self.close_connection = True
        super().send_headers()

    def refuse(self, refusal: RefusedError) -> None:
        """Answer a request that the application does not get to see; the connection ends."""
        self.close_connection = self.sent_headers = True
        body = f"{refusal.reason}\n"
        told = {
            "Content-Type": "text/plain",
            "Content-Length": str(len(body)),
            "Date": formatdate(usegmt=True),
            "Connection": "close",
        }
        lines = [f"{name}: {value}" for name, value in (told | self.server.headers).items()]
        head = "\r\n".join([f"{self.server.protocol} {refusal.status_line}", *lines])
        self.conn.wfile.write(f"{head}\r\n\r\n{body}".encode("latin-1"))
        self.conn.hear_out()


class Gateway(Gateway_10):
    """The way to the application, whose answer takes as many bytes as its head says."""

    def respond(self) -> None:
        """Send what the application answers, and close it (PEP 3333)."""
        answer = self.req.server.wsgi_app(self.env, self.start_response)
        try:
            self._send(answer)
            # NOTE: where the client is gone this fails, and cheroot has not closed by then.
            self.req.ensure_headers_sent()
        finally:
            getattr(answer, "close", lambda: None)()

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """Begin an answer; one that takes the place of another has nothing of it (PEP 3333)."""
        if exc_info and not self.req.sent_headers:
            # NOTE: cheroot would send both heads, with two lengths, or with a coding of neither.
            self.req.outheaders.clear()
            self.remaining_bytes_out = None
        write: Callable[[bytes], None] = super().start_response(status, (), exc_info)
        # PERF: encoded as cheroot does, which asks six functions for each field.
        try:
            sent = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        except AttributeError as error:
            raise TypeError(f"Header fields are made of str: {headers!r}") from error
        if status.startswith("205"):  # RFC 9112, 6.3: unlike a 204, it does not end by itself
            sent = [*(it for it in sent if it[0].lower() != _LENGTH), (_LENGTH.title(), b"0")]
        for name, value in sent:
            if len(name) == len(_LENGTH) and name.lower() == _LENGTH:
                self.remaining_bytes_out = int(value)
        self.req.outheaders += sent
        return write

    def write(self, chunk: bytes) -> None:
        """Send a piece of the body; the first one goes with the head, in one step."""
        if self.req.sent_headers or len(chunk) > _PIECE:
            super().write(chunk)
            return
        connection, gathered = self.req.conn, io.BytesIO()
        connection.wfile, wfile = gathered, connection.wfile
        try:
            super().write(chunk)
        finally:
            connection.wfile = wfile
            wfile.write(gathered.getvalue())

    def _send(self, answer: Iterable[bytes]) -> None:
        for chunk in filter(None, answer):
            if not isinstance(chunk, bytes):
                raise TypeError(f"A body is made of bytes, and not of {type(chunk).__name__}.")
            # RFC 9112, 6.3: the client takes what else is sent for the next answer.
            if self.req.method == b"HEAD" or self.req.status[:3] in _WITHOUT_BODY:
                return
            left = self.remaining_bytes_out
            if left is not None and len(chunk) > left:  # a file that has grown, say
                self.req.server.error_log("A body is longer than its Content-Length says.", 30)
                self.write(chunk[:left])
                self.remaining_bytes_out = 0
                return
            self.write(chunk)
            if left is not None:
                self.remaining_bytes_out = left - len(chunk)
        if self.remaining_bytes_out and self.req.method != b"HEAD":
            self.req.close_connection = True


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
    """A connection whose requests are read strictly."""

    RequestHandlerClass = GuardedRequest

    def hear_out(self) -> None:
        """Read what a client is still sending, for a moment, so that it gets to read its answer."""
        until, left = time.monotonic() + 0.5, 1 << 20
        try:
            self.socket.shutdown(socket.SHUT_WR)
            self.socket.settimeout(0.2)
            while left > 0 and time.monotonic() < until and (data := self.socket.recv(_PIECE)):
                left -= len(data)
        except (OSError, TypeError):
            pass  # it is gone; or pyOpenSSL's connection, which shuts down otherwise


class GuardedServer(CPWSGIServer):
    """CherryPy's own HTTP server, reading requests strictly, with the guards before its tree.

    Switched on by ``server.instance = "cpkit.dispatchers.GuardedServer"``. Requests that break
    the grammar of RFC 9112 are answered 400, others over a limit 413, 414 or 431. The limits, in
    bytes unless they count, are config keys too:

    - ``server.max_path_bytes`` (8192) and ``server.max_path_segments`` (256) of the decoded path;
    - ``server.max_target_bytes`` (8192) of path and query; ``server.max_query_fields`` (500);
    - ``server.max_fields`` (100) header fields, of ``server.max_field_bytes`` (8192) each;
    - ``server.max_head_bytes`` (65536) of all of these; CherryPy's own
      ``server.max_request_header_size`` counts where it is lower;
    - ``server.max_form_fields`` (1000) of a form, ``server.max_parts`` (200) of a multipart one,
      of which ``server.max_files`` (20) may be files.

    Two attributes are for subclasses: *headers* are those of every answer that has none of that
    name itself; *checks_content_type* is False where all bodies are read alike, whatever is said
    of them.
    """

    headers = NO_HEADERS
    checks_content_type = True

    def __init__(self, server_adapter: Any) -> None:
        super().__init__(server_adapter)
        self.ConnectionClass = GuardedConnection
        if server_adapter.wsgi_version == Gateway_10.version:
            self.gateway = Gateway
        names = [each.name for each in fields(Limits) if hasattr(server_adapter, each.name)]
        limits = Limits(**{name: getattr(server_adapter, name) for name in names})
        longest = min(limits.max_head_bytes, self.max_request_header_size or sys.maxsize)
        self.limits = replace(
            limits, max_head_bytes=longest, checks_content_type=self.checks_content_type
        )
        self.wsgi_app = RequestGuard(cherrypy.tree, self.headers, **vars(self.limits))
        if cherrypy.engine.state is cherrypy.engine.states.STARTING:
            self._see_that_it_is_free()

    def _see_that_it_is_free(self) -> None:
        """End the start with one line if another serves at the address already."""
        if not isinstance(self.bind_addr, tuple) or os.environ.get("LISTEN_PID"):
            return
        host, port = self.bind_addr
        try:
            portend.free(host, port, timeout=Timeouts.free)
        except portend.Timeout:
            _end(f"{host}:{port} is in use: end what serves there, or set server.socket_port")

    def prepare(self) -> None:
        """Listen; end the start with one line if that cannot be."""
        try:
            super().prepare()
        except OSError as error:
            if cherrypy.engine.state is not cherrypy.engine.states.STARTING:
                raise
            _end(f"it cannot listen at {self.bind_addr}: {error}")


def _end(problem: str) -> NoReturn:
    """End the start, and what of it has begun: a file of the process's id, connections."""
    try:
        end_start(cherrypy.engine, problem)
    finally:
        for channel in ("stop", "exit"):
            with suppress(Exception):  # it was logged
                cherrypy.engine.publish(channel)
