"""A stream keeps its connection between chunks while something on it is in hand."""

import cherrypy
import pytest
from sqlalchemy import text
from werkzeug.test import create_environ

import cpkit.tools  # noqa: F401
from tests import statements
from tests.statements import HANDLES, insert, run, stored

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


class Chunks:
    """A body of one's own that counts how often it is closed."""

    closed = 0

    def __iter__(self):
        return self

    def __next__(self):
        return b"chunk"

    def close(self):
        self.closed += 1


@pytest.mark.parametrize("tools", [{}, {"cpkit.timing.on": True, "cpkit.compress.on": True}])
@pytest.mark.parametrize("read", [0, 1])
def test_what_makes_a_stream_is_closed_once_when_the_client_is_gone(tools, read, start_database):
    database, chunks = start_database(setup=create), Chunks()

    class Root:
        @cherrypy.expose
        def index(self):
            run("SELECT 1")
            return chunks

    settings = {"cpkit.db.on": True, "response.stream": True, "tools.encode.on": False, **tools}
    cherrypy.tree.mount(Root(), "/", {"/": settings})
    environ = create_environ("/", headers={"Accept-Encoding": "gzip"})
    answer = cherrypy.tree(environ, lambda *told: None)
    for _ in range(read):
        next(iter(answer))
    answer.close()
    assert (chunks.closed, database.figures().in_use) == (1, 0)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("handle", HANDLES)
def test_what_is_written_as_a_stream_that_was_sent_is_closed_is_stored(
    start_database, handle, fails
):
    class Body(Chunks):
        left = 2

        def __next__(self):
            self.left -= 1
            if self.left < 0:
                raise StopIteration
            return super().__next__()

        def close(self):
            super().close()
            insert(2)
            if fails:
                raise ZeroDivisionError

    def handler():
        insert(1)
        return body

    body = Body()
    start_database(setup=create)
    settings = {"response.stream": True, "tools.encode.on": False, "cpkit.db.handle": handle}
    statements.serve(handler, **settings).post("/")
    assert (stored(), body.closed) == ([1] if fails else [1, 2], 1)
