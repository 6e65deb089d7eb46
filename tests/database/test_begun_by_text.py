"""Transactions that a text begins or ends: what follows, and the next request, know of it."""

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from tests.statements import HANDLES, run

mariadb = pytest.param("mariadb", marks=pytest.mark.faults)


def create(connection):
    connection.execute(text("DROP TABLE IF EXISTS t"))
    connection.execute(text("CREATE TABLE t (a INTEGER)"))


class Root:
    @cherrypy.expose
    def begin(self, how):
        run(how)
        return self.count()

    @cherrypy.expose
    def count(self):
        return str(run("SELECT count(*) FROM t").fetchone()[0])

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def stream(self):
        def body():
            run("BEGIN")
            for _ in range(2):
                yield self.count().encode()
                with cherrypy.engine.db.begin() as db:
                    db.execute(text("INSERT INTO t VALUES (0)"))

        return body()


@pytest.fixture(params=HANDLES)
def database(request, start_database, any_database, cp_client):
    config = {"cpkit.db.on": True, "cpkit.db.handle": request.param}
    cherrypy.tree.mount(Root(), "/", {"/": config})
    return start_database(any_database, setup=create, pool_size=2)


@pytest.mark.parametrize(
    "any_database", ["sqlite", "memory", "postgresql", "generic", mariadb], indirect=True
)
@pytest.mark.parametrize("how", ["BEGIN", "SAVEPOINT one"])
def test_the_next_request_sees_what_was_stored_since(database, cp_client, how):
    for rows in range(3):
        assert cp_client.get("/begin", params={"how": how}).text == str(rows)
        assert cp_client.get("/count").text == str(rows)
        with database.begin() as db:
            db.execute(text("INSERT INTO t VALUES (1)"))


@pytest.mark.parametrize("any_database", ["sqlite"], indirect=True)
def test_a_stream_goes_on_with_what_it_has_begun(database, cp_client):
    assert cp_client.get("/stream").text == "00"
    assert cp_client.get("/count").text == "2"


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "pg8000"])
@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_what_follows_an_end_by_text_is_undone_with_its_request(
    start_database, postgres, cp_client, handle, driver, end
):
    class Refused:
        @cherrypy.expose
        def index(self):
            run("INSERT INTO t VALUES (1)")
            run(end)
            for number in (2, 3):
                run(f"INSERT INTO t VALUES ({number})")
            cherrypy.response.status = 409

    config = {"cpkit.db.on": True, "cpkit.db.handle": handle}
    cherrypy.tree.mount(Refused(), "/", {"/": config})
    database = start_database(postgres.url.replace("psycopg", driver), setup=create)
    assert cp_client.post("/").status_code == 409
    with database.begin(write=False) as unit:
        stored = list(unit.scalars(text("SELECT a FROM t")))
    assert stored == ([1] if end == "COMMIT" else [])
