"""Make the chosen representation of what a handler returned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

import cherrypy
from cherrypy.lib.encoding import ResponseEncoder

from cpkit.errors import InvalidOfferError, NotRenderedError
from cpkit.negotiation import parse_offers

Renderer = Callable[[Any], Any]


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
    return _encoded(data)


def _is_finished(data: Any) -> bool:
    """Tell whether *data* are a body already: none at all, bytes or a file."""
    return data is None or isinstance(data, bytes) or hasattr(data, "read")


def _encoded(body: Any) -> Any:
    """Return *body* as bytes in the charset of Content-Type, or as it is for the encode tool."""
    headers, encoder = cherrypy.serving.response.headers, cherrypy.serving.request.handler
    wanted = charset(headers["Content-Type"])
    if isinstance(encoder, ResponseEncoder):
        if wanted is None:
            return body
        encoder.add_charset = False  # it would write its own over that of the offer
    if _is_finished(body):
        return body
    if wanted is None:
        wanted = "utf-8"
        headers["Content-Type"] += ";charset=utf-8"
    if isinstance(body, str):
        return body.encode(wanted)
    if isinstance(body, Mapping) or not isinstance(body, Iterable):
        raise NotRenderedError(body, headers["Content-Type"])
    return _chunks(body, wanted)


def _chunks(body: Iterable[Any], wanted: str) -> Iterator[bytes]:
    try:
        for chunk in body:
            yield chunk.encode(wanted) if isinstance(chunk, str) else chunk
    finally:
        getattr(body, "close", lambda: None)()
