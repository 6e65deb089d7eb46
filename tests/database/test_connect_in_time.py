"""A server that hangs while it is connected to: the wait for a connection is bounded in all."""

import gc
import os
import socket
import time

import pytest
from sqlalchemy import text

from cpkit.database.pool import check_out
from cpkit.errors import DatabaseUnavailableError

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

DRIVERS = {
    "postgresql+psycopg": {"connect_timeout": 2},  # libpq's least
    "postgresql+psycopg2": {"connect_timeout": 2},
    "postgresql+pg8000": {"timeout": 1},
    "mysql+pymysql": {"connect_timeout": 1, "read_timeout": 1},
    "mysql+mysqlconnector": {"connection_timeout": 1},
    "mysql+mysqldb": {"connect_timeout": 1},
}


def skip_if_missing(driver):
    if driver.endswith("mysqldb"):  # which is compiled where it is installed
        pytest.importorskip("MySQLdb")


@pytest.fixture
def silent():
    """A server that takes connections and never says a word; its address.

    Ask for it before start_database: what tries to connect is to end before it does.
    """
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(20)
        yield f"me:secret@127.0.0.1:{server.getsockname()[1]}/shop"
    gc.collect()  # pg8000 leaves its socket to the collector


@pytest.fixture
def given(monkeypatch):
    """Note what a driver is told for each connection."""
    found = []

    def listen(database):
        dbapi = database.engine.dialect.loaded_dbapi
        connect = dbapi.connect
        monkeypatch.setattr(
            dbapi, "connect", lambda *args, **told: found.append(told) or connect(*args, **told)
        )
        return found

    return listen


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_connect_is_given_what_is_left_of_the_wait(start_database, given, driver):
    skip_if_missing(driver)
    refused = f"{driver}://me:secret@127.0.0.1:1/shop"  # at once
    database = start_database(refused, timeout=3, required=False, wait=0)
    told = given(database)
    with pytest.raises(database.engine.dialect.loaded_dbapi.Error):
        check_out(database.engine, time.monotonic() + 0.2)
    expected = DRIVERS[driver]
    # Among others: what looks whether the server is back takes all of its time.
    assert expected in [{name: it[name] for name in expected} for it in told]


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_server_that_never_answers_is_given_up(silent, start_database, driver):
    skip_if_missing(driver)
    database = start_database(f"{driver}://{silent}", timeout=1, required=False, wait=0)
    with pytest.raises(DatabaseUnavailableError), database.begin() as unit:
        unit.execute(text("SELECT 1"))


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "postgresql+psycopg2"])
def test_several_hosts_share_the_time(silent, start_database, given, driver):
    hosts = "host=127.0.0.1:1&host=127.0.0.1:2&host=127.0.0.1:3"
    database = start_database(f"{driver}://me@/shop?{hosts}", timeout=9, required=False, wait=0)
    told = given(database)
    with pytest.raises(database.engine.dialect.loaded_dbapi.Error):
        check_out(database.engine, time.monotonic() + 9)
    assert told[-1]["connect_timeout"] == 3


def test_what_the_user_says_of_a_connect_is_his_word(start_database, postgres, given):
    database = start_database(f"{postgres.url}?connect_timeout=7", timeout=3)
    told = given(database)
    with database.begin() as unit:
        unit.execute(text("SELECT 1"))
    assert told[-1]["connect_timeout"] == "7"


def test_pg8000_waits_for_a_statement_as_long_as_it_takes(start_database, postgres):
    database = start_database(postgres.url.replace("psycopg", "pg8000"), timeout=1)
    with database.begin() as unit:
        driver = unit.connection.driver_connection
        # A socket that waits for a limited time is one that the system does not wait at.
        assert os.get_blocking(database.database.backend.descriptor(driver))
