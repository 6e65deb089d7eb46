"""Run a handler again when the database undid its transaction for another's sake."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any, BinaryIO

import cherrypy
from cherrypy.lib import is_iterator

from cpkit.cherry import Handler, Request, Response

from .faults import Fault, backoff, fault_of
from .terms import should_commit

if TYPE_CHECKING:
    from .unit import Unit

_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.2  # seconds
_REDIRECTS = (cherrypy.HTTPRedirect, cherrypy.InternalRedirect)

# NOTE: a COMMIT whose answer was lost raises OutcomeUnknownError, which is no fault of these:
# it is never repeated. A COMMIT that the server refused as a conflict was rolled back.
_REPEATABLE = (Fault.CONFLICT, Fault.BUSY, Fault.GONE)


def repeating(unit: Unit, retries: int, handler: Handler) -> Handler:
    """Return *handler* with its commit inside, run again up to *retries* times.

    Each time in a fresh transaction, with the parameters and the response as they were before,
    uploads rewound, after a pause that grows and is jittered. A streamed body is left alone.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        response = cherrypy.serving.response
        if response.stream:
            return handler(*args, **kwargs)
        before = _Before(cherrypy.serving.request, response)
        pauses = backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
        for left, pause in zip(range(retries, -1, -1), pauses, strict=False):
            try:
                return _attempt(unit, handler, args, kwargs)
            except Exception as error:
                fault = fault_of(error)
                if not left or unit.committed or fault not in _REPEATABLE:
                    raise
            unit.close(broken=fault is Fault.GONE)
            before.restore()
            time.sleep(pause)
        raise AssertionError  # pragma: no cover

    return call


def _attempt(unit: Unit, handler: Handler, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call *handler*, make its body, and commit if the answer so far is a good one."""
    try:
        body = handler(*args, **kwargs)
        if is_iterator(body):
            body = list(body)
    except _REDIRECTS:
        if not unit.doomed:
            unit.commit()
        raise
    status = cherrypy.serving.response.status
    code = 200 if status is None else int(str(status)[:3])
    if should_commit(code, doomed=unit.doomed):
        unit.commit()
    return body


class _Before:
    """The request and the response as a handler found them."""

    def __init__(self, request: Request, response: Response) -> None:
        self._request, self._response = request, response
        self._params = dict(request.params)
        self._headers = dict(response.headers)
        self._cookie = _copied(response.cookie)
        self._status = response.status

    def restore(self) -> None:
        """Put back what the handler may have changed."""
        self._request.params.clear()
        self._request.params.update(self._params)
        for upload in _uploads(self._params):
            upload.seek(0)
        headers = self._response.headers
        dict.clear(headers)
        dict.update(headers, self._headers)
        self._response.cookie = _copied(self._cookie)
        self._response.status = self._status


def _copied(cookie: SimpleCookie) -> SimpleCookie:
    # PERF: as deep as copy.deepcopy, which takes ten times as long.
    copy = type(cookie)()
    dict.update(copy, {name: morsel.copy() for name, morsel in cookie.items()})
    return copy


def _uploads(params: Mapping[str, Any]) -> Iterator[BinaryIO]:
    """Yield the files among *params*."""
    for value in params.values():
        for part in value if isinstance(value, list) else [value]:
            file = getattr(part, "file", None)
            if file is not None:
                yield file
