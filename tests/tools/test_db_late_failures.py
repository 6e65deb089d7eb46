"""What fails after the answer was made, or while an error page is: it leaves nothing."""

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from tests.statements import HANDLES, insert

mariadb = pytest.param("mariadb", marks=pytest.mark.faults)


def fails(number):
    insert(number)
    raise ZeroDivisionError


class Root:
    @cherrypy.expose
    def hook(self):
        insert(1)
        hooks = cherrypy.serving.request.hooks
        hooks.attach("on_end_resource", lambda: fails(2), priority=99)
        return "ok"

    @cherrypy.expose
    def page(self):
        insert(1)
        raise cherrypy.HTTPError(410)

    @cherrypy.expose
    def status(self):
        insert(1)
        response = cherrypy.serving.response
        hooks = cherrypy.serving.request.hooks
        hooks.attach("on_end_resource", lambda: setattr(response, "status", 409))
        return "ok"

    @cherrypy.expose
    def crash(self):
        fails(1)

    @cherrypy.expose
    def response(self):
        cherrypy.serving.request.error_response = lambda: fails(5)
        fails(1)


@pytest.fixture(params=HANDLES)
def rows(request, start_database, any_database, cp_client):
    def create(connection):
        connection.execute(text("DROP TABLE IF EXISTS t"))
        connection.execute(text("CREATE TABLE t (a INTEGER)"))

    def stored():
        assert database.figures().in_use == 0
        with database.begin(write=False) as unit:
            return set(unit.scalars(text("SELECT a FROM t")))

    database = start_database(any_database, setup=create, pool_size=2, timeout=1)
    cp_client.raise_exceptions = False
    config = {"cpkit.db.on": True, "cpkit.db.handle": request.param}
    pages = {"error_page.410": lambda **_: fails(3), "error_page.default": lambda **_: fails(4)}
    cherrypy.tree.mount(Root(), "/", {"/": {**config, **pages}})
    return stored


KINDS = ["sqlite", "memory", "postgresql", mariadb]


@pytest.mark.parametrize("any_database", KINDS, indirect=True)
@pytest.mark.parametrize(
    ("path", "status", "left"),
    [
        ("/hook", 500, {1}),
        ("/page", 410, set()),
        ("/crash", 500, set()),
        ("/response", 500, set()),
        ("/status", 200, {1}),
    ],
    ids=["hook", "page", "page of a crash", "error_response", "status that is not sent any more"],
)
def test_what_failed_late_left_nothing(rows, cp_client, path, status, left):
    assert cp_client.post(path).status_code == status
    assert rows() == left  # the handler's own work was done when the hook failed
