"""A request as a client writes it, and the WSGI environ that a server makes of it."""

from __future__ import annotations

import io
import json as jsonlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import IO, Any
from urllib.parse import unquote_to_bytes, urlencode, urljoin, urlsplit

Fields = list[tuple[str, str]]
File = bytes | IO[bytes] | tuple[str, bytes | IO[bytes]] | tuple[str, bytes | IO[bytes], str]
_PORTS = {"http": "80", "https": "443"}
_WITH_BODY = ("POST", "PUT", "PATCH")


@dataclass
class Request:
    """Hold one request: *url* is absolute, *body* is whole or comes in chunks."""

    method: str
    url: str
    fields: Fields
    body: bytes | Iterable[bytes] = b""

    def environ(self, cookies: str = "") -> dict[str, Any]:
        """Return the WSGI environ; fields of one name are joined by commas (RFC 9110, 5.3)."""
        environ = _environ(self.method, self.url)
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
        if status in (307, 308) or self.method in ("GET", "HEAD"):
            return replace(self, url=url)
        fields = [(n, v) for n, v in self.fields if not n.lower().startswith("content-")]
        return Request("GET", url, fields)


def encode(
    data: Mapping[str, Any] | str | bytes | Iterable[bytes] | None,
    json: Any,
    files: Mapping[str, File] | None,
) -> tuple[bytes | Iterable[bytes], str]:
    """Return the body that holds *data*, *json* or *files*, and its content type."""
    if json is not None:
        return jsonlib.dumps(json).encode(), "application/json"
    if files is not None:
        return _multipart(data if isinstance(data, Mapping) else {}, files)
    if isinstance(data, Mapping):
        return urlencode(data, doseq=True).encode(), "application/x-www-form-urlencoded"
    if isinstance(data, str):
        return data.encode(), ""
    return (b"" if data is None else data), ""


class _Chunks(io.RawIOBase):
    """Read an iterable of bytes as a file, no more of it than is asked for."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        taken = self._rest[: len(buffer)]
        self._rest = self._rest[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)


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
        "wsgi.errors": io.StringIO(),
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


def _body(method: str, body: bytes | Iterable[bytes]) -> dict[str, Any]:
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


def _multipart(data: Mapping[str, Any], files: Mapping[str, File]) -> tuple[bytes, str]:
    """Return a multipart/form-data body and its content type (RFC 7578)."""
    boundary = os.urandom(16).hex()
    parts = [*_text_parts(data), *(_file_part(name, file) for name, file in files.items())]
    body = b"".join(
        b"--%b\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (boundary.encode(), *part)
        for part in parts
    )
    return body + b"--%b--\r\n" % boundary.encode(), f"multipart/form-data; boundary={boundary}"


def _text_parts(data: Mapping[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    for name, value in data.items():
        for each in value if isinstance(value, (list, tuple)) else [value]:
            yield b"name=" + _quoted(name), each if isinstance(each, bytes) else str(each).encode()


def _file_part(name: str, file: File) -> tuple[bytes, bytes]:
    """Return the head and the content of a file's part; a bare file is called as its field is."""
    filename, content, *kind = file if isinstance(file, tuple) else (name, file)
    media = kind[0] if kind else "application/octet-stream"
    head = b"name=%b; filename=%b\r\nContent-Type: %b" % (
        _quoted(name),
        _quoted(filename),
        media.encode(),
    )
    return head, content if isinstance(content, bytes) else content.read()


def _quoted(text: str) -> bytes:
    """Quote a name as browsers do (HTML Standard, multipart/form-data encoding algorithm)."""
    for special, escape in (("\r", "%0D"), ("\n", "%0A"), ('"', "%22")):
        text = text.replace(special, escape)
    return b'"%b"' % text.encode()
