"""Statements of tests, run on whatever handle a unit of work lends."""

import cherrypy
from sqlalchemy import text

from cpkit.database.handles import DriverUnit


def run(statement, unit=None):
    """Run a statement on *unit*, that of the request unless it is given; return its rows."""
    unit = unit or cherrypy.request.db
    return unit.execute(statement if isinstance(unit, DriverUnit) else text(statement))
