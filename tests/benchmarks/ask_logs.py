"""What it costs to log a request: CherryPy's own access line, and the log plugin's."""

import os
from contextlib import ExitStack

import cherrypy

from cpkit.plugins import LogPlugin
from tests.benchmarks.questions import Call, Case, question
from tests.benchmarks.wsgi import ANSWER, Page, application, heard_by, sender

FIELDS = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", "Referer": "/a"}


def _asked(opened: ExitStack, log: str = os.devnull, queue: int | None = None) -> Call:
    """Return a call that is logged by CherryPy, or by a plugin with the *queue*."""
    app = application(Page())
    app.log.access_file = log
    opened.callback(setattr, app.log, "access_file", "")
    call = sender(app, "/", FIELDS)
    if queue is None:
        return heard_by(call)
    plugin = LogPlugin(cherrypy.engine, queue=queue)
    plugin._field, plugin._environ_key = "X-Request-Id", "HTTP_X_REQUEST_ID"
    plugin._take(app.log)
    if queue:
        plugin._handlers.queue(app.log.access_log, queue)
    opened.callback(plugin._handlers.unqueue)
    hears = {name: getattr(plugin, name) for name in ("before_request", "after_request")}
    return heard_by(call, lambda: [cherrypy.engine.subscribe(*each) for each in hears.items()])


@question("logs", "What does an access line cost?")
def access() -> Case:
    """The plugin's line has the request's id, its route and its time too; CherryPy composes its own
    whether or not anybody reads it, as the first row does."""
    unwritten, own, opened = "CherryPy, no access log", "CherryPy's access log", ExitStack()
    calls = {
        unwritten: _asked(opened, ""),
        own: _asked(opened),
        "cpkit's log plugin": _asked(opened, queue=0),
        "cpkit's log plugin, queue": _asked(opened, queue=10_000),
    }
    return Case(calls, own, ANSWER, cleanup=opened.close, without=[unwritten])
