"""The recipes for PostgreSQL in docs/howto do what their pages say."""

import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import cherrypy
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from cpkit.testing import Client
from tests.programs import program
from tests.standby import connect


def wait_for(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# ------------------------------ row-level security ------------------------------


@pytest.fixture
def tenants(postgres, cp_engine, tmp_path):
    with program("row-level-security", "tenants", tmp_path) as tenants:
        tenants.open_database(postgres.url)
        cherrypy.tree.mount(tenants.Notes(), "/", tenants.config)
        cp_engine.start()
        yield tenants


@pytest.fixture
def ann(tenants):
    return Client(auth=("ann", "a"), raise_exceptions=False)


@pytest.fixture
def bob(tenants):
    return Client(auth=("bob", "b"), raise_exceptions=False)


def test_a_tenant_sees_and_changes_its_own_rows_alone(tenants, ann, bob):
    assert ann.post("/add", data={"body": "tea"}).text == "added"
    assert bob.post("/add", data={"body": "milk"}).text == "added"
    assert (ann.get("/").text, bob.get("/").text) == ("tea", "milk")
    assert (tenants.count_notes("ann"), tenants.count_notes("nobody")) == (1, 0)
    with cherrypy.engine.db.begin(set_local={"role": "web", "app.tenant": "bob"}) as db:
        assert db.execute(text("DELETE FROM notes")).rowcount == 1
    assert (ann.get("/").text, bob.get("/").text) == ("tea", "")


def test_tenants_who_ask_at_once_on_the_same_connections_are_kept_apart(ann, bob):
    for client, name in ((ann, "ann"), (bob, "bob")):
        client.post("/add", data={"body": name})

    def ask(n):
        return Client(auth=(("ann", "a"), ("bob", "b"))[n % 2]).get("/").text

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(60))) == ["ann", "bob"] * 30


def test_a_row_of_another_tenant_cannot_be_stored(tenants, ann):
    forged = text("INSERT INTO notes VALUES ('bob', 'forged')")
    own = {"role": "web", "app.tenant": "ann"}
    with pytest.raises(ProgrammingError, match="row-level security policy"):  # noqa: SIM117
        with cherrypy.engine.db.begin(set_local=own) as db:
            db.execute(forged)
    assert tenants.count_notes("bob") == 0


def test_without_a_tenant_there_are_no_rows(tenants, ann):
    ann.post("/add", data={"body": "tea"})
    for _ in range(2):  # the connection has had a tenant before
        with cherrypy.engine.db.begin(write=False, set_local={"role": "web"}) as db:
            assert db.scalar(text("SELECT count(*) FROM notes")) == 0


# ------------------------------ LISTEN and NOTIFY ------------------------------


@pytest.fixture
def news(postgres, cp_engine, tmp_path):
    heard = []
    with program("listen", "news", tmp_path) as news:
        # Heard after the program has: what a test waits for has happened there.
        cp_engine.subscribe("prices", heard.append, priority=99)
        news.open_database(postgres.url)
        cherrypy.tree.mount(news.Prices(), "/", news.config)
        cp_engine.start()
        news.heard = heard
        wait_for(lambda: heard == [None])
        yield news
        cherrypy.engine.listener.stop()
        cherrypy.engine.listener.unsubscribe()


def listeners():
    return [thread for thread in threading.enumerate() if thread.name == "listener"]


def test_what_another_process_changes_is_forgotten_here(news, postgres):
    client = Client()
    client.post("/change", data={"name": "tea", "price": "3"})
    wait_for(lambda: "tea" in news.heard)
    assert client.get("/?name=tea").text == "3"
    with connect(postgres) as other:
        other.execute("UPDATE prices SET price = 4")
        assert client.get("/?name=tea").text == "3"
        other.execute("NOTIFY prices, 'tea'")
    wait_for(lambda: news.heard.count("tea") == 2)
    assert client.get("/?name=tea").text == "4"


def test_a_change_that_is_undone_notifies_nobody(news):
    with pytest.raises(Exception, match="invalid literal"):
        Client().post("/change", data={"name": "milk", "price": "free"})
    with cherrypy.engine.db.begin() as db:
        db.execute(text("SELECT pg_notify('prices', 'milk')"))
        db.doom()
    Client().post("/change", data={"name": "tea", "price": "1"})
    wait_for(lambda: "tea" in news.heard)
    assert "milk" not in news.heard


def test_a_listener_whose_connection_is_lost_listens_anew(news, postgres):
    with connect(postgres) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    wait_for(lambda: news.heard.count(None) == 2)
    Client().post("/change", data={"name": "tea", "price": "1"})
    wait_for(lambda: "tea" in news.heard)


def test_the_listener_stops_with_the_bus_and_keeps_no_connection(news, cp_engine):
    assert len(listeners()) == 1
    cherrypy.engine.listener.stop()
    assert listeners() == []
    assert cherrypy.engine.db.figures().in_use == 0


# ------------------------------ backup ------------------------------


def test_a_dump_under_load_is_one_state_and_can_be_restored(start_database, postgres, tmp_path):
    def create(connection):
        connection.execute(text("CREATE TABLE account (id INTEGER, balance INTEGER)"))
        connection.execute(text("INSERT INTO account VALUES (1, 100), (2, 0)"))

    def transfer():
        while not over.is_set():
            with database.begin() as db:
                for amount, owner in ((-1, 1), (1, 2)):
                    moved = text("UPDATE account SET balance = balance + :a WHERE id = :o")
                    db.execute(moved, {"a": amount, "o": owner})
            done.release()

    database = start_database(postgres.url, setup=create)
    over, done = threading.Event(), threading.Semaphore(0)
    writer = threading.Thread(target=transfer)
    writer.start()
    assert done.acquire(timeout=20)
    url = f"postgresql://me@127.0.0.1:{postgres.port}"
    dump = subprocess.run(
        [postgres.bin / "pg_dump", "--format=custom", f"{url}/postgres"],
        capture_output=True,
        check=True,
    ).stdout
    over.set()
    writer.join()
    with connect(postgres) as admin:
        admin.execute("DROP DATABASE IF EXISTS restored")
        admin.execute("CREATE DATABASE restored")
    restore = [postgres.bin / "pg_restore", "--clean", "--if-exists", f"--dbname={url}/restored"]
    subprocess.run(restore, input=dump, check=True, capture_output=True)
    with psycopg.connect(f"{url}/restored") as restored:
        rows = dict(restored.execute("SELECT id, balance FROM account").fetchall())
    assert sum(rows.values()) == 100
    assert rows[2] >= 1
