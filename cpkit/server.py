"""Guards before the applications: what CherryPy should not read is refused."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

import cherrypy
from cheroot.errors import MaxSizeExceeded
from cheroot.server import HTTPConnection, HTTPRequest, KnownLengthRFile
from cherrypy.lib.httputil import HeaderMap

from .cherry import CPWSGIServer, Part
from .serving import multipart
from .serving.body import ChunkedBody
from .serving.charsets import CHARSETS
from .serving.head import Head, has_too_many_bad_escapes, malformed, parse_head
from .serving.limits import Limits, RefusedError
from .serving.reading import read_head
from .serving.values import check_path, check_request, is_range

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

T = TypeVar("T")
Headers = Iterable[tuple[str, str]]
GUARDED = "cpkit.guarded"
_END = b"\r\n\r\n"
_PIECE = 65536


class PathGuard:
    """A WSGI application before *app* that answers 414 (RFC 9110, 15.5.15) to long or deep paths.

    CherryPy's own tree, dispatchers and config look-ups take time that grows with the square
    of the number of segments. *max_bytes* is the length of the decoded path, *max_segments*
    the number of its slashes. :class:`RequestGuard` guards the rest of the request as well.
    """

    def __init__(
        self, app: WSGIApplication, max_bytes: int = 8192, max_segments: int = 256
    ) -> None:
        self._app = app
        self._limits = Limits(max_path_bytes=max_bytes, max_path_segments=max_segments)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on, or answer it."""
        try:
            check_path(environ, self._limits)
        except RefusedError as refusal:
            return _refuse(refusal, environ, start_response, ())
        return self._app(environ, start_response)


class RequestGuard:
    """A WSGI application before *app* that refuses what CherryPy would fail to read.

    The answer is 400, 413, 414 or 431: to paths, queries, fields and bodies over the limits, to
    those that CherryPy's parsers would take long over or answer with a 500, and to a body that
    ends before its ``Content-Length``. A ``Range`` that is none is left out (RFC 9110, 14.2).

    ``application = RequestGuard(cherrypy.tree)`` guards any WSGI deployment; in a file of settings
    an application has it by ``wsgi.pipeline = [("guard", cpkit.dispatchers.RequestGuard)]`` of its
    section ``[/]``. Keywords are the limits of :class:`GuardedServer`, and *headers*, pairs that
    are sent with the answers to what is refused.
    """

    def __init__(self, app: WSGIApplication, headers: Headers = (), **limits: Any) -> None:
        self.limits = Limits(**limits)
        self.headers = list(dict(headers).items())
        self._app: WSGIApplication = app
        cherrypy.config.setdefault("request.body.part_class", GuardedPart)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on, or answer it."""
        if GUARDED in environ:
            return self._app(environ, start_response)
        environ[GUARDED] = self.limits
        try:
            check_path(environ, self.limits)
            check_request(environ, self.limits)
            if "HTTP_RANGE" in environ and not is_range(environ["HTTP_RANGE"]):
                del environ["HTTP_RANGE"]
            if environ.get("CONTENT_LENGTH") or "HTTP_TRANSFER_ENCODING" in environ:
                environ["wsgi.input"] = GuardedBody(environ, self.limits)
            return self._app(environ, start_response)
        except RefusedError as refusal:
            return _refuse(refusal, environ, start_response, self.headers)
        except RefusedBodyError as error:  # of an application that is not CherryPy's
            return _refuse(RefusedError(*error.args), environ, start_response, self.headers)


def _refuse(
    refusal: RefusedError, environ: WSGIEnvironment, start_response: StartResponse, headers: Headers
) -> list[bytes]:
    body = f"{refusal.reason}\n".encode()
    told = [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), *headers]
    start_response(refusal.status_line, told)
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]


class RefusedBodyError(cherrypy.HTTPError):
    """The 4xx of a body that cannot be read, raised where it is read; the connection ends."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.args = status, reason

    def set_response(self) -> None:
        """Make the response, after which it is not known where another request begins."""
        super().set_response()
        cherrypy.serving.response.headers["Connection"] = "close"


class GuardedBody:
    """The body of a request, of which every byte comes or reading it raises a 4xx."""

    def __init__(self, environ: WSGIEnvironment, limits: Limits) -> None:
        length, kind = environ.get("CONTENT_LENGTH") or "", environ.get("CONTENT_TYPE") or ""
        if length and not (length.isascii() and length.isdigit()):
            malformed("The length of the body is unclear.")
        self._body = environ["wsgi.input"]
        self._left: float = int(length) if length else float("inf")
        self._fields_left = limits.max_form_fields
        self._is_form = kind.lower().startswith("application/x-www-form-urlencoded")
        self._boundary = multipart.boundary_of(kind)

    def read(self, size: int | None = -1) -> bytes:
        """Return *size* bytes, or all there are; fewer only at the end of the body."""
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        pieces = []
        while wanted > 0 and (piece := self._take(self._body.read, wanted)):
            pieces.append(piece)
            wanted -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def readline(self, size: int | None = -1) -> bytes:
        """Return a line, or *size* bytes of it."""
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        pieces = []
        while wanted > 0 and (piece := self._take(self._body.readline, wanted)):
            pieces.append(piece)
            wanted -= len(piece)
            if piece.endswith(b"\n"):
                break
        return b"".join(pieces)

    def readlines(self, hint: int | None = -1) -> list[bytes]:
        """Return the lines of the body, or those in which its first *hint* bytes are."""
        lines: list[bytes] = []
        seen = 0
        while (line := self.readline()) and not 0 < (hint or 0) <= seen:
            lines.append(line)
            seen += len(line)
        return lines

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def read_trailer_lines(self) -> list[bytes]:
        """Return the lines of the trailer section, where the server has kept them."""
        lines = getattr(self._body, "read_trailer_lines", tuple)
        return _refusing(lambda: list(lines()))

    def _take(self, read: Callable[[int], bytes], wanted: float) -> bytes:
        """Return up to *wanted* bytes; raise a 4xx if they cannot be read or are too many."""
        size = int(min(wanted, _PIECE))
        piece = _refusing(lambda: read(size))
        if not piece and self._left < float("inf"):
            raise RefusedBodyError(400, "The body ended too early.")
        self._left -= len(piece)
        if self._is_form:
            self._fields_left -= piece.count(b"&") + piece.count(b";")
            if self._fields_left <= 0:
                raise RefusedBodyError(413, "The form has too many fields.")
            if has_too_many_bad_escapes(piece):
                raise RefusedBodyError(400, "The form is malformed.")
        if self._boundary is not None and (size > 4096 or not self._left):
            if not multipart.begins_with_boundary(piece, self._boundary):
                raise RefusedBodyError(400, "The body does not begin with its boundary.")
            self._boundary = None
        return piece


def _refusing(read: Callable[[], T]) -> T:
    """Return what *read* returns; what it raises becomes a 4xx."""
    try:
        return read()
    except RefusedError as refusal:
        raise RefusedBodyError(refusal.status, refusal.reason) from refusal
    except TimeoutError as error:
        raise RefusedBodyError(408, "The body did not come in time.") from error
    except (OSError, ValueError, EOFError, MaxSizeExceeded) as error:
        if isinstance(error, MaxSizeExceeded) or "Too Large" in str(error):  # as cheroot says it
            raise RefusedBodyError(413, "The body is too large.") from error
        raise RefusedBodyError(400, "The body cannot be read.") from error


class GuardedPart(Part):
    """A part of a multipart body, read within the limits; ``request.body.part_class``."""

    @classmethod
    def read_headers(cls, fp: Any) -> HeaderMap:
        """Return the header fields of the part that begins at *fp*."""
        headers = HeaderMap()
        limits = cherrypy.serving.request.wsgi_environ.get(GUARDED, Limits())
        headers.update(_refusing(lambda: multipart.read_headers(fp, limits)))
        return headers

    def read_lines_to_boundary(self, fp_out: Any = None) -> Any:
        """Return the content of the part, or write it to *fp_out* and return that."""
        content = bytearray()

        def write(piece: bytes) -> None:
            nonlocal fp_out
            if fp_out is None and len(content) + len(piece) > self.maxrambytes:
                fp_out = self.make_file()
                fp_out.write(content)
            (content.extend if fp_out is None else fp_out.write)(piece)

        if _refusing(lambda: multipart.read_content(self.fp, self.boundary, write)):
            self.fp.finish()
        if fp_out is None:
            return bytes(content)
        fp_out.seek(0)
        return fp_out


GuardedPart.part_class = GuardedPart


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
        self.request_protocol = b"HTTP/%d.%d" % head.version
        spoken = int(self.server.protocol[5]), int(self.server.protocol[7])
        self.response_protocol = "HTTP/{}.{}".format(*min(head.version, spoken))
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
        if head.fields.get(b"Expect", b"").lower() == b"100-continue":
            self.conn.wfile.write(b"HTTP/1.1 100 Continue" + _END)

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
            "Connection": "close",
        }
        lines = [f"{name}: {value}" for name, value in (told | dict(self.server.headers)).items()]
        head = "\r\n".join([f"{self.server.protocol} {refusal.status_line}", *lines])
        self.conn.wfile.write(f"{head}\r\n\r\n{body}".encode("latin-1"))
        self.conn.hear_out()


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
        except OSError:
            pass  # it is gone


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
    - ``server.max_form_fields`` (1000) of a form, ``server.max_parts`` (200) of a multipart one.

    *headers* are sent with the answers to what is refused; *charsets* is the set of those that a
    client may name, None for any. Both are attributes for subclasses.
    """

    headers: Headers = ()
    charsets: frozenset[str] | None = CHARSETS

    def __init__(self, server_adapter: Any) -> None:
        super().__init__(server_adapter)
        self.ConnectionClass = GuardedConnection
        names = [each.name for each in fields(Limits) if hasattr(server_adapter, each.name)]
        limits = Limits(**{name: getattr(server_adapter, name) for name in names})
        longest = min(limits.max_head_bytes, self.max_request_header_size or sys.maxsize)
        self.limits = replace(limits, max_head_bytes=longest, charsets=self.charsets)
        self.wsgi_app = RequestGuard(cherrypy.tree, self.headers, **vars(self.limits))
