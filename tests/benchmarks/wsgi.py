"""Call a WSGI application in the process, with as little harness as can be."""

import io
from collections.abc import Callable, Mapping
from typing import Any

import cherrypy
from werkzeug.test import create_environ

from tests.benchmarks.questions import Call

QUIET = {"log.screen": False, "log.access_file": "", "log.error_file": ""}
ANSWER = ("200 OK", b"page")
Send = Callable[[], tuple[str, bytes]]


class Page:
    """A page that is there at once."""

    @cherrypy.expose
    def index(self, **fields: str) -> bytes:
        return b"page"


def application(root: object, config: Mapping[str, Any] | None = None) -> cherrypy.Application:
    """Return an application that logs nowhere and is mounted on no tree."""
    cherrypy.config.update(QUIET)
    app = cherrypy.Application(root, "", dict(config or {}))
    app.log.screen = False
    return app


def senders(root: object, settings: Mapping[str, Any], *request: Any) -> dict[str, Send]:
    """Return, by name, the same *request* to an application of *root* with each of the settings."""
    return {name: sender(application(root, {"/": of}), *request) for name, of in settings.items()}


def sender(
    app: Callable[..., Any],
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
    body: bytes = b"",
) -> Send:
    """Return a call that sends one request, of JSON if any; it returns the status and the body."""
    told = {"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "50000", "wsgi.multithread": True}
    if method not in ("GET", "HEAD"):
        told["CONTENT_LENGTH"] = str(len(body))
    if body:
        told["CONTENT_TYPE"] = "application/json"
    made = create_environ(path, method=method, headers=headers, environ_overrides=told)
    started: list[str] = []

    def start_response(status: str, fields: Any, exc_info: Any = None) -> None:
        started[:] = [status]

    def send() -> tuple[str, bytes]:
        chunks = app({**made, "wsgi.input": io.BytesIO(body)}, start_response)
        content = b"".join(chunks)
        if hasattr(chunks, "close"):
            chunks.close()
        return started[0], content

    return send


def heard_by(call: Call, *subscribes: Call) -> Call:
    """Return *call* with those on the bus who *subscribes* brings and no others, though variants
    take turns."""
    bus, before = cherrypy.engine, cherrypy.engine.listeners
    bus.listeners = listeners = {channel: set(found) for channel, found in before.items()}
    for subscribe in subscribes:
        subscribe()
    bus.listeners = before

    def heard() -> object:
        bus.listeners = listeners
        return call()

    return heard
