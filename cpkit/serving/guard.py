"""The guard before an application: what CherryPy should not read is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import cherrypy
from cheroot.errors import MaxSizeExceeded
from cherrypy.lib.httputil import HeaderMap

from cpkit.cherry import Hook, Part, process_urlencoded, unquote_plus

from . import multipart
from .arguments import fitting
from .escapes import BAD_ESCAPE, unescaped
from .head import malformed
from .limits import Limits, RefusedError
from .pieces import FORM, judge_of
from .values import check_path, check_request, is_range

T = TypeVar("T")
WSGIEnvironment = dict[str, Any]  # PEP 3333
StartResponse = Callable[..., object]
WSGIApplication = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]
Headers = Mapping[str, str]
Field = tuple[str, str]
NO_HEADERS: Headers = MappingProxyType({})
GUARDED = "cpkit.guarded"  # in the environment of a request that a guard has let through
_PIECE = 65536


def _unquote_plus(text: bytes) -> bytes:
    """Return *text* as CherryPy's function of this name does: what is no escape is its own."""
    text = text.replace(b"+", b" ")
    if b"%" not in text:
        return text
    return unescaped(_BAD_ESCAPE.sub(lambda found: unquote_plus(found[0]), text))


_BAD_ESCAPE = re.compile(BAD_ESCAPE.pattern + rb"[^%]{0,2}")


# PERF: CherryPy's own undoes one escape at a time, and all again for each charset that it tries.
def _read_form(entity: Any) -> None:
    """Read names and values into ``entity.params``, as CherryPy's ``process_urlencoded`` does."""
    form = entity.fp.read().replace(b";", b"&")
    fields = [field.partition(b"=") for field in form.split(b"&") if field]
    if b"%" in form or b"+" in form:
        fields = [(_unquote_plus(name), b"=", _unquote_plus(value)) for name, _, value in fields]
    for charset in entity.attempt_charsets:
        try:
            texts = [(name.decode(charset), value.decode(charset)) for name, _, value in fields]
        except UnicodeDecodeError:
            continue
        break
    else:
        raise cherrypy.HTTPError(400, f"The form is in none of {entity.attempt_charsets}.")
    entity.charset, values = charset, entity.params
    for name, text in texts:
        if name not in values:
            values[name] = text
        elif isinstance(values[name], list):
            values[name].append(text)
        else:
            values[name] = [values[name], text]


def _prepare() -> None:
    request = cherrypy.serving.request
    request.handler = fitting(request.handler)
    processors = request.body.processors
    if processors.get(FORM) is process_urlencoded:
        processors[FORM] = _read_form


# Before any tool puts another handler in the place of the dispatcher's.
_PREPARE = Hook(_prepare, False, 0)


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
            return _refuse(refusal, environ, start_response)
        return self._app(environ, start_response)


class RequestGuard:
    """A WSGI application before *app* that refuses what CherryPy would fail to read.

    The answer is 400, 413, 414 or 431: to paths, queries, fields and bodies over the limits, to
    those that CherryPy's parsers would take long over or answer with a 500, and to a body that
    ends before its ``Content-Length``. A ``Range`` that is none is left out (RFC 9110, 14.2).

    ``application = RequestGuard(cherrypy.tree)`` guards any WSGI deployment; in a file of settings
    an application has it by ``wsgi.pipeline = [("guard", cpkit.dispatchers.RequestGuard)]`` of its
    section ``[/]``. Keywords are the limits of :class:`cpkit.dispatchers.GuardedServer`, and
    *headers*: those of every answer that has no field of that name itself.
    """

    def __init__(self, app: WSGIApplication, headers: Headers = NO_HEADERS, **limits: Any) -> None:
        self.limits = Limits(**limits)
        self.headers = [(name.lower(), (name, value)) for name, value in headers.items()]
        self._app: WSGIApplication = app
        cherrypy.config.setdefault("request.body.part_class", GuardedPart)
        cherrypy.config.setdefault("hooks.on_start_resource.guard", _PREPARE)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on, or answer it."""
        if self.headers and getattr(start_response, "headers", None) != self.headers:
            start_response = _StartWith(self.headers, start_response)
        if GUARDED in environ:
            return self._app(environ, start_response)
        environ[GUARDED] = self.limits
        try:
            check_path(environ, self.limits)
            check_request(environ, self.limits)
            if "HTTP_RANGE" in environ and not is_range(environ):
                del environ["HTTP_RANGE"]
            if environ.get("CONTENT_LENGTH") or "HTTP_TRANSFER_ENCODING" in environ:
                environ["wsgi.input"] = GuardedBody(environ, self.limits)
            return self._app(environ, start_response)
        except RefusedError as refusal:
            return _refuse(refusal, environ, start_response)
        except RefusedBodyError as error:  # of an application that is not CherryPy's
            return _refuse(RefusedError(*error.args), environ, start_response)


class _StartWith:
    """A ``start_response`` that adds *headers*, each by its name in lower case."""

    __slots__ = ("_start", "headers")

    def __init__(self, headers: list[tuple[str, Field]], start_response: StartResponse) -> None:
        self.headers, self._start = headers, start_response

    def __call__(self, status: str, fields: list[Field], exc_info: Any = None) -> object:
        """Begin the answer; what it has itself stays."""
        own = {name.lower() for name, _ in fields}
        more = [field for name, field in self.headers if name not in own]
        return self._start(status, fields + more, exc_info)


def _refuse(
    refusal: RefusedError, environ: WSGIEnvironment, start_response: StartResponse
) -> list[bytes]:
    body = f"{refusal.reason}\n".encode()
    told = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    start_response(refusal.status_line, told)
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]


def end_connection() -> None:
    """Have CherryPy's server close the connection after the answer: the body is left unread.

    PEP 3333 forbids the field to applications, and other servers see to it themselves.
    """
    if "ACTUAL_SERVER_PROTOCOL" in cherrypy.serving.request.wsgi_environ:  # cheroot's word
        cherrypy.serving.response.headers["Connection"] = "close"


class RefusedBodyError(cherrypy.HTTPError):
    """The 4xx of a body that cannot be read, raised where it is read; the connection ends."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.args = status, reason

    def set_response(self) -> None:
        """Make the response, after which it is not known where another request begins."""
        super().set_response()
        end_connection()


class GuardedBody:
    """The body of a request, of which every byte comes or reading it raises a 4xx."""

    def __init__(self, environ: WSGIEnvironment, limits: Limits) -> None:
        length, kind = environ.get("CONTENT_LENGTH") or "", environ.get("CONTENT_TYPE") or ""
        if length and not (length.isascii() and length.isdigit()):
            malformed("The length of the body is unclear.")
        self._body = environ["wsgi.input"]
        self._left: float = int(length) if length else float("inf")
        self._judge = judge_of(kind, limits)

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
        while not 0 < (hint or 0) <= seen and (line := self.readline()):
            lines.append(line)
            seen += len(line)
        return lines

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def read_trailer_lines(self) -> list[bytes]:
        """Return the lines of the trailer section, where the server has kept them."""
        lines = getattr(self._body, "read_trailer_lines", tuple)
        return refusing(lambda: list(lines()))

    def _take(self, read: Callable[[int], bytes], wanted: float) -> bytes:
        """Return up to *wanted* bytes; raise a 4xx if they cannot be read or are too many."""
        size = int(min(wanted, _PIECE))
        piece = refusing(lambda: read(size))
        if not piece and self._left < float("inf"):
            raise RefusedBodyError(400, "The body ended too early.")
        self._left -= len(piece)
        refusing(lambda: self._judge(piece, not self._left))
        return piece


def refusing(read: Callable[[], T]) -> T:
    """Return what *read* returns; what a server raises in reading becomes a RefusedBodyError."""
    try:
        return read()
    except cherrypy.HTTPError:
        raise
    except RefusedError as refusal:
        raise RefusedBodyError(refusal.status, refusal.reason) from refusal
    except TimeoutError as error:
        raise RefusedBodyError(408, "The body did not come in time.") from error
    except Exception as error:  # each server has its own: gunicorn's are no OSErrors
        if isinstance(error, MaxSizeExceeded) or "Too Large" in str(error):  # as cheroot says it
            raise RefusedBodyError(413, "The body is too large.") from error
        raise RefusedBodyError(400, "The body cannot be read.") from error


class GuardedPart(Part):
    """A part of a multipart body, read within the limits; ``request.body.part_class``."""

    # What is no file is text in the end; to make a file takes longer than to read so much.
    maxrambytes = 65536

    @classmethod
    def read_headers(cls, fp: Any) -> HeaderMap:
        """Return the header fields of the part that begins at *fp*."""
        headers = HeaderMap()
        headers.update(refusing(lambda: multipart.read_headers(fp, _limits())))
        return headers

    def make_file(self) -> Any:
        """Return a temporary file for the content of the part."""
        if self.filename:
            refusing(lambda: multipart.count_file(self.fp, _limits()))
        return super().make_file()

    def fullvalue(self) -> str:
        """Return the content of the part as text."""
        if self.file is None and self.value is None:
            raise RefusedBodyError(400, "A part that holds others is no field of a form.")
        return str(super().fullvalue())

    def read_lines_to_boundary(self, fp_out: Any = None) -> Any:
        """Return the content of the part, or write it to *fp_out* and return that."""
        content = bytearray()

        def write(piece: bytes) -> None:
            nonlocal fp_out
            if fp_out is None and len(content) + len(piece) > self.maxrambytes:
                fp_out = self.make_file()
                fp_out.write(content)
            (content.extend if fp_out is None else fp_out.write)(piece)

        if refusing(lambda: multipart.read_content(self.fp, self.boundary, write)):
            self.fp.finish()
        if fp_out is None:
            return bytes(content)
        fp_out.seek(0)
        return fp_out


def _limits() -> Limits:
    limits: Limits = cherrypy.serving.request.wsgi_environ.get(GUARDED, Limits())
    return limits


GuardedPart.part_class = GuardedPart
# A form within a part has no value, which CherryPy answers with an error: it is a field like any.
GuardedPart.processors = {kind: it for kind, it in Part.processors.items() if kind != FORM}
