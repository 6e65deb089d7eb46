"""A request as a client writes it, and the WSGI environ that a server makes of it."""

from __future__ import annotations

import io
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_to_bytes, urljoin, urlsplit

from cpkit.errors import RequestArgumentError

if TYPE_CHECKING:
    from ._body import Body

Fields = list[tuple[str, str]]
Headers = Mapping[str, str] | Iterable[tuple[str, str]]
Auth = tuple[str, str]
_PORTS = {"http": "80", "https": "443"}
_WITH_BODY = ("POST", "PUT", "PATCH")
_UNSENDABLE = re.compile(r"[\r\n\0]|[^\0-\xff]")
_FOR_ONE_HOST = ("authorization", "cookie")


@dataclass
class Request:
    """A request; *url* is absolute, *body* is whole or comes in chunks."""

    method: str
    url: str
    fields: Fields
    body: Body = b""

    def environ(self, cookies: str = "") -> dict[str, Any]:
        """Return the WSGI environ; fields of one name are joined by commas (RFC 9110, 5.3)."""
        environ = _environ(self.method, self.url).copy()
        environ["wsgi.errors"] = io.StringIO()
        environ.update(_body(self.method, self.body))
        for name, value in self.fields:
            _add_field(environ, name, value)
        if cookies:
            given = environ.get("HTTP_COOKIE")
            environ["HTTP_COOKIE"] = f"{given}; {cookies}" if given else cookies
        return environ

    def redirected(self, status: int, location: str) -> Request:
        """Return the request that follows a redirection (RFC 9110, 15.4)."""
        url = urljoin(self.url, location)
        fields = self.fields
        if urlsplit(url).netloc != urlsplit(self.url).netloc:
            fields = [each for each in fields if each[0].lower() not in _FOR_ONE_HOST]
        if status in (307, 308) or self.method in ("GET", "HEAD"):
            return replace(self, url=url, fields=fields)
        fields = [(n, v) for n, v in fields if not n.lower().startswith("content-")]
        return Request("GET", url, fields)


def fields_of(*given: Headers) -> Fields:
    """Return the fields of each *given*, but for those that one before has; None is left out."""
    fields: list[tuple[str, object]] = []
    for headers in given:
        if not headers:  # PERF: as a rule
            continue
        names = {name.lower() for name, _ in fields}
        more = headers.items() if isinstance(headers, Mapping) else headers
        fields += [each for each in more if each[0].lower() not in names]
    return [(name, _field(name, value)) for name, value in fields if value is not None]


def _field(name: str, value: object) -> str:
    """Return the *value* of a field as text; a server gets one line of Latin-1 (PEP 3333)."""
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    if not is_sendable(text) or isinstance(value, list | tuple | Mapping):
        raise RequestArgumentError("headers", f"has {value!r} in {name!r}: give a line of Latin-1")
    return text


def is_sendable(text: str) -> bool:
    """Tell whether *text* goes into a field: one line of Latin-1."""
    return _UNSENDABLE.search(text) is None


def basic(auth: Auth | None) -> Fields:
    """Return the field that proves who is asking, by name and password (RFC 7617)."""
    if auth is None:
        return []
    if not (isinstance(auth, tuple | list) and list(map(type, auth)) == [str, str]):
        raise RequestArgumentError("auth", f"is {auth!r}: give a pair of name and password")
    return [("Authorization", "Basic " + b64encode(":".join(auth).encode()).decode())]


def auth_in(url: str) -> tuple[str, Auth | None]:
    """Return *url* without the name and the password in it, and the two."""
    if "@" not in url:
        return url, None
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, None
    name, _, password = user.partition(":")
    return parts._replace(netloc=host).geturl(), (unquote(name), unquote(password))


class _Chunks(io.RawIOBase):
    """An iterable of bytes or text, read as a file: no more of it than is asked for."""

    def __init__(self, chunks: Iterable[bytes | str]) -> None:
        self._chunks = map(_encoded, chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        view = memoryview(buffer)
        taken = self._rest[: len(view)]
        self._rest = self._rest[len(view) :]
        view[: len(taken)] = taken
        return len(taken)


def _encoded(chunk: object) -> bytes:
    if not isinstance(chunk, bytes | str):
        raise RequestArgumentError("data", f"yields {chunk!r}: give bytes or text")
    return chunk.encode() if isinstance(chunk, str) else chunk


@lru_cache  # PERF: most tests ask for few URLs
def _environ(method: str, url: str) -> dict[str, Any]:
    before, _, query = url.partition("?")
    scheme, _, rest = before.partition("://")
    netloc, slash, path = rest.partition("/")
    host, port = _host_and_port(scheme, netloc)
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": _native_path(slash + path),
        "QUERY_STRING": query if query.isascii() else query.encode().decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "50000",
        "ACTUAL_SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": netloc,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


@lru_cache
def _host_and_port(scheme: str, netloc: str) -> tuple[str, str]:
    parts = urlsplit("//" + netloc)
    return parts.hostname or "", str(parts.port or _PORTS[scheme])


def _native_path(path: str) -> str:
    """Decode the escapes but %2F, which is no separator: so does CherryPy's own server."""
    if "%" not in path and path.isascii():
        return path
    kept = path.replace("%2F", "%252F").replace("%2f", "%252f")
    return unquote_to_bytes(kept).decode("latin-1")


def _body(method: str, body: Body) -> dict[str, Any]:
    if isinstance(body, bytes):
        given: dict[str, Any] = {"wsgi.input": io.BytesIO(body)}
        if body or method in _WITH_BODY:
            given["CONTENT_LENGTH"] = str(len(body))
        return given
    reader = io.BufferedReader(_Chunks(body))
    return {
        "wsgi.input": reader,
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
    }


def _add_field(environ: dict[str, Any], name: str, value: str) -> None:
    key = name.upper().replace("-", "_")
    if key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        environ[key] = value
        return
    key = "HTTP_" + key
    joint = "; " if key == "HTTP_COOKIE" else ", "
    repeated = key in environ and key != "HTTP_HOST"
    environ[key] = f"{environ[key]}{joint}{value}" if repeated else value
