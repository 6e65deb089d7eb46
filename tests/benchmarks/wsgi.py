"""Call a WSGI application in the process, with as little harness as can be."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any
from wsgiref.util import setup_testing_defaults

import cherrypy

QUIET = {"log.screen": False, "log.access_file": "", "log.error_file": ""}
Send = Callable[[], tuple[str, bytes]]


def application(root: object, config: Mapping[str, Any] | None = None) -> cherrypy.Application:
    """Return an application that logs nowhere and is mounted on no tree."""
    app = cherrypy.Application(root, "", dict(config or {}))
    app.log.screen = False
    return app


def senders(root: object, settings: Mapping[str, Any], *request: Any) -> dict[str, Send]:
    """Return, by name, the same *request* to an application of *root* with each of the settings."""
    return {
        name: sender(application(root, {"/": of}), *(request or ("GET", "/")))
        for name, of in settings.items()
    }


def getter(app: Callable[..., Any], path: str, headers: Mapping[str, str] | None = None) -> Send:
    """Return a call that sends ``GET path`` to *app* and returns the status and the body."""
    return sender(app, "GET", path, headers)


def sender(
    app: Callable[..., Any],
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Send:
    """Return a call that sends one request to *app* and returns the status and the body."""
    cherrypy.config.update(QUIET)
    made = _environ(method, path, headers or {}, body)
    started: list[str] = []

    def start_response(status: str, fields: Any, exc_info: Any = None) -> None:
        started[:] = [status]

    def send() -> tuple[str, bytes]:
        chunks = app({**made, "wsgi.input": io.BytesIO(body)}, start_response)
        try:
            content = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        return started[0], content

    return send


def _environ(method: str, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    path, _, query = path.partition("?")
    fields = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()}
    if method not in ("GET", "HEAD"):
        fields["CONTENT_LENGTH"] = str(len(body))
    if body:
        fields["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
    environ = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path}
    environ |= {"QUERY_STRING": query, "REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "50000"}
    environ |= dict.fromkeys(["SERVER_PROTOCOL", "ACTUAL_SERVER_PROTOCOL"], "HTTP/1.1")
    environ |= {"wsgi.multithread": True, **fields}
    setup_testing_defaults(environ)
    return environ
