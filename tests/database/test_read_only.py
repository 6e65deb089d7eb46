"""A request that may never write writes nothing, whatever its method, driver and handle are."""

import contextlib

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from tests.statements import HANDLES, MARIADB, create, driver, insert, run, serve, stored

POSTGRESQL = ["psycopg", "psycopg2", "pg8000"]


@pytest.fixture
def url(request, tmp_path):
    """Return the URL of a database by the name of its driver."""
    name = request.param
    if name in ("sqlite", "memory"):
        return "sqlite://" if name == "memory" else f"sqlite:///{tmp_path}/t.sqlite"
    if name in POSTGRESQL:
        return request.getfixturevalue("postgres").url.replace("psycopg", name)
    return request.getfixturevalue("mariadb").url.replace("pymysql", name)


on_each = pytest.mark.parametrize("url", ["sqlite", "memory", *POSTGRESQL, *MARIADB], indirect=True)


def by_the_driver():
    driver().cursor().execute("INSERT INTO t VALUES (2)")


@pytest.mark.parametrize("handle", HANDLES)
@on_each
@pytest.mark.parametrize("write", [None, True], ids=["", "write"])
def test_it_writes_nothing(start_database, url, handle, write):
    start_database(url, setup=create)

    def handler():
        for attempt in (lambda: insert(1), by_the_driver):
            with contextlib.suppress(Exception):
                attempt()
                cherrypy.response.headers["X-Wrote"] = attempt.__name__

    config = {"cpkit.db.handle": handle, "cpkit.db.read_only": True, "cpkit.db.write": write}
    answer = serve(handler, **config).post("/")
    assert "X-Wrote" not in answer.headers
    assert stored() == []


@on_each
def test_nor_does_a_unit_outside_of_requests(start_database, url):
    database = start_database(url, setup=create)
    with database.begin(read_only=True) as unit:
        assert not unit.write
        with pytest.raises(Exception, match=r"only reads"):
            unit.execute(text("INSERT INTO t VALUES (1)"))
    with database.begin() as unit:  # on the same connection, which has unlearned it
        unit.execute(text("INSERT INTO t VALUES (2)"))
    assert stored() == [2]


FUNCTION = {
    "postgresql": "RETURNS void AS 'INSERT INTO t VALUES (3)' LANGUAGE sql",
    "mariadb": "RETURNS INT BEGIN INSERT INTO t VALUES (3); RETURN 1; END",
}


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("url", [*POSTGRESQL, *MARIADB], indirect=True)
def test_a_server_refuses_a_function_that_writes(start_database, url, handle):
    def set_up(connection):
        create(connection)
        connection.exec_driver_sql("DROP FUNCTION IF EXISTS adds")
        connection.exec_driver_sql(f"CREATE FUNCTION adds() {FUNCTION[connection.dialect.name]}")

    start_database(url, setup=set_up)

    def handler():
        run("SELECT 1")
        run("SELECT adds()")

    config = {"cpkit.db.handle": handle, "cpkit.db.read_only": True}
    for method in ("GET", "POST"):
        assert serve(handler, **config).request(method, "/").status_code == 500
    assert stored() == []
