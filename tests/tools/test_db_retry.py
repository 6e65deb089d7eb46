"""Handlers that are run again after a conflict: concurrent work on real servers keeps its sum."""

from concurrent.futures import ThreadPoolExecutor

import cherrypy
import psycopg
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from cpkit.config_check import faults
from cpkit.dispatchers import RoutesDispatcher
from cpkit.errors import OutcomeUnknownError
from cpkit.testing import Client
from tests.statements import HANDLES


class Bank:
    """Four accounts, read and then written."""

    @cherrypy.expose
    def transfer(self, source, target):
        db = cherrypy.request.db
        found = dict(db.execute(text("SELECT id, amount FROM accounts")).all())
        write = text("UPDATE accounts SET amount = :amount WHERE id = :id")
        for account, change in ((source, -1), (target, 1)):
            db.execute(write, {"amount": found[int(account)] + change, "id": int(account)})
        return "ok"

    @cherrypy.expose
    def add(self):
        db = cherrypy.request.db
        amount = db.scalar(text("SELECT amount FROM accounts WHERE id = 0"))
        write = text("UPDATE accounts SET amount = :amount WHERE id = 0")
        db.execute(write, {"amount": amount + 1})
        return "ok"


def open_accounts(connection):
    connection.execute(text("DROP TABLE IF EXISTS accounts"))
    connection.execute(text("CREATE TABLE accounts (id INTEGER PRIMARY KEY, amount INTEGER)"))
    for account in range(4):
        connection.execute(text("INSERT INTO accounts VALUES (:id, 0)"), {"id": account})


def amounts(database) -> list[int]:
    with database.begin(write=False) as connection:
        return list(connection.scalars(text("SELECT amount FROM accounts ORDER BY id")))


def send(paths) -> list[int]:
    with ThreadPoolExecutor(8) as pool:
        post = lambda path: Client(raise_exceptions=False).post(path).status_code  # noqa: E731
        return list(pool.map(post, paths))


@pytest.fixture
def bank(start_database, any_database):
    database = start_database(any_database, setup=open_accounts, timeout=20)
    level = {"cpkit.db.isolation": "SERIALIZABLE"}
    cherrypy.tree.mount(Bank(), "/", {"/": {"cpkit.db.on": True, "cpkit.db.retry": 30, **level}})
    yield database
    assert database.figures().in_use == 0


def test_no_update_is_lost(bank):
    assert set(send(["/add"] * 100)) == {200}
    assert amounts(bank)[0] == 100


def test_none_of_400_updates_of_what_was_read_is_lost(start_database):
    database = start_database(setup=open_accounts, synchronous="OFF", timeout=20)
    cherrypy.tree.mount(Bank(), "/", {"/": {"cpkit.db.on": True}})
    assert set(send(["/add"] * 400)) == {200}
    assert amounts(database)[0] == 400


def test_transfers_keep_the_sum(bank):
    paths = [f"/transfer?source={n % 4}&target={(n * 3 + 1) % 4}" for n in range(60)]
    assert set(send(path for path in paths if path[17] != path[-1])) == {200}
    assert sum(amounts(bank)) == 0


class Once:
    """Fail the first time, in ways that a driver fails."""

    def __init__(self, error):
        self.error, self.calls = error, 0

    @cherrypy.expose
    def index(self, word="", upload=None):
        self.calls += 1
        cherrypy.request.db.execute(text("SELECT 1"))
        response = cherrypy.response
        response.headers[f"X-Try-{self.calls}"] = "1"
        response.cookie[f"try{self.calls}"] = "1"
        read = upload.file.read().decode() if upload is not None else ""
        cherrypy.request.params["word"] = "changed"
        if self.calls == 1:
            response.status = 202
            raise self.error
        if upload is not None:
            upload.file.close()
        return f"{word}{read}"

    @cherrypy.expose
    def generator(self):
        self.calls += 1
        yield "a"
        if self.calls == 1:
            raise self.error

    @cherrypy.expose
    def redirect(self):
        self.calls += 1
        if self.calls == 1:
            raise self.error
        raise cherrypy.HTTPRedirect("/")

    @cherrypy.expose
    def stream(self):
        self.calls += 1
        cherrypy.request.db.execute(text("SELECT 1"))
        raise self.error


CONFLICT = psycopg.errors.SerializationFailure
LOST = psycopg.OperationalError


@pytest.fixture
def once(start_database, cp_client):
    start_database()
    cp_client.raise_exceptions = False

    def mount(error):
        root = Once(error)
        config = {"cpkit.db.on": True, "cpkit.db.retry": 2}
        stream = {"response.stream": True}  # of a section, which the check at the start leaves out
        cherrypy.tree.mount(root, "/", {"/": config, "/stream": stream})
        return root

    return mount


@pytest.mark.parametrize("error", [CONFLICT, LOST])
def test_the_second_try_finds_everything_as_the_first_did(once, cp_client, error):
    once(error())
    response = cp_client.post("/", data={"word": "x"})
    assert (response.status_code, response.text) == (200, "x")
    assert "X-Try-1" not in response.headers
    assert "X-Try-2" in response.headers
    assert "try1" not in cp_client.cookies


def test_a_cookie_is_put_back_with_all_that_it_says(once, cp_client):
    root, tries = once(CONFLICT()), []

    def prepare():
        cherrypy.response.cookie["kept"] = 'a "b"; c'
        cherrypy.response.cookie["kept"].update({"path": "/x", "httponly": True, "max-age": 60})
        tries.append(None)

    cherrypy.tree.apps[""].config["/"]["hooks.before_handler.prepare"] = prepare
    work = root.index

    @cherrypy.expose
    def index():
        cookie = cherrypy.response.cookie
        tries[-1] = cookie.output()
        cookie["kept"]["path"] = "/y"
        cookie["kept"].set("kept", "other", "other")
        tries.append(None)
        return work()

    root.index = index
    assert cp_client.get("/").status_code == 200
    first, second, _ = tries
    assert first == second
    assert 'kept="a \\"b\\"\\073 c"; HttpOnly; Max-Age=60; Path=/x' in first


def test_an_upload_is_read_from_its_beginning_again(once, cp_client):
    once(CONFLICT())
    disposition = b'Content-Disposition: form-data; name="upload"; filename="f"'
    part = b"--b\r\n" + disposition + b"\r\n\r\nfile\r\n--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert cp_client.post("/", data=part, headers=headers).text == "file"


def test_a_body_that_is_generated_is_part_of_the_try(once, cp_client):
    once(CONFLICT())
    assert cp_client.post("/generator").text == "a"


def test_a_body_whose_length_is_told_is_not_read_before_it_is_sent(once, cp_client):
    root, pieces, read = once(CONFLICT()), iter([b"a", b"b"]), []

    @cherrypy.expose
    def download():
        told = {"Content-Length": "1", "Content-Type": "application/octet-stream"}
        cherrypy.response.headers.update(told)
        return pieces

    root.download = download
    note = {"hooks.before_finalize.note": lambda: read.append(next(pieces))}
    cherrypy.tree.apps[""].config["/download"] = note
    assert cp_client.get("/download").content == b"b"
    assert read == [b"a"]


def test_a_redirect_is_an_answer(once, cp_client):
    root = once(CONFLICT())
    assert cp_client.post("/redirect").status_code == 303
    assert root.calls == 2


@pytest.mark.parametrize(
    ("error", "status"), [(OutcomeUnknownError(), 500), (ZeroDivisionError(), 500)]
)
def test_what_may_have_happened_is_not_done_again(once, cp_client, error, status):
    root = once(error)
    assert (cp_client.post("/").status_code, root.calls) == (status, 1)


def test_a_status_that_commits_too_is_part_of_the_try(refusing_once, cp_client):
    database, calls = refusing_once, []

    class Shop:
        @cherrypy.expose
        def index(self):
            calls.append("index")
            cherrypy.request.db.execute(text("INSERT INTO paid VALUES (12)"))
            cherrypy.response.status = 409
            return "noted"

    config = {"cpkit.db.on": True, "cpkit.db.retry": 1, "cpkit.db.commit_on": [409]}
    cherrypy.tree.mount(Shop(), "/", {"/": config})
    assert (cp_client.post("/").status_code, calls) == (409, ["index", "index"])
    with database.begin(write=False) as unit:
        assert unit.scalar(text("SELECT count(*) FROM paid")) == 1


def test_what_a_handler_has_committed_is_not_done_twice(start_database, cp_client):
    class Halves:
        @cherrypy.expose
        def index(self):
            write = text("UPDATE accounts SET amount = amount + 1 WHERE id = 0")
            cherrypy.request.db.execute(write)
            cherrypy.request.db.commit()
            raise CONFLICT

    database = start_database(setup=open_accounts)
    cherrypy.tree.mount(Halves(), "/", {"/": {"cpkit.db.on": True, "cpkit.db.retry": 2}})
    cp_client.raise_exceptions = False
    assert cp_client.post("/").status_code == 503
    assert amounts(database)[0] == 1


def test_a_stream_is_not_run_again(once, cp_client):
    root = once(CONFLICT())
    assert (cp_client.post("/stream").status_code, root.calls) == (503, 1)


class Streams:
    """A body made while it is sent, with ``response.stream`` from one place or another."""

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def decorated(self):
        yield b"a"

    @cherrypy.expose
    def plain(self):
        yield b"a"

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True, "cpkit.db.retry": 0})
    def once(self):
        yield b"a"


ON = {"cpkit.db.on": True, "cpkit.db.retry": 2}
STREAM = {"response.stream": True}


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"/": ON}, ["Streams.decorated"]),
        ({"/": {**ON, **STREAM}}, ["Streams.decorated", "Streams.plain"]),
        ({"/": {**ON, "cpkit.db.retry": 0}}, []),
        ({"/": {**ON, "cpkit.db.on": False}}, []),
    ],
    ids=["decorator", "section", "no retry", "off"],
)
def test_a_handler_that_streams_and_is_to_be_run_again_ends_the_start(once, config, found):
    cherrypy.tree.mount(Streams(), "/", config)
    told = [str(fault) for fault in faults()]
    assert all("cpkit.db.retry runs a handler again" in it for it in told)
    places = [it.partition(" in ")[2].partition(" cannot")[0] for it in told]
    assert sorted(it for it in places if it.startswith("Streams")) == found  # not the favicon


def test_a_route_that_streams_and_is_to_be_run_again_ends_the_start(once):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("s", "/s", Streams(), action="plain", config={**ON, **STREAM})
    cherrypy.tree.mount(None, "/", {"/": {"request.dispatch": dispatcher}})
    (fault,) = faults()
    assert "cpkit.db.retry runs a handler again" in str(fault)


def test_without_retry_a_conflict_is_a_503(once, cp_client):
    root = once(CONFLICT())
    cherrypy.tree.apps[""].merge({"/": {"cpkit.db.retry": 0}})
    response = cp_client.post("/")
    assert (response.status_code, root.calls) == (503, 1)
    assert response.headers["Retry-After"] == "1"


def test_after_its_tries_the_error_is_let_out(start_database, cp_client):
    class Never:
        calls = 0

        @cherrypy.expose
        def index(self):
            self.calls += 1
            raise CONFLICT

    start_database()
    root = Never()
    cherrypy.tree.mount(root, "/", {"/": {"cpkit.db.on": True, "cpkit.db.retry": 2}})
    with pytest.raises(CONFLICT):
        cp_client.post("/")
    assert root.calls == 3


class Again:
    """Fail the first time, after having changed what there is to change."""

    def __init__(self):
        self.tries = []

    def fail_once(self, seen):
        self.tries.append(seen)
        cherrypy.request.db.execute(text("SELECT 1"))
        if len(self.tries) == 1:
            raise CONFLICT

    @cherrypy.expose
    def body(self):
        self.fail_once(cherrypy.request.body.read())
        return self.tries[-1]

    @cherrypy.expose
    def lines(self):
        lines = [cherrypy.request.body.readline()]
        if self.tries:
            lines += cherrypy.request.body.readlines()
        self.fail_once(b"".join(lines))
        return self.tries[-1]

    @cherrypy.expose
    def pieces(self):
        pieces = [cherrypy.request.body.readline(2), cherrypy.request.body.readline()]
        self.fail_once(b"|".join(pieces))
        return self.tries[-1]

    @cherrypy.expose
    def rfile(self):
        self.fail_once(cherrypy.request.rfile.read(4))
        return self.tries[-1] + cherrypy.request.rfile.read(2)

    @cherrypy.expose
    @cherrypy.tools.json_in()
    def json(self):
        self.fail_once(cherrypy.request.json.pop("word"))
        return self.tries[-1]

    @cherrypy.expose
    def many(self, word):
        word.append("more")
        self.fail_once(",".join(word))
        return self.tries[-1]

    @cherrypy.expose
    def attributes(self):
        was = getattr(cherrypy.request, "seen", "nothing")
        cherrypy.request.seen = "something"
        cherrypy.request.hooks.attach("before_finalize", lambda: hooked.append(1))
        self.fail_once(was)
        return was

    @cherrypy.expose
    def session(self):
        cherrypy.session["visits"] = cherrypy.session.get("visits", 0) + 1
        cherrypy.session.setdefault("list", []).append(1)
        self.fail_once("")
        return f"{cherrypy.session['visits']} {len(cherrypy.session['list'])}"

    @cherrypy.expose
    def login(self):
        cherrypy.session.regenerate()
        self.fail_once("")
        return "ok"

    @cherrypy.expose
    def begin(self):
        with cherrypy.request.db.begin():
            self.pay()
        self.fail_once("")
        return "ok"

    @cherrypy.expose
    def handle(self):
        self.pay()
        cherrypy.request.db.handle.commit()
        self.fail_once("")
        return "ok"

    @cherrypy.expose
    def engine(self):
        with cherrypy.engine.db.begin() as unit:
            self.pay(unit)
        self.fail_once("")
        return "ok"

    @cherrypy.expose
    def sql(self):
        self.pay()
        cherrypy.request.db.execute(text("COMMIT"))
        self.fail_once("")
        return "ok"

    @cherrypy.expose
    @cherrypy.config(**{"cpkit.db.handle": "dbapi"})
    def raw(self):
        cherrypy.request.db.handle.execute("UPDATE accounts SET amount = amount + 1 WHERE id = 0")
        cherrypy.request.db.handle.commit()
        self.tries.append("")
        raise CONFLICT

    @cherrypy.expose
    def stream(self):
        cherrypy.response.stream = True
        return iter([b"a", b"b"])

    def pay(self, unit=None):
        write = text("UPDATE accounts SET amount = amount + 1 WHERE id = 0")
        (unit or cherrypy.request.db).execute(write)


hooked = []


@pytest.fixture
def again(start_database, cp_client):
    database = start_database(setup=open_accounts)
    root = Again()
    root.database = database
    config = {"cpkit.db.on": True, "cpkit.db.retry": 2, "tools.sessions.on": False}
    sessions = {"tools.sessions.on": True}
    cherrypy.tree.mount(root, "/", {"/": config, "/session": sessions, "/login": sessions})
    cp_client.raise_exceptions = False
    hooked.clear()
    return root


TEXT = {"Content-Type": "text/plain"}


@pytest.mark.parametrize("path", ["body", "lines", "pieces", "rfile"])
def test_the_body_is_there_again(again, cp_client, path):
    answer = cp_client.post(f"/{path}", data=b"one\ntwo\n"[:8], headers=TEXT)
    expected = {"pieces": b"on|e\n", "rfile": b"one\ntw"}.get(path, b"one\ntwo\n")
    assert (answer.status_code, answer.content) == (200, expected)
    assert len(again.tries) == 2


def test_a_long_body_is_there_again(again, cp_client):
    long = b"x" * 3_000_000
    assert cp_client.post("/body", data=long, headers=TEXT).content == long


def test_json_and_lists_are_there_again(again, cp_client):
    assert cp_client.post("/json", json={"word": "a"}).text == "a"
    again.tries.clear()
    assert cp_client.post("/many?word=a&word=b").text == "a,b,more"


def test_what_was_put_on_the_request_is_gone(again, cp_client):
    assert cp_client.post("/attributes").text == "nothing"
    assert hooked == [1]


def test_a_session_is_changed_once(again, cp_client):
    assert cp_client.post("/session").text == "1 1"
    again.tries.clear()
    assert cp_client.post("/session").text == "2 2"


@pytest.mark.parametrize("path", ["begin", "handle", "engine", "sql", "raw"])
def test_a_commit_by_whatever_handle_is_not_done_twice(again, cp_client, path):
    assert cp_client.post(f"/{path}").status_code == 503
    assert (len(again.tries), amounts(again.database)[0]) == (1, 1)


def test_a_new_session_id_cannot_be_undone(again, cp_client):
    assert cp_client.post("/login").status_code == 503
    assert len(again.tries) == 1


def test_a_handler_that_says_it_streams_does(again, cp_client):
    assert cp_client.post("/stream").content == b"ab"


REFUSED_ONCE = """
CREATE SEQUENCE tries;
CREATE TABLE paid (amount INTEGER);
CREATE FUNCTION refuse_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('tries') = 1 THEN
        RAISE EXCEPTION 'not the first time' USING ERRCODE = '40001';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER refused AFTER INSERT ON paid
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_once();
"""


@pytest.fixture
def refusing_once(start_database, postgres):
    """A database whose first commit of a payment is a conflict."""
    with psycopg.connect(postgres.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(REFUSED_ONCE)
    return start_database(postgres.url)


@pytest.mark.parametrize("status", [200, 303])
def test_a_conflict_that_shows_at_the_commit_is_one_as_well(refusing_once, cp_client, status):
    database, calls = refusing_once, []

    class Shop:
        @cherrypy.expose
        def pay(self):
            calls.append("pay")
            cherrypy.request.db.execute(text("INSERT INTO paid VALUES (12)"))
            if status == 303:
                raise cherrypy.HTTPRedirect("/receipt")
            return "paid"

    cherrypy.tree.mount(Shop(), "/", {"/": {"cpkit.db.on": True, "cpkit.db.retry": 1}})
    assert (cp_client.post("/pay").status_code, calls) == (status, ["pay", "pay"])
    with database.begin(write=False) as unit:
        assert unit.execute(text("SELECT amount FROM paid")).scalars().all() == [12]


@pytest.mark.parametrize("handle", HANDLES)
def test_what_a_handler_did_before_its_stream_is_done_again(refusing_once, cp_client, handle):
    calls = []

    class Shop:
        @cherrypy.expose
        def pay(self):
            calls.append("pay")
            cherrypy.response.stream = True
            statement = "INSERT INTO paid VALUES (12)"
            cherrypy.request.db.execute(statement if handle == "dbapi" else text(statement))
            return self.body()

        def body(self):
            rows = cherrypy.request.db.execute(
                "SELECT amount FROM paid" if handle == "dbapi" else text("SELECT amount FROM paid")
            )
            yield f"{rows.fetchone()[0]} paid".encode()

    config = {"cpkit.db.on": True, "cpkit.db.retry": 1, "cpkit.db.handle": handle}
    cherrypy.tree.mount(Shop(), "/", {"/": config})
    answer = cp_client.post("/pay")
    assert (answer.status_code, answer.content, calls) == (200, b"12 paid", ["pay", "pay"])


def test_whether_it_streams_is_put_back_too(once, cp_client):
    root = once(CONFLICT())

    def index():
        root.calls += 1
        if root.calls == 1:
            cherrypy.response.stream = True
            raise CONFLICT()
        return "not streamed"

    root.index = cherrypy.expose(index)
    assert cp_client.post("/").headers.get("Content-Length") == "12"
