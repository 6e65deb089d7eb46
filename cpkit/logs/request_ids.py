"""The id of a request: the client's where it is well-formed, on every record of the log."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from random import getrandbits
from threading import get_ident
from typing import Any

from .traceparent import trace_id

_WELL_FORMED = re.compile(r"[A-Za-z0-9._~+/=:@-]{1,128}")
_KEPT = "cpkit.request_id"  # in WSGI's environment, for an internal redirect
_NOTED = "_request_id"  # of a record, beside what formats read

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

    __slots__ = ("_header", "_id", "_request", "thread")

    def __init__(self, request: Any, header: str) -> None:
        self._request, self._header, self.thread = request, header, get_ident()
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


class CurrentId:
    """The id of whichever request it is written for, as a header's value is when it is sent.

    A cache that keeps the headers of an answer gives the next request its own.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return request_id() or ""


def begin(current: RequestId) -> Token[RequestId | None]:
    """Have *current* be the id from here on; the token is for end()."""
    return _current.set(current)


def end(token: Token[RequestId | None]) -> None:
    """Have the id be what it was."""
    try:
        _current.reset(token)
    except ValueError:  # the request is closed by another thread than the one that began it
        _current.set(None)
    left = _current.get()
    # CherryPy knows one request a thread: what a server never closed here is never heard of again.
    if left is not None and left.thread == get_ident():
        _current.set(None)


class RequestRecord(logging.LogRecord):
    """A record that has the id of its request, unless whoever logs gave another one.

    NOTE: it is among the record's fields only when it is read or the message is: until then
    ``extra={"request_id": …}`` is free, which logging refuses for a field that is there.
    """

    def __getattr__(self, name: str) -> Any:
        """Return the id."""
        fields = self.__dict__
        if name != "request_id" or _NOTED not in fields:
            raise AttributeError(name)
        return fields.setdefault(name, fields[_NOTED])

    def getMessage(self) -> str:  # noqa: N802
        """Return the message, before which no format reads a field."""
        self.__dict__.setdefault("request_id", self.__dict__[_NOTED])
        return super().getMessage()

    def __copy__(self) -> logging.LogRecord:
        """Return a record like it."""
        copied = type(self).__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Return what another process makes a record of: it may not have this class."""
        kind = type(self).__mro__[2] if type(self) is not RequestRecord else logging.LogRecord
        return kind.__new__, (kind,), {"request_id": self.request_id, **self.__dict__}


# By the class of a factory's records; of an application there are one or two.
_KINDS: dict[type[logging.LogRecord], type[logging.LogRecord]] = {
    logging.LogRecord: RequestRecord,
    RequestRecord: RequestRecord,
}


def _with_id(kind: type[logging.LogRecord]) -> type[logging.LogRecord]:
    """Return *kind* as its records have an id."""
    found = _KINDS.get(kind)
    if found is None:
        if issubclass(kind, RequestRecord):
            return kind
        found = type(kind.__name__, (RequestRecord, kind), {"__module__": __name__})
        _KINDS[kind] = found
    return found


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
        record.__class__ = _with_id(type(record))
        record.__dict__[_NOTED] = request_id()
        return record

    @property
    def makes_plain(self) -> bool:
        """Tell whether the factory before this one is logging's own."""
        return self._make is logging.LogRecord

    def give_back(self) -> None:
        """Leave the way to the factory before; one that is not of this class keeps this in use."""
        first = logging.getLogRecordFactory()
        if first is self:
            logging.setLogRecordFactory(self._make)
        while isinstance(first, WithRequestId):
            if first._make is self:
                first._make = self._make
            first = first._make


def makes_plain_records() -> bool:
    """Tell whether a record has its id, and nothing that another factory gives it."""
    factory = logging.getLogRecordFactory()
    return type(factory) is WithRequestId and factory.makes_plain
