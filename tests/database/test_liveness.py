"""A socket is looked at without waiting, and cut without being closed."""

import select
import socket

import cherrypy
import pytest
from sqlalchemy import event, make_url, text

from cpkit.database.sockets import cut, readable
from cpkit.plugins import DatabasePlugin


@pytest.mark.parametrize("has_poll", [True, False])
def test_a_socket_is_readable_when_its_peer_has_sent_or_left(has_poll, monkeypatch):
    if not has_poll:
        monkeypatch.delattr(select, "poll")  # as on Windows
    here, there = socket.socketpair()
    with here:
        assert not readable(here.fileno())
        there.close()
        assert readable(here.fileno())


def test_a_connection_that_is_cut_ends_and_stays_its_drivers():
    here, there = socket.socketpair()
    with here, there:
        assert cut(here.fileno())
        assert here.recv(1) == b""
        assert here.fileno() >= 0


def test_a_driver_without_a_socket_is_left_alone():
    assert not cut(None)
    assert not cut(-1)


def test_libpq_is_told_when_to_give_up(start_database, postgres):
    with start_database(postgres.url, timeout=4.2).begin("dbapi", write=False) as unit:
        told = unit.info.get_parameters()
    expected = {
        "connect_timeout": "5",
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
        "tcp_user_timeout": "30000",
    }
    assert {name: told.get(name) for name in expected} == expected


def test_what_the_url_tells_libpq_goes_before(start_database, postgres):
    url = f"{postgres.url}?connect_timeout=7"
    with start_database(url).begin("dbapi", write=False) as unit:
        assert unit.info.get_parameters()["connect_timeout"] == "7"


@pytest.mark.faults
def test_pymysql_is_told_when_to_give_up(start_database, mariadb):
    with start_database(mariadb.url, timeout=4.2).begin("dbapi", write=False) as unit:
        assert unit.connect_timeout == 5


@pytest.mark.parametrize("dialect", ["postgresql+psycopg", "mariadb+pymysql"])
def test_a_port_that_takes_connections_and_never_answers_ends_the_start(
    cp_isolation, caplog, dialect
):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"{dialect}://me:s3cret@127.0.0.1:{deaf.getsockname()[1]}/db"
        plugin = DatabasePlugin(cherrypy.engine, url, wait=0.0, timeout=1)
        with pytest.raises(SystemExit):
            plugin.preflight()
    assert "nothing is served" in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.faults
def test_pymysql_waits_for_a_statement_as_long_as_it_takes(start_database, mariadb):
    with start_database(mariadb.url, timeout=0.1).begin("dbapi", write=False) as unit:
        assert unit.execute("SELECT SLEEP(1.2)").fetchone() == (0,)
    url = f"{mariadb.url}?read_timeout=7"
    with start_database(url, name="strict").begin("dbapi", write=False) as unit:
        assert unit.handle._read_timeout == 7


POSTGRES = [f"postgresql+{driver}" for driver in ("psycopg", "psycopg2", "pg8000")]
MARIADB = [f"mariadb+{driver}" for driver in ("pymysql", "mysqldb")]


@pytest.mark.parametrize(
    "dialect", [*POSTGRES, *(pytest.param(each, marks=pytest.mark.faults) for each in MARIADB)]
)
def test_a_connection_that_its_driver_has_closed_is_lent_to_nobody(
    start_database, request, dialect
):
    if dialect.endswith("mysqldb"):
        pytest.importorskip("MySQLdb", reason="mysqlclient is not installed")
    server = request.getfixturevalue("mariadb" if dialect in MARIADB else "postgres")
    database = start_database(
        make_url(server.url).set(drivername=dialect).render_as_string(hide_password=False)
    )
    lent = []  # NOTE: mysql-connector does not show its socket; it is asked after half a second
    event.listen(database.engine, "checkout", lambda driver, *_: lent.append(driver))
    for _ in range(2):
        with database.begin() as unit:
            assert unit.scalar(text("SELECT 1")) == 1
        lent[-1].close()  # as drivers do after an error, whoever has it
    assert lent[0] is not lent[-1]
