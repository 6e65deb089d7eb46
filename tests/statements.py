"""Statements of tests, run on whatever handle a unit of work lends; and a table of numbers."""

import importlib.util
from collections.abc import Callable

import cherrypy
import pytest
from sqlalchemy import text

from cpkit.database.driver import DriverUnit
from cpkit.testing import Client

HANDLES = ["connection", "session", "dbapi"]
# The drivers of MariaDB's, as SQLAlchemy calls them; mysqlclient where the machine has it, since
# it is compiled where it is installed.
_has_mysqlclient = importlib.util.find_spec("MySQLdb") is not None
_IF_THERE = pytest.mark.skipif(not _has_mysqlclient, reason="mysqlclient is not installed")
MARIADB = [
    pytest.param("pymysql", marks=pytest.mark.faults),
    pytest.param("mysqlconnector", marks=pytest.mark.faults),
    pytest.param("mysqldb", marks=[pytest.mark.faults, _IF_THERE]),
]


def run(statement, unit=None):
    """Run a statement on *unit*, that of the request unless it is given; return its rows."""
    unit = unit or cherrypy.request.db
    return unit.execute(statement if isinstance(unit, DriverUnit) else text(statement))


def driver():
    """Return the driver's own connection of the request, whatever its handle is."""
    handle = cherrypy.request.db.handle
    handle = handle.connection() if hasattr(handle, "add_all") else handle
    return handle.connection if hasattr(handle, "exec_driver_sql") else handle


def create(connection):
    """Create the table ``t`` of numbers, empty."""
    connection.execute(text("DROP TABLE IF EXISTS t"))
    connection.execute(text("CREATE TABLE t (a INTEGER PRIMARY KEY)"))


def insert(number: int, unit=None) -> None:
    """Store a number."""
    run(f"INSERT INTO t VALUES ({number})", unit)


def stored() -> list[int]:
    """Return the numbers that are stored."""
    with cherrypy.engine.db.begin(write=False) as unit:
        return list(unit.scalars(text("SELECT a FROM t ORDER BY a")))


def serve(handler: Callable, **settings) -> Client:
    """Serve *handler* with the database; return a client that gets a 500 for what it raises."""

    class Root:
        index = staticmethod(cherrypy.expose(handler))

    cherrypy.tree.mount(Root(), "/", {"/": {"cpkit.db.on": True, **settings}})
    return Client(raise_exceptions=False)
