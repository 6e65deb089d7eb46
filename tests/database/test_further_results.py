"""A text of several statements: what its driver has not read is nobody else's."""

import cherrypy
import pytest

import cpkit.tools  # noqa: F401
from tests.statements import HANDLES, MARIADB, create, driver, insert, run, serve, stored

pytestmark = pytest.mark.faults
FAILS = ["SELECT 1; SELECT nope", "INSERT INTO t VALUES (8); INSERT INTO t VALUES (8)"]


@pytest.fixture(params=MARIADB[1:])  # PyMySQL takes none
def database(request, start_database, mariadb):
    def set_up(connection):
        create(connection)
        body = "BEGIN SELECT 5; SELECT 6; END"
        connection.exec_driver_sql(f"CREATE OR REPLACE PROCEDURE selects() {body}")

    if request.param == "mysqldb" and pytest.importorskip("MySQLdb").version_info < (2,):
        pytest.skip("with MariaDB's library it asks the server to take one statement at a time")
    url = mariadb.url.replace("pymysql", request.param)
    return start_database(url, setup=set_up, pool_size=1)


def handler(statement):
    if cherrypy.request.method == "POST":
        insert(1)
    rows = run(statement)
    return str(list(rows.fetchall()) if "SELECT" in statement or "CALL" in statement else "")


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("SELECT 5; SELECT 6", "[(5,)]"),
        ("SELECT 4--1; SELECT 6", "[(5,)]"),
        ("CALL selects()", "[(5,)]"),
    ],
)
def test_the_first_rows_are_the_handlers_and_the_rest_nobodys(
    database, handle, method, statement, found
):
    if (method, statement) == ("GET", "CALL selects()"):
        pytest.skip("a reading request calls no procedure")
    client = serve(handler, **{"cpkit.db.handle": handle})
    answer = client.request(method, "/", params={"statement": statement})
    assert (answer.status_code, answer.text) == (200, found)
    for _ in range(2):
        assert stored() == ([1] if method == "POST" else [])


@pytest.mark.parametrize("handle", HANDLES)
def test_each_statement_is_stored(database, handle):
    client = serve(handler, **{"cpkit.db.handle": handle})
    statement = "INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)"
    assert client.post("/", params={"statement": statement}).status_code == 200
    assert stored() == [1, 2, 3]


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("statement", FAILS)
def test_what_a_later_statement_fails_with_is_its_own_requests(database, handle, statement):
    client = serve(handler, **{"cpkit.db.handle": handle})
    assert client.post("/", params={"statement": statement}).status_code == 500
    for _ in range(2):
        assert stored() == []


@pytest.mark.parametrize("handle", HANDLES)
def test_what_the_drivers_cursor_has_not_read_spoils_no_commit(database, handle):
    def unwatched():
        insert(1)
        driver().cursor().execute("SELECT 5; SELECT 6")

    assert serve(unwatched, **{"cpkit.db.handle": handle}).post("/").status_code == 200
    assert stored() == [1]
