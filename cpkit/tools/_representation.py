"""Make the chosen representation of what a handler returned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import cherrypy
from cherrypy.lib.encoding import ResponseEncoder

from cpkit.negotiation import parse_offers

Renderer = Callable[[Any], Any]


@lru_cache(256)
def charset(content_type: str) -> str | None:
    """Return the charset that *content_type* names; UTF-8 for what is not text, else None."""
    (offer,) = parse_offers((content_type,))
    default = None if offer.kind.startswith("text/") else "utf-8"
    return offer.parameters.get("charset", default)


def needs_encoding(content_type: str) -> bool:
    """Tell whether CherryPy's encode tool, which adds a charset to text, would not do."""
    return charset(content_type) is not None


def represent(renderer: Renderer | None) -> None:
    """Wrap the handler, so that its data are rendered; a hook of before_handler."""
    request = cherrypy.serving.request
    if request.handler is not None:
        request.handler = partial(_answer, request.handler, renderer)


def _answer(handler: Callable[..., Any], renderer: Renderer | None, *args: Any, **kw: Any) -> Any:
    data = handler(*args, **kw)
    if renderer is None or data is None or isinstance(data, bytes) or hasattr(data, "read"):
        return _encoded(data)
    return _encoded(renderer(data))


def _encoded(body: Any) -> Any:
    """Return *body* as bytes in the charset of Content-Type, or as it is for the encode tool."""
    if body is None or isinstance(body, bytes) or hasattr(body, "read"):
        return body
    headers, encoder = cherrypy.serving.response.headers, cherrypy.serving.request.handler
    wanted = charset(headers["Content-Type"])
    if isinstance(encoder, ResponseEncoder):
        if wanted is None:
            return body
        encoder.add_charset = False
    elif wanted is None:
        wanted = "utf-8"
        headers["Content-Type"] += ";charset=utf-8"
    if isinstance(body, str):
        return body.encode(wanted)
    return _chunks(body, wanted)


def _chunks(body: Any, wanted: str) -> Iterator[bytes]:
    for chunk in body:
        yield chunk.encode(wanted) if isinstance(chunk, str) else chunk
