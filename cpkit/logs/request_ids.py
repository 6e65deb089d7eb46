"""The id of a request: the client's where it is well-formed, on every record of the log."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from random import getrandbits
from typing import Any

from .traceparent import trace_id

_WELL_FORMED = re.compile(r"[A-Za-z0-9._~+/=:@-]{1,128}")
_KEPT = "cpkit.request_id"  # in WSGI's environment, for an internal redirect

Factory = Callable[..., logging.LogRecord]


def read_id(environ: Mapping[str, Any], header: str) -> str:
    """Return the id of the request of *environ*: its trace's, that of *header*, or a new one.

    *header* is named as WSGI's environment names it.
    """
    trace, given = environ.get("HTTP_TRACEPARENT"), environ.get(header, "")
    found = trace_id(trace) if trace else ""
    if not found and _WELL_FORMED.fullmatch(given):
        found = given
    return found or f"{getrandbits(128):032x}"  # which no two processes share: forks are seeded


class RequestId:
    """The id of a request, read when it is first asked for: then there is an environment."""

    __slots__ = ("_header", "_id", "_request")

    def __init__(self, request: Any, header: str) -> None:
        self._request, self._header = request, header
        self._id: str | None = None

    def __str__(self) -> str:
        if self._id is None:
            environ = getattr(self._request, "wsgi_environ", None)
            if environ is None:  # too early to tell
                return ""
            self._id = environ.get(_KEPT) or environ.setdefault(
                _KEPT, read_id(environ, self._header)
            )
        return self._id


_current: ContextVar[RequestId | None] = ContextVar("cpkit_request_id", default=None)


def request_id() -> str | None:
    """Return the id of the current request, also in threads that run in a copy of its context."""
    current = _current.get()
    return None if current is None else str(current) or None


def begin(current: RequestId) -> Token[RequestId | None]:
    """Have *current* be the id from here on; the token is for end()."""
    return _current.set(current)


def end(token: Token[RequestId | None]) -> None:
    """Have the id be what it was."""
    try:
        _current.reset(token)
    except ValueError:  # the request is closed by another thread than the one that began it
        _current.set(None)


class WithRequestId:
    """A factory of records that have a ``request_id``, put before the one that there is.

    Others may come before it, and be taken away in any order.
    """

    __slots__ = ("_make",)

    def __init__(self) -> None:
        self._make: Factory = logging.getLogRecordFactory()

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        """Make a record."""
        record = self._make(*args, **kwargs)
        record.request_id = request_id()
        return record

    def give_back(self) -> None:
        """Leave the way to the factory before; one that is not of this class keeps this in use."""
        first = logging.getLogRecordFactory()
        if first is self:
            logging.setLogRecordFactory(self._make)
        while isinstance(first, WithRequestId):
            if first._make is self:
                first._make = self._make
            first = first._make
