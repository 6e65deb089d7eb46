"""The database of a test: what is committed in it is gone after it."""

import sqlite3

import cherrypy
import pytest

# NOTE: what a run within this process imports first is forgotten after it, and imported twice.
import sqlalchemy.dialects.postgresql.psycopg
import sqlalchemy.orm  # noqa: F401
from sqlalchemy import text

import cpkit.tools  # noqa: F401 - registers cpkit.db


class Books:
    """Read with GET, write with POST, in each of the tool's handles."""

    @cherrypy.expose
    def index(self):
        return str(cherrypy.request.db.execute(text("SELECT count(*) FROM book")).scalar())

    @cherrypy.expose
    def add(self, title, fail=False):
        cherrypy.request.db.execute(text("INSERT INTO book VALUES (:title)"), {"title": title})
        if fail:
            raise cherrypy.HTTPError(400)

    @cherrypy.expose
    @cherrypy.config(**{"cpkit.db.handle": "dbapi"})
    def raw(self, title):
        cherrypy.request.db.execute("INSERT INTO book VALUES ('raw')")


CONFIG = {"/": {"cpkit.db.on": True}}


@pytest.fixture
def cp_db_url(tmp_path):
    path = tmp_path / "books.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE book (title TEXT)")
        connection.execute("INSERT INTO book VALUES ('there before')")
    connection.close()
    return f"sqlite:///{path}"


def count(url):
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    try:
        return connection.execute("SELECT count(*) FROM book").fetchone()[0]
    finally:
        connection.close()


@pytest.fixture
def afterwards(cp_db_url):
    """Look at the file when cp_db is done with it."""
    yield
    assert count(cp_db_url) == 1


@pytest.mark.cherrypy(root=Books, config=CONFIG)
def test_what_requests_commit_others_see_and_nothing_stays(afterwards, cp_db, cp_client):
    cp_client.post("/add", data={"title": "one"})
    cp_client.post("/raw", data={"title": "two"})
    response = cp_client.get("/")
    assert (response.text, response.queries) == ("3", 1)
    with cp_db.begin() as unit:
        assert unit.execute(text("SELECT title FROM book")).scalars().all() == [
            "there before",
            "one",
            "raw",
        ]


@pytest.mark.cherrypy(root=Books, config=CONFIG)
def test_a_request_that_fails_is_rolled_back_to_the_last_commit(afterwards, cp_db, cp_client):
    cp_client.post("/add", data={"title": "one"})
    assert cp_client.post("/add", data={"title": "two", "fail": "1"}).status_code == 400
    assert cp_client.get("/").text == "2"


def test_tables_are_undone_too(afterwards, cp_db):
    with cp_db.begin() as unit:
        unit.execute(text("CREATE TABLE author (name TEXT)"))
        unit.execute(text("DROP TABLE book"))


SCRIPT = """
BEGIN;
-- a semicolon; in a comment
CREATE TABLE author (name TEXT);
CREATE TRIGGER named AFTER INSERT ON book BEGIN
    INSERT INTO author VALUES (new.title || ';');
    INSERT INTO author VALUES ('end');
END;
INSERT INTO book VALUES ('a;b');;
COMMIT;
DROP TABLE author
"""


@pytest.mark.parametrize("of", ["connection", "cursor"])
def test_scripts_are_undone_too(afterwards, cp_db, of):
    with cp_db.begin("dbapi") as unit:
        runs = unit.handle if of == "connection" else unit.handle.cursor()
        runs.executescript(SCRIPT)
    with cp_db.begin("dbapi", write=False) as unit:
        assert unit.execute("SELECT title FROM book").fetchall() == [("there before",), ("a;b",)]
        tables = "SELECT count(*) FROM sqlite_master WHERE name = 'author'"
        assert unit.execute(tables).fetchone() == (0,)


def test_postgresql_is_rolled_back_as_well(pytester, lone_postgres):
    pytester.makepyfile(f"""
        import pytest
        from sqlalchemy import text

        @pytest.fixture
        def cp_db_url():
            return {lone_postgres.url!r}

        @pytest.mark.parametrize("turn", range(2))
        def test_it(cp_db, turn):
            with cp_db.begin() as unit:
                unit.execute(text("CREATE TABLE rolled_back (n INTEGER)"))
            with pytest.raises(ZeroDivisionError), cp_db.begin() as unit:
                unit.execute(text("INSERT INTO rolled_back VALUES (1)"))
                raise ZeroDivisionError
            with cp_db.begin("session") as session:
                session.execute(text("INSERT INTO rolled_back VALUES (2)"))
            with cp_db.begin("dbapi", write=False) as unit:
                assert unit.execute("SELECT n FROM rolled_back").fetchall() == [(2,)]
    """)
    lean = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    pytester.runpytest_inprocess(*lean).assert_outcomes(passed=2)
