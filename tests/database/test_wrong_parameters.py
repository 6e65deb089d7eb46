"""A wrong number of parameters is the handler's fault and no outage, whichever driver says so."""

import cherrypy
import psycopg
import pytest

import cpkit.tools  # noqa: F401
from cpkit.database.faults import Fault, fault_of
from tests.statements import create, serve


@pytest.fixture(
    params=[
        "sqlite",
        "psycopg",
        "psycopg2",
        "pg8000",
        pytest.param("pymysql", marks=pytest.mark.faults),
        pytest.param("mysqlconnector", marks=pytest.mark.faults),
    ]
)
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/t.sqlite"
    server, usual = ("mariadb", "pymysql") if "mysql" in request.param else ("postgres", "psycopg")
    return request.getfixturevalue(server).url.replace(usual, request.param)


@pytest.mark.parametrize("retry", [0, 2])
def test_it_is_a_500_with_its_traceback_and_is_not_tried_again(start_database, url, caplog, retry):
    def handler():
        runs.append(1)
        mark = "?" if url.startswith("sqlite") else "%s"
        cherrypy.request.db.execute(f"SELECT {mark}, {mark}", (1,))

    runs = []
    start_database(url, setup=create)
    client = serve(handler, **{"cpkit.db.handle": "dbapi", "cpkit.db.retry": retry})
    assert client.post("/").status_code == 500
    assert len(runs) == 1
    assert "Traceback" in caplog.text


def test_what_pgbouncer_says_with_the_same_state_is_an_outage():
    error = psycopg.errors.ProtocolViolation("server conn crashed?")
    assert fault_of(error) is Fault.GONE
