"""Pages that show what the timing plugin counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import cherrypy

from cpkit.plugins.timing import CHANNEL

from . import report
from .loopback import is_local

Access = bool | str | Callable[[], Any]


class TimingPage:
    """Show the timing report: ``root.timing = TimingPage()``, or mounted as an application.

    - ``/``: an HTML page, self-contained, under a Content-Security-Policy of its own
    - ``/json``: the report as JSON, times in seconds
    - ``/text``: the report for a terminal

    *allow* is who may see it, since timings and paths tell: ``"local"`` for clients on this
    machine (behind a proxy there is none), True for everyone that your own tools let through,
    or a callable without arguments that decides by the request. Others get 403.
    """

    def __init__(self, allow: Access = "local") -> None:
        self.allow = allow

    @cherrypy.expose
    def index(self) -> bytes:
        """Answer with the HTML page."""
        page = report.html(self._report())
        cherrypy.serving.response.headers["Content-Security-Policy"] = report.POLICY
        return self._answer("text/html;charset=utf-8", page)

    @cherrypy.expose
    def json(self) -> bytes:
        """Answer with the report as JSON."""
        return self._answer("application/json", json.dumps(self._report()))

    @cherrypy.expose
    def text(self) -> bytes:
        """Answer with the report as text."""
        return self._answer("text/plain;charset=utf-8", report.text(self._report()))

    def _report(self) -> Any:
        request = cherrypy.serving.request
        local = self.allow == "local" and is_local(request.wsgi_environ)
        if not (self.allow() if callable(self.allow) else self.allow is True or local):
            raise cherrypy.HTTPError(403, "The timing report is for others to see.")
        reports = cherrypy.engine.publish(CHANNEL)
        if not reports:
            raise cherrypy.HTTPError(
                503, "The timing plugin is not running: set engine.timing.on, or .subscribe() it."
            )
        return reports[0]

    @staticmethod
    def _answer(media: str, body: str) -> bytes:
        headers = cherrypy.serving.response.headers
        headers["Content-Type"] = media
        headers["Cache-Control"] = "no-store"
        headers["X-Content-Type-Options"] = "nosniff"
        return body.encode()
