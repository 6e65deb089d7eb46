"""What the timing plugin counted, in three forms; the React application reads the JSON."""

from __future__ import annotations

from typing import Any

import cherrypy

import cpkit.tools
from cpkit.dispatchers import route
from cpkit.openapi import operation
from cpkit.timing import report

from ..pages import representations


class Timings:
    """The percentiles of each route, and the slowest recent requests."""

    @route("/timing", methods=["GET"], name="timing")
    @cpkit.tools.accept(media=representations("timing"))
    def GET(self) -> dict[str, Any]:  # noqa: N802
        """Show the report of this process."""
        cherrypy.response.headers["Cache-Control"] = "no-store"
        (counted,) = cherrypy.engine.publish("timing-report")
        return dict(counted)


class Style:
    """The style of the report, and with it the colour of each phase, for every page."""

    @route("/timing.css", methods=["GET"], name="timing-style")
    @operation(hidden=True)
    def GET(self) -> bytes:  # noqa: N802
        """Send it."""
        cherrypy.response.headers["Content-Type"] = "text/css;charset=utf-8"
        return report.STYLE.encode()
