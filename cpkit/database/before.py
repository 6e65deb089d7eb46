"""What a handler found: its request, the session and the answer so far, to be put back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from http.cookies import Morsel, SimpleCookie
from itertools import compress
from typing import Any, BinaryIO, Protocol, TypeVar

from cpkit.cherry import Request, Response

V = TypeVar("V")
Noted = tuple[str, dict[str, Any], dict[str, Any]]  # a cookie's name, attributes and value

_IN_MEMORY = 2**20  # bytes of a body, the rest is in a file
_CONTAINERS = frozenset({dict, list, set})
_OF_A_BODY = frozenset({"Content-Length", "Transfer-Encoding"})
# What is in them belongs to the application or to the server, not to a request.
_SETTINGS = ("config", "toolmaps", "wsgi_environ")


class RequestBefore:
    """A request as it was; what of its body is read from now on can be read again."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._bodies = _replayed(request)
        self._attributes = dict(vars(request))
        self._plain = _copied_plain(self._attributes)
        self._fields = dict(request.headers)
        json = self._attributes.get("json")
        self._json = None if json is None else deepcopy(json)
        self._params = _copied_values(request.params)
        self._form = _copied_values(request.body.params)
        self._cookie = _noted(request.cookie)
        self._hooks = list(map(list, request.hooks.values()))

    def forget(self) -> None:
        """Forget what was read of the body."""
        for body in self._bodies:
            body.forget()

    def can_be_restored(self) -> bool:
        """Tell whether all that was uploaded can be read again."""
        return not any(upload.closed for upload in _uploads(self._params))

    def restore(self) -> None:
        """Put back what a handler may have changed."""
        request, known = self._request, vars(self._request)
        for name in known.keys() - self._attributes.keys():
            if not name.startswith("_"):
                delattr(request, name)
        known.update(self._attributes)
        known.update(_copied_plain(self._plain))
        _put_back(request.headers, self._fields)
        if self._json is not None:
            known["json"] = deepcopy(self._json)
        for hooks, kept in zip(request.hooks.values(), self._hooks, strict=False):
            hooks[:] = kept
        for params, before in ((request.params, self._params), (request.body.params, self._form)):
            params.clear()
            params.update(_copied_values(before))
        request.cookie = _made(type(request.cookie), self._cookie)
        for body in self._bodies:
            body.rewind()
        for upload in _uploads(self._params):
            upload.seek(0)


class ResponseBefore:
    """A response as it was."""

    def __init__(self, response: Response) -> None:
        self._response = response
        self._attributes, self._fields = dict(vars(response)), dict(response.headers)
        self._cookie = _noted(response.cookie)

    def restore(self) -> None:
        """Put back what a handler may have changed."""
        response = self._response
        vars(response).clear()
        vars(response).update(self._attributes)
        _put_back(response.headers, self._fields)
        response.cookie = _made(type(response.cookie), self._cookie)


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


class SessionBefore:
    """A session as it was."""

    def __init__(self, session: Session) -> None:
        self._session, self._id, self._was_locked = session, session.id, session.locked
        # NOTE: where the handler takes the lock, it must not be read before that.
        if session.loaded or session.locked:
            self._kept: Any = deepcopy(dict(session.items()))  # which loads it
        self._loaded = session.loaded
        self._known = _with_own_sets(vars(session))
        for name in ("_data", "_lock"):  # the lock may be another one by then, and is held
            self._known.pop(name, None)

    def can_be_restored(self) -> bool:
        """Tell whether the id is the same: a new one was looked up, and is in a cookie."""
        return self._session.id == self._id

    def restore(self) -> None:
        """Put back what a handler may have changed."""
        session = self._session
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


def _put_back(headers: Any, fields: Mapping[str, Any]) -> None:
    # PERF: CherryPy's map would spell each name anew.
    dict.clear(headers)
    dict.update(headers, fields)


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
