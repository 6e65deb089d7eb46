"""Is this process fit to serve? For load balancers and for people."""

from __future__ import annotations

from typing import Any

import cherrypy
import sqlalchemy as sa

import cpkit.tools
from cpkit.errors import CpkitError

from ..pages import as_json


def answers(database: Any) -> bool:
    """Tell whether the database of a plugin answers."""
    try:
        with database.begin(write=False) as connection:
            connection.execute(sa.text("SELECT 1"))
    except (CpkitError, sa.exc.SQLAlchemyError):
        return False
    return True


class Health:
    """The health of the process: its database answers, or it is a 503."""

    exposed = True

    @cpkit.tools.accept(media={"application/json": as_json}, on_none="first")
    def GET(self) -> dict[str, Any]:  # noqa: N802
        """Ask the database."""
        cherrypy.response.headers["Cache-Control"] = "no-store"
        alive = answers(cherrypy.engine.db)
        if not alive:
            cherrypy.response.status = 503
        return {"status": "ok" if alive else "down", "database": "ok" if alive else "down"}
