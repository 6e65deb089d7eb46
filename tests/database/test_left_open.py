"""What psycopg streams or copies, and a handler leaves open: nobody waits for its end for ever."""

import threading

import cherrypy
import pytest

import cpkit.tools  # noqa: F401
from tests.statements import create, driver, insert, serve, stored

MANY = "SELECT generate_series(1, 100000)"


def stream(cursor):
    rows = cursor.stream(MANY)
    next(rows)
    return rows


def copy_out(cursor):
    copying = cursor.copy(f"COPY ({MANY}) TO STDOUT")
    copying.__enter__()
    return copying


def copy_in(cursor):
    copying = cursor.copy("COPY t FROM STDIN")
    copying.__enter__().write_row((2,))
    return copying


def of_unit():
    return cherrypy.request.db.cursor()


def of_driver():
    return driver().cursor()


every = pytest.mark.parametrize("begin", [stream, copy_out, copy_in])
by = pytest.mark.parametrize(
    ("handle", "cursor"),
    [("dbapi", of_unit), ("dbapi", of_driver), ("connection", of_driver), ("session", of_driver)],
)


@every
@by
@pytest.mark.parametrize("ends", [200, 409, 422, 500])
def test_what_is_left_open_is_answered_and_stored_nowhere(
    start_database, postgres, begin, handle, cursor, ends
):
    def handler():
        insert(1)
        kept.append(begin(cursor()))
        if ends == 422:
            raise cherrypy.HTTPError(422)
        if ends == 500:
            raise ZeroDivisionError
        cherrypy.response.status = ends

    kept = []
    database = start_database(postgres.url, setup=create, timeout=0.2, pool_size=1)
    answer = serve(handler, **{"cpkit.db.handle": handle}).post("/")
    assert answer.status_code == (500 if ends == 200 else ends)
    assert stored() == []
    assert database.figures().in_use == 0


@by
@pytest.mark.parametrize("begin", [stream, copy_out])
def test_what_a_reading_request_leaves_open_is_closed(
    start_database, postgres, begin, handle, cursor
):
    kept = []
    database = start_database(postgres.url, setup=create, timeout=0.2, pool_size=1)
    client = serve(lambda: kept.append(begin(cursor())), **{"cpkit.db.handle": handle})
    for _ in range(2):
        assert client.get("/").status_code == 200
    assert stored() == []
    assert database.figures().in_use == 0


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("begun", ["in the handler", "in the body"])
def test_a_body_may_be_a_stream_of_the_databases(start_database, postgres, method, begun):
    def handler():
        if method == "POST":
            insert(1)
        rows = cherrypy.request.db.cursor().stream("SELECT generate_series(1, 5)")
        first = next(rows) if begun == "in the handler" else (1,)
        cherrypy.response.stream = True

        def body():
            yield str(first[0]).encode()
            for row in rows:
                others.append(count_elsewhere())
                yield str(row[0]).encode()

        return body()

    def count_elsewhere():
        found = []
        thread = threading.Thread(target=lambda: found.append(len(stored())))
        thread.start()
        thread.join()
        return found[0]

    others = []
    database = start_database(postgres.url, setup=create, timeout=0.2, pool_size=2)
    answer = serve(handler, **{"cpkit.db.handle": "dbapi"}).request(method, "/")
    if (method, begun) == ("POST", "in the handler"):  # its commit would have to wait for the body
        assert answer.status_code == 500
        assert stored() == []
    else:
        assert answer.text == ("12345" if begun == "in the handler" else "112345")
        assert stored() == ([1] if method == "POST" else [])
    assert database.figures().in_use == 0
