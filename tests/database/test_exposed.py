"""The driver's own connection, which nobody watches, in a request that only reads."""

import sqlite3
import sys

import cherrypy
import psycopg
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401

mariadb = pytest.param("mariadb", marks=pytest.mark.faults)


def by_handle(db):
    db.handle.cursor().execute("DELETE FROM t")


def by_a_commit_of_ones_own(db):
    handle = db.handle
    handle.cursor().execute("DELETE FROM t")
    handle.commit()


def after_another_transaction(db):
    handle = db.handle
    handle.cursor().execute("SELECT 1")
    handle.commit()
    by_a_commit_of_ones_own(db)


def after_a_read(db):
    db.execute("SELECT a FROM t").fetchall()
    by_a_commit_of_ones_own(db)


def by_a_cursors_connection(db):
    connection = db.cursor().connection
    connection.cursor().execute("DELETE FROM t")
    connection.commit()


def by_libpq(db):
    result = db.pgconn.exec_(b"DELETE FROM t")
    if result.error_message:
        raise psycopg.errors.ReadOnlySqlTransaction(result.error_message.decode())


def by_libpqs_params(db):
    db.execute("SELECT 1")
    by_libpq(db)


ANY = [
    by_handle,
    by_a_commit_of_ones_own,
    after_another_transaction,
    after_a_read,
    by_a_cursors_connection,
]


class Root:
    """Write by the driver's own connection."""

    def __init__(self, write):
        self.write = write

    @cherrypy.expose
    def index(self):
        self.write(cherrypy.request.db)
        return "written"


def serve(start_database, url, write):
    def create(connection):
        connection.execute(text("DROP TABLE IF EXISTS t"))
        connection.execute(text("CREATE TABLE t (a INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (1)"))

    database = start_database(url, setup=create, pool_size=1, timeout=1)
    config = {"cpkit.db.on": True, "cpkit.db.handle": "dbapi"}
    cherrypy.tree.mount(Root(write), "/", {"/": config})
    return database


def rows(database) -> int:
    with database.begin(write=False) as unit:
        return unit.scalar(text("SELECT count(*) FROM t"))


@pytest.mark.parametrize("write", ANY)
@pytest.mark.parametrize(
    "any_database", ["sqlite", "postgresql", "generic", mariadb], indirect=True
)
def test_a_reading_request_writes_nothing_and_a_writing_one_does(
    start_database, any_database, cp_client, write
):
    database = serve(start_database, any_database, write)
    cp_client.raise_exceptions = False
    assert cp_client.get("/").status_code >= 400
    assert rows(database) == 1
    assert cp_client.post("/").status_code == 200
    assert rows(database) == 0
    assert database.figures().in_use == 0


@pytest.mark.parametrize("write", [by_libpq, by_libpqs_params])
def test_libpq_itself_writes_nothing(start_database, postgres, cp_client, write):
    database = serve(start_database, postgres.url, write)
    cp_client.raise_exceptions = False
    assert cp_client.get("/").status_code >= 400
    assert rows(database) == 1
    assert database.figures().in_use == 0


def test_a_plain_attribute_of_the_driver_costs_no_connection(start_database, postgres):
    database = start_database(postgres.url, pool_size=1)
    with database.begin("dbapi", write=False) as unit:
        assert unit.closed is False
        first = unit._borrowed.driver
    with database.begin("dbapi", write=False) as unit:
        unit.execute("SELECT 1")
        assert unit._borrowed.driver is first


class Transactions:
    """Write inside psycopg's own block, and refuse afterwards."""

    @cherrypy.expose
    def index(self, by, status):
        db = cherrypy.request.db
        connection = db if by == "unit" else db.handle
        if by == "connection":
            connection = db.handle.connection.driver_connection
        with connection.transaction():
            connection.execute("INSERT INTO t VALUES (2)")
        cherrypy.response.status = int(status)


@pytest.mark.parametrize(
    ("handle", "by"), [("dbapi", "unit"), ("dbapi", "handle"), ("connection", "connection")]
)
@pytest.mark.parametrize(("status", "stored"), [(200, 2), (409, 1)])
def test_a_block_of_psycopgs_is_part_of_the_transaction(
    start_database, postgres, cp_client, handle, by, status, stored
):
    database = serve(start_database, postgres.url, None)
    config = {"cpkit.db.on": True, "cpkit.db.handle": handle}
    cherrypy.tree.mount(Transactions(), "/", {"/": config})
    answer = cp_client.post("/", data={"by": by, "status": str(status)})
    assert (answer.status_code, rows(database)) == (status, stored)


# Each was refused as a statement that writes: "slug", "a", "UTF8".
NAMING = {
    "function": (None, lambda db: db.create_function("slug", 1, str.lower)),
    "collation": (None, lambda db: db.create_collation("none", lambda one, other: 0)),
    "encoding": ("psycopg2", lambda db: db.set_client_encoding("UTF8")),
    "shown": ("psycopg2", lambda db: db.cursor().mogrify("DELETE FROM t WHERE a = %s", (1,))),
    "escaped": ("pymysql", lambda db: db.escape("it's")),
    "chosen": ("pymysql", lambda db: db.select_db("mysql")),
}
on_mariadb = [pytest.param(it, marks=pytest.mark.faults) for it in ("escaped", "chosen")]


@pytest.mark.parametrize("what", ["function", "collation", "encoding", "shown", *on_mariadb])
def test_a_text_that_is_no_statement_is_not_refused_as_one(request, start_database, what):
    url, (driver, does) = None, NAMING[what]
    if driver is not None:
        of, usual = ("mariadb", "pymysql") if driver == "pymysql" else ("postgres", "psycopg")
        url = request.getfixturevalue(of).url.replace(usual, driver)
    database = start_database(url, pool_size=1)
    with database.begin("dbapi", write=False) as unit:
        does(unit)
    with database.begin("dbapi") as unit:
        unit.execute("SELECT 1")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="sqlite3 has had no blobs before")
def test_a_blob_is_read_where_only_reads_are_meant_and_not_written(start_database):
    def create(connection):
        connection.execute(text("CREATE TABLE files (body BLOB)"))
        connection.execute(text("INSERT INTO files VALUES ('abc')"))

    database = start_database(setup=create)
    with database.begin("dbapi", write=False) as unit:
        with unit.blobopen("files", "body", 1, readonly=True) as blob:
            assert blob.read() == b"abc"
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            unit.blobopen("files", "body", 1)
