"""A session that others change or delete meanwhile: log-ins, clean-ups, outages, conflicts."""

import signal
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import cherrypy
import pytest
from cherrypy.lib.sessions import Session
from sqlalchemy import event, text

import cpkit.tools  # noqa: F401
from cpkit.database.turns import Queue, Turns
from cpkit.sessions import DatabaseSession
from cpkit.testing import Client
from tests.test_sessions import CONFIG, opened, rows, stored, visits, waiting  # noqa: F401

# ruff: noqa: F811


class Account:
    """Pages of which one logs in slowly, while others ask."""

    def __init__(self):
        self.inside, self.go_on = threading.Event(), threading.Event()

    @cherrypy.expose
    def log_in(self):
        cherrypy.session.regenerate()
        cherrypy.session["user"] = "anna"
        self.inside.set()
        assert self.go_on.wait(30)
        return "ok"

    @cherrypy.expose
    def poll(self):
        found = cherrypy.session.get("user", "nobody")
        cherrypy.session["polled"] = True
        return found

    @cherrypy.expose
    def both(self):
        cherrypy.session.regenerate()
        return "ok"


def test_who_waits_for_a_session_that_is_deleted_has_nothing_of_it(visits):
    late, leaving = opened(visits, user="anna")
    leaving.delete()
    late["seen"] = True
    late.acquire_lock()
    assert dict(late.items()) == {}
    late["polled"] = True
    Session.save(late)
    assert stored(late) == {"polled": True}


def test_a_new_session_that_is_locked_keeps_what_was_put_into_it(visits):
    session = DatabaseSession()
    session["cart"] = 1
    session.acquire_lock()
    Session.save(session)
    assert stored(session) == {"cart": 1}


def test_a_session_that_is_loaded_again_has_what_others_have_stored(visits):
    poll, other = opened(visits, a=1)
    poll.acquire_lock()
    poll.release_lock()
    other["a"] = 2
    Session.save(other)
    poll.load()
    assert dict(poll.items()) == {"a": 2}
    poll["b"] = 3
    Session.save(poll)
    assert stored(poll) == {"a": 2, "b": 3}


class Leaving:
    @cherrypy.expose
    def index(self):
        cherrypy.session.delete()
        cherrypy.session.load()
        cherrypy.session.load()
        return str(cherrypy.session.get("user"))


def test_a_deleted_session_is_empty_however_often_it_is_loaded(visits):
    cherrypy.tree.mount(Account(), "/account", CONFIG)
    cherrypy.tree.mount(Leaving(), "/leaving", CONFIG)
    session, _ = opened(visits, user="anna")
    client = Client()
    client.cookies["session_id"] = session.id
    assert client.get("/leaving/").text == "None"
    assert client.get("/account/poll").text == "nobody"


@pytest.mark.parametrize("page", ["poll", "both"])
def test_who_waited_for_a_log_in_does_not_take_its_cookie_from_the_visitor(visits, page):
    account = Account()
    cherrypy.tree.mount(account, "/account", CONFIG)
    visitor, poll = Client(), Client()
    visitor.get("/")
    old = poll.cookies["session_id"] = visitor.cookies["session_id"]
    with ThreadPoolExecutor(2) as pool:
        logging_in = pool.submit(visitor.get, "/account/log_in")
        assert account.inside.wait(30)
        polling = pool.submit(poll.get, f"/account/{page}")
        while waiting() < 1:
            threading.Event().wait(0.001)
        account.go_on.set()
        logging_in.result()
        cookie = polling.result().headers.get("Set-Cookie")
    assert visitor.get("/account/poll").text == "anna"
    # A session of its own, which the second one began, has its own cookie.
    assert cookie is None if page == "poll" else old not in cookie


def test_a_session_that_a_request_has_and_has_not_locked_is_not_cleaned_up(visits):
    session, other = opened(visits, user="anna")
    session["seen"] = True
    with visits.begin() as connection:
        now = {"now": time.time() - 1}
        connection.execute(text("UPDATE cpkit_sessions SET expires = :now"), now)
    other.clean_up()
    Session.save(session)
    assert stored(session) == {"user": "anna", "seen": True}


def test_a_clean_up_deletes_a_bounded_number_of_sessions_at_a_time(visits):
    session, _ = opened(visits, a=1)
    many = [{"key": f"{n:064}", "data": "{}", "expires": 1} for n in range(1100)]
    with visits.begin() as connection:
        connection.execute(session._sessions.rows.table.insert(), many)
    deleted = []

    def note(connection, cursor, statement, *_):
        if statement.startswith("DELETE"):
            deleted.append(cursor.rowcount)

    engine = visits.database.lane(write=True).engine
    event.listen(engine, "after_cursor_execute", note)
    session.clean_up()
    assert (max(deleted), sum(deleted)) == (500, 1100)
    assert rows(visits) == 1


def test_one_clean_up_is_for_every_database(start_database):
    plugins = start_database(), start_database(name="other")
    for name in ("db", "other"):
        session = DatabaseSession(plugin=name)
        session["a"] = 1
        Session.save(session)
    for plugin in plugins:
        with plugin.begin() as connection:
            connection.execute(text("UPDATE cpkit_sessions SET expires = 1"))
    DatabaseSession().clean_up()
    assert [rows(plugin) for plugin in plugins] == [0, 0]


def test_a_row_that_expires_at_the_end_of_time_is_a_session(visits):
    session, _ = opened(visits, a=1)
    with visits.begin() as connection:
        connection.execute(text("UPDATE cpkit_sessions SET expires = 1e20"))
    assert stored(session) == {"a": 1}


def test_who_waits_in_line_for_a_session_asks_the_database_nothing(visits):
    account, asked = Account(), []
    cherrypy.tree.mount(account, "/account", CONFIG)
    visitor, other = Client(), Client()
    visitor.get("/")

    def visit() -> int:
        before = len(asked)
        other.get("/")
        return len(asked) - before

    for engine in visits.database.engines():
        event.listen(engine, "checkout", lambda *_: asked.append(True))
    visit()
    alone = visit()
    with ThreadPoolExecutor(9) as pool:
        logging_in = pool.submit(visitor.get, "/account/log_in")
        assert account.inside.wait(30)
        polls = [Client() for _ in range(8)]
        for poll in polls:
            poll.cookies["session_id"] = visitor.cookies["session_id"]
        polling = [pool.submit(poll.get, "/account/poll") for poll in polls]
        while waiting() < 8:
            threading.Event().wait(0.001)
        assert visit() == alone > 0
        account.go_on.set()
        assert {each.result().status_code for each in [logging_in, *polling]} == {200}


class Fragile:
    def __init__(self, server):
        self.server = server

    @cherrypy.expose
    def index(self):
        cherrypy.session["n"] = cherrypy.session.get("n", 0) + 1
        return str(cherrypy.session["n"])

    @cherrypy.expose
    def loses(self):
        cherrypy.session["n"] = 10
        self.server.stop()
        return "ok"


@pytest.mark.parametrize("locking", ["implicit", "early"])
def test_a_lock_that_an_outage_left_keeps_no_visitor_out(start_database, postgres, locking):
    start_database(postgres.url, timeout=0.2)
    config = {**CONFIG["/"], "tools.sessions.locking": locking, "tools.sessions.lock_wait": 5}
    cherrypy.tree.mount(Fragile(postgres), "/", {"/": config})
    client = Client(raise_exceptions=False)
    try:
        assert client.get("/").text == "1"
        lost = client.get("/loses").status_code
    finally:
        postgres.start()
    cherrypy.engine.db.timeout = 20  # for the server to be found again
    assert (lost, client.get("/").text) == (503, "2")


@pytest.mark.parametrize("locked", [True, False], ids=["locked", "unlocked"])
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_what_meets_on_a_session_in_strict_isolation_is_done_again(
    start_database, postgres, level, locked
):
    options = {"isolation_level": level, "timeout": 60}
    plugins = [start_database(postgres.url, name, **options) for name in ("db", "two")]
    session, _ = opened(plugins[0])

    def change(name, number):
        for count in range(10):
            mine = DatabaseSession(session.id, plugin=name)
            if locked:
                mine.acquire_lock()
            mine[f"{name} {number} {count}"] = True
            Session.save(mine)

    with ThreadPoolExecutor(4) as pool:  # plugins of one database are to it what processes are
        done = [pool.submit(change, name, n) for name in ("db", "two") for n in range(2)]
        for each in done:
            each.result()
    assert len(stored(session)) == 40


def test_who_is_interrupted_while_waiting_leaves_no_turn_behind():
    turns = Turns()
    turns.enter(1)
    _interrupted(lambda: turns.enter(60), once=lambda: len(turns) == 1)
    assert len(turns) == 0
    turns.leave()
    assert turns.enter(0)


def test_who_is_interrupted_while_waiting_for_a_session_leaves_its_queue():
    place = ("of", "this test")
    queue = Queue.enter(place, 1)
    _interrupted(lambda: Queue.enter(place, 60), once=lambda: len(queue.turns) == 1)
    queue.leave()
    assert place not in Queue.queues


def test_who_is_interrupted_before_the_wait_begins_leaves_no_turn_behind():
    class Interrupted(deque):
        def append(self, ticket):
            super().append(ticket)
            raise KeyboardInterrupt  # the signal came here

    turns = Turns()
    turns.enter(1)
    turns._queue = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        turns.enter(60)
    assert len(turns) == 0
    turns.leave()
    assert turns.enter(0)


def _interrupted(wait, once):
    """Call *wait*, and interrupt it as Ctrl-C does, *once* that tells that it waits."""
    here = threading.get_ident()

    def interrupt():
        while not once():
            threading.Event().wait(0.001)
        signal.pthread_kill(here, signal.SIGUSR2)

    def stop(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR2, stop)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            wait()
    finally:
        thread.join()
        signal.signal(signal.SIGUSR2, before)
