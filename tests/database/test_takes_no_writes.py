"""A database that takes no writes: refused with 503, reads go on, and it recovers by itself."""

import os
import shutil
import tempfile
import threading
from pathlib import Path

import cherrypy
import pytest
from sqlalchemy import make_url, text

import cpkit.tools  # noqa: F401
from cpkit.testing import Client
from tests.statements import HANDLES, insert, run


def create(connection):
    connection.execute(text("CREATE TABLE IF NOT EXISTS t (a INTEGER)"))


class Root:
    """Count rows and add one, between two events if a test has set them."""

    def __init__(self):
        self.wrote, self.may_go = threading.Event(), threading.Event()
        self.may_go.set()

    @cherrypy.expose
    def index(self):
        return str(run("SELECT count(*) FROM t").fetchone()[0])

    @cherrypy.expose
    def add(self):
        insert(1)
        self.wrote.set()
        assert self.may_go.wait(20)


def serve(handle):
    root = Root()
    cherrypy.tree.mount(root, "/", {"/": {"cpkit.db.on": True, "cpkit.db.handle": handle}})
    return root


def ask(method, path):
    answer = Client(raise_exceptions=False).request(method, path)
    return answer.status_code, answer.headers.get("Retry-After") is not None


@pytest.fixture
def own_folder():
    """A folder of a user who may not write whatever he likes, as root may."""
    folder = Path(tempfile.mkdtemp(prefix="cpkit-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
        os.seteuid(folder.stat().st_uid)
        yield folder
        os.seteuid(0)
    else:
        yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("handle", HANDLES)
def test_a_file_that_cannot_be_written(start_database, own_folder, handle):
    file = own_folder / "shop.sqlite"
    database = start_database(f"sqlite:///{file}", setup=create, timeout=0.5)
    serve(handle)
    assert ask("POST", "/add") == (200, False)
    file.chmod(0o444)
    database.graceful()  # what is open can be written for as long as it is
    assert ask("POST", "/add") == (503, True)
    assert ask("GET", "/") == (200, False)
    for it in own_folder.iterdir():  # SQLite gives its files beside this one the same mode
        it.chmod(0o644)
    ask("POST", "/add")  # SQLite goes by what it has open, until a refusal closes it
    assert ask("POST", "/add") == (200, False)
    assert database.figures().in_use == 0


@pytest.mark.parametrize("handle", HANDLES)
def test_a_folder_that_cannot_be_written(start_database, own_folder, handle):
    file = own_folder / "shop.sqlite"
    database = start_database(f"sqlite:///{file}", setup=create, timeout=0.5)
    serve(handle)
    assert ask("POST", "/add") == (200, False)
    database.graceful()
    own_folder.chmod(0o555)
    assert ask("POST", "/add") == (503, True)
    own_folder.chmod(0o755)
    assert ask("POST", "/add") == (200, False)
    assert ask("GET", "/") == (200, False)
    assert database.figures().in_use == 0


@pytest.mark.parametrize("handle", HANDLES)
def test_a_connection_that_was_told_to_query_only(start_database, handle):
    database = start_database(setup=create)
    root = serve(handle)

    @cherrypy.expose
    def only():
        run("PRAGMA query_only = ON")
        return root.add()

    root.only = only
    assert ask("POST", "/only") == (503, True)
    assert ask("POST", "/add") == (200, False)
    assert database.figures().in_use == 0


@pytest.fixture
def told(mariadb):
    """MariaDB, told by its administrator to take writes or not, and a user who must obey."""
    import pymysql

    url = make_url(mariadb.url)
    with pymysql.connect(host=url.host, port=url.port, user="root", autocommit=True) as root:
        cursor = root.cursor()
        cursor.execute("CREATE DATABASE IF NOT EXISTS shop")
        cursor.execute("CREATE USER IF NOT EXISTS clerk IDENTIFIED BY 'clerk'")
        cursor.execute("GRANT ALL ON shop.* TO clerk")
        users = url.set(username="clerk", password="clerk", database="shop")
        yield users, lambda on: cursor.execute(f"SET GLOBAL read_only = {on:d}")
        cursor.execute("SET GLOBAL read_only = 0")
        cursor.execute("DROP DATABASE shop")


@pytest.mark.faults
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("driver", ["pymysql", "mysqlconnector"])
def test_a_mariadb_that_takes_no_writes(start_database, told, handle, driver):
    url, read_only = told
    url = url.set(drivername=f"mariadb+{driver}").render_as_string(hide_password=False)
    database = start_database(url, setup=create, pool_size=2)
    root = serve(handle)
    assert ask("POST", "/add") == (200, False)
    read_only(True)
    assert ask("POST", "/add") == (503, True)
    assert ask("GET", "/") == (200, False)
    read_only(False)
    assert ask("POST", "/add") == (200, False)
    # Told between a request's write and its COMMIT.
    root.wrote.clear()
    root.may_go.clear()
    found = []
    request = threading.Thread(target=lambda: found.append(ask("POST", "/add")))
    request.start()
    assert root.wrote.wait(20)
    read_only(True)
    root.may_go.set()
    request.join()
    read_only(False)
    with database.begin(write=False) as unit:
        rows = unit.scalar(text("SELECT count(*) FROM t"))
    assert (found, rows) in (([(503, True)], 2), ([(200, False)], 3))
    assert ask("POST", "/add") == (200, False)
    assert database.figures().in_use == 0


READ_ONLY = {
    "postgresql": ["SET TRANSACTION READ ONLY", "SET LOCAL transaction_read_only = on"],
    "mariadb": ["START TRANSACTION READ ONLY"],
}


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize(
    "any_database", ["postgresql", pytest.param("mariadb", marks=pytest.mark.faults)], indirect=True
)
def test_who_asks_for_it_himself_has_a_500_and_nobody_else_connects_anew(
    start_database, any_database, handle, request
):
    class Asking(Root):
        @cherrypy.expose
        def add(self, statement):
            cherrypy.request.db.execute(self.say(statement))
            super().add()

    database = start_database(any_database, setup=create)
    pool = database.engine.pool
    config = {"/": {"cpkit.db.on": True, "cpkit.db.handle": handle}}
    cherrypy.tree.mount(Asking(), "/", config)
    for statement in READ_ONLY[request.node.callspec.params["any_database"]]:
        answer = Client(raise_exceptions=False).post("/add", data={"statement": statement})
        assert answer.status_code == 500
    assert database.engine.pool is pool
