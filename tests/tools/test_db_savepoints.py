"""What waits for the commit hears of savepoints, however they are named and nested."""

from contextlib import suppress

import cherrypy
import pytest

import cpkit.tools  # noqa: F401
from cpkit.database.statements import judge
from tests.statements import HANDLES, create, insert, run, serve, stored

mariadb = pytest.param("mariadb", marks=pytest.mark.faults)
with_quotes = pytest.mark.parametrize(
    ("any_database", "name"),
    [
        ("sqlite", '"Sp A"'),
        ("sqlite", "'sp'"),
        ("sqlite", "[sp]"),
        ("memory", "`sp`"),
        ("postgresql", '"Sp A"'),
        ("postgresql", "Sp"),
        pytest.param("mariadb", "`Sp A`", marks=pytest.mark.faults),
    ],
    indirect=["any_database"],
)


@with_quotes
@pytest.mark.parametrize("handle", HANDLES)
def test_a_savepoint_may_have_any_name(start_database, any_database, handle, name):
    def handler():
        cherrypy.request.db.on_commit(lambda: calls.append("before"))
        run(f"SAVEPOINT {name}")
        cherrypy.request.db.on_commit(lambda: calls.append("undone"))
        insert(1)
        run(f"ROLLBACK TO SAVEPOINT {name}")
        insert(2)
        return "ok"

    start_database(any_database, setup=create)
    calls = []
    assert serve(handler, **{"cpkit.db.handle": handle}).post("/").status_code == 200
    assert (stored(), calls) == ([2], ["before"])


@pytest.mark.parametrize("any_database", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("statements", "called"),
    [
        (["SAVEPOINT s", "a", "SAVEPOINT s", "b", "RELEASE s", "ROLLBACK TO s"], []),
        (["SAVEPOINT s", "a", "SAVEPOINT s", "b", "ROLLBACK TO s"], ["a"]),
        (["SAVEPOINT s", "a", "SAVEPOINT r", "b", "ROLLBACK TO s", "c"], ["c"]),
        (["a", "SAVEPOINT s", "b", "RELEASE SAVEPOINT s", "c"], ["a", "b", "c"]),
        (["SAVEPOINT s", "a", "ROLLBACK TO s", "b", "ROLLBACK TO s"], []),
    ],
    ids=["released", "the inner", "the outer", "kept", "twice"],
)
def test_a_name_means_the_last_savepoint_that_has_it(
    start_database, any_database, statements, called
):
    def handler():
        for it in statements:
            if len(it) == 1:
                cherrypy.request.db.on_commit(lambda it=it: calls.append(it))
            else:
                run(it)
        return "ok"

    start_database(any_database, setup=create)
    calls = []
    assert serve(handler).post("/").status_code == 200
    assert calls == called


@pytest.mark.parametrize("forced", [False, True], ids=["raises", "force_rollback"])
def test_a_block_of_psycopgs_that_is_undone_undoes_what_waits(start_database, postgres, forced):
    def handler():
        db = cherrypy.request.db
        db.on_commit(lambda: calls.append("before"))
        with db.transaction("kept"):
            db.on_commit(lambda: calls.append("kept"))
        with suppress(ZeroDivisionError), db.transaction(force_rollback=forced):
            insert(1)
            db.on_commit(lambda: calls.append("undone"))
            if not forced:
                raise ZeroDivisionError
        insert(2)
        return "ok"

    start_database(postgres.url, setup=create)
    calls = []
    assert serve(handler, **{"cpkit.db.handle": "dbapi"}).post("/").status_code == 200
    assert (stored(), calls) == ([2], ["before", "kept"])


def test_a_block_of_psycopgs_may_have_a_name_where_only_reads_are_meant(start_database, postgres):
    def handler():
        with cherrypy.request.db.transaction("named"):
            return str(run("SELECT 7").fetchone()[0])

    start_database(postgres.url)
    assert serve(handler, **{"cpkit.db.handle": "dbapi"}).get("/").text == "7"


@pytest.mark.parametrize(
    ("statement", "field", "name"),
    [
        ('SAVEPOINT "A b";', "savepoint", "a b"),
        ("rollback work to `x`", "undone_to", "x"),
        ('ROLLBACK TO/**/"x"', "undone_to", "?"),
        ("release x", "released", "x"),
        ("RELEASE SAVEPOINT [x]", "released", "x"),
    ],
)
def test_a_savepoint_is_known_by_its_words(statement, field, name):
    judged = judge(statement)
    assert getattr(judged, field) == name
    assert not judged.undoes


@pytest.mark.parametrize(
    "any_database",
    ["sqlite", "memory", "postgresql", "psycopg2", "generic", mariadb],
    indirect=True,
)
@pytest.mark.parametrize("handle", ["connection", "session"])
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("ends", [200, 409, "raises", "streams"])
def test_a_savepoint_that_is_left_open_ends_as_the_answer_tells(
    start_database, any_database, handle, depth, method, ends
):
    def handler():
        for number in range(depth):
            cherrypy.request.db.begin_nested()
            if method == "POST":
                insert(number)
        if ends == "raises":
            raise cherrypy.HTTPError(422)
        cherrypy.response.status = 409 if ends == 409 else 200
        cherrypy.response.stream = ends == "streams"
        return iter([b"body"])

    database = start_database(any_database, setup=create, pool_size=1, timeout=1)
    answer = serve(handler, **{"cpkit.db.handle": handle}).request(method, "/")
    assert answer.status_code == {"raises": 422, "streams": 200}.get(ends, ends)
    kept = method == "POST" and answer.status_code == 200
    assert stored() == (list(range(depth)) if kept else [])
    assert database.figures().in_use == 0
