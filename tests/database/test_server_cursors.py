"""Rows that stay on the server and are fetched a few at a time, in requests that only read."""

import cherrypy
import psycopg
import pytest
from sqlalchemy import Column, Integer, MetaData, Table, select, text
from sqlalchemy.orm import DeclarativeBase

import cpkit.tools  # noqa: F401
from cpkit.database.driver import DriverUnit

NUMBERS = Table("numbers", MetaData(), Column("n", Integer, primary_key=True))
OPEN = "SELECT count(*) FROM pg_cursors"
MANY = 2000


class Base(DeclarativeBase):
    """The mapped classes."""


class Number(Base):
    """A number."""

    __table__ = NUMBERS.to_metadata(Base.metadata)


class Fetch:
    """Each way to fetch a few rows at a time; the second chunk tells what the server keeps."""

    def options(self):
        db = cherrypy.request.db
        return db.execution_options(stream_results=True).execute(select(NUMBERS.c.n)).scalars()

    def statement(self):
        streamed = select(NUMBERS.c.n).execution_options(stream_results=True, max_row_buffer=10)
        return cherrypy.request.db.scalars(streamed)

    def chunks(self):
        return cherrypy.request.db.scalars(select(NUMBERS.c.n).execution_options(yield_per=10))

    def objects(self):
        numbers = cherrypy.request.db.scalars(select(Number).execution_options(yield_per=10))
        return (number.n for number in numbers)

    def named(self):
        with cherrypy.request.db.cursor("mine") as cursor:
            yield from (n for (n,) in cursor.execute("SELECT n FROM numbers"))

    def driver(self):
        with cherrypy.request.db.handle.cursor("mine", withhold=True) as cursor:
            yield from (n for (n,) in cursor.execute("SELECT n FROM numbers"))


WAYS = [
    ("connection", "options"),
    ("connection", "statement"),
    ("connection", "chunks"),
    ("session", "chunks"),
    ("session", "objects"),
    ("dbapi", "named"),
    ("dbapi", "driver"),
]


class Root:
    """Fetch in the handler, or while the body streams."""

    def __init__(self, way: str) -> None:
        self.fetch = getattr(Fetch(), way)

    def opened(self) -> int:
        db = cherrypy.request.db
        raw = isinstance(db, DriverUnit)
        return (db.execute(OPEN).fetchone()[0]) if raw else db.execute(text(OPEN)).scalar()

    @cherrypy.expose
    def index(self):
        rows = iter(self.fetch())
        first = next(rows)
        opened = self.opened()
        return f"{opened > 0} {first + sum(rows)}"

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def stream(self):
        rows = self.fetch()
        return (f"{n}\n".encode() for n in rows)

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def generate(self):
        for n in self.fetch():
            yield f"{n}\n".encode()


@pytest.fixture(params=WAYS, ids="-".join)
def database(request, start_database, postgres):
    handle, way = request.param
    address = postgres.url.replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY)")
        connection.execute(f"INSERT INTO numbers SELECT generate_series(1, {MANY})")
    database = start_database(postgres.url, pool_size=1, timeout=2)
    config = {"cpkit.db.on": True, "cpkit.db.handle": handle}
    cherrypy.tree.mount(Root(way), "/", {"/": config})
    yield database
    assert database.figures().in_use == 0
    with database.begin(write=False) as unit:  # the one connection there is
        assert unit.scalar(text(OPEN)) == 0
        assert unit.connection.driver_connection.autocommit
    with database.begin() as unit:
        unit.execute(text("DELETE FROM numbers WHERE n = 1"))


def test_rows_are_fetched_as_they_are_asked_for(database, cp_client):
    answer = cp_client.get("/")
    assert answer.text == f"True {MANY * (MANY + 1) // 2}"


@pytest.mark.parametrize("path", ["/stream", "/generate"])
def test_they_are_while_the_body_streams(database, cp_client, path):
    assert cp_client.get(path).text.split() == [str(n) for n in range(1, MANY + 1)]


@pytest.mark.parametrize("path", ["/stream", "/generate"])
def test_a_client_that_leaves_frees_the_connection(database, path):
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "localhost",
        "HTTP_HOST": "localhost",
        "SERVER_PORT": "80",
        "wsgi.input": None,
        "wsgi.url_scheme": "http",
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
    }
    body = cherrypy.tree(environ, lambda *_: None)
    assert next(body) == b"1\n"
    assert database.figures().in_use == 1
    body.close()


def test_a_unit_outside_of_requests_fetches_likewise(database):
    with database.begin(write=False) as unit:
        rows = unit.scalars(select(NUMBERS.c.n).execution_options(yield_per=10))
        assert sum(rows) == MANY * (MANY + 1) // 2
        assert unit.scalar(text("SELECT 1")) == 1
