"""The values of a statement reach no log and no error page by way of a driver's message."""

import re
import sqlite3

import cherrypy
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

import cpkit.tools  # noqa: F401
from cpkit.database.driver import DriverUnit
from cpkit.database.values import hide_values
from cpkit.testing import Client
from tests.statements import HANDLES, MARIADB

SECRET = "hunter2"
POSTGRESQL = ["psycopg", "psycopg2", "pg8000"]


def create(connection):
    for statement in (
        "DROP TABLE IF EXISTS member",
        "CREATE TABLE member (email VARCHAR(40), age INTEGER, name VARCHAR(40) NOT NULL,"
        " CONSTRAINT one_email UNIQUE (email), CONSTRAINT adult CHECK (age > 17))",
        f"INSERT INTO member VALUES ('{SECRET}', 20, 'me')",
    ):
        connection.execute(sa.text(statement))


INSERT = "INSERT INTO member VALUES (:email, :age, :name)"
# What fails, and what is still to be read of it.
FAILING = {
    "a key that exists": ({"email": SECRET, "age": 20, "name": "x"}, "one_email"),
    "a check": ({"email": "new", "age": 1, "name": SECRET}, "adult"),
    "a missing value": ({"email": f"{SECRET} {SECRET}", "age": 20, "name": None}, "name"),
    "no number": ({"email": "new", "age": SECRET, "name": "x"}, "integer"),
    "a value of many lines": (
        {"email": "new", "age": f'1\nDETAIL: "{SECRET}"\nHINT: {SECRET}', "name": "x"},
        "integer",
    ),
}
FETCHED = "SELECT CAST(email AS INTEGER) FROM member"


def run(statement, values=None):
    """Run a statement on whatever handle the request has."""
    unit = cherrypy.request.db
    if isinstance(unit, DriverUnit):
        mark = "?" if cherrypy.engine.db.url.startswith("sqlite") else "%s"
        return unit.execute(re.sub(r":\w+", mark, statement), list((values or {}).values()))
    return unit.execute(sa.text(statement), values or {})


class Members:
    @cherrypy.expose
    def index(self, failing):
        run(INSERT, FAILING[failing][0])

    @cherrypy.expose
    def ask(self, statement):
        run(statement)

    @cherrypy.expose
    def stream(self):
        return str(list(cherrypy.request.db.cursor().stream(FETCHED)))

    @cherrypy.expose
    def copied(self):
        with cherrypy.request.db.cursor().copy("COPY member FROM STDIN") as copy:
            copy.write(f"new\t{SECRET}\tx\n")

    @cherrypy.expose
    def kept(self):
        try:
            with cherrypy.request.db.begin_nested():
                self.index("a key that exists")
        except DBAPIError as error:
            diag = error.orig.diag
            return f"{diag.constraint_name} {diag.message_detail}"


@pytest.fixture
def client(start_database):
    def serve(url, **options):
        start_database(url, setup=create, **options)
        for handle in HANDLES:
            config = {"/": {"cpkit.db.on": True, "cpkit.db.handle": handle}}
            cherrypy.tree.mount(Members(), f"/{handle}", config)
        return Client(raise_exceptions=False)

    return serve


def shown(client, caplog, path, **data):
    """Return all that a log and an error page with tracebacks show of a failing statement."""
    caplog.clear()
    answer = client.post(path, data=data)
    assert answer.status_code == 500, answer.text
    assert "Traceback" in caplog.text
    return caplog.text + answer.text


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("driver", POSTGRESQL)
def test_postgresql_tells_what_failed_and_no_value(postgres, client, caplog, driver, handle):
    served = client(postgres.url.replace("psycopg", driver))
    for failing, (_, kept) in FAILING.items():
        told = shown(served, caplog, f"/{handle}/", failing=failing)
        assert kept in told
        assert SECRET not in told, told
    told = shown(served, caplog, f"/{handle}/ask", statement=FETCHED)
    assert SECRET not in told, told


@pytest.mark.faults
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("driver", MARIADB)
def test_mariadb_tells_what_failed_and_no_value(mariadb, client, caplog, driver, handle):
    served = client(mariadb.url.replace("pymysql", driver))
    for failing, (_, kept) in FAILING.items():
        told = shown(served, caplog, f"/{handle}/", failing=failing)
        assert kept.replace("integer", "for column") in told, told
        assert SECRET not in told, told


@pytest.mark.parametrize("handle", HANDLES)
def test_sqlite_tells_what_failed_and_no_value(client, caplog, tmp_path, handle):
    served = client(f"sqlite:///{tmp_path}/a.sqlite")
    for failing, kept in {"a key that exists": "member.email", "a check": "adult"}.items():
        told = shown(served, caplog, f"/{handle}/", failing=failing)
        assert kept in told
        assert SECRET not in told, told


@pytest.mark.parametrize(
    "text",
    [
        'fts5: syntax error near "{}"',
        "JSON path error near '{}'",
        "bad JSON path: '$.{}['",
    ],
)
def test_what_sqlite_quotes_of_a_parameter_is_hidden(text):
    error = sqlite3.OperationalError(text.format(SECRET))
    hide_values(error)
    assert str(error) == text.partition("'")[0].partition('"')[0] + "***"


@pytest.mark.parametrize("handle", HANDLES)
def test_a_constraint_that_is_checked_at_the_commit_tells_no_value(
    postgres, client, caplog, handle
):
    served = client(postgres.url)
    with cherrypy.engine.db.begin() as unit:
        unit.execute(sa.text("ALTER TABLE member DROP CONSTRAINT one_email"))
        unit.execute(
            sa.text("ALTER TABLE member ADD CONSTRAINT late UNIQUE (email) INITIALLY DEFERRED")
        )
    told = shown(served, caplog, f"/{handle}/", failing="a key that exists")
    assert "late" in told
    assert SECRET not in told


def test_a_connection_of_the_engine_itself_tells_no_value(postgres, client):
    client(postgres.url)
    with (
        cherrypy.engine.db.engine.connect() as connection,
        pytest.raises(DBAPIError, match="one_email") as raised,
    ):
        connection.execute(sa.text(INSERT), FAILING["a key that exists"][0])
    assert SECRET not in f"{raised.value} {raised.value.orig}"


def test_rows_that_are_fetched_later_tell_no_value(postgres, client):
    client(postgres.url.replace("psycopg", "psycopg2"))
    with (
        cherrypy.engine.db.engine.connect() as connection,
        pytest.raises(DBAPIError, match="integer") as raised,
    ):
        connection.execution_options(stream_results=True).execute(sa.text(FETCHED)).all()
    assert SECRET not in f"{raised.value} {raised.value.orig}"


def test_rows_that_fail_on_their_way_tell_no_value(postgres, client, caplog):
    served = client(postgres.url)
    for path in ("/dbapi/stream", "/dbapi/copied"):
        told = shown(served, caplog, path)
        assert "integer" in told
        assert SECRET not in told


def read_badly():
    with cherrypy.engine.db.begin("dbapi", write=False) as unit:
        try:
            list(unit.cursor().stream(FETCHED))
        except Exception as error:
            raise ZeroDivisionError from error


def test_a_block_outside_of_requests_tells_no_value_whatever_it_raises(postgres, client):
    client(postgres.url)
    with pytest.raises(ZeroDivisionError) as raised:
        read_badly()
    assert "integer" in str(raised.value.__cause__)
    assert SECRET not in str(raised.value.__cause__)


def test_the_handler_still_has_the_constraint_and_the_detail(postgres, client):
    answer = client(postgres.url).post("/connection/kept")
    assert answer.text == f"one_email Key (email)=({SECRET}) already exists."


@pytest.mark.parametrize("handle", HANDLES)
def test_values_are_told_where_they_are_asked_for(postgres, client, caplog, handle):
    served = client(postgres.url, hide_parameters=False)
    told = shown(served, caplog, f"/{handle}/", failing="a key that exists")
    assert f"Key (email)=({SECRET}) already exists." in told


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (
            "Duplicate entry 'a' for key 'b' for key 'email'",
            "Duplicate entry '***' for key 'email'",
        ),
        ("Duplicate entry 'a\n'' for key 'email'", "Duplicate entry '***' for key 'email'"),
    ],
)
def test_a_value_with_quotes_is_hidden_whole(text, hidden):
    pymysql = pytest.importorskip("pymysql")
    error = pymysql.err.IntegrityError(1062, text)
    hide_values(error)
    assert error.args == (1062, hidden)


@pytest.mark.parametrize(
    "number", [1062, 1064, 1292, 1300, 1366, 1367, 1411, 1525, 1586, 1690], ids=str
)
def test_every_message_of_mariadbs_that_quotes_a_value_hides_it(number):
    pymysql = pytest.importorskip("pymysql")
    error = pymysql.err.DataError(number, "Something is wrong with 'secret'")
    hide_values(error)
    assert "secret" not in str(error)


def test_a_hint_of_postgresql_is_kept():
    psycopg = pytest.importorskip("psycopg")
    error = psycopg.errors.UndefinedColumn('no "a"\nLINE 1: SELECT a\n  ^\nHINT:  Perhaps "b".')
    hide_values(error)
    assert str(error) == 'no "a"\nHINT:  Perhaps "b".'
