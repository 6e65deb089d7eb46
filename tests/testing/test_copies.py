"""Copies hold what the original holds, and can be changed without it."""

import sqlite3

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from cpkit.errors import UnfitDatabaseError
from cpkit.testing._copies import copy_of

TABLES = [
    "CREATE TABLE parent (id INT PRIMARY KEY, note VARCHAR(9) DEFAULT '50%')",
    "CREATE TABLE child (id INT PRIMARY KEY, parent INT REFERENCES parent(id))",
    "INSERT INTO parent VALUES (0, '%s'), (1, '%(x)s')",
    "CREATE VIEW b AS SELECT * FROM parent",
    "CREATE VIEW a AS SELECT * FROM b",
]
MARIADBS_OWN = [
    "CREATE TABLE made (id INT PRIMARY KEY AUTO_INCREMENT, twice INT AS (2 * id))",
    "INSERT INTO made (id) VALUES (7)",
    "CREATE SEQUENCE s START WITH 5 NOCACHE",
    "SELECT nextval(s)",
    "CREATE FUNCTION half(n INT) RETURNS INT RETURN n / 2",
    "CREATE TRIGGER t BEFORE INSERT ON child FOR EACH ROW SET new.id = new.id * 10",
]


def connected(url):
    return create_engine(url, poolclass=NullPool).execution_options(no_parameters=True).begin()


def run(connection, *statements):
    for statement in statements:
        connection.exec_driver_sql(statement)


@pytest.fixture(params=["postgresql", pytest.param("mariadb", marks=pytest.mark.faults)])
def original(request):
    if request.param == "postgresql":
        url = make_url(request.getfixturevalue("lone_postgres").url)
    else:
        server = make_url(request.getfixturevalue("mariadb").url)
        with connected(server) as connection:
            run(connection, "DROP DATABASE IF EXISTS copied_test", "CREATE DATABASE copied_test")
        url = server.set(database="copied_test")
    with connected(url) as connection:
        run(connection, *TABLES)
        if request.param == "mariadb":
            run(connection, *MARIADBS_OWN)
    return url


def rows(connection, query):
    return connection.exec_driver_sql(query).all()


def test_a_copy_on_a_server_has_tables_rows_views_and_keys(original):
    copy = copy_of(original.render_as_string(hide_password=False))
    try:
        with connected(copy.url) as connection:
            assert rows(connection, "SELECT * FROM a ORDER BY id") == [(0, "%s"), (1, "%(x)s")]
            run(connection, "INSERT INTO parent (id) VALUES (2)", "DROP VIEW a")
            assert rows(connection, "SELECT note FROM b WHERE id = 2") == [("50%",)]
        with pytest.raises(IntegrityError), connected(copy.url) as connection:
            run(connection, "INSERT INTO child VALUES (1, 77)")
        if original.get_backend_name() == "mariadb":
            holds_what_only_mariadb_has(copy.url)
    finally:
        copy.drop()
    with connected(original) as connection:
        assert rows(connection, "SELECT count(*) FROM a") == [(2,)]
        assert rows(connection, "SELECT count(*) FROM child") == [(0,)]


def holds_what_only_mariadb_has(url):
    with connected(url) as connection:
        assert rows(connection, "SELECT * FROM made") == [(7, 14)]
        run(connection, "INSERT INTO made (id) VALUES (DEFAULT)")
        assert rows(connection, "SELECT nextval(s), half(8), max(id) FROM made") == [(6, 4, 8)]
        run(connection, "INSERT INTO child VALUES (1, 1)")
        assert rows(connection, "SELECT id FROM child") == [(10,)]


def test_a_copy_that_is_dropped_is_gone(original):
    copy = copy_of(original.render_as_string(hide_password=False))
    copy.drop()
    with pytest.raises(Exception, match=copy.url.database), connected(copy.url):
        pass


@pytest.mark.parametrize(
    "written", ["sqlite:///{}", "sqlite:///file:{}?mode=ro&uri=true", "sqlite:///{}?timeout=7"]
)
def test_a_copy_of_a_file_has_what_its_log_has(tmp_path, written):
    path = tmp_path / "shop 1.sqlite"
    url = written.format(path)
    writing = sqlite3.connect(path)
    writing.execute("PRAGMA journal_mode = WAL")
    writing.execute("CREATE TABLE book (n)")
    writing.execute("INSERT INTO book VALUES (1)")
    writing.commit()  # not in the file yet, but beside it
    copy = copy_of(url)
    with connected(copy.url) as connection:
        run(connection, "INSERT INTO book VALUES (2)")
        assert rows(connection, "SELECT n FROM book") == [(1,), (2,)]
    assert writing.execute("SELECT n FROM book").fetchall() == [(1,)]
    writing.close()
    copy.drop()
    with pytest.raises(Exception, match="unable to open"), connected(copy.url) as connection:
        run(connection, "SELECT 1 FROM book")
    assert copy.url.query.get("timeout") == make_url(url).query.get("timeout")


def test_a_file_that_there_is_not_is_not_made(tmp_path):
    copy = copy_of(f"sqlite:///{tmp_path}/shop.sqlite")
    with connected(copy.url) as connection:
        connection.execute(text("CREATE TABLE book (n INTEGER)"))
    copy.drop()
    assert list(tmp_path.iterdir()) == []


def test_a_user_who_may_make_no_database_is_told_what_is_needed(postgres):
    with connected(postgres.url) as connection:
        run(connection, "DROP ROLE IF EXISTS clerk", "CREATE ROLE clerk LOGIN")
    url = make_url(postgres.url).set(username="clerk")
    with pytest.raises(UnfitDatabaseError, match=r"permission denied.*may create others"):
        copy_of(url.render_as_string(hide_password=False))
