"""Run a handler again when the database undid its transaction for another's sake."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from functools import partial
from http.cookies import Morsel, SimpleCookie
from itertools import compress
from typing import Any, BinaryIO, Protocol, TypeVar

import cherrypy
from cherrypy.lib import is_iterator
from cherrypy.lib.httputil import valid_status

from cpkit.cherry import Handler, Request, Response
from cpkit.errors import TransactionLostError

from .faults import Fault, backoff, fault_of
from .terms import is_unseen
from .unit import Unit

V = TypeVar("V")
Noted = tuple[str, dict[str, Any], dict[str, Any]]  # a cookie's name, attributes and value

COMMITTED = "_cpkit_committed"  # set on a request in which another unit has committed
UNITS = "_cpkit_units"  # of work that a request has
BORROWED = "_cpkit_borrowed"  # the connections that a request has taken from the engine itself

_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.2  # seconds
_IN_MEMORY = 2**20  # bytes of a body, the rest is in a file
_CONTAINERS = frozenset({dict, list, set})
_OF_A_BODY = frozenset({"Content-Length", "Transfer-Encoding"})
# What is in them belongs to the application or to the server, not to a request.
_SETTINGS = ("config", "toolmaps", "wsgi_environ")
_REDIRECTS = (cherrypy.HTTPRedirect, cherrypy.InternalRedirect)

# NOTE: a COMMIT whose answer was lost raises OutcomeUnknownError, which is no fault of these:
# it is never repeated. A COMMIT that the server refused as a conflict was rolled back.
_REPEATABLE = (Fault.CONFLICT, Fault.BUSY, Fault.GONE)


def repeating(
    unit: Unit, retries: int, handler: Handler, keeps: Callable[[Unit, int], bool]
) -> Handler:
    """Return *handler* with its commit inside, run again up to *retries* times.

    Each time in a fresh transaction, with the request, the session and the response as they were
    before, after a pause that grows and is jittered. What a streamed body does is left alone, and
    so is what cannot be undone: a commit, on whatever handle, and a new session id. What a tool
    has written before the handler would be undone, and not be done again: nor is that repeated.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        request, response = cherrypy.serving.request, cherrypy.serving.response
        if response.stream:
            return handler(*args, **kwargs)
        before = _Before(request, response)

        def attempt() -> object:
            return _attempt(unit, partial(handler, *args, **kwargs), keeps)

        try:
            return _repeated(unit, retries, before, attempt)
        finally:
            before.close()

    return call


def _repeated(unit: Unit, retries: int, before: _Before, attempt: Callable[[], V]) -> V:
    pauses = backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
    for left, pause in zip(range(retries, -1, -1), pauses, strict=False):
        try:
            return attempt()
        except Exception as error:
            lost = isinstance(error, TransactionLostError)
            fault = fault_of(error.__cause__ if lost else error)
            if not left or fault not in _REPEATABLE or not before.can_be_restored():
                raise
        unit.close(broken=fault is Fault.GONE)
        for other in units_of(cherrypy.serving.request):
            other.close()
        before.restore()
        time.sleep(pause)
    raise AssertionError  # pragma: no cover


def _attempt(unit: Unit, handler: Callable[[], Any], keeps: Callable[[Unit, int], bool]) -> Any:
    """Call *handler*, make its body, and commit if the answer so far keeps it."""
    response = cherrypy.serving.response
    try:
        body = handler()
        if is_iterator(body) and not response.stream:
            body = list(body)
    except _REDIRECTS:
        if not unit.doomed:
            unit.commit()
        raise
    # NOTE: where the handler says that it streams, its body goes on with rows that it reads.
    status, _, _ = valid_status(response.status)
    if keeps(unit, status) and (unit.terms.write or not response.stream):
        unit.commit()
    return body


def is_out(record: Any, pooled: object) -> bool:
    """Tell whether who was lent *pooled* has it still."""
    return record.fairy_ref is not None and record.fairy_ref() is pooled


def units_of(request: Request) -> set[Unit]:
    """Return the units of work that *request* has, of whichever database."""
    return set(vars(request).get(UNITS, ()))


class Session(Protocol):
    """CherryPy's session, as far as it is put back."""

    id: str
    loaded: bool
    locked: bool

    def items(self) -> Any:
        """Return the entries."""

    def clear(self) -> None:
        """Forget what is in it."""

    def update(self, values: Mapping[str, Any]) -> None:
        """Add to it."""


class _Before:
    """The request, its session and the response as a handler found them."""

    def __init__(self, request: Request, response: Response) -> None:
        self._request, self._response = request, response
        units = units_of(request)
        # What was committed before is not done again; only a commit of the handler's hinders.
        self._committed = {unit for unit in units if unit.committed}
        self._was_noted = vars(request).pop(COMMITTED, None)
        for unit in self._committed:
            unit.committed = False
        self._holds_work = any(unit.holds_work for unit in units)
        self._doomed = {unit: unit.doomed for unit in units}
        self._bodies = _replayed(request)
        self._attributes = dict(vars(request))
        self._plain = _copied_plain(self._attributes)
        self._fields = dict(request.headers)
        json = self._attributes.get("json")
        self._json = None if json is None else deepcopy(json)
        self._params = _copied_values(request.params)
        self._form = _copied_values(request.body.params)
        self._sent_cookie = _noted(request.cookie)
        self._hooks = list(map(list, request.hooks.values()))
        self._headers = dict(response.headers)
        self._cookie = _noted(response.cookie)
        self._answer = dict(vars(response))
        self._session: Session | None = getattr(cherrypy.serving, "session", None)
        if self._session is not None:
            self._id = self._session.id
            # NOTE: where the handler takes the lock, it must not be read before that.
            if self._session.loaded or self._session.locked:
                self._kept: Any = deepcopy(dict(self._session.items()))
            self._loaded = self._session.loaded
            known, self._was_locked = vars(self._session), self._session.locked
            self._known = _with_own_sets(known)
            self._known.pop("_data", None)

    def close(self) -> None:
        """Forget what was read of the body; remember what was committed before."""
        for body in self._bodies:
            body.forget()
        for unit in self._committed:
            unit.committed = True
        if self._was_noted:
            vars(self._request)[COMMITTED] = True

    def can_be_restored(self) -> bool:
        """Tell whether there is nothing that a handler cannot undo."""
        request, session = self._request, self._session
        if self._holds_work or COMMITTED in vars(request):
            return False
        borrowed = vars(request).get(BORROWED, ())
        if any(is_out(*it) and is_unseen(it[0].info) for it in borrowed):
            return False
        if any(unit.committed or unit.exposed for unit in units_of(request)):
            return False
        if any(upload.closed for upload in _uploads(self._params)):
            return False
        return session is None or session.id == self._id

    def restore(self) -> None:
        """Put back what the handler may have changed."""
        request, response = self._request, self._response
        for unit, doomed in self._doomed.items():
            unit.doomed = doomed
        for name in vars(request).keys() - self._attributes.keys():
            if not name.startswith("_"):
                delattr(request, name)
        vars(request).update(self._attributes)
        vars(request).update(_copied_plain(self._plain))
        dict.clear(request.headers)
        dict.update(request.headers, self._fields)
        if self._json is not None:
            vars(request)["json"] = deepcopy(self._json)
        for hooks, kept in zip(request.hooks.values(), self._hooks, strict=False):
            hooks[:] = kept
        for body in self._bodies:
            body.rewind()
        for params, before in ((request.params, self._params), (request.body.params, self._form)):
            params.clear()
            params.update(_copied_values(before))
        for upload in _uploads(self._params):
            upload.seek(0)
        request.cookie = _made(type(request.cookie), self._sent_cookie)
        vars(response).clear()
        vars(response).update(self._answer)
        dict.clear(response.headers)
        dict.update(response.headers, self._headers)
        response.cookie = _made(type(response.cookie), self._cookie)
        self._restore_session()

    def _restore_session(self) -> None:
        session = self._session
        if session is None:
            return
        if session.locked == self._was_locked:  # else what it knows is of the new lock
            vars(session).update(_with_own_sets(self._known))
        if self._loaded:
            session.clear()
            session.update(deepcopy(self._kept))
        else:
            session.loaded = False


class Replayed:
    """A body that can be read again from where the handler began."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self._read: Any = None  # PERF: a file from the first byte on
        self._left = 0  # of what was read before
        self._forgotten = False

    def forget(self) -> None:
        """Close what was remembered."""
        self._forgotten = True
        if self._read is not None:
            self._read.close()

    def rewind(self) -> None:
        """Begin anew."""
        if self._read is not None:
            self._left = self._read.seek(0, 2)
            self._read.seek(0)

    def read(self, size: int | None = None, fp_out: BinaryIO | None = None) -> bytes | None:
        """Return up to *size* bytes, or write them to *fp_out*."""
        again = self._again("read", size)
        wanted = None if size is None else size - len(again)
        found = again if wanted == 0 else again + self._noted(self._body.read(wanted))
        if fp_out is None:
            return found
        fp_out.write(found)
        return None

    def readline(self, size: int | None = None) -> bytes:
        """Return the next line, of up to *size* bytes."""
        again = self._again("readline", size)
        if again.endswith(b"\n") or (size is not None and len(again) >= size):
            return again
        wanted = () if size is None else (size - len(again),)
        return again + self._noted(self._body.readline(*wanted))

    def readlines(self, sizehint: int | None = None) -> list[bytes]:
        """Return the lines that are left."""
        return list(iter(self.readline, b""))

    def __iter__(self) -> Iterator[bytes]:
        """Iterate over the lines."""
        return iter(self.readline, b"")

    def __getattr__(self, name: str) -> Any:
        """Return the attribute *name* of the body itself."""
        return getattr(self._body, name)

    def _again(self, method: str, size: int | None) -> bytes:
        if not self._left:
            return b""
        found: bytes = getattr(self._read, method)(-1 if size is None else size)
        self._left -= len(found)
        return found

    def _noted(self, found: bytes) -> bytes:
        if found and not self._forgotten:
            if self._read is None:
                self._read = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
            self._read.write(found)
        return found


def _replayed(request: Request) -> list[Replayed]:
    """Have what of the request's body is not read yet be read through something that remembers."""
    found: list[Replayed] = []
    if _OF_A_BODY.isdisjoint(request.headers):
        return found
    if getattr(request.body, "fp", None) is not None:
        request.body.fp = Replayed(request.body.fp)
        found.append(request.body.fp)
    raw = vars(request).get("rfile")
    if raw is not None:
        vars(request)["rfile"] = again = Replayed(raw)
        found.append(again)
    return found


def _with_own_sets(known: dict[str, Any]) -> dict[str, Any]:
    return known | {name: it.copy() for name, it in known.items() if type(it) is set}


# PERF: copy.deepcopy() of a cookie takes thirty times as long, and it is seldom put back.
def _noted(cookie: SimpleCookie) -> list[Noted]:
    return [(name, dict(it), dict(vars(it))) for name, it in cookie.items()]


def _made(kind: type[SimpleCookie], noted: Iterable[Noted]) -> SimpleCookie:
    """Return a cookie of what was noted of another."""
    made = kind()
    for name, attributes, value in noted:
        morsel: Morsel[str] = Morsel()
        dict.update(morsel, attributes)
        vars(morsel).update(value)
        dict.__setitem__(made, name, morsel)
    return made


def _copied_values(params: Mapping[str, Any]) -> dict[str, Any]:
    return _copied_all({**params})


def _copied_plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return copies of what tools keep on a request in lists, dictionaries and sets."""
    are_containers = map(_CONTAINERS.__contains__, map(type, values.values()))
    return {
        name: value.copy() if name in _SETTINGS else _copied_all(value)
        for name, value in compress(values.items(), are_containers)
        if not name.startswith("_") and name != "params"
    }


def _copied_all(container: V) -> V:
    """Return a copy of *container* and of those in it; uploads and what tools made stay themselves.

    PERF: copied whole and then mended, since few have containers in them.
    """
    copied: Any = container.copy()  # type: ignore[attr-defined]
    values = copied.values() if type(copied) is dict else copied
    if _CONTAINERS.isdisjoint(map(type, values)):
        return copied  # type: ignore[no-any-return]
    for key, value in copied.items() if type(copied) is dict else enumerate(copied):
        if type(value) in _CONTAINERS:
            copied[key] = _copied_all(value)
    return copied  # type: ignore[no-any-return]


def _uploads(params: Mapping[str, Any]) -> Iterator[BinaryIO]:
    """Yield the files among *params*."""
    for value in params.values():
        for part in value if isinstance(value, list) else [value]:
            file = getattr(part, "file", None)
            if file is not None:
                yield file
