"""A session's bind: it lends the session's one connection, and never a second one unseen."""

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401


class Root:
    @cherrypy.expose
    def index(self):
        db = cherrypy.request.db
        db.execute(text("SELECT 1"))
        with db.get_bind().connect() as connection:
            return str(connection.scalar(text("SELECT 1")))


@pytest.mark.parametrize("any_database", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_second_connection_is_refused_with_what_to_take(
    start_database, any_database, cp_client, caplog, method
):
    cp_client.raise_exceptions = False
    database = start_database(any_database)
    config = {"cpkit.db.on": True, "cpkit.db.handle": "session"}
    cherrypy.tree.mount(Root(), "/", {"/": config})
    assert getattr(cp_client, method)("/").status_code == 500
    assert "session.connection()" in caplog.text
    assert database.figures().in_use == 0
