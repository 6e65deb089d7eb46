"""What ``routes.url_for`` and ``routes.redirect_to`` need to work in a handler.

They ask ``routes.request_config()``, one object per thread. CherryPy's dispatcher fills it at
each request, and what it leaves there outlives the request. Here a thread is told once whom
to ask, and the answer is made from the current request when somebody asks.
"""

from __future__ import annotations

import threading
from typing import Any

import cherrypy
import routes

ENVIRON = ("SCRIPT_NAME", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "wsgi.url_scheme")
thread = threading.local()


class RequestConfig:
    """Be ``routes.request_config()`` for one request."""

    def __init__(self, request: Any) -> None:
        dispatcher, _, self.mapper_dict, self.route = request.routed
        self.mapper, self.redirect = dispatcher.mapper, dispatcher.redirect
        self.host, self.protocol = request.headers.get("Host"), request.scheme
        environ = getattr(request, "wsgi_environ", {})
        # NOTE: the mapper keeps it in the thread; without the whole, no body is kept alive.
        self.environ = {key: environ[key] for key in ENVIRON if key in environ}
        self.mapper.environ = self.environ


def register_thread() -> None:
    """Make this thread's ``routes.request_config()`` ask the current request."""
    thread.registered = True
    config = routes.request_config(original=True)
    if not config.request_local:  # somebody may have one of their own
        config.request_local = _current


def _current() -> Any:
    request = cherrypy.serving.request
    routed = getattr(request, "routed", None)
    if routed and routed[0].register:
        return RequestConfig(request)
    return routes.request_config(original=True)
