"""cp_db does what production does: the same work on the same database, side by side."""

import threading
from contextlib import suppress

import cherrypy
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

import cpkit.tools  # noqa: F401 - registers cpkit.db
from cpkit.plugins import DatabasePlugin
from cpkit.testing import Client

KINDS = ["file", "memory", "postgresql", pytest.param("mariadb", marks=pytest.mark.faults)]


@pytest.fixture(params=KINDS)
def test_database(request, tmp_path):
    """Return the URL of a database that tests may work on, with a table in it."""
    match request.param:
        case "file":
            url = f"sqlite:///{tmp_path}/shop.sqlite"
        case "memory":
            return "sqlite://"
        case "postgresql":
            url = request.getfixturevalue("lone_postgres").url
        case _:
            server = request.getfixturevalue("mariadb").url
            execute(server, "DROP DATABASE IF EXISTS shop_test", "CREATE DATABASE shop_test")
            url = server.replace("/mysql", "/shop_test")
    execute(url, *TABLE)
    return url


TABLE = ["CREATE TABLE book (n INTEGER)", "INSERT INTO book VALUES (0)"]


def execute(url, *statements):
    with create_engine(url, poolclass=NullPool).begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def insert(unit, number):
    unit.execute(text("INSERT INTO book VALUES (:n)"), {"n": number})


def numbers(unit):
    return sorted(unit.execute(text("SELECT n FROM book")).scalars())


# ---- what is done, once in production and once in a test


def a_read_inside_a_write(db):
    with db.begin() as outer:
        insert(outer, 1)
        with db.begin(write=False) as inner:
            seen = numbers(inner)
        return seen, numbers(outer)


def a_write_inside_a_read(db):
    with db.begin(write=False) as outer:
        before = numbers(outer)
        with db.begin() as inner:
            insert(inner, 1)
        return before, numbers(outer)


def a_write_inside_a_write_that_is_undone(db):
    with suppress(ZeroDivisionError), db.begin() as outer:
        insert(outer, 1)
        with db.begin() as inner:
            insert(inner, 2)
        raise ZeroDivisionError


def a_write_that_is_undone_inside_a_write(db):
    with db.begin() as outer:
        insert(outer, 1)
        with suppress(ZeroDivisionError), db.begin() as inner:
            insert(inner, 2)
            raise ZeroDivisionError


def a_begin_that_is_undone_within_a_unit(db):
    with db.begin() as unit:
        insert(unit, 1)
        with suppress(ZeroDivisionError), unit.handle.begin_nested():
            insert(unit, 2)
            raise ZeroDivisionError
        insert(unit, 3)


def a_begin_that_is_undone_within_a_session(db):
    with db.begin("session") as unit:
        insert(unit, 1)
        with suppress(ZeroDivisionError), unit.handle.begin_nested():
            insert(unit, 2)
            raise ZeroDivisionError
        insert(unit, 3)


def a_rollback_by_hand(db):
    with db.begin("session") as unit:
        insert(unit, 1)
        unit.handle.rollback()
        insert(unit, 2)


def a_commit_by_hand_before_an_error(db):
    with suppress(ZeroDivisionError), db.begin("session") as unit:
        insert(unit, 1)
        unit.handle.commit()
        insert(unit, 2)
        raise ZeroDivisionError


def a_write_in_a_read(db):
    with db.begin(write=False) as unit:
        insert(unit, 1)


def a_table_that_is_undone(db):
    with suppress(ZeroDivisionError), db.begin() as unit:
        unit.execute(text("CREATE TABLE author (n INTEGER)"))
        raise ZeroDivisionError
    with db.begin() as unit:
        unit.execute(text("CREATE TABLE author (n INTEGER)"))


def a_snapshot(db):
    # NOTE: MariaDB's SERIALIZABLE has the writer wait for the reader, in production too.
    isolation = "SERIALIZABLE" if db.url.startswith("sqlite") else "REPEATABLE READ"
    with db.begin(write=False, isolation=isolation) as reading:
        before = numbers(reading)
        with db.begin() as writing:
            insert(writing, 1)
        return before, numbers(reading)


def another_thread(db):
    seen = []

    def read():
        with db.begin(write=False) as reading:
            seen.append(numbers(reading))

    with db.begin() as writing:
        insert(writing, 1)
        thread = threading.Thread(target=attempt, args=(lambda db: read(), db))
        thread.start()
        thread.join(10)
    return seen


class Books:
    """Pages that meet while others are under way."""

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def stream(self):
        def lines():
            for number in numbers(cherrypy.request.db):
                yield f"{number} ".encode()
                yield f"{numbers(cherrypy.request.db)} ".encode()

        return lines()

    @cherrypy.expose
    def add(self, n):
        insert(cherrypy.request.db, int(n))
        if int(n) > 5:
            raise cherrypy.HTTPError(409)


def a_stream_between_two_writes(db):
    setattr(cherrypy.engine, "db", db)  # noqa: B010
    app = cherrypy.Application(Books(), "", {"/": {"cpkit.db.on": True}})
    client = Client(app, raise_exceptions=False)
    chunks = client.get("/stream", stream=True).iter_content()
    seen = [next(chunks)]
    statuses = [client.post("/add", data={"n": n}).status_code for n in (1, 7)]
    return seen, statuses, list(chunks)


WORK = [each for name, each in list(globals().items()) if name.startswith(("a_", "another_"))]


def attempt(work, db):
    try:
        return work(db)
    except Exception as error:
        return type(error).__name__


def outcome(work, db):
    """Return what *work* returns or raises, and what is in the table afterwards."""
    if db.url == "sqlite://":
        with db.begin() as unit:
            for statement in TABLE:
                unit.execute(text(statement))
    told = attempt(work, db)
    with db.begin(write=False) as unit:
        return told, numbers(unit)


@pytest.fixture
def cp_db_url(test_database):
    return test_database


@pytest.fixture
def in_production(test_database, cp_isolation):
    plugin = DatabasePlugin(cherrypy.engine, test_database)
    plugin.timeout = 1
    cherrypy.engine.db = plugin
    plugin.start()
    yield plugin
    plugin.stop()


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_the_same_comes_of_the_same_work(in_production, request, work):
    expected = outcome(work, in_production)
    in_production.stop()
    del cherrypy.engine.db
    if in_production.url != "sqlite://":
        execute(in_production.url, "DROP TABLE IF EXISTS author", "DROP TABLE book", *TABLE)
    db = request.getfixturevalue("cp_db")
    db.timeout = 1
    assert outcome(work, db) == expected


@pytest.fixture
def afterwards(test_database):
    """Look at the database when cp_db is done with it."""
    yield
    if test_database != "sqlite://":
        with create_engine(test_database, poolclass=NullPool).connect() as connection:
            assert numbers(connection) == [0]
            connection.execute(text("DROP TABLE book"))
            connection.rollback()


@pytest.mark.parametrize("turn", range(2))
def test_nothing_of_it_stays(afterwards, cp_db, turn):
    with cp_db.begin() as unit:
        if cp_db.url != "sqlite://":
            insert(unit, 1)
            unit.execute(text("DROP TABLE book"))
        unit.execute(text("CREATE TABLE author (n INTEGER)"))
