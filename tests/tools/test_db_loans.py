"""A loan ends with its request: nothing of it is in use, usable or to be seen afterwards."""

import threading
from collections.abc import Callable

import cherrypy
import pytest
from sqlalchemy import String, create_engine, select, text
from sqlalchemy.dialects import postgresql  # noqa: F401 (registers functions, once a process)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.orm.exc import DetachedInstanceError

import cpkit.tools
from cpkit.errors import SettingError, TransactionLostError, UnitOverError
from cpkit.testing import Client
from tests.statements import HANDLES, run


class Base(DeclarativeBase):
    pass


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(40))


def create(connection):
    connection.execute(text("DROP TABLE IF EXISTS t"))
    connection.execute(text("CREATE TABLE t (a INTEGER PRIMARY KEY)"))
    Base.metadata.drop_all(connection)
    Base.metadata.create_all(connection)


mariadb = pytest.param("mariadb", marks=pytest.mark.faults)
on_servers = pytest.mark.parametrize(
    "any_database", ["sqlite", "postgresql", mariadb], indirect=True
)
on_every_database = pytest.mark.parametrize(
    "any_database", ["sqlite", "memory", "postgresql", "generic", mariadb], indirect=True
)


@pytest.fixture
def database(start_database, any_database):
    database = start_database(any_database, setup=create, timeout=1, pool_size=2)
    yield database
    assert database.figures().in_use == 0
    with database.begin() as unit:  # the turn to write is free as well
        unit.execute(text("SELECT 1"))


def serve(handler: Callable, **settings) -> Client:
    class Root:
        index = staticmethod(cherrypy.expose(handler))

    cherrypy.tree.mount(Root(), "/", {"/": {"cpkit.db.on": True, **settings}})
    return Client(raise_exceptions=False)


def insert(value: int, unit=None) -> None:
    run(f"INSERT INTO t VALUES ({value})", unit)


def stored() -> list[int]:
    with cherrypy.engine.db.begin(write=False) as unit:
        return list(unit.scalars(text("SELECT a FROM t ORDER BY a")))


# ------------------------------ the end of the loan (D1, D7, D8) ------------------------------


@on_every_database
@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("handle", HANDLES)
def test_an_on_end_request_hook_has_a_transaction_of_its_own(database, handle, used):
    def handler():
        if used:
            insert(1)
        cherrypy.request.hooks.attach("on_end_request", lambda: insert(2), priority=50)
        return "ok"

    assert serve(handler, **{"cpkit.db.handle": handle}).post("/").status_code == 200
    assert stored() == [1, 2][not used :]


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("fails", [False, True])
def test_so_has_one_of_a_request_that_ends_in_an_internal_redirect(database, handle, fails):
    def handler():
        if cherrypy.request.prev is None:
            insert(1)
            cherrypy.request.hooks.attach("on_end_request", late)
            raise cherrypy.InternalRedirect("/", "again")

    def late():
        insert(2)
        if fails:
            raise ZeroDivisionError

    serve(handler, **{"cpkit.db.handle": handle}).post("/")
    assert stored() == ([1] if fails else [1, 2])


@on_every_database
@pytest.mark.parametrize("used", [False, True])
def test_an_after_request_listener_has_a_transaction_of_its_own(database, used, cp_engine):
    def listener():
        insert(2)
        raise ZeroDivisionError  # so that CherryPy runs no on_end_request hooks

    def handler():
        kept.append(cherrypy.request.db)
        if used:
            insert(1)
        return "ok"

    kept = []
    serve(handler)
    cherrypy.engine.subscribe("after_request", listener)
    try:
        with pytest.raises(Exception, match="ZeroDivisionError"):
            Client().post("/")
    finally:
        cherrypy.engine.unsubscribe("after_request", listener)
    assert stored() == [1, 2][not used :]
    assert database.figures().in_use == 0


@on_every_database
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("used", [False, True])
def test_another_thread_cannot_use_it_after_its_request(database, handle, used):
    def handler():
        kept.append(cherrypy.request.db)
        if used:
            run("SELECT 1").fetchone()
        return "ok"

    def later():
        with pytest.raises(UnitOverError):
            insert(1, kept[0])
        over.append(True)

    kept, over = [], []
    serve(handler, **{"cpkit.db.handle": handle}).post("/")
    thread = threading.Thread(target=later)
    thread.start()
    thread.join()
    assert over == [True]
    assert stored() == []


@on_every_database
@pytest.mark.parametrize("handle", HANDLES)
def test_what_was_lent_is_closed_whoever_keeps_it(database, handle):
    def handler():
        unit = cherrypy.request.db
        kept["rows"] = run("SELECT a FROM t")
        if handle == "dbapi":
            kept["cursor"] = unit.cursor()
        kept["handle"] = unit.handle
        return "ok"

    kept = {}
    with database.begin() as unit:
        for value in range(3):
            insert(value, unit)
    serve(handler, **{"cpkit.db.handle": handle, "cpkit.db.write": True}).get("/")
    raw = kept["handle"]
    if handle == "connection":
        with pytest.raises(SQLAlchemyError, match="closed"):
            raw.execute(text("SELECT 1"))
    if handle == "session":
        with pytest.raises(UnitOverError):
            raw.execute(text("SELECT 1"))
    if handle == "dbapi":
        with pytest.raises(UnitOverError):
            kept["cursor"].execute("SELECT 1")
        if database.url != "sqlite://":  # where the connection is the database
            with pytest.raises(Exception, match=r"(?i)closed|\(0, ''\)"):
                raw.cursor().execute("SELECT 1")
    if not ("pg8000" in database.url or "pymysql" in database.url):  # which have them in memory
        with pytest.raises(Exception, match=r"(?i)closed|already|no result"):
            kept["rows"].fetchone()


@on_every_database
@pytest.mark.parametrize("how", ["HTTPError", "exception", "not-found-by-a-tool"])
def test_an_error_page_does_not_see_what_is_undone(database, how):
    def page(**_):
        seen.append([row[0] for row in cherrypy.request.db.execute(text("SELECT a FROM t"))])
        insert(7)
        return "sorry"

    def handler():
        insert(1)
        if how == "exception":
            raise ZeroDivisionError
        raise cherrypy.HTTPError(500)

    seen = []
    client = serve(handler, **{"error_page.500": page})
    assert client.post("/").text.startswith("sorry")
    assert seen == [[]]
    assert stored() == [7]


@pytest.mark.parametrize("any_database", ["postgresql"], indirect=True)
def test_an_error_page_works_after_an_error_of_the_database(database):
    def page(**_):
        return str(cherrypy.request.db.scalar(text("SELECT 42")))

    def handler():
        insert(1)
        try:
            insert(1)
        except SQLAlchemyError:
            raise cherrypy.HTTPError(409) from None

    assert serve(handler, **{"error_page.409": page}).post("/").text.startswith("42")
    assert stored() == []


@on_every_database
def test_what_commit_on_lists_is_committed_before_its_error_page(database):
    def page(**_):
        seen.append(list(cherrypy.request.db.scalars(text("SELECT a FROM t"))))
        return "sorry"

    def handler():
        insert(1)
        raise cherrypy.HTTPError(409)

    seen = []
    client = serve(handler, **{"error_page.default": page, "cpkit.db.commit_on": 409})
    assert client.post("/").status_code == 409
    assert (seen, stored()) == ([[1]], [1])


@on_every_database
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("how", ["an error", "an exception", "a late tool", "a broken connection"])
@pytest.mark.parametrize("statuses", [(), 500])
def test_an_error_page_shows_the_objects_of_its_request(database, method, how, statuses):
    def page(**_):
        return kept["book"].title

    def handler():
        book = kept["book"] = cherrypy.request.db.scalars(select(Book)).one()
        if cherrypy.request.method == "POST":
            book.title = "Sula"
            cherrypy.request.db.flush()
        cherrypy.request.db.expire(book)
        if how == "an exception":
            raise ZeroDivisionError
        if how == "an error":
            raise cherrypy.HTTPError(500)
        if how == "a broken connection":
            cherrypy.request.db.connection().invalidate()
            raise cherrypy.HTTPError(500)

    def fails():
        if how == "a late tool":
            raise ZeroDivisionError

    if how == "a broken connection" and (statuses or database.url == "sqlite://"):
        pytest.skip("nothing to commit by, or the connection is the database")
    kept: dict = {}
    with database.begin("session") as session:
        session.add(Book(title="Emma"))
    settings = {"cpkit.db.handle": "session", "cpkit.db.commit_on": statuses}
    hooks = {"error_page.500": page, "hooks.before_finalize": fails}
    answer = serve(handler, **settings, **hooks).request(method, "/")
    stays = statuses and method == "POST" and how == "an error"
    assert answer.text.strip() == ("Sula" if stays else "Emma")
    assert Session.object_session(kept["book"]) is None


@pytest.mark.parametrize("any_database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("opened", [True, False])
@pytest.mark.parametrize("how", [cherrypy.HTTPError(500), ZeroDivisionError()])
def test_what_waits_for_a_commit_is_not_called_for_an_error_page(database, handle, opened, how):
    def handler():
        if opened:
            assert cherrypy.request.db.handle is not None
        cherrypy.request.db.on_commit(lambda: called.append("mail"))
        raise how

    def page(**_):
        return f"sorry {cherrypy.request.db.handle is not None}"

    called: list[str] = []
    client = serve(handler, **{"cpkit.db.handle": handle, "error_page.500": page})
    assert client.post("/").text.strip() == "sorry True"
    assert called == []


def stream(handler: Callable, **settings) -> Client:
    return serve(handler, **{"response.stream": True, **settings})


@on_every_database
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_stream_goes_on_with_orm_objects(database, method):
    def handler():
        book = cherrypy.request.db.scalars(select(Book)).one()
        if cherrypy.request.method == "POST":
            book.title = "Sula"

        def body():
            yield book.title.encode()
            yield book.title.encode()

        return body()

    with database.begin("session") as orm:
        orm.add(Book(title="Emma"))
    answer = stream(handler, **{"cpkit.db.handle": "session"}).request(method, "/")
    assert answer.content == {"GET": b"EmmaEmma", "POST": b"SulaSula"}[method]


@pytest.mark.parametrize("any_database", ["sqlite", "memory", "postgresql", mariadb], indirect=True)
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_stream_holds_no_connection_while_it_waits(database, handle, method):
    def handler():
        db = cherrypy.request.db
        run("SELECT 1").fetchall()

        def body():
            for _ in range(2):
                held.append(database.figures().in_use)
                yield str(run("SELECT 42", db).fetchall()[0][0]).encode()
            held.append(database.figures().in_use)

        return body()

    held = []
    answer = stream(handler, **{"cpkit.db.handle": handle}).request(method, "/")
    assert (answer.content, held) == (b"4242", [0, 0, 0])


# ------------------------------ what was set is gone (D3, D9, D16) ------------------------------

LEFT = {
    "sqlite": [
        ("PRAGMA foreign_keys(0)", "PRAGMA foreign_keys", 1),
        ("PRAGMA cache_size = -77", "PRAGMA cache_size", -2000),
        ("CREATE TEMP TABLE u (a)", "SELECT count(*) FROM sqlite_temp_master", 0),
        ("ATTACH ':memory:' AS other", "SELECT count(*) FROM pragma_database_list", 1),
    ],
    "postgresql": [
        ("SET app.tenant = 'x'", "SELECT coalesce(current_setting('app.tenant', true), '')", ""),
        ("SELECT set_config('app.tenant', 'x', false)", "SELECT count(*) FROM pg_locks "
         "WHERE current_setting('app.tenant', true) = 'x'", 0),
        ("SET search_path = pg_catalog", "SHOW search_path", '"$user", public'),
        ("SET ROLE pg_monitor", "SELECT current_user::text", "me"),
        ("CREATE TEMP TABLE u (a INTEGER)", "SELECT count(*) FROM pg_class WHERE relname = 'u'", 0),
        ("SELECT pg_advisory_lock(7)", "SELECT count(*) FROM pg_locks "
         "WHERE locktype = 'advisory'", 0),
        ("LISTEN news", "SELECT count(*) FROM pg_listening_channels()", 0),
    ],
    "mariadb": [
        ("SET SESSION sql_mode = 'ANSI'", "SELECT @@sql_mode = 'ANSI'", 0),
        ("SET @left = 1", "SELECT @left IS NULL", 1),
        # This version shows no temporary table: a connection that has made none has none.
        ("CREATE TEMPORARY TABLE u (a INTEGER)", "SELECT variable_value FROM information_schema."
         "session_status WHERE variable_name = 'COM_CREATE_TEMPORARY_TABLE'", 0),
    ],
}  # fmt: skip
MARKS = {"mariadb": pytest.mark.faults}
CASES = [
    pytest.param(kind, *case, id=f"{kind}-{case[0]}", marks=MARKS.get(kind, ()))
    for kind, cases in LEFT.items()
    for case in cases
]  # fmt: skip


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize(
    ("any_database", "sets", "asks", "expected"), CASES, indirect=["any_database"]
)
def test_what_a_request_set_is_gone(start_database, any_database, handle, sets, asks, expected):
    start_database(any_database, pool_size=1, statement_timeout=60)

    def handler(ask=None):
        if ask is None:
            run(sets)
            return "set"
        return str(run(asks).fetchone()[0])

    client = serve(handler, **{"cpkit.db.handle": handle})
    client.raise_exceptions = True
    client.post("/")
    assert client.post("/?ask=1").text == str(expected)


def test_a_connection_that_was_told_to_discard_all_keeps_its_time_limit(start_database, postgres):
    database = start_database(postgres.url, pool_size=1, statement_timeout=60)
    pids = set()
    for _ in range(2):
        with database.begin(write=False) as unit:
            unit.execute(text("SET app.x = '1'"))
            pids.add(unit.scalar(text("SELECT pg_backend_pid()")))
            assert unit.scalar(text("SHOW statement_timeout")) == "1min"
    assert len(pids) == 1


def test_a_connection_is_kept_after_a_transaction_that_a_reader_asked_for(start_database, postgres):
    database = start_database(postgres.url, pool_size=1)
    pids = set()
    for _ in range(2):
        with database.begin(write=False) as unit, unit.begin():
            pids.add(unit.scalar(text("SELECT pg_backend_pid()")))
    assert len(pids) == 1


@pytest.mark.parametrize("handle", HANDLES)
def test_set_local_counts_in_a_reading_request_too(start_database, postgres, handle):
    database = start_database(postgres.url, pool_size=1)

    def handler(how):
        run({"set": "SET LOCAL app.x = 'y'", "call": "SELECT set_config('app.x', 'y', true)"}[how])
        return str(run("SELECT current_setting('app.x', true)").fetchone()[0])

    client = serve(handler, **{"cpkit.db.handle": handle})
    assert [client.get(f"/?how={how}").text for how in ("set", "call")] == ["y", "y"]
    with database.begin(write=False) as unit:
        assert not unit.scalar(text("SELECT current_setting('app.x', true)"))


@on_servers
@pytest.mark.parametrize("handle", ["connection", "session"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_begin_and_savepoints_mean_what_they_mean_in_sqlalchemy(database, handle, method):
    def handler():
        db = cherrypy.request.db
        with db.begin():
            db.execute(text("SELECT 1"))
            with db.begin_nested() as savepoint:
                db.execute(text("SELECT a FROM t"))
                savepoint.rollback()
        with db.begin_nested():
            db.execute(text("SELECT 1"))
        return "ok"

    client = serve(handler, **{"cpkit.db.handle": handle})
    client.raise_exceptions = True
    assert client.request(method, "/").text == "ok"


@pytest.mark.parametrize("handle", ["connection", "session"])
def test_begin_in_a_reading_request_is_one_transaction(start_database, postgres, handle):
    start_database(postgres.url, pool_size=1)

    def handler():
        db, now = cherrypy.request.db, text("SELECT now()::text")
        with db.begin():
            inside = {db.scalar(now), db.scalar(now)}
        return f"{len(inside)} {len({db.scalar(now), db.scalar(now)})}"

    assert serve(handler, **{"cpkit.db.handle": handle}).get("/").text == "1 2"


@on_every_database
def test_a_redirect_inside_a_block_of_ones_own_is_committed(database):
    def handler():
        with cherrypy.engine.db.begin() as unit:
            insert(1, unit)
            raise cherrypy.HTTPRedirect("/elsewhere")

    assert serve(handler).post("/").status_code == 303
    assert stored() == [1]


@on_every_database
def test_a_job_commits_many_times_and_holds_nothing_between(database):
    with database.begin("session") as orm:
        for title in ("Emma", "Sula"):
            orm.add(Book(title=title))
            orm.commit()
            assert database.figures().in_use == 0
            with database.begin() as other:  # whose turn it is to write
                insert(len(title) + len(stored()), other)
    assert len(stored()) == 2


class Marked(Session):
    pass


@on_every_database
def test_session_class_and_options_are_heeded(start_database, any_database):
    options = {"expire_on_commit": False, "autoflush": False}
    database = start_database(
        any_database, setup=create, session_class=Marked, session_options=options
    )
    with database.begin("session") as orm:
        assert type(orm.handle) is Marked
        assert orm.autoflush is False
        book = Book(title="Emma")
        orm.add(book)
    assert book.title == "Emma"


def test_without_options_an_object_is_detached_after_its_block(start_database):
    database = start_database(setup=create)
    with database.begin("session") as orm:
        book = Book(title="Emma")
        orm.add(book)
    with pytest.raises(DetachedInstanceError):
        book.title  # noqa: B018


# ------------------------------ lost transactions (D2, D11) ------------------------------


def tolerant():
    """Insert, fail, catch it and go on."""
    insert(1)
    try:
        insert(1)
    except Exception:
        cherrypy.request.db.queries  # noqa: B018
    return "ok"


@on_servers
@pytest.mark.parametrize("handle", ["connection", "dbapi"])
def test_a_statement_that_failed_and_was_caught(database, handle):
    answer = serve(tolerant, **{"cpkit.db.handle": handle}).post("/")
    if database.url.startswith("postgresql"):
        assert (answer.status_code, stored()) == (500, [])
        assert isinstance(answer.exception, TransactionLostError)
    else:  # the statement alone was undone
        assert (answer.status_code, stored()) == (200, [1])


@pytest.mark.parametrize("any_database", ["postgresql", "generic"], indirect=True)
@pytest.mark.parametrize("how", ["commit", "begin", "handle", "commit_on"])
@pytest.mark.parametrize("handle", HANDLES)
def test_postgresqls_aborted_transaction_is_never_taken_for_committed(database, handle, how):
    def handler():
        db = cherrypy.request.db
        if how == "begin" and handle != "dbapi":
            with db.begin():
                tolerant()
        else:
            tolerant()
        if how == "commit":
            db.commit()
        if how == "handle" and handle != "dbapi":
            db.handle.commit()
        if how == "commit_on":
            cherrypy.response.status = 409
        return "ok"

    client = serve(handler, **{"cpkit.db.handle": handle, "cpkit.db.commit_on": ["4xx"]})
    assert (client.post("/").status_code, stored()) == (500, [])


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("goes_on", [False, True])
def test_sqlites_on_conflict_rollback_is_noticed(start_database, handle, goes_on):
    start_database(setup=create)

    def handler():
        insert(1)
        try:
            run("INSERT OR ROLLBACK INTO t VALUES (1)")
        except Exception:
            if goes_on:
                insert(2)  # which would be a transaction of its own
        return "ok"

    answer = serve(handler, **{"cpkit.db.handle": handle}).post("/")
    assert (answer.status_code, stored()) == (500, [])


@pytest.mark.faults
@pytest.mark.parametrize("any_database", ["mariadb"], indirect=True)
@pytest.mark.parametrize("handle", HANDLES)
def test_mariadbs_victim_of_a_deadlock_is_noticed(database, handle):
    def handler():
        insert(3)
        run("UPDATE t SET a = 11 WHERE a = 1")
        first.set()
        assert second.wait(20)
        try:
            run("UPDATE t SET a = 12 WHERE a = 2")
        except Exception:
            insert(4)
        return "ok"

    first, second = threading.Event(), threading.Event()
    with database.begin() as unit:
        for value in (1, 2):
            insert(value, unit)
        for value in range(100, 140):
            insert(value, unit)
    other = create_engine(database.url).connect()
    other.execute(text("UPDATE t SET a = a + 1000 WHERE a >= 100"))  # the other has done more
    other.execute(text("UPDATE t SET a = 22 WHERE a = 2"))

    def fight():
        assert first.wait(20)
        second.set()
        other.execute(text("UPDATE t SET a = 21 WHERE a = 1"))
        other.rollback()
        other.close()

    thread = threading.Thread(target=fight)
    thread.start()
    answer = serve(handler, **{"cpkit.db.handle": handle}).post("/")
    thread.join()
    assert answer.status_code == 503
    assert not {3, 4} & set(stored())


@on_servers
def test_after_rollback_it_goes_on_anew(database):
    def handler():
        tolerant()
        cherrypy.request.db.rollback()
        insert(5)
        return "ok"

    assert (serve(handler).post("/").status_code, stored()) == (200, [5])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("commit_on", ["4x"]), ("commit_on", 200), ("commit_on", "all"), ("commit_on", [True]),
        ("isolation", 5), ("write", "no"), ("read_only", "yes"), ("set_local", "tenant"),
    ],
)  # fmt: skip
def test_a_setting_that_the_tool_cannot_use_is_refused(name, value):
    with pytest.raises(SettingError, match=name):
        cpkit.tools.db(**{name: value})


@pytest.mark.parametrize("statuses", [400, 599, [400, 599], "4xx", ["5xx", 404]])
def test_commit_on_takes_every_status_of_an_error(statuses):
    assert cpkit.tools.db(commit_on=statuses)


# ------------------------------ reading requests write nothing (D10, D18) ---------------------


def by(name: str, *args):
    def use():
        db = cherrypy.request.db
        target = db.cursor() if name.startswith("cursor.") else db
        return getattr(target, name.removeprefix("cursor."))(*args)

    return pytest.param(use, id=f"{name}-{args[0][:20]}")


DELETE = "DELETE FROM t"


@pytest.mark.parametrize(
    "use",
    [
        by("execute", DELETE), by("execute", f"SELECT 1; {DELETE}"),
        by("executescript", DELETE), by("executescript", f"SELECT 1; {DELETE}"),
        by("cursor.execute", DELETE), by("cursor.executescript", DELETE),
        by("execute", "PRAGMA user_version(7)"),
        by("executemany", "DELETE FROM t WHERE a = ?", [(1,)]),
    ],
)  # fmt: skip
def test_sqlite_writes_nothing_in_a_reading_request(start_database, use):
    database = start_database(setup=create)
    with database.begin() as unit:
        insert(1, unit)
    answer = serve(lambda: str(use()), **{"cpkit.db.handle": "dbapi"}).get("/")
    assert (answer.status_code, stored()) == (500, [1])
    with database.begin(write=False) as unit:
        assert unit.scalar(text("PRAGMA user_version")) == 0


@pytest.mark.parametrize("handle", ["connection", "dbapi"])
def test_sqlite_guards_what_nobody_watches(start_database, handle):
    database = start_database(setup=create)

    def handler():
        unit = cherrypy.request.db
        raw = unit.handle if handle == "dbapi" else unit.connection.driver_connection
        raw.executescript("INSERT INTO t VALUES (1)")

    assert serve(handler, **{"cpkit.db.handle": handle}).get("/").status_code == 500
    assert stored() == []
    with database.engine.begin() as connection:  # which is not guarded
        connection.execute(text("INSERT INTO t VALUES (2)"))
    assert stored() == [2]


@pytest.mark.parametrize(
    "use",
    [
        by("execute", DELETE), by("cursor.execute", f"SELECT 1; {DELETE}"),
        by("cursor.copy", "COPY t FROM STDIN"),
        by("cursor.stream", "DELETE FROM t RETURNING a"), by("cursor.callproc", "f"),
    ],
)  # fmt: skip
def test_postgresql_writes_nothing_in_a_reading_request(start_database, postgres, use):
    database = start_database(postgres.url, setup=create)
    with database.begin() as unit:
        insert(1, unit)

    def handler():
        found = use()
        return str(list(found)) if not hasattr(found, "__enter__") else str(found.__enter__())

    answer = serve(handler, **{"cpkit.db.handle": "dbapi"}).get("/")
    assert (answer.status_code, stored()) == (500, [1])


def test_what_does_not_write_may_be_done_while_reading(start_database, postgres):
    start_database(postgres.url, setup=create, pool_size=1)

    def handler():
        db = cherrypy.request.db
        db.execute("LISTEN news")
        with db.cursor().copy("COPY (SELECT 1) TO STDOUT") as copy:
            return b"".join(copy)

    assert serve(handler, **{"cpkit.db.handle": "dbapi"}).get("/").text == "1\n"


def test_a_script_is_part_of_the_transaction(start_database):
    start_database(setup=create)

    def handler():
        cherrypy.request.db.executescript("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2);")
        raise cherrypy.HTTPError(409)

    client = serve(handler, **{"cpkit.db.handle": "dbapi"})
    assert (client.post("/").status_code, stored()) == (409, [])


def test_a_cursor_that_outlives_a_commit_is_in_the_next_transaction(start_database):
    start_database(setup=create)

    def handler():
        cursor = cherrypy.request.db.cursor()
        cursor.execute("INSERT INTO t VALUES (1)")
        cherrypy.request.db.commit()
        cursor.execute("INSERT INTO t VALUES (2)")
        raise cherrypy.HTTPError(409)

    serve(handler, **{"cpkit.db.handle": "dbapi"}).post("/")
    assert stored() == [1]


@on_servers
@pytest.mark.parametrize("handle", HANDLES)
def test_a_commit_in_sql_is_a_commit(database, handle):
    def handler():
        insert(1)
        run("COMMIT")
        insert(2)
        raise cherrypy.HTTPError(409)

    serve(handler, **{"cpkit.db.handle": handle}).post("/")
    assert stored() == [1]


# ------------------------------ after the commit, and for the transaction ---------------------


@on_servers
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize(
    ("ends", "called"),
    [("return", ["a"]), ("409", []), ("raise", []), ("commit", ["a"]), ("rollback", ["b"])],
)
def test_on_commit_is_called_after_a_commit_alone(database, handle, ends, called):
    def handler():
        db = cherrypy.request.db
        insert(1)
        db.on_commit(lambda: calls.append(("a", database.figures().in_use)))
        if ends == "commit":
            db.commit()
            calls.append(("committed", 0))
            raise ZeroDivisionError
        if ends == "rollback":
            db.rollback()
            insert(2)
            db.on_commit(lambda: calls.append(("b", database.figures().in_use)))
        if ends == "409":
            cherrypy.response.status = 409
        if ends == "raise":
            raise ZeroDivisionError
        return "ok"

    calls = []
    serve(handler, **{"cpkit.db.handle": handle}).post("/")
    assert [name for name, _ in calls if name != "committed"] == called
    if ends in ("return", "rollback"):
        assert calls[-1][1] == 0  # no connection is held meanwhile


@on_servers
@pytest.mark.parametrize("first", [True, False], ids=["the call first", "the row first"])
@pytest.mark.parametrize("handle", ["connection", "session"])
def test_what_a_savepoint_undid_is_not_called(database, handle, first):
    def handler():
        db = cherrypy.request.db
        db.on_commit(lambda: calls.append("outer"))
        with db.begin_nested() as savepoint:
            if not first:
                insert(1)
            db.on_commit(lambda: calls.append("inner"))
            insert(2)
            savepoint.rollback()
        with db.begin_nested(), db.begin_nested():
            db.on_commit(lambda: calls.append("released"))
        return "ok"

    calls = []
    serve(handler, **{"cpkit.db.handle": handle}).post("/")
    assert calls == ["outer", "released"]
    assert stored() == []


def test_a_call_that_fails_after_the_commit_does_not_change_the_answer(start_database, caplog):
    start_database(setup=create)

    def handler():
        insert(1)
        cherrypy.request.db.on_commit(lambda: 1 / 0)
        return "ok"

    assert (serve(handler).post("/").status_code, stored()) == (200, [1])
    assert "ZeroDivisionError" in caplog.text


@pytest.fixture
def tenants(start_database, postgres):
    """A table under row-level security, two tenants' rows in it, and a role for whom it counts."""

    def set_up(connection):
        for statement in (
            "DROP TABLE IF EXISTS notes",
            "CREATE TABLE notes (tenant TEXT DEFAULT current_setting('app.tenant'), body TEXT)",
            "ALTER TABLE notes ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY own ON notes USING (tenant = current_setting('app.tenant', true))",
            "DO $$ BEGIN CREATE ROLE web; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
            "GRANT USAGE ON SCHEMA public TO web",
            "GRANT ALL ON notes TO web",
            "INSERT INTO notes VALUES ('a', 'of a'), ('b', 'of b')",
        ):
            connection.execute(text(statement))

    return start_database(postgres.url, setup=set_up, pool_size=1)


@pytest.mark.parametrize("handle", HANDLES)
def test_a_request_sees_its_tenants_rows_alone(tenants, handle):
    def handler():
        if cherrypy.request.method == "POST":
            run("INSERT INTO notes (body) VALUES ('new')")
            cherrypy.request.db.commit()  # and the next transaction is the tenant's as well
        return ",".join(row[0] for row in run("SELECT body FROM notes ORDER BY body"))

    local = {"app.tenant": lambda: cherrypy.request.headers["X-Tenant"], "role": "web"}
    client = serve(handler, **{"cpkit.db.handle": handle, "cpkit.db.set_local": local})
    client.raise_exceptions = True
    assert client.get("/", headers={"X-Tenant": "a"}).text == "of a"
    assert client.post("/", headers={"X-Tenant": "b"}).text == "new,of b"
    assert client.get("/", headers={"X-Tenant": "a"}).text == "of a"
    with tenants.begin(write=False) as unit:
        assert unit.scalar(text("SELECT current_user::text")) == "me"


@pytest.mark.parametrize("handle", HANDLES)
def test_a_tenant_that_there_is_not_is_refused(tenants, handle):
    def handler():
        return str(run("SELECT count(*) FROM notes").fetchone()[0])

    local = {"app.tenant": lambda: cherrypy.request.login, "role": "web"}
    answer = serve(handler, **{"cpkit.db.handle": handle, "cpkit.db.set_local": local}).get("/")
    assert answer.status_code == 500
    assert isinstance(answer.exception, SettingError)
    assert tenants.figures().in_use == 0


def test_set_local_is_postgresqls(start_database):
    database = start_database(setup=create)
    with pytest.raises(SettingError, match="PostgreSQL"):
        database.unit(set_local={"app.tenant": "a"}).execute(text("SELECT 1"))
