"""What waits for a commit: called once, with a transaction of its own, and nothing is left."""

import sqlite3

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from cpkit.errors import UnitOverError
from tests.statements import HANDLES, create, insert, serve, stored

mariadb = pytest.param("mariadb", marks=pytest.mark.faults)
on_servers = pytest.mark.parametrize(
    "any_database", ["sqlite", "postgresql", mariadb], indirect=True
)


@pytest.fixture
def database(start_database, any_database):
    database = start_database(any_database, setup=create, timeout=1, pool_size=2)
    yield database
    assert database.figures().in_use == 0
    with database.begin() as unit:  # the turn to write is free as well
        unit.execute(text("SELECT 1"))


@on_servers
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("by_hand", [False, True], ids=["at the end", "by hand"])
def test_what_a_call_writes_is_stored_and_a_call_that_fails_undoes_its_own(
    database, handle, by_hand
):
    def fail():
        insert(3)
        raise ZeroDivisionError

    def handler():
        insert(1)
        cherrypy.request.db.on_commit(lambda: insert(2))
        cherrypy.request.db.on_commit(fail)
        if by_hand:
            cherrypy.request.db.commit()
        return "ok"

    assert serve(handler, **{"cpkit.db.handle": handle}).post("/").status_code == 200
    assert stored() == [1, 2]


@on_servers
def test_what_a_call_writes_after_a_block_is_stored(database):
    with database.begin() as unit:
        unit.on_commit(lambda: insert(2, unit))
        insert(1, unit)
    assert stored() == [1, 2]


@pytest.mark.parametrize("any_database", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("reads", [False, True])
@pytest.mark.parametrize(("status", "called"), [(200, 1), (409, 0)])
def test_a_call_needs_nothing_that_was_written(database, handle, method, reads, status, called):
    def handler():
        cherrypy.request.db.on_commit(lambda: calls.append(1))
        if reads:
            run = cherrypy.request.db.execute
            run("SELECT 1" if handle == "dbapi" else text("SELECT 1"))
        cherrypy.response.status = status
        return "ok"

    calls = []
    getattr(serve(handler, **{"cpkit.db.handle": handle}), method)("/")
    assert len(calls) == called


@pytest.mark.parametrize("any_database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("ends", ["rollback", "raise", "page"])
def test_a_call_is_forgotten_although_nothing_was_to_be_undone(database, handle, ends):
    def handler():
        cherrypy.request.db.on_commit(lambda: calls.append(1))
        if ends != "rollback":
            raise cherrypy.HTTPError(410) if ends == "page" else ZeroDivisionError
        cherrypy.request.db.rollback()
        return "ok"

    calls = []
    pages = {"error_page.410": lambda **_: "gone"}
    serve(handler, **{"cpkit.db.handle": handle, **pages}).post("/")
    assert not calls


@pytest.mark.parametrize("any_database", ["sqlite"], indirect=True)
def test_a_call_of_a_body_waits_until_what_it_writes_later_is_stored(database):
    def handler():
        def body():
            cherrypy.request.db.on_commit(lambda: calls.append(stored()))
            yield b"one"
            insert(1)
            yield b"two"

        return body()

    handler._cp_config = {"response.stream": True}
    calls = []
    assert serve(handler).post("/").text == "onetwo"
    assert calls == [[1]]


@pytest.mark.parametrize("any_database", ["sqlite"], indirect=True)
def test_a_call_of_a_try_that_is_repeated_is_called_once(database):
    def handler():
        cherrypy.request.db.on_commit(lambda: calls.append(len(tries)))
        tries.append(1)
        if len(tries) == 1:
            raise sqlite3.OperationalError("database is locked")
        return "ok"

    calls, tries = [], []
    assert serve(handler, **{"cpkit.db.retry": 1}).post("/").status_code == 200
    assert calls == [2]


@pytest.mark.parametrize("any_database", ["sqlite"], indirect=True)
def test_a_call_that_comes_too_late_is_refused(database):
    def handler():
        kept.append(cherrypy.request.db)
        return "ok"

    kept = []
    serve(handler).post("/")
    with pytest.raises(UnitOverError):
        kept[0].on_commit(kept.clear)
