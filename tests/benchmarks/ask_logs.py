"""What it costs to log a request: CherryPy's own access line, and the log plugin's."""

import os
from contextlib import ExitStack
from typing import Any

import cherrypy
from cherrypy.process import wspbus

from cpkit.plugins import LogPlugin
from tests.benchmarks.questions import Case, question
from tests.benchmarks.wsgi import ANSWER, Page, application, sender

FIELDS = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", "Referer": "/a"}


class Logged(cherrypy.Application):
    """An application whose requests alone a plugin hears of, by a bus of their own."""

    def get_serving(self, *args: Any) -> Any:
        serving = super().get_serving(*args)
        self.bus.publish("before_request")
        return serving

    def release_serving(self) -> None:
        self.bus.publish("after_request")
        super().release_serving()


def _logged(queue: int, opened: ExitStack) -> Logged:
    app = Logged(Page(), "", {})
    app.log.access_file = os.devnull
    app.bus = wspbus.Bus()
    plugin = LogPlugin(app.bus, queue=queue)
    plugin._field, plugin._environ_key = "X-Request-Id", "HTTP_X_REQUEST_ID"
    for channel in ("before_request", "after_request"):
        app.bus.subscribe(channel, getattr(plugin, channel))
    plugin._take(app.log)
    if queue:
        plugin._handlers.queue(app.log.access_log, queue)
    opened.callback(plugin._handlers.unqueue)
    return app


@question("logs", "What does an access line cost?")
def access() -> Case:
    """The plugin's line has the request's id, its route and its time too; CherryPy composes its own
    whether or not anybody reads it, as the first row does."""
    unwritten, own, opened = "CherryPy, no access log", "CherryPy's access log", ExitStack()
    apps = {
        unwritten: application(Page()),
        own: application(Page()),
        "cpkit's log plugin": _logged(0, opened),
        "cpkit's log plugin, queue": _logged(10_000, opened),
    }
    apps[own].log.access_file = os.devnull
    for app in apps.values():
        opened.callback(setattr, app.log, "access_file", "")
    calls = {name: sender(app, "/", FIELDS) for name, app in apps.items()}
    return Case(calls, own, ANSWER, cleanup=opened.close, without=[unwritten])
