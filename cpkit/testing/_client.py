"""An HTTP client that calls a WSGI application in the process."""

from __future__ import annotations

import io
import json as jsonlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from types import TracebackType
from typing import Any
from urllib.parse import unquote_to_bytes, urlencode
from wsgiref.headers import Headers

ExcInfo = tuple[type[BaseException], BaseException, TracebackType]


@dataclass
class Response:
    """Hold what the application answered: the status, the headers, the body."""

    status_code: int
    reason: str
    headers: Headers
    content: bytes
    exception: BaseException | None = None

    @property
    def text(self) -> str:
        """Decode the body as UTF-8."""
        return self.content.decode()

    def json(self) -> Any:
        """Parse the body as JSON."""
        return jsonlib.loads(self.content)


class _Tracebacks(logging.Handler):
    """Remember the last exception that CherryPy logged."""

    def __init__(self) -> None:
        super().__init__()
        self.last: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            self.last = record.exc_info[1]


@dataclass
class Client:
    """Send requests to a WSGI application in the process, keeping cookies between them.

    *app* is the application, ``cherrypy.tree`` unless given. An exception that a handler let out
    is raised in the test unless *raise_exceptions* is false; then the answer is the 500.
    """

    app: Callable[..., Iterable[bytes]] | None = None
    raise_exceptions: bool = True
    cookies: SimpleCookie = field(default_factory=SimpleCookie)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        data: Mapping[str, Any] | bytes | None = None,
        json: Any = None,
        environ: Mapping[str, Any] | None = None,
    ) -> Response:
        """Send one request; *path* is sent as written, query string included."""
        fields = list(headers.items() if isinstance(headers, Mapping) else headers)
        body = b""
        if json is not None:
            body = jsonlib.dumps(json).encode()
            fields.append(("Content-Type", "application/json"))
        elif isinstance(data, Mapping):
            body = urlencode(data, doseq=True).encode()
            fields.append(("Content-Type", "application/x-www-form-urlencoded"))
        elif data is not None:
            body = data
        if params:
            path += ("&" if "?" in path else "?") + urlencode(params, doseq=True)
        made = _environ(method, path, fields, body)
        return self._call({**made, **self._cookie(), **(environ or {})})

    def get(self, path: str, **kwargs: Any) -> Response:
        """Send a GET request."""
        return self.request("GET", path, **kwargs)

    def head(self, path: str, **kwargs: Any) -> Response:
        """Send a HEAD request."""
        return self.request("HEAD", path, **kwargs)

    def options(self, path: str, **kwargs: Any) -> Response:
        """Send an OPTIONS request."""
        return self.request("OPTIONS", path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> Response:
        """Send a POST request."""
        return self.request("POST", path, **kwargs)

    def put(self, path: str, **kwargs: Any) -> Response:
        """Send a PUT request."""
        return self.request("PUT", path, **kwargs)

    def patch(self, path: str, **kwargs: Any) -> Response:
        """Send a PATCH request."""
        return self.request("PATCH", path, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> Response:
        """Send a DELETE request."""
        return self.request("DELETE", path, **kwargs)

    def _cookie(self) -> dict[str, str]:
        cookie = "; ".join(f"{key}={morsel.coded_value}" for key, morsel in self.cookies.items())
        return {"HTTP_COOKIE": cookie} if cookie else {}

    def _call(self, environ: dict[str, Any]) -> Response:
        import cherrypy

        started: list[Any] = []

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            started[:] = [status, headers]
            return lambda data: None

        tracebacks, logger = _Tracebacks(), logging.getLogger("cherrypy.error")
        logger.addHandler(tracebacks)
        try:
            chunks = (self.app or cherrypy.tree)(environ, start_response)
            try:
                content = b"".join(chunks)
            finally:
                getattr(chunks, "close", lambda: None)()
        finally:
            logger.removeHandler(tracebacks)
        if tracebacks.last is not None and self.raise_exceptions:
            raise tracebacks.last
        status, headers = started
        code, _, reason = status.partition(" ")
        for name, value in headers:
            if name.lower() == "set-cookie":
                self.cookies.load(value)
        return Response(int(code), reason, Headers(headers), content, tracebacks.last)


def _environ(method: str, path: str, fields: list[tuple[str, str]], body: bytes) -> dict[str, Any]:
    """Return the WSGI environ of a request; several fields of one name are joined by commas."""
    path, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path.replace("%2F", "%252F").replace("%2f", "%252f")).decode(
            "latin-1"
        ),
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "50000",
        "ACTUAL_SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if body or method in ("POST", "PUT", "PATCH"):
        environ["CONTENT_LENGTH"] = str(len(body))
    for name, value in fields:
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
        repeated = key in environ and key != "HTTP_HOST"
        environ[key] = f"{environ[key]}, {value}" if repeated else value
    return environ
