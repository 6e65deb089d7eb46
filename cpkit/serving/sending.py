"""What was sent of an answer: its status, and whether it broke off."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import cherrypy
from cherrypy.lib import is_closable_iterator

from cpkit.cherry import CPWSGIApp, Response

# What hands the status and the fields to the server.
_HANDING_OVER = CPWSGIApp.response_class.__init__.__code__


class Breakable(Protocol):
    """What is told that a body has broken off."""

    broken: bool


class WatchedBody:
    """A body that is still being made while it is sent, and notes whether that failed.

    *begun* tells whether any of it was given to the server, which sends the status with the first
    byte (PEP 3333).
    """

    begun = failed = False

    def __init__(self, body: Iterable[bytes], timing: Breakable | None) -> None:
        self._body, self._timing = body, timing
        self._chunks: Any = None  # the iterator over the body, once it has begun

    @property
    def broke_off(self) -> bool:
        """Tell whether it failed after the status had been sent."""
        return self.begun and self.failed

    def __iter__(self) -> Iterator[bytes]:
        """Begin, unless it has begun: CherryPy asks again before it closes. Return itself."""
        if self._chunks is None:
            try:
                self._chunks = iter(self._body)
            except Exception:
                self.failed = True
                raise
        return self

    def __next__(self) -> bytes:
        """Return the next chunk."""
        try:
            chunk: bytes = next(self._chunks)
            if chunk and not isinstance(chunk, bytes):
                # NOTE: servers take nothing else (PEP 3333), and some look when they have sent the
                # status. Of text this fails while CherryPy can still answer with a 500.
                chunk = bytes(memoryview(chunk))
        except StopIteration:
            raise
        except Exception:
            self.failed = True
            if self._timing is not None:
                self._timing.broken = self.begun
            raise
        if chunk:
            self.begun = True
        return chunk

    def close(self) -> None:
        """Close what makes the chunks, if it can be closed."""
        if is_closable_iterator(self._chunks):
            self._chunks.close()


def watch(response: Response, timing: Breakable | None = None) -> None:
    """Have the body of *response*, which is about to be sent, note whether it fails."""
    body = response.body
    if type(body) is not list and type(body) is not WatchedBody:
        response.body = vars(response)["watched"] = WatchedBody(body, timing)


def status_of(response: Response) -> int | None:
    """Return the status that a CherryPy *response* was sent with; None if it goes on elsewhere.

    CherryPy's WSGI pipeline answers 500 for a body that failed before its first byte, for a head
    that the server does not take, and for a response without a status, which an exception cut off;
    except an InternalRedirect that makes another request of it.
    """
    known = response.__dict__
    sent: bytes | None = known.get("output_status")
    _, error, trace = sys.exc_info()
    if not sent:
        return None if isinstance(error, cherrypy.InternalRedirect) and _goes_on(error) else 500
    # NOTE: where that is caught says that none of it was sent; the error could be anybody's.
    if trace is not None and trace.tb_frame.f_code is _HANDING_OVER:
        return 500
    watched: WatchedBody | None = known.get("watched")
    if watched is not None and watched.failed and not watched.begun:
        return 500
    return int(sent[:3])


def _goes_on(redirect: cherrypy.InternalRedirect) -> bool:
    """Tell whether CherryPy makes another request of the one that raised *redirect*.

    It makes none, but a 500, where that leads back, unless it is told to; nor of a stream, by a
    fault of its own.
    """
    request, response = redirect.request, cherrypy.serving.response
    if response.stream:
        return False
    if request.app.wsgiapp.config.get("InternalRedirector", {}).get("recursive"):
        return True
    environ = request.wsgi_environ  # NOTE: as it came; those of the requests before tell the next
    path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
    visited = {_url(path, query)}
    while request := request.prev:
        visited.add(_url(request.path_info, request.query_string))
    return _url(redirect.path, redirect.query_string) not in visited


def _url(path: str, query: str) -> str:
    """Return a URL as CherryPy compares it with those that were visited."""
    return f"{path}?{query}" if query else path
