"""What MariaDB commits by itself before a statement, and what an end by hand leaves behind."""

from contextlib import suppress

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from cpkit.database.statements import is_write, judge
from tests.statements import HANDLES, MARIADB, run


def create(connection):
    for statement in (
        "DROP TABLE IF EXISTS t",
        "CREATE TABLE t (a INTEGER PRIMARY KEY)",
        "INSERT INTO t VALUES (0)",
    ):
        connection.execute(text(statement))


def create_procedure(connection):
    create(connection)
    connection.execute(text("CREATE OR REPLACE PROCEDURE settle() BEGIN COMMIT; END"))


@pytest.fixture
def served(cp_client, cp_isolation):
    def serve(handler, **settings):
        class Root:
            index = staticmethod(cherrypy.expose(handler))

        settings = {f"cpkit.db.{name}": it for name, it in settings.items()}
        cherrypy.tree.mount(Root(), "/", {"/": {"cpkit.db.on": True, **settings}})
        cp_client.raise_exceptions = False
        return cp_client

    return serve


def rows(database):
    with database.begin(write=False) as unit:
        return list(unit.scalars(text("SELECT a FROM t WHERE a > 0 ORDER BY a")))


@pytest.mark.parametrize(
    ("statement", "commits"),
    [
        ("CREATE TABLE u (a INT)", True),
        ("/* first */ create index i ON t (a)", True),
        ("CREATE PROCEDURE p() BEGIN DELETE FROM t; END", True),
        ("ALTER TABLE t ADD b INT", True),
        ("TRUNCATE t", True),
        ("START TRANSACTION READ ONLY", True),
        ("BEGIN", True),
        ("LOCK TABLES t WRITE", True),
        ("ANALYZE LOCAL TABLE t", True),
        ("ANALYZE SELECT * FROM t", False),
        ("CREATE OR REPLACE TEMPORARY TABLE u (a INT)", False),
        ("DROP TEMPORARY TABLE u", False),
        ("BEGIN NOT ATOMIC SELECT 1; END", False),
        ("INSERT INTO t VALUES ('CREATE TABLE u')", False),
        ("SELECT 1", False),
    ],
)
def test_what_mariadb_commits_before_it_is_known_by_its_words(statement, commits):
    assert judge(statement, mariadb=True).commits_first is commits
    assert not judge(statement).commits_first


@pytest.mark.parametrize(
    ("statement", "writes"),
    [
        ("SET STATEMENT max_statement_time = 1 FOR DELETE FROM t", True),
        ("SET STATEMENT max_statement_time = 1 FOR SELECT 1", False),
        ("SET statement_timeout = 1", False),
        ("COPY (DELETE FROM t RETURNING a) TO STDOUT", True),
        ("COPY (SELECT a FROM t) TO STDOUT", False),
        ("DESC ANALYZE DELETE FROM t", True),
        ("FLUSH TABLES WITH READ LOCK", True),
        ("BEGIN NOT ATOMIC DELETE FROM t; END", True),
    ],
)
def test_what_another_statement_is_in_is_judged(statement, writes):
    assert is_write(statement) is writes


@pytest.mark.parametrize(
    "statement",
    [
        "FLUSH TABLES WITH READ LOCK",
        "HANDLER t OPEN",
        "EXECUTE IMMEDIATE 'SET @x = 1'",
        "BEGIN NOT ATOMIC SET @x = 1; END",
        "UPDATE pg_settings SET setting = 'x' WHERE name = 'application_name'",
    ],
)
def test_what_stays_on_a_connection_is_known_by_its_words(statement):
    assert judge(statement, mariadb=True).sets


@pytest.mark.parametrize("statement", ["CALL p()", "EXECUTE s", "BEGIN NOT ATOMIC COMMIT; END"])
def test_what_may_commit_is_known_and_is_no_read(statement):
    judged = judge(statement, mariadb=True)
    assert (judged.may_commit, judged.writes) == (True, True)


@pytest.mark.faults
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("driver", MARIADB)
@pytest.mark.parametrize(
    "statement", ["CREATE TABLE IF NOT EXISTS u (a INT)", "START TRANSACTION", "CALL settle()"]
)
def test_what_mariadb_has_committed_is_not_done_twice(
    start_database, mariadb, served, handle, driver, statement
):
    def handler():
        tries.append(1)
        run(f"INSERT INTO t VALUES ({len(tries)})")
        run(statement)
        raise pytest.importorskip("pymysql").OperationalError(1213, "Deadlock found")

    tries = []
    url = mariadb.url.replace("pymysql", driver)
    database = start_database(url, setup=create_procedure)
    assert served(handler, handle=handle, retry=3).post("/").status_code == 503
    assert (len(tries), rows(database)) == (1, [1])


@pytest.mark.faults
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("driver", MARIADB)
def test_what_was_done_before_a_table_that_is_there_already_is_no_loss(
    start_database, mariadb, served, handle, driver
):
    def handler():
        run("INSERT INTO t VALUES (1)")
        with suppress(Exception):
            run("CREATE TABLE t (a INT)")
        run("INSERT INTO t VALUES (2)")
        return "ok"

    database = start_database(mariadb.url.replace("pymysql", driver), setup=create)
    assert served(handler, handle=handle).post("/").status_code == 200
    assert rows(database) == [1, 2]


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize(
    ("script", "stored"),
    [
        ("COMMIT; BEGIN; INSERT INTO t VALUES (1)", [1]),
        ("INSERT INTO t VALUES (1); COMMIT AND CHAIN; INSERT INTO t VALUES (2)", [1, 2]),
    ],
)
def test_what_follows_a_commit_in_one_text_is_stored(
    start_database, postgres, served, handle, script, stored
):
    def handler():
        run(script)
        return "ok"

    database = start_database(postgres.url, setup=create)
    assert served(handler, handle=handle).post("/").status_code == 200
    assert rows(database) == stored


@pytest.mark.parametrize("handle", HANDLES)
def test_what_waits_for_a_commit_in_a_text_that_fails_is_not_called(
    start_database, postgres, served, handle
):
    def create_deferred(connection):
        create(connection)
        connection.execute(
            text("CREATE TABLE c (a INT REFERENCES t DEFERRABLE INITIALLY DEFERRED)")
        )

    def handler():
        cherrypy.request.db.on_commit(lambda: calls.append("undone"))
        run("INSERT INTO c VALUES (7)")
        with suppress(Exception):
            run("COMMIT")
        cherrypy.request.db.on_commit(lambda: calls.append("stored"))
        run("INSERT INTO t VALUES (1)")
        return "ok"

    calls = []
    database = start_database(postgres.url, setup=create_deferred)
    assert served(handler, handle=handle).post("/").status_code == 200
    assert (calls, rows(database)) == (["stored"], [1])
