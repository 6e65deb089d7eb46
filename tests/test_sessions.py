"""Sessions in the plugin's database: on every kind of it, none lost, none taken over."""

import datetime
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import cherrypy
import pytest
from cherrypy.lib.sessions import Session
from sqlalchemy import event, text

import cpkit.tools  # noqa: F401
from cpkit.config_check import faults
from cpkit.database.turns import Queue
from cpkit.errors import DatabaseNotRunningError, SessionDataError
from cpkit.sessions import DatabaseSession
from cpkit.testing import Client


class Visits:
    @cherrypy.expose
    def index(self):
        cherrypy.session["visits"] = cherrypy.session.get("visits", 0) + 1
        return str(cherrypy.session["visits"])

    @cherrypy.expose
    def with_database(self, fails=None):
        cherrypy.request.db.execute(text("SELECT 1"))
        cherrypy.session["visits"] = cherrypy.session.get("visits", 0) + 1
        if fails:
            raise ZeroDivisionError
        return str(cherrypy.session["visits"])

    @cherrypy.expose
    def untouched(self):
        return "ok"

    @cherrypy.expose
    def set(self, value):
        cherrypy.session["value"] = {"object": object(), "tuple": (1, 2)}[value]
        return "ok"

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def writing_stream(self):
        cherrypy.session["visits"] = 20
        db = cherrypy.request.db

        def body():
            for n in range(2):
                db.execute(text(f"INSERT INTO seen VALUES ({n})"))
                yield b"more"

        return body()

    @cherrypy.expose
    def long(self, length):
        found = cherrypy.session.get("long", "")
        cherrypy.session["long"] = "x" * int(length)
        return str(len(found))

    @cherrypy.expose
    def regenerate(self):
        cherrypy.session.regenerate()
        return cherrypy.session.id

    @cherrypy.expose
    def forget(self):
        cherrypy.session.delete()
        return "ok"

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def stream(self):
        cherrypy.session["visits"] = 10
        yield b"streamed"


CONFIG = {
    "/": {
        "tools.sessions.on": True,
        "tools.sessions.storage_class": DatabaseSession,
        "tools.sessions.clean_freq": 0,
        "tools.sessions.lock_wait": 60,
        "cpkit.db.on": True,
    }
}


@pytest.fixture
def visits(start_database, any_database):
    database = start_database(any_database, timeout=20)
    cherrypy.tree.mount(Visits(), "/", CONFIG)
    yield database
    with database.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS cpkit_sessions"))
    assert database.figures().in_use == 0


def rows(database) -> int:
    with database.begin(write=False) as connection:
        return connection.scalar(text("SELECT count(*) FROM cpkit_sessions"))


def test_a_session_is_kept_between_requests(visits):
    client = Client()
    assert [client.get("/").text for _ in range(3)] == ["1", "2", "3"]
    assert Client().get("/").text == "1"
    assert rows(visits) == 2


def test_a_session_that_was_never_used_is_not_stored(visits):
    Client().get("/untouched")
    assert rows(visits) == 0


def test_requests_at_the_same_time_lose_no_update(visits):
    first = Client()
    first.get("/")

    def visit(_) -> int:
        client = Client()
        client.cookies["session_id"] = first.cookies["session_id"]
        return client.get("/").status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(visit, range(30))) == {200}
    assert first.get("/").text == "32"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_goes_together_with_the_requests_own_transaction(visits, method):
    client = Client()
    for n in range(1, 4):
        assert client.request(method, "/with_database").text == str(n)


def test_a_request_that_fails_leaves_its_session_unchanged_and_free(visits):
    client = Client(raise_exceptions=False)
    client.post("/with_database")
    assert client.post("/with_database?fails=1").status_code == 500
    assert client.post("/with_database").text == "2"


def test_a_new_id_keeps_the_data_and_forgets_the_old_id(visits):
    client = Client()
    client.get("/")
    old = client.cookies["session_id"]
    assert client.get("/regenerate").text != old
    assert client.get("/").text == "2"
    assert Client().get("/", headers={"Cookie": f"session_id={old}"}).text == "1"
    assert rows(visits) == 2


def test_a_session_can_be_deleted(visits):
    client = Client()
    client.get("/")
    client.get("/forget")
    assert client.get("/untouched").text == "ok"


def test_an_id_of_the_clients_own_making_is_not_accepted(visits):
    answer = Client().get("/", headers={"Cookie": "session_id=mine"})
    assert "session_id=mine" not in answer.headers["Set-Cookie"]


def test_ids_are_not_in_the_table(visits):
    client = Client()
    client.get("/")
    with visits.begin(write=False) as connection:
        stored = str(connection.execute(text("SELECT * FROM cpkit_sessions")).all())
    assert client.cookies["session_id"] not in stored


def test_expired_sessions_are_gone_and_cleaned_up(visits):
    client = Client()
    client.get("/")
    with visits.begin() as connection:
        connection.execute(text("UPDATE cpkit_sessions SET expires = 1"))
    assert client.get("/").text == "1"
    assert rows(visits) == 2
    assert len(DatabaseSession()) == 1
    DatabaseSession().clean_up()
    assert rows(visits) == 1


def test_a_streamed_response_saves_at_its_end(visits):
    client = Client()
    assert client.get("/stream").text == "streamed"
    assert client.get("/").text == "11"


def test_a_client_that_leaves_mid_stream_leaves_its_session_free(visits):
    with visits.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS seen"))
        connection.execute(text("CREATE TABLE seen (n INTEGER)"))
    client = Client()
    client.get("/")
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/writing_stream",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "x",
        "HTTP_COOKIE": f"session_id={client.cookies['session_id']}",
        "CONTENT_LENGTH": "0",
        "wsgi.input": None,
        "wsgi.url_scheme": "http",
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
    }
    body = cherrypy.tree(environ, lambda *args: None)
    next(body)
    body.close()
    with visits.begin(write=False) as connection:
        assert connection.scalar(text("SELECT owner FROM cpkit_sessions")) is None
    assert client.get("/").text == "21"


def test_a_body_that_fails_when_its_client_leaves_does_not_keep_the_session(visits, caplog):
    class Failing:
        def close(self):
            raise ZeroDivisionError

    class Root:
        @cherrypy.expose
        @cherrypy.config(**{"response.stream": True})
        def index(self):
            cherrypy.session["visits"] = 1
            hook = lambda: setattr(cherrypy.response, "body", Failing())  # noqa: E731
            cherrypy.request.hooks.attach("on_end_request", hook, priority=1)
            return "ok"

    cherrypy.tree.mount(Root(), "/failing", CONFIG)
    client = Client()
    client.get("/failing/")
    assert client.get("/").text == "2"
    assert "A body failed at its end" in caplog.text


def test_a_table_that_was_dropped_is_made_anew(visits):
    client = Client(raise_exceptions=False)
    client.get("/")
    with visits.begin() as connection:
        connection.execute(text("DROP TABLE cpkit_sessions"))
    client.get("/")
    assert [client.get("/").text for _ in range(2)] == ["1", "2"]


def test_a_session_may_hold_more_than_64_kib(visits):
    client = Client()
    client.get("/long?length=100000")
    assert client.get("/long?length=0").text == "100000"


def test_the_lock_of_a_process_that_died_is_void_after_its_lease(visits):
    client = Client()
    client.get("/")
    with visits.begin() as connection:
        connection.execute(text("UPDATE cpkit_sessions SET owner = 'dead', leased_until = 1"))
    assert client.get("/").text == "2"


@pytest.fixture
def sqlite_visits(start_database):
    database = start_database()
    cherrypy.tree.mount(Visits(), "/", CONFIG)
    return database


def test_who_waits_too_long_for_a_session_is_refused(sqlite_visits):
    client = Client(raise_exceptions=False)
    client.get("/")
    taken_by_another_process(sqlite_visits)
    cherrypy.tree.apps[""].merge({"/": {"tools.sessions.lock_wait": 0.05}})
    answer = client.get("/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


class Holder:
    """Write to the session while another process has begun to write to the file."""

    def __init__(self, file):
        self.other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)

    @cherrypy.expose
    def index(self):
        cherrypy.session["visits"] = 1
        self.other.execute("BEGIN IMMEDIATE")
        return "ok"


@pytest.mark.parametrize("locking", ["implicit", "explicit"])
def test_a_session_that_cannot_be_saved_at_the_moment_is_a_503(start_database, tmp_path, locking):
    start_database(timeout=0.1)
    holder, client = Holder(tmp_path / "db.sqlite"), Client(raise_exceptions=False)
    config = {**CONFIG["/"], "cpkit.db.on": False, "tools.sessions.locking": locking}
    cherrypy.tree.mount(holder, "/", {"/": config})
    answer = client.get("/")
    holder.other.close()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


class Hoarder:
    @cherrypy.expose
    def index(self):
        cherrypy.session["hoard"] = cherrypy.session.get("hoard", "") + "x" * 9000
        return "ok"


@pytest.mark.usefixtures("new_minute")
def test_a_session_for_which_the_disk_is_too_full_is_a_503(start_database, caplog):
    start_database(pragmas={"max_page_count": 20})
    cherrypy.tree.mount(Hoarder(), "/", {"/": {**CONFIG["/"], "cpkit.db.on": False}})
    client = Client(raise_exceptions=False)
    statuses = [client.get("/").status_code for _ in range(12)]
    assert {200, 503} == set(statuses)
    assert any(record.levelname == "CRITICAL" for record in caplog.records)


def test_one_clean_up_is_for_every_table(sqlite_visits):
    cherrypy.tree.mount(
        Visits(), "/other", {"/": {**CONFIG["/"], "tools.sessions.table": "other_sessions"}}
    )
    client = Client()
    client.get("/")
    client.get("/other/")
    for name in ("cpkit_sessions", "other_sessions"):
        with sqlite_visits.begin() as connection:
            connection.execute(text(f"UPDATE {name} SET expires = 1"))
    DatabaseSession().clean_up()
    with sqlite_visits.begin(write=False) as connection:
        for name in ("cpkit_sessions", "other_sessions"):
            assert connection.scalar(text(f"SELECT count(*) FROM {name}")) == 0


def test_sessions_that_cannot_be_cleaned_up_now_are_later(sqlite_visits, caplog):
    session = DatabaseSession()
    session.load()
    session._save(session.now() - datetime.timedelta(hours=1))
    sqlite_visits.stop()
    session.clean_up()  # an exception would end CherryPy's thread for good
    assert "Expired sessions are still there" in caplog.text
    sqlite_visits.start()
    session.clean_up()
    assert rows(sqlite_visits) == 0


@pytest.mark.parametrize("locking", ["early", "implicit", "explicit"])
def test_a_server_that_is_gone_is_a_503(start_database, postgres, locking):
    database = start_database(postgres.url, timeout=20)
    cherrypy.tree.mount(Visits(), "/", {"/": {**CONFIG["/"], "tools.sessions.locking": locking}})
    client = Client(raise_exceptions=False)
    assert client.get("/").status_code == 200
    postgres.stop()
    database.timeout = 0.2
    try:
        answers = [client.get("/"), Client(raise_exceptions=False).get("/")]
    finally:
        postgres.start()
    assert [answer.status_code for answer in answers] == [503, 503]
    assert {answer.headers["Retry-After"] for answer in answers} == {"1"}


@pytest.mark.parametrize(
    "cookie", ["x" * 500_000, '"\\001\\000\\377"', '"\x01"', '"é"', "", "../a"]
)
def test_a_cookie_that_is_no_id_begins_a_new_session(sqlite_visits, cookie):
    answer = Client().get("/", headers={"Cookie": f"session_id={cookie}"})
    assert answer.text == "1"
    assert rows(sqlite_visits) == 1


def opened(visits, **data):
    """Return a session that is stored, as each of two requests has it."""
    first = DatabaseSession()
    first.update(data)
    Session.save(first)
    sessions = DatabaseSession(first.id), DatabaseSession(first.id)
    for session in sessions:
        session.load()
    return sessions


def stored(session):
    again = DatabaseSession(session.id)
    again.load()
    return dict(again.items())


def test_who_held_a_session_beyond_its_lease_does_not_overwrite_it(visits):
    slow, quick = opened(visits, a=1)
    slow.acquire_lock()
    with visits.begin() as connection:
        connection.execute(text("UPDATE cpkit_sessions SET leased_until = 1"))
    quick.lease = 0.05  # as long it waits behind who has the session in this process
    quick.acquire_lock()
    quick["user"] = "anna"
    Session.save(quick)
    slow["seen"] = True
    Session.save(slow)
    assert stored(slow) == {"a": 1, "user": "anna", "seen": True}


@pytest.mark.parametrize("locked", [True, False], ids=["with the lock", "without it"])
def test_a_save_without_the_lock_changes_only_what_its_request_changed(visits, locked):
    poll, login = opened(visits, cart=[1], old="x", nested={"a": 1})
    if locked:
        login.acquire_lock()
    login["user"] = "anna"
    del login["old"]
    login["nested"]["a"] = 2
    Session.save(login)
    poll["polled"] = 7
    poll["cart"].append(2)
    Session.save(poll)
    assert stored(poll) == {"user": "anna", "polled": 7, "cart": [1, 2], "nested": {"a": 2}}


def test_a_save_without_the_lock_leaves_anothers_lock_alone(visits):
    poll, holder = opened(visits, a=1)
    holder.acquire_lock()
    poll["polled"] = True
    Session.save(poll)
    third = DatabaseSession(poll.id, lock_wait=0.05)
    with pytest.raises(cherrypy.HTTPError):
        third.acquire_lock()
    holder["held"] = True
    Session.save(holder)
    assert stored(poll) == {"a": 1, "polled": True, "held": True}


def test_a_request_that_only_reads_makes_nobody_fail(visits):
    reader, holder = opened(visits, a=1)
    holder.acquire_lock()
    holder["a"] = 2
    Session.save(reader)
    Session.save(holder)
    assert stored(reader) == {"a": 2}


def test_who_locks_a_session_that_he_has_read_has_its_newest_data(visits):
    early, late = opened(visits, a=1, b=1)
    early["a"] = 2
    Session.save(early)
    late["b"] = 2
    late.acquire_lock()
    assert dict(late.items()) == {"a": 2, "b": 2}
    Session.save(late)
    assert stored(late) == {"a": 2, "b": 2}


def test_a_late_request_does_not_bring_back_a_session_that_was_deleted(visits):
    late, leaving = opened(visits, user="anna")
    leaving.delete()
    late["seen"] = True
    Session.save(late)
    assert DatabaseSession(late.id).missing
    assert rows(visits) == 0


def test_two_requests_that_both_begin_a_session_keep_both_changes(visits):
    one = DatabaseSession()
    other = DatabaseSession()
    other._id = one.id
    one["a"], other["b"] = 1, 2
    Session.save(one)
    Session.save(other)
    assert stored(one) == {"a": 1, "b": 2}


class Log:
    """Log in and out, with the database in use: on SQLite there is one writer at a time."""

    @cherrypy.expose
    def come(self):
        cherrypy.request.db.execute(text("CREATE TABLE IF NOT EXISTS seen (n INTEGER)"))
        cherrypy.session.regenerate()
        cherrypy.session["user"] = "anna"
        return "ok"

    @cherrypy.expose
    def go(self, fails=None):
        cherrypy.request.db.execute(text("CREATE TABLE IF NOT EXISTS gone (n INTEGER)"))
        assert cherrypy.session["user"] == "anna"
        cherrypy.session.delete()
        if fails:
            raise ZeroDivisionError
        return "ok"

    @cherrypy.expose
    def who(self):
        return cherrypy.session.get("user", "nobody")


@pytest.mark.parametrize("locking", ["implicit", "explicit", "early"])
def test_who_logs_in_and_out_may_have_the_database_in_use(visits, locking):
    config = {**CONFIG["/"], "tools.sessions.locking": locking}
    cherrypy.tree.mount(Log(), "/log", {"/": config})
    client = Client(raise_exceptions=False)
    assert client.get("/log/who").text == "nobody"
    before = client.cookies["session_id"]
    assert client.post("/log/come").status_code == 200
    assert client.get("/log/who").text == "anna"
    thief = Client()
    thief.cookies["session_id"] = before
    assert thief.get("/log/who").text == "nobody"
    assert client.post("/log/go?fails=1").status_code == 500
    assert client.get("/log/who").text == "anna"
    stolen = client.cookies["session_id"]
    assert client.post("/log/go").status_code == 200
    thief.cookies["session_id"] = stolen
    assert thief.get("/log/who").text == "nobody"
    with visits.begin() as connection:
        connection.execute(text("DROP TABLE seen"))
        connection.execute(text("DROP TABLE gone"))


@pytest.mark.parametrize("data", ["", "{", "[1]", "null", '"text"', "[" * 100_000])
def test_a_damaged_row_is_a_new_session_and_a_line_in_the_log(sqlite_visits, caplog, data):
    client = Client()
    client.get("/")
    before = client.cookies["session_id"]
    with sqlite_visits.begin() as connection:
        connection.execute(text("UPDATE cpkit_sessions SET data = :data"), {"data": data})
    assert client.get("/").text == "1"
    assert client.cookies["session_id"] != before
    assert "damaged" in caplog.text
    assert client.get("/").text == "2"


def test_a_table_of_before_0_9_is_brought_up_to_date(start_database):
    database = start_database()
    with database.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE cpkit_sessions (key VARCHAR(64) PRIMARY KEY, data TEXT NOT NULL,"
                " expires FLOAT NOT NULL, owner VARCHAR(16), leased_until FLOAT)"
            )
        )
    cherrypy.tree.mount(Visits(), "/", CONFIG)
    client = Client()
    assert [client.get("/").text for _ in range(2)] == ["1", "2"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"HttpOnly", "SameSite=Lax"}),
        ({"tools.sessions.samesite": "Strict"}, {"HttpOnly", "SameSite=Strict"}),
        ({"tools.sessions.httponly": False}, {"SameSite=Lax"}),
        ({"tools.sessions.samesite": ""}, {"HttpOnly"}),
        ({"tools.sessions.name": "visit", "tools.sessions.secure": True}, {"HttpOnly", "Secure"}),
    ],
)
def test_the_cookie_is_kept_from_scripts_and_other_sites(sqlite_visits, settings, expected):
    cherrypy.tree.apps[""].merge({"/": settings})
    for path in ("/", "/regenerate", "/with_database?fails=1"):
        fields = Client(raise_exceptions=False).get(path).headers["Set-Cookie"]
        attributes = set(fields.split("; "))
        assert expected <= attributes
        assert ("HttpOnly" in attributes) is ("HttpOnly" in expected)


def test_a_conf_file_names_the_class_and_nothing_imports_it_before(tmp_path):
    file = tmp_path / "app.conf"
    file.write_text("[/]\ntools.sessions.storage_class = cpkit.sessions.DatabaseSession\n")
    code = f"""if True:
        import cherrypy
        app = cherrypy.Application(None, "", {str(file)!r})
        print(app.config["/"]["tools.sessions.storage_class"].__name__)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("DatabaseSession\n", "")


def test_what_cpkit_has_not_is_no_attribute():
    import cpkit

    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        cpkit.nothing  # noqa: B018


class Slow:
    """A session in which each request notes when it came in and when it had the session."""

    def __init__(self):
        self.waiting = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.order = []

    @cherrypy.expose
    def index(self, number):
        cherrypy.session["last"] = number
        self.order.append(number)
        if number == "0":
            self.waiting.release()
            assert self.go_on.wait(30)
        return "ok"

    @cherrypy.expose
    def other(self):
        cherrypy.session["seen"] = True
        return "ok"


def test_requests_of_one_process_get_a_session_in_the_order_in_which_they_came(
    start_database, any_database
):
    database = start_database(any_database, timeout=20)
    slow = Slow()
    cherrypy.tree.mount(slow, "/", CONFIG)
    first = Client()
    first.get("/other")

    def visit(number):
        client = Client()
        client.cookies["session_id"] = first.cookies["session_id"]
        return client.get(f"/?number={number}").status_code

    with ThreadPoolExecutor(13) as pool:
        asked = [pool.submit(visit, 0)]
        slow.waiting.acquire()
        for number in range(1, 13):
            asked.append(pool.submit(visit, number))
            while waiting() < number:
                threading.Event().wait(0.001)
        slow.go_on.set()
        assert {each.result() for each in asked} == {200}
    assert slow.order == [str(number) for number in range(13)]
    assert queue_length() == 0
    with database.begin() as connection:
        connection.execute(text("DROP TABLE cpkit_sessions"))


def queue_length():
    return sum(queue.members for queue in list(Queue.queues.values()))


def waiting():
    return sum(len(queue.turns) for queue in list(Queue.queues.values()))


def taken_by_another_process(database):
    """Take every session, and return a semaphore that is released at each look at one."""
    with database.begin() as connection:
        connection.execute(text("UPDATE cpkit_sessions SET owner = 'x', leased_until = 1e12"))
    looks = threading.Semaphore(0)
    event.listen(database.engine, "checkout", lambda *_: looks.release())
    return looks


class Clock:
    """A clock that goes on while somebody sleeps."""

    def __init__(self):
        self.now = 1_000_000.0

    def time(self):
        return self.now

    monotonic = time

    def sleep(self, seconds):
        self.now += seconds


def test_who_waits_for_a_session_looks_for_it_now_and_then(sqlite_visits, monkeypatch):
    waiting, _ = opened(sqlite_visits, a=1)
    looks = taken_by_another_process(sqlite_visits)
    clock = Clock()
    began = clock.now
    monkeypatch.setattr("cpkit.database.session_lock.time", clock)
    waiting.lock_wait = 0.2
    with pytest.raises(cherrypy.HTTPError):
        waiting.acquire_lock()
    count = sum(iter(lambda: looks.acquire(blocking=False), False))
    assert 10 <= count < 30  # the pauses are of 1 to 20 ms
    assert 0.18 <= clock.now - began <= 0.2


CHANGES = {
    "frees it": "UPDATE cpkit_sessions SET owner = NULL",
    "dies": "UPDATE cpkit_sessions SET leased_until = 1",
    "deletes it": "DELETE FROM cpkit_sessions",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_who_waits_only_reads_and_has_the_session_once_its_process(sqlite_visits, tmp_path, change):
    waiting, _ = opened(sqlite_visits, a=1)
    looks = taken_by_another_process(sqlite_visits)
    other = sqlite3.connect(tmp_path / "db.sqlite", isolation_level=None)
    with ThreadPoolExecutor(1) as thread, closing(other):
        got = thread.submit(waiting.acquire_lock)
        assert all(looks.acquire(timeout=60) for _ in range(3))
        other.execute("BEGIN IMMEDIATE")  # who writes now has to wait
        assert all(looks.acquire(timeout=60) for _ in range(3))
        other.execute(change)
        other.execute("COMMIT")
        got.result(60)
    waiting.release_lock()


def test_a_lock_that_hangs_in_this_process_is_void_after_its_lease(sqlite_visits):
    hung, waiting = opened(sqlite_visits, a=1)
    hung.lease = 0.05
    hung.acquire_lock()
    waiting.lease = 0.05
    waiting.acquire_lock()
    waiting["b"] = 2
    Session.save(waiting)
    hung.release_lock()
    assert stored(waiting) == {"a": 1, "b": 2}
    assert queue_length() == 0


def test_what_json_cannot_hold_is_a_clear_error(sqlite_visits):
    with pytest.raises(SessionDataError, match="strings, numbers, lists and dicts"):
        Client().get("/set?value=object")


def test_without_a_lock_a_session_can_be_read_and_saved(sqlite_visits):
    cherrypy.tree.apps[""].merge({"/": {"tools.sessions.locking": "explicit"}})
    client = Client()
    assert [client.get("/").text for _ in range(2)] == ["1", "2"]


def test_a_plugin_that_does_not_run_is_named(cp_client):
    cherrypy.tree.mount(
        Visits(), "/", {"/": {**CONFIG["/"], "cpkit.db.on": False, "tools.sessions.plugin": "x"}}
    )
    with pytest.raises(DatabaseNotRunningError, match=r"cherrypy\.engine\.x"):
        cp_client.get("/")


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("leese", 3, "The tool sessions has no setting leese; it has plugin, table, lease, "),
        ("lease", "60", "set it to a number of seconds above 0."),
        ("lease", 0, "set it to a number of seconds above 0."),
        ("lock_wait", None, "set it to a number of seconds."),
        ("samesite", "Strct", "take one of Lax, Strict, None, "),
        ("table", "", "set it to a name."),
    ],
)
def test_a_setting_that_cannot_be_used_ends_the_start(start_database, setting, value, said):
    start_database()
    config = {**CONFIG["/"], f"tools.sessions.{setting}": value}
    cherrypy.tree.mount(Visits(), "/", {"/": config})
    assert any(said in str(fault) for fault in faults())


def test_settings_of_cherrypys_and_of_ones_own_class_are_taken(start_database):
    class Branded(DatabaseSession):
        brand = ""

    start_database()
    ours = {"storage_class": Branded, "brand": "tea", "lock_wait": 5, "samesite": ""}
    theirs = {"timeout": 5, "name": "visit", "locking": "early", "secure": True, "priority": 40}
    keys = {f"tools.sessions.{name}": value for name, value in {**ours, **theirs}.items()}
    cherrypy.tree.mount(Visits(), "/", {"/": {**CONFIG["/"], **keys}})
    assert list(faults()) == []


OTHER_PROCESS = """
import sys, cherrypy
from cpkit.plugins import DatabasePlugin
from cpkit.database.turns import Queue
from cpkit.sessions import DatabaseSession
from cpkit.testing import Client
class Root:
    @cherrypy.expose
    def index(self):
        cherrypy.session["visits"] = cherrypy.session.get("visits", 0) + 1
        return "ok"
cherrypy.config.update({"environment": "test_suite"})
cherrypy.engine.db = DatabasePlugin(cherrypy.engine, sys.argv[1], timeout=20)
cherrypy.engine.db.start()
cherrypy.tree.mount(Root(), "/", {"/": {"tools.sessions.on": True,
    "tools.sessions.clean_freq": 0, "tools.sessions.lock_wait": 60,
    "tools.sessions.storage_class": DatabaseSession}})
client = Client()
client.cookies["session_id"] = sys.argv[2]
print("ready", flush=True)
for _ in range(20):
    assert client.get("/").text == "ok"
"""


@pytest.mark.parametrize("any_database", ["sqlite", "postgresql"], indirect=True)
def test_processes_lose_no_update(visits, any_database):
    client = Client()
    client.get("/")
    command = [sys.executable, "-c", OTHER_PROCESS, any_database]
    command.append(client.cookies["session_id"])
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"ready\n"
        for _ in range(20):
            client.get("/")
    assert other.returncode == 0
    assert client.get("/").text == "42"


def test_threads_that_meet_on_a_new_database_share_one_table(start_database, any_database):
    start_database(any_database, timeout=20)
    together = threading.Barrier(8)

    def table(_):
        together.wait(timeout=20)
        return DatabaseSession(timeout=60)._sessions.rows

    with ThreadPoolExecutor(8) as threads:
        assert len(set(map(id, threads.map(table, range(8))))) == 1


def test_a_session_is_saved_where_the_server_handles_an_error_around_the_request(
    start_database, cp_client
):
    class Root:
        @cherrypy.expose
        def index(self):
            cherrypy.session["user"] = "zoe"

        @cherrypy.expose
        def see(self):
            return str(cherrypy.session.get("user"))

    start_database()
    config = {"tools.sessions.on": True, "tools.sessions.storage_class": DatabaseSession}
    cherrypy.tree.mount(Root(), "/", {"/": config})
    try:
        raise ValueError
    except ValueError:
        cp_client.get("/")
    assert cp_client.get("/see").text == "zoe"
