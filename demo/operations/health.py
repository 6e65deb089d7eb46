"""Is this process fit to serve? For load balancers and for people."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import cherrypy

import cpkit.tools

from ..pages import as_json

SECONDS = 1.0


class Health:
    """The health of the process: its database answers within a second, or it is a 503."""

    exposed = True

    @cpkit.tools.accept(media={"application/json": as_json}, on_none="first")
    def GET(self) -> dict[str, Any]:  # noqa: N802
        """Ask the database."""
        cherrypy.response.headers["Cache-Control"] = "no-store"
        database = cherrypy.engine.db
        said = "ok" if database.ping(SECONDS) else "down"
        if said == "down":
            cherrypy.response.status = 503
        return {"status": said, "database": said, "pool": asdict(database.figures())}
