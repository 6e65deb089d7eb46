"""PgBouncer in transaction mode, as docs/howto/pgbouncer.md has it: full, paused, gone and back."""

import os
import shutil
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import cherrypy
import psycopg
import pytest
from sqlalchemy import text

from cpkit.testing import Client
from tests.conftest import DatabaseServer, serving
from tests.programs import program

pytestmark = pytest.mark.faults

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


class PgBouncer(DatabaseServer):
    """A PgBouncer before *server*, with two connections to it for everybody."""

    at_once = signal.SIGINT

    def __init__(self, folder, user, server) -> None:
        super().__init__(folder, user)
        (folder / "users").write_text('"me" "secret"\n')
        self.config = folder / "pgbouncer.ini"
        self.config.write_text(
            f"[databases]\npostgres = host=127.0.0.1 port={server.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {folder}/users\nadmin_users = me\n"
            "pool_mode = transaction\ndefault_pool_size = 2\nquery_wait_timeout = 60\n"
        )

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://me:secret@127.0.0.1:{self.port}/postgres"

    def command(self):
        return [PROGRAM, self.config]

    def answers(self) -> bool:
        try:
            self.tell("SHOW VERSION")
        except psycopg.OperationalError:
            return False
        return True

    def tell(self, command: str) -> None:
        """Give a command to PgBouncer itself."""
        told = f"host=127.0.0.1 port={self.port} user=me dbname=pgbouncer connect_timeout=2"
        with psycopg.connect(told, autocommit=True) as admin:
            psycopg.ClientCursor(admin).execute(command)


@pytest.fixture
def bouncer(postgres):
    if PROGRAM is None:
        pytest.skip("PgBouncer is not installed (Debian: apt-get install pgbouncer)")

    def bouncer(folder, user):
        (made := PgBouncer(folder, user, postgres)).config.chmod(0o644)
        return made

    with serving(bouncer) as bouncer:
        yield bouncer


@pytest.fixture
def counter(bouncer, cp_engine, tmp_path):
    with program("pgbouncer", "bounced", tmp_path) as bounced:
        bounced.open_database(bouncer.url)
        cherrypy.engine.db.timeout = 60
        cherrypy.tree.mount(bounced.Counter(), "/", bounced.config)
        cp_engine.start()
        yield Client(raise_exceptions=False)
        assert cherrypy.engine.db.figures().in_use == 0


def add(n):
    return Client(raise_exceptions=False).post("/add", data={"n": "1"}).status_code


def test_many_threads_share_two_connections_and_lose_nothing(counter):
    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(add, range(200))) == {200}
        answers = pool.map(lambda _: Client().get("/").text, range(40))
        assert set(answers) == {"200"}


def test_what_is_set_for_a_transaction_is_there_and_nowhere_else(counter, bouncer):
    assert {counter.get("/limit").text for _ in range(10)} == {"5s"}
    with cherrypy.engine.db.begin(write=False) as db:
        assert {db.scalar(text("SHOW statement_timeout")) for _ in range(10)} == {"0"}


def test_who_waits_too_long_for_a_full_bouncer_is_refused(counter, bouncer, caplog):
    assert add(1) == 200
    holds, may_go = threading.Barrier(3), threading.Event()

    def hold():
        with cherrypy.engine.db.begin() as db:
            db.execute(text("SELECT 1"))
            holds.wait(60)
            may_go.wait(60)

    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(hold) for _ in range(2)]
        holds.wait(60)
        bouncer.tell("SET query_wait_timeout = 1")
        cherrypy.engine.db.timeout = 2
        assert add(1) == 503
        bouncer.tell("SET query_wait_timeout = 60")
        cherrypy.engine.db.timeout = 60
        may_go.set()
        for each in held:
            each.result()
    assert add(1) == 200
    assert counter.get("/").text == "2"


def test_a_pause_is_waited_for(counter, bouncer):
    assert add(1) == 200
    bouncer.tell("PAUSE")
    resuming = threading.Timer(0.3, bouncer.tell, ["RESUME"])
    resuming.start()
    assert add(1) == 200
    resuming.join()
    assert counter.get("/").text == "2"


def test_a_bouncer_that_is_killed_is_an_outage_that_ends(counter, bouncer, caplog):
    assert add(1) == 200
    bouncer.kill()
    cherrypy.engine.db.timeout = 0.3
    try:
        assert add(1) == 503
    finally:
        bouncer.start()
    cherrypy.engine.db.timeout = 20
    assert add(1) == 200
    assert counter.get("/").text == "2"
    assert (caplog.text.count("lost:"), caplog.text.count(": back.")) == (1, 1)
