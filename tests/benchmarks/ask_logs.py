"""What it costs to log a request: CherryPy's own access line, and the log plugin's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import cherrypy
from cherrypy.process import wspbus

from cpkit.plugins import LogPlugin
from tests.benchmarks.questions import Case, question
from tests.benchmarks.wsgi import application, sender

FIELDS = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", "Referer": "/a"}


class Root:
    @cherrypy.expose
    def index(self) -> str:
        return "page"


class Logged(cherrypy.Application):
    """An application whose requests alone a plugin hears of, by a bus of their own."""

    bus: Any
    plugin: LogPlugin

    def get_serving(self, *args: Any) -> Any:
        serving = super().get_serving(*args)
        self.bus.publish("before_request")
        return serving

    def release_serving(self) -> None:
        self.bus.publish("after_request")
        super().release_serving()


def _logged(queue: int) -> Logged:
    app = Logged(Root(), "", {})
    app.log.access_file = os.devnull
    app.bus = wspbus.Bus()
    app.plugin = plugin = LogPlugin(app.bus, queue=queue)
    plugin._field, plugin._environ_key = "X-Request-Id", "HTTP_X_REQUEST_ID"
    for channel in ("before_request", "after_request"):
        app.bus.subscribe(channel, getattr(plugin, channel))
    plugin._take(app.log)
    if queue:
        plugin._handlers.queue(app.log.access_log, queue)
    return app


def _close(apps: Iterable[cherrypy.Application]) -> None:
    for app in apps:
        if isinstance(app, Logged):
            app.plugin._handlers.unqueue()
        app.log.access_file = ""  # closes it


@question("logs", "What does an access line cost?")
def access() -> Case:
    """The plugin's line has the request's id, its route and its time too; CherryPy composes its own
    whether or not anybody reads it, as the first row does."""
    written = application(Root(), {})
    written.log.access_file = os.devnull
    apps = {
        "CherryPy, no access log": application(Root(), {}),
        "CherryPy's access log": written,
        "cpkit's log plugin": _logged(0),
        "cpkit's log plugin, queue": _logged(10_000),
    }
    return Case(
        {name: sender(app, "GET", "/", FIELDS) for name, app in apps.items()},
        baseline="CherryPy's access log",
        expected=("200 OK", b"page"),
        cleanup=lambda: _close(apps.values()),
        without=["CherryPy, no access log"],
    )
