"""A stream keeps its connection between chunks while something on it is in hand."""

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from tests.statements import HANDLES, run

mariadb = pytest.param("mariadb", marks=pytest.mark.faults)


def create(connection):
    connection.execute(text("DROP TABLE IF EXISTS t"))
    connection.execute(text("CREATE TABLE t (a INTEGER)"))


def ask(statement):
    return str(run(statement).fetchone()[0]).encode()


class Streams:
    @cherrypy.expose
    def set(self):
        run("SET application_name = 'mine'")
        yield b"set "
        yield ask("SHOW application_name")

    @cherrypy.expose
    def set_local(self):
        run("SET LOCAL application_name = 'mine'")
        yield b"set "
        yield ask("SHOW application_name")

    @cherrypy.expose
    def locked(self):
        ask("SELECT pg_try_advisory_lock(7)")
        yield b"locked "
        with cherrypy.engine.db.begin() as other:
            yield str(other.scalar(text("SELECT pg_try_advisory_lock(7)"))).encode()

    @cherrypy.expose
    def block(self, nested=None):
        db = cherrypy.request.db
        with db.begin_nested() if nested else db.begin():
            ask("SELECT 1")
            yield b"begun "
            if cherrypy.request.method == "POST":
                run("INSERT INTO t VALUES (1)")
        yield b"done"


@pytest.fixture
def serve(start_database, cp_client):
    def start(url, handle):
        config = {"cpkit.db.on": True, "cpkit.db.handle": handle, "response.stream": True}
        cherrypy.tree.mount(Streams(), "/", {"/": config})
        return start_database(url, setup=create, pool_size=3)

    return start


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("path", "told"), [("set", "set mine"), ("set_local", "set mine"), ("locked", "locked False")]
)
def test_what_a_stream_has_set_counts_until_its_end(
    serve, postgres, cp_client, handle, method, path, told
):
    database = serve(postgres.url, handle)
    assert cp_client.request(method, f"/{path}").text == told
    assert database.figures().in_use == 0
    with database.begin() as unit:
        assert unit.scalar(text("SHOW application_name")) == ""
        assert unit.scalar(text("SELECT pg_try_advisory_lock(7)"))


@pytest.mark.parametrize("any_database", ["sqlite", "postgresql", mariadb], indirect=True)
@pytest.mark.parametrize("handle", ["connection", "session"])
@pytest.mark.parametrize("nested", ["", "1"], ids=["begin", "begin_nested"])
@pytest.mark.parametrize(("method", "stored"), [("GET", 0), ("POST", 1)])
def test_a_block_goes_on_after_a_chunk(
    serve, any_database, cp_client, handle, nested, method, stored
):
    database = serve(any_database, handle)
    assert cp_client.request(method, "/block", params={"nested": nested}).text == "begun done"
    with database.begin(write=False) as unit:
        assert unit.scalar(text("SELECT count(*) FROM t")) == stored
