"""A session's bind: it lends the session's one connection, and never a second one unseen."""

from contextlib import closing

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401

WAYS = {
    "connect": lambda bind: bind.connect(),
    "raw": lambda bind: bind.raw_connection(),
    "options": lambda bind: bind.execution_options(isolation_level="AUTOCOMMIT").connect(),
}


class Root:
    @cherrypy.expose
    def index(self, way):
        db = cherrypy.request.db
        db.execute(text("SELECT 1"))
        with closing(WAYS[way](db.get_bind())):
            return "lent"


@pytest.mark.parametrize("any_database", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("way", WAYS)
def test_a_second_connection_is_refused_with_what_to_take(
    start_database, any_database, cp_client, caplog, method, way
):
    cp_client.raise_exceptions = False
    database = start_database(any_database)
    config = {"cpkit.db.on": True, "cpkit.db.handle": "session"}
    cherrypy.tree.mount(Root(), "/", {"/": config})
    assert getattr(cp_client, method)(f"/?way={way}").status_code == 500
    assert "session.connection()" in caplog.text
    assert database.figures().in_use == 0
