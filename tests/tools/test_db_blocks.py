"""A request's unit in ``with`` blocks, as code that opened connections has them."""

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from cpkit.testing import Client
from tests.statements import HANDLES, create, insert


class Blocks:
    @cherrypy.expose
    def two(self):
        for number in (1, 2):
            with cherrypy.request.db as db:
                insert(number, db)
        return "ok"

    @cherrypy.expose
    def refused(self):
        with cherrypy.request.db as db:
            insert(1, db)
        raise cherrypy.HTTPError(409)

    @cherrypy.expose
    def caught(self):
        try:
            with cherrypy.request.db as db:
                insert(1, db)
                raise ZeroDivisionError
        except ZeroDivisionError:
            insert(2, cherrypy.request.db)
        return "ok"

    @cherrypy.expose
    def redirected(self):
        with cherrypy.request.db as db:
            insert(1, db)
            raise cherrypy.HTTPRedirect("/elsewhere")


@pytest.mark.parametrize("any_database", ["sqlite", "memory", "postgresql"], indirect=True)
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize(
    ("path", "status", "stored"),
    [("two", 200, [1, 2]), ("refused", 409, []), ("caught", 200, [2]), ("redirected", 303, [1])],
)
def test_a_block_ends_neither_the_unit_nor_its_transaction(
    start_database, any_database, handle, path, status, stored
):
    database = start_database(any_database, setup=create)
    config = {"cpkit.db.on": True, "cpkit.db.handle": handle}
    cherrypy.tree.mount(Blocks(), "/", {"/": config})
    assert Client(raise_exceptions=False).post(f"/{path}").status_code == status
    with database.begin(write=False) as unit:
        assert list(unit.scalars(text("SELECT a FROM t ORDER BY a"))) == stored
    assert database.figures().in_use == 0
