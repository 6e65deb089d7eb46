"""The driver's own connection, asked of SQLAlchemy's: what it does belongs to the request."""

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from cpkit.errors import UnitOverError

WAYS = {
    "cursor": lambda pooled, statement: pooled.cursor().execute(statement),
    "driver": lambda pooled, statement: pooled.driver_connection.cursor().execute(statement),
    "dbapi": lambda pooled, statement: pooled.dbapi_connection.cursor().execute(statement),
}


class Root:
    """Pages that ask SQLAlchemy for the driver's own connection."""

    def __init__(self, way):
        self.run, self.kept, self.called = way, None, []

    def pooled(self):
        db = cherrypy.request.db
        handle = db.handle
        return (handle.connection() if hasattr(handle, "add_all") else handle).connection

    @cherrypy.expose
    def write(self, status="200", by_sqlalchemy=""):
        self.run(self.pooled(), "INSERT INTO t VALUES (1)")
        if by_sqlalchemy:
            cherrypy.request.db.execute(text("INSERT INTO t VALUES (2)"))
        if status != "200":
            raise cherrypy.HTTPError(int(status))
        return "stored"

    @cherrypy.expose
    def set(self):
        self.run(self.pooled(), "SET application_name = 'left'")
        return "set"

    @cherrypy.expose
    def name(self):
        return cherrypy.request.db.execute(text("SHOW application_name")).scalar_one()

    @cherrypy.expose
    def by_hand(self):
        cherrypy.request.db.on_commit(lambda: self.called.append("called"))
        pooled = self.pooled()
        self.run(pooled, "INSERT INTO t VALUES (1)")
        pooled.commit()
        return "stored"

    @cherrypy.expose
    def keep(self):
        self.kept = self.pooled()
        return "kept"


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request):
    return request.param


@pytest.fixture(params=["connection", "session"])
def served(request, kind, start_database, cp_client):
    """Serve the pages with a handle; return the client, the database and what mounts a way."""
    database = start_database(
        request.getfixturevalue("postgres").url if kind == "postgresql" else None,
        pool_size=1,
        setup=lambda it: it.execute(text("CREATE TABLE IF NOT EXISTS t (a INTEGER)")),
    )

    def mount(way):
        root = Root(WAYS[way])
        config = {"cpkit.db.on": True, "cpkit.db.handle": request.param}
        cherrypy.tree.mount(root, "/", {"/": config})
        return root

    def rows():
        with database.begin() as unit:
            return unit.execute(text("SELECT count(*) FROM t")).scalar_one()

    return cp_client, rows, mount


@pytest.mark.parametrize("way", ["cursor", "driver"])
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside SQLAlchemy"])
def test_what_was_answered_with_200_is_stored(served, way, beside):
    client, rows, mount = served
    mount(way)
    fields = {"by_sqlalchemy": "1"} if beside else {}
    assert client.post("/write", data=fields).status_code == 200
    assert rows() == 1 + beside
    assert client.post("/write", data=fields).status_code == 200  # the pool is in order
    assert rows() == 2 * (1 + beside)


@pytest.mark.parametrize("way", ["cursor", "driver"])
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside SQLAlchemy"])
def test_what_was_refused_left_nothing(served, way, beside):
    client, rows, mount = served
    mount(way)
    fields = {"status": "409", **({"by_sqlalchemy": "1"} if beside else {})}
    assert client.post("/write", data=fields).status_code == 409
    assert rows() == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_request_that_reads_writes_nothing(served, way):
    client, rows, mount = served
    client.raise_exceptions = False
    mount(way)
    assert client.get("/write").status_code == 500
    assert rows() == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_what_was_set_is_gone(served, way):
    client, _, mount = served
    mount(way)
    before = client.get("/name").text
    for ask in (client.get, client.post):
        assert ask("/set").status_code == 200
        assert client.get("/name").text == before != "left"


def test_a_commit_by_hand_is_a_commit(served):
    client, rows, mount = served
    root = mount("cursor")
    assert client.post("/by_hand").status_code == 200
    assert (rows(), root.called) == (1, ["called"])


def test_it_is_over_with_the_request(served):
    client, _, mount = served
    root = mount("cursor")
    assert client.get("/keep").status_code == 200
    client.get("/keep")
    with pytest.raises(UnitOverError):
        root.kept.cursor()
    assert client.post("/write").status_code == 200
