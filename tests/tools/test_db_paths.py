"""Every way through a request: what is kept, what is undone, and that nothing stays lent."""

import json
import socket
import threading

import cherrypy
import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text
from sqlalchemy.exc import IntegrityError

import cpkit.tools
from tests.statements import HANDLES

metadata = MetaData()
notes = Table("notes", metadata, Column("id", Integer, primary_key=True), Column("body", Integer))


def note() -> None:
    cherrypy.request.db.execute(insert(notes).values(body=1))


class Paths:
    """One handler for each path; each writes a note before it takes the turn it is named for."""

    @cherrypy.expose
    def ok(self):
        note()
        return "ok"

    @cherrypy.expose
    def redirect(self):
        note()
        raise cherrypy.HTTPRedirect("/elsewhere")

    @cherrypy.expose
    def http_error(self, status):
        note()
        raise cherrypy.HTTPError(int(status))

    @cherrypy.expose
    def status(self, status):
        note()
        cherrypy.response.status = int(status)
        return "said"

    @cherrypy.expose
    def fails(self):
        note()
        raise ZeroDivisionError

    @cherrypy.expose
    def internal_redirect(self):
        note()
        raise cherrypy.InternalRedirect("/untouched")

    @cherrypy.expose
    def doomed(self):
        note()
        cherrypy.request.db.doom()
        return "said"

    @cherrypy.expose
    def generator(self):
        yield b"a"
        note()
        yield b"b"

    @cherrypy.expose
    def json_generator(self, fails=None):
        cherrypy.response.headers["Content-Type"] = "application/json"

        def body():
            note()
            yield b"[]"
            if fails:
                raise ZeroDivisionError

        return body()

    @cherrypy.expose
    def not_bytes(self):
        note()
        cherrypy.response.headers["Content-Type"] = "application/json"
        return [object()]

    @cherrypy.expose
    def bad_status(self):
        note()
        cherrypy.response.status = "900 What"
        return "said"

    @cherrypy.expose
    @cherrypy.tools.etags(autotags=True)
    def etag(self):
        note()
        return "said"

    @cherrypy.expose
    def deferred_constraint(self):
        cherrypy.request.db.execute(text("INSERT INTO child VALUES (1, 99)"))
        return "said"

    @cherrypy.expose
    def commits_itself(self):
        note()
        cherrypy.request.db.commit()
        note()
        raise ZeroDivisionError

    @cherrypy.expose
    def gives_back_early(self):
        note()
        cherrypy.request.db.commit()
        cherrypy.request.db.close()
        note()
        return "ok"

    @cherrypy.expose
    def untouched(self):
        return "ok"


def tool(point: str, **_) -> None:
    """Fail at the hook point *point*."""
    raise ZeroDivisionError(point)


@pytest.fixture
def site(start_database, cp_client):
    """Mount the paths on a database of two tables; count the notes that were kept."""
    database = start_database()
    with database.begin() as connection:
        metadata.create_all(connection.handle)
        connection.execute(text("CREATE TABLE parent (id INTEGER PRIMARY KEY)"))
        connection.execute(
            text(
                "CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER "
                "REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
            )
        )
    cherrypy.tree.mount(Paths(), "/", {"/": {"cpkit.db.on": True}})
    cp_client.raise_exceptions = False
    yield cp_client
    assert lent(database) == 0


def lent(database) -> int:
    return sum(engine.pool.checkedout() for engine in database.engines())


def kept() -> int:
    with cherrypy.engine.db.begin(write=False) as connection:
        return len(connection.execute(select(notes)).all())


@pytest.mark.parametrize(
    ("path", "status", "stored"),
    [
        pytest.param("/ok", 200, 1, id="200"),
        pytest.param("/status?status=201", 201, 1, id="201"),
        pytest.param("/status?status=304", 304, 1, id="304"),
        pytest.param("/redirect", 303, 1, id="redirect"),
        pytest.param("/internal_redirect", 200, 1, id="internal-redirect"),
        pytest.param("/http_error?status=400", 400, 0, id="HTTPError-400"),
        pytest.param("/http_error?status=409", 409, 0, id="HTTPError-409"),
        pytest.param("/http_error?status=500", 500, 0, id="HTTPError-500"),
        pytest.param("/status?status=404", 404, 0, id="status-404"),
        pytest.param("/status?status=503", 503, 0, id="status-503"),
        pytest.param("/bad_status", 500, 0, id="status-that-does-not-exist"),
        pytest.param("/fails", 500, 0, id="exception"),
        pytest.param("/doomed", 200, 0, id="doomed"),
        pytest.param("/generator", 200, 1, id="text-generator"),
        pytest.param("/json_generator", 200, 1, id="other-generator"),
        pytest.param("/json_generator?fails=1", 500, 0, id="generator-that-fails"),
        pytest.param("/not_bytes", 500, 0, id="body-that-is-not-bytes"),
        pytest.param("/deferred_constraint", 500, 0, id="commit-that-fails"),
        pytest.param("/commits_itself", 500, 1, id="committed-by-hand-then-exception"),
        pytest.param("/gives_back_early", 200, 2, id="given-back-early"),
        pytest.param("/ok/no/such", 404, 0, id="not-found"),
        pytest.param("/untouched", 200, 0, id="untouched"),
    ],
)
def test_a_path_keeps_or_undoes_its_work(site, path, status, stored):
    response = site.post(path)
    assert (response.status_code, kept()) == (status, stored)


def test_a_failed_precondition_undoes_the_work(site):
    response = site.request("POST", "/etag", headers={"If-Match": '"other"'})
    assert (response.status_code, kept()) == (412, 0)


@pytest.mark.parametrize(
    ("point", "status", "stored"),
    [
        ("before_handler", 500, 0),
        ("before_finalize", 500, 0),
        ("on_end_resource", 500, 0),
        ("on_end_request", 200, 1),
    ],
)
def test_a_hook_that_fails_undoes_the_work_unless_the_answer_is_out(site, point, status, stored):
    hook = cherrypy._cprequest.Hook(tool, priority=20, point=point)
    cherrypy.tree.apps[""].merge({"/ok": {f"hooks.{point}": hook}})
    response = site.post("/ok")
    assert (response.status_code, kept()) == (status, stored)


def test_an_exception_that_is_handled_around_the_request_is_none_of_its(site):
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        response = site.post("/ok")
    assert (response.status_code, kept()) == (200, 1)


def test_commit_on_keeps_the_work_of_the_statuses_it_lists(site):
    cherrypy.tree.apps[""].merge({"/": {"cpkit.db.commit_on": [409, "5xx"]}})
    for status in (404, 409, 500):
        site.post(f"/status?status={status}")
    assert kept() == 2


def test_a_failed_commit_is_known_as_what_it_was(site):
    assert isinstance(site.post("/deferred_constraint").exception, IntegrityError)


@pytest.mark.parametrize("handle", HANDLES)
def test_after_a_failed_commit_the_writers_go_on(site, handle):
    statement = "INSERT INTO child VALUES (1, 99)"
    unit = cherrypy.engine.db.unit(handle)
    unit.execute(statement if handle == "dbapi" else text(statement))
    with pytest.raises(Exception, match="FOREIGN KEY constraint failed"):
        unit.end(commit=True)
    assert (site.post("/ok").status_code, kept()) == (200, 1)


def test_a_request_that_touches_nothing_takes_no_connection(site):
    before = sum(engine.pool.checkedin() for engine in cherrypy.engine.db.engines())
    cherrypy.engine.db.graceful()
    site.post("/untouched")
    assert before == 1
    assert sum(engine.pool.checkedin() for engine in cherrypy.engine.db.engines()) == 0


@cherrypy.config(**{"response.stream": True})
class Stream(Paths):
    """Bodies that are sent while they are made."""

    @cherrypy.expose
    def writes(self, fails=None):
        note()

        def body():
            db = cherrypy.request.db
            kept_before.append(kept())
            db.execute(insert(notes).values(body=2))
            yield b"a"
            if fails:
                raise ZeroDivisionError
            yield b"b"

        return body()

    @cherrypy.expose
    def answers(self, status):
        cherrypy.response.status = int(status)
        return self.writes()

    @cherrypy.expose
    def cleans_up(self):
        db = cherrypy.request.db

        def body():
            try:
                yield b"a"
                yield b"b"
            finally:
                db.execute(insert(notes).values(body=3))

        return body()

    @cherrypy.expose
    def rows(self):
        found = cherrypy.request.db.execute(select(notes.c.body))
        return (json.dumps(row.body).encode() for row in found)


kept_before: list[int] = []


@pytest.fixture
def stream(site):
    kept_before.clear()
    cherrypy.tree.mount(Stream(), "/stream", {"/": {"cpkit.db.on": True}})
    return site


def test_a_stream_commits_before_its_first_byte_and_again_at_its_end(stream):
    response = stream.post("/stream/writes")
    assert (response.status_code, response.content) == (200, b"ab")
    assert (kept_before, kept()) == ([1], 2)


def test_a_stream_that_fails_undoes_only_what_its_body_did(stream):
    stream.post("/stream/writes?fails=1")
    assert kept() == 1


@pytest.mark.parametrize(("status", "stored"), [(203, 2), (404, 0), (503, 0)])
def test_a_stream_of_an_error_undoes_what_its_body_did_too(stream, status, stored):
    response = stream.post(f"/stream/answers?status={status}")
    assert (response.status_code, kept()) == (status, stored)


def test_a_stream_for_head_lends_nothing(stream):
    stream.head("/stream/cleans_up")
    assert kept() == 0


def leave(path: str, chunks: int) -> None:
    """Call the application as a server does whose client leaves after so many chunks."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "x",
        "CONTENT_LENGTH": "0",
        "SERVER_NAME": "x",
        "SERVER_PORT": "80",
        "wsgi.input": None,
        "wsgi.url_scheme": "http",
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
    }
    body = cherrypy.tree(environ, lambda *args: None)
    for _ in range(chunks):
        next(body)
    body.close()


@pytest.mark.parametrize(("path", "stored"), [("/stream/writes", 1), ("/stream/cleans_up", 0)])
def test_a_client_that_leaves_mid_stream_leaves_nothing_lent(stream, path, stored):
    leave(path, chunks=1)
    assert kept() == stored
    assert lent(cherrypy.engine.db) == 0


def test_a_client_that_leaves_before_the_first_byte_leaves_nothing_lent(stream):
    leave("/stream/writes", chunks=0)
    assert kept() == 1
    assert lent(cherrypy.engine.db) == 0


def test_a_client_that_hangs_up_mid_stream_leaves_nothing_lent(site, cp_server):
    class Endless:
        @cherrypy.expose
        @cherrypy.config(**{"response.stream": True})
        def index(self):
            cherrypy.request.db.execute(notes.insert().values(body=1))
            return self.body(cherrypy.request.db)

        def body(self, database):
            database.execute(notes.insert().values(body=2))
            try:
                while True:
                    yield b"more" * 10_000
            finally:
                left.set()

    left = threading.Event()
    cherrypy.tree.mount(Endless(), "/endless", {"/": {"cpkit.db.on": True}})
    with socket.create_connection((cp_server.host, cp_server.port), 10) as client:
        client.sendall(b"POST /endless/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    assert left.wait(10)
    # The turn to write is free again as soon as the body's own writes are undone.
    with cherrypy.engine.db.begin() as unit:
        assert unit.scalars(select(notes.c.body)).all() == [1]
    assert lent(cherrypy.engine.db) == 0


def test_a_stream_may_read_on_from_what_the_handler_asked_for(stream):
    for _ in range(3):
        stream.post("/ok")
    assert stream.get("/stream/rows").content == b"111"


def test_the_tool_is_the_one_in_cpkits_toolbox():
    assert cpkit.tools.toolbox.db is cpkit.tools.db
