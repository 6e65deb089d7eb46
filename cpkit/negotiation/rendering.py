"""Make the chosen representation of what a handler returned."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple, Protocol

import cherrypy
from cherrypy.lib import file_generator
from cherrypy.lib.encoding import ResponseEncoder
from cherrypy.lib.httputil import valid_status

from cpkit.cherry import Handler, Hook, Request
from cpkit.errors import InvalidOfferError, NotRenderedError
from cpkit.serving.derived import DerivedBody, close

from . import parse_offers, vary
from .settings import Renderer

_WITHOUT_CONTENT = (204, 205)  # so that there is nothing whose type could be told

Chunk = bytes | bytearray | memoryview  # what a server can send


class Representation(NamedTuple):
    """A form in which a resource can be told: its media type, as offered, and what makes it.

    *is_plain*: text in no charset of the offer's own, which the encode tool sees to alone.
    """

    content_type: str
    renderer: Renderer | None
    is_plain: bool


def representation(offer: str, renderer: Renderer | None) -> Representation:
    """Return the representation of the media type *offer* that *renderer*, if any, makes."""
    return Representation(offer, renderer, renderer is None and charset(offer) is None)


# What was chosen for a request: the representation, the language, and the Content-Type that the
# answer had before. PERF: a NamedTuple takes five times as long to make.
Chosen = tuple[Representation | None, str | None, str | None]


class NegotiatedRequest(Request, Protocol):
    """A request, with what the accept tool leaves on it."""

    accepted: str | None
    language: str | None
    chosen: Chosen


def _represent() -> None:
    """Wrap the handler, so that what it returns becomes the representation."""
    request: NegotiatedRequest = cherrypy.serving.request
    handler, chosen = request.handler, request.chosen
    if handler is None or isinstance(handler, Exception):  # somebody has answered, or will refuse
        return
    if dict.get(cherrypy.serving.response.headers, "Content-Type") is chosen[2]:
        request.handler = partial(_answer, handler, chosen)
    # Else another tool has set a type of its own: json_out makes JSON of what the handler returns.


# After the tools that change the handler's arguments or its data, before encode (70).
REPRESENT = Hook(_represent, False, 65)


def _answer(handler: Handler, chosen: Chosen, *args: Any, **kwargs: Any) -> Any:
    """Return what *handler* returns, as the representation *chosen*.

    The fields that say so are set now, and taken back if it raises: whoever answers in the place
    of the handler, a login form say, or an error page, is not that representation.
    """
    representation, language, before = chosen
    headers = cherrypy.serving.response.headers
    # PERF: the map's own spelling of a name needs none of HeaderMap's folding of case.
    if representation is not None:
        dict.__setitem__(headers, "Content-Type", representation.content_type)
    if language is not None:
        dict.__setitem__(headers, "Content-Language", language)
    try:
        data = handler(*args, **kwargs)
        if language is not None:
            _leave_errors_without_language()
        if representation is None:
            return data
        # PERF: as most often, and nothing to do.
        if representation.is_plain and isinstance(data, str):
            same_type = dict.get(headers, "Content-Type") is representation.content_type
            if same_type and isinstance(cherrypy.serving.request.handler, ResponseEncoder):
                return data
        return _made(data, representation, before)
    except Exception:
        _take_back(representation, before)
        raise


def _leave_errors_without_language() -> None:
    response = cherrypy.serving.response
    if valid_status(response.status)[0] >= 400:
        response.headers.pop("Content-Language", None)


def _take_back(representation: Representation | None, before: str | None) -> None:
    headers = cherrypy.serving.response.headers
    headers.pop("Content-Language", None)
    if representation and dict.get(headers, "Content-Type") is representation.content_type:
        headers["Content-Type"] = before


def _made(data: Any, representation: Representation, before: str | None) -> Any:
    """Return *data* rendered, unless they are a body already, and encoded."""
    offered, renderer, _ = representation
    headers = cherrypy.serving.response.headers
    is_empty = data is None or (isinstance(data, str | bytes) and not data)
    if is_empty and valid_status(cherrypy.serving.response.status)[0] in _WITHOUT_CONTENT:
        headers.pop("Content-Type", None)
        return b""
    content_type = dict.get(headers, "Content-Type", "")  # empty: the handler took it out
    if data is None or isinstance(data, bytes):
        return _encoded(data, content_type)
    if not isinstance(data, str | dict) and _is_static(data):
        if content_type is offered:  # nobody knew the type of this file
            headers["Content-Type"] = before
        return data
    own = content_type is not offered and _kind(content_type) != _kind(offered)
    finished = isinstance(data, str | Iterator) if own else False
    if renderer is not None and not finished and not _is_file(data):
        data = renderer(data)
        if data is None:  # which means an empty body only if the handler says so
            raise NotRenderedError(data, content_type)
    return _encoded(data, content_type)


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _is_static(data: object) -> bool:
    """Tell whether *data* are the body that the answer has already, as serve_file() sets it."""
    return isinstance(data, file_generator) or data is cherrypy.serving.response.body


def _is_file(data: object) -> bool:
    return callable(getattr(data, "read", None))  # data may have an attribute of this name, too


def _is_text_file(file: Any) -> bool:
    try:
        return isinstance(file.read(0), str)
    except TypeError:  # it reads all or nothing
        return False


@lru_cache(256)
def charset(content_type: str) -> str | None:
    """Return the charset that *content_type* names; if none, UTF-8 except for text."""
    default = None if content_type.lower().startswith("text/") else "utf-8"
    try:
        return parse_offers((content_type,))[0].parameters.get("charset", default)
    except InvalidOfferError:  # a handler's own, of which nothing more is known
        return default


def _encoded(body: Any, content_type: str) -> Any:
    """Return *body* as bytes in the charset of *content_type*, or as it is for the encode tool."""
    encoder = cherrypy.serving.request.handler
    wanted, encodes = charset(content_type), isinstance(encoder, ResponseEncoder)
    if encodes and wanted is not None:
        encoder.add_charset = False  # it would write its own over that of the offer
    if body is None or isinstance(body, bytes):
        return body
    is_text = isinstance(body, str)
    if not is_text:
        if _is_file(body):
            if not _is_text_file(body):
                return body
            body = file_generator(body)
        elif isinstance(body, Mapping) or not isinstance(body, Iterable):
            raise NotRenderedError(body, content_type)
    if wanted is None:
        if encodes:
            return body
        wanted = "utf-8"
        cherrypy.serving.response.headers["Content-Type"] = f"{content_type};charset=utf-8"
    if is_text:
        return body.encode(wanted)
    return DerivedBody(chunks(body, wanted, content_type), body)


def chunks(body: Iterable[Any], wanted: str, content_type: str) -> Generator[Chunk, None, None]:
    """Yield the parts of *body*, text in the charset *wanted*; close it at the end.

    Raise NotRenderedError for a part that is neither text nor bytes.
    """
    try:
        for chunk in body:
            if isinstance(chunk, str):
                yield chunk.encode(wanted)
            elif isinstance(chunk, Chunk):
                yield chunk
            else:
                raise NotRenderedError(body, content_type)
    finally:
        close(body)


# An error that nobody expected runs the hooks of the second point alone.
AFTER_HANDLER = ("before_finalize", "after_error_response")


def vary_hooks(name: str) -> list[tuple[str, Hook]]:
    """Return the hooks, each with its point, that put *name* into Vary, whatever is answered."""
    return [(point, _VARY[name]) for point in AFTER_HANDLER]


def take_padding_off(body: bytes) -> None:
    """Send *body*, an error's, as it was made.

    CherryPy adds blanks to short error pages, for Internet Explorer 5. They spoil a form in which
    they have a meaning.
    """
    response = cherrypy.serving.response
    sent = response.collapse_body()
    if sent.startswith(body) and not sent[len(body) :].strip(b" "):
        response.body = body
        response.headers["Content-Length"] = str(len(body))


def _add_vary(name: str) -> None:
    # PERF: the map's own spelling of a name needs none of HeaderMap's folding of case.
    headers = cherrypy.serving.response.headers
    existing = dict.get(headers, "Vary")
    dict.__setitem__(headers, "Vary", vary(existing, (name,)) if existing else name)


# PERF: made once. 85: after gzip (80), which adds its own, before caching (90) stores the answer.
_VARY = {name: Hook(_add_vary, priority=85, name=name) for name in ("Accept", "Accept-Language")}
