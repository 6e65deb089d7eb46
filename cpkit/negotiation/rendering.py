"""Make the chosen representation of what a handler returned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

import cherrypy
from cherrypy.lib.encoding import ResponseEncoder

from cpkit.errors import InvalidOfferError, NotRenderedError

from . import parse_offers

Renderer = Callable[[Any], Any]

Chunk = bytes | bytearray | memoryview  # what a server can send


@lru_cache(256)
def charset(content_type: str) -> str | None:
    """Return the charset that *content_type* names; if none, UTF-8 except for text."""
    default = None if content_type.lower().startswith("text/") else "utf-8"
    try:
        return parse_offers((content_type,))[0].parameters.get("charset", default)
    except InvalidOfferError:  # a handler's own, of which nothing more is known
        return default


@lru_cache(256)
def needs_encoding(content_type: str) -> bool:
    """Tell whether CherryPy's encode tool, which adds a charset to text alone, would not do."""
    return charset(content_type) is not None


def represent(renderer: Renderer | None) -> None:
    """Wrap the handler, so that its data are rendered; a hook of before_handler."""
    request = cherrypy.serving.request
    if request.handler is not None and not isinstance(request.handler, Exception):
        request.handler = partial(_answer, request.handler, renderer)


def _answer(handler: Callable[..., Any], renderer: Renderer | None, *args: Any, **kw: Any) -> Any:
    data = handler(*args, **kw)
    if renderer is not None and not _is_finished(data):
        data = renderer(data)
        if data is None:  # which means an empty body only if the handler says so
            raise NotRenderedError(data, _content_type())
    return _encoded(data)


def _is_finished(data: Any) -> bool:
    """Tell whether *data* are a body already: none at all, bytes or a file."""
    # NOTE: data may have an attribute of this name, too.
    return data is None or isinstance(data, bytes) or callable(getattr(data, "read", None))


def _encoded(body: Any) -> Any:
    """Return *body* as bytes in the charset of Content-Type, or as it is for the encode tool."""
    content_type, encoder = _content_type(), cherrypy.serving.request.handler
    wanted, encodes = charset(content_type), isinstance(encoder, ResponseEncoder)
    if encodes and wanted is not None:
        encoder.add_charset = False  # it would write its own over that of the offer
    if _is_finished(body):
        return body
    is_text = isinstance(body, str)
    if not is_text and (isinstance(body, Mapping) or not isinstance(body, Iterable)):
        raise NotRenderedError(body, content_type)
    if wanted is None:
        if encodes:
            return body
        wanted = "utf-8"
        cherrypy.serving.response.headers["Content-Type"] = f"{content_type};charset=utf-8"
    return body.encode(wanted) if is_text else _chunks(body, wanted, content_type)


def _content_type() -> str:
    """Return the Content-Type of the answer; empty where the handler took it out."""
    content_type: str = dict.get(cherrypy.serving.response.headers, "Content-Type", "")
    return content_type


def _chunks(body: Iterable[Any], wanted: str, content_type: str) -> Iterator[Chunk]:
    try:
        for chunk in body:
            if isinstance(chunk, str):
                yield chunk.encode(wanted)
            elif isinstance(chunk, Chunk):
                yield chunk
            else:
                raise NotRenderedError(body, content_type)
    finally:
        getattr(body, "close", lambda: None)()
