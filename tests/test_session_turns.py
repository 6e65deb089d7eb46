"""A session where another unit of its request has the turn to write already (SQLite)."""

import cherrypy
import pytest
from sqlalchemy import String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

import cpkit.tools  # noqa: F401
from cpkit.sessions import DatabaseSession
from tests.statements import HANDLES, create, insert, run, serve, stored

SESSIONS = {"tools.sessions.on": True, "tools.sessions.storage_class": DatabaseSession}
on_each = pytest.mark.parametrize("any_database", ["sqlite", "memory", "postgresql"], indirect=True)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))


def count() -> str:
    cherrypy.session["n"] = cherrypy.session.get("n", 0) + 1
    insert(cherrypy.session["n"])
    return str(cherrypy.session["n"])


@pytest.fixture
def tool(monkeypatch):
    def attach(point, call):
        tool = cherrypy.Tool(point, call, priority=40)
        monkeypatch.setattr(cherrypy.tools, "looked", tool, raising=False)
        return {"tools.looked.on": True, **SESSIONS}

    return attach


@on_each
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("locking", ["implicit", "early", "explicit"])
@pytest.mark.parametrize("point", ["before_request_body", "before_handler"])
def test_a_tool_may_read_before_the_session_is_locked(
    start_database, any_database, tool, handle, locking, point
):
    def handler():
        if locking == "explicit":
            cherrypy.session.acquire_lock()
        return count()

    config = tool(point, lambda: list(run("SELECT a FROM t")))
    database = start_database(any_database, setup=create, timeout=1)
    client = serve(
        handler, **config, **{"cpkit.db.handle": handle, "tools.sessions.locking": locking}
    )
    assert [client.post("/").text for _ in range(3)] == ["1", "2", "3"]
    assert stored() == [1, 2, 3]
    assert database.figures().in_use == 0


def test_objects_that_a_tool_has_read_are_as_new_as_the_transaction(start_database, tool):
    def set_up(connection):
        Base.metadata.create_all(connection)
        run("INSERT INTO users VALUES (1, 'anna')", connection)

    def look():
        cherrypy.request.user = cherrypy.request.db.scalar(select(User))

    class Other(DatabaseSession):
        """A session whose request waits for it, while another one writes."""

        def acquire_lock(self):
            super().acquire_lock()
            with cherrypy.engine.db.begin() as unit:
                run("UPDATE users SET name = 'berta'", unit)

    config = tool("before_handler", look) | {"tools.sessions.storage_class": Other}
    start_database(setup=set_up)
    client = serve(lambda: cherrypy.request.user.name, **config, **{"cpkit.db.handle": "session"})
    assert client.post("/").text == "berta"


@on_each
@pytest.mark.parametrize("handle", HANDLES)
def test_what_a_tool_has_written_is_kept_out_of_the_sessions_transaction(
    start_database, any_database, tool, handle
):
    config = tool("before_handler", lambda: insert(100))
    start_database(any_database, setup=create, timeout=1)
    client = serve(count, **config, **{"cpkit.db.handle": handle})
    answer = client.post("/")
    if any_database.startswith("sqlite"):
        assert answer.status_code == 500
        assert stored() == []
    else:
        assert (answer.text, stored()) == ("1", [1, 100])


@on_each
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("locking", ["implicit", "explicit"])
def test_a_handler_that_has_written_may_load_its_session_again(
    start_database, any_database, handle, locking
):
    def handler(a):
        cherrypy.session["n"] = cherrypy.session.get("n", 0) + 1
        insert(int(a))
        cherrypy.session.load()
        cherrypy.session["n"] = cherrypy.session.get("n", 0) + 1
        return str(cherrypy.session["n"])

    start_database(any_database, setup=create, timeout=1)
    settings = {"cpkit.db.handle": handle, "tools.sessions.locking": locking}
    client = serve(handler, **SESSIONS, **settings)
    assert [client.post(f"/?a={a}").text for a in (1, 2, 3)] == ["1", "2", "3"]
    assert stored() == [1, 2, 3]


@on_each
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("ends", [200, 409, 500, "streams"])
def test_a_handler_that_has_written_may_release_its_session(
    start_database, any_database, handle, ends
):
    def handler(again=""):
        if again:
            return str(cherrypy.session.get("n"))
        cherrypy.session["n"] = 1
        insert(1)
        cherrypy.session.release_lock()
        if ends == 500:
            raise ZeroDivisionError
        cherrypy.response.status = 409 if ends == 409 else 200
        cherrypy.response.stream = ends == "streams"
        return (str(owners()).encode() for _ in range(1)) if ends == "streams" else ""

    def owners():
        with cherrypy.engine.db.begin(write=False) as unit:
            locked = "SELECT count(*) FROM cpkit_sessions WHERE owner IS NOT NULL"
            return run(locked, unit).fetchone()[0]

    start_database(any_database, setup=create, timeout=1)
    settings = {"cpkit.db.handle": handle, "tools.sessions.lock_wait": 0.5}
    client = serve(handler, **SESSIONS, **settings)
    client.get("/?again=1")
    answer = client.post("/")
    assert answer.status_code == (200 if ends == "streams" else ends)
    assert stored() == ([1] if answer.status_code == 200 else [])
    assert owners() == 0
    if ends == "streams":  # released while the body is sent
        assert answer.text == "0"
    assert client.get("/?again=1").status_code == 200
