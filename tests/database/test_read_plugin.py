"""Requests that only read go to a replica; those that write, and what they read, do not."""

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools
from cpkit.config_check import faults
from cpkit.errors import DatabaseBusyError, DatabaseUnavailableError, WriteInReadUnitError
from cpkit.plugins import health_app
from cpkit.sessions import DatabaseSession
from cpkit.testing import Client
from tests.standby import standby_of
from tests.statements import HANDLES, run


def create(connection):
    connection.execute(text("CREATE TABLE IF NOT EXISTS notes (body TEXT)"))


def notes():
    return [body for (body,) in run("SELECT body FROM notes")]


class Notes:
    @cherrypy.expose
    def index(self, body=None):
        if cherrypy.request.method == "POST":
            run("INSERT INTO notes VALUES ('new')")
        return ", ".join(notes())

    @cherrypy.expose
    @cpkit.tools.db(write=True)
    def counted(self):
        run("INSERT INTO notes VALUES ('counted')")
        return ", ".join(notes())

    @cherrypy.expose
    @cpkit.tools.db(write=False)
    def search(self):
        return ", ".join(notes())

    @cherrypy.expose
    def sneaky(self):
        run("DELETE FROM notes")

    @cherrypy.expose
    def redirected(self):
        run("INSERT INTO notes VALUES ('redirected')")
        raise cherrypy.InternalRedirect("/")

    @cherrypy.expose
    def by_hand(self):
        with cherrypy.engine.db.begin() as unit:
            unit.execute(text("INSERT INTO notes VALUES ('by hand')"))
        raise cherrypy.InternalRedirect("/")

    @cherrypy.expose
    def passed_on(self):
        raise cherrypy.InternalRedirect("/")

    @cherrypy.expose
    @cpkit.tools.db(read_plugin=None)
    def own(self):
        return ", ".join(notes())

    @cherrypy.expose
    def untouched(self):
        return "ok"


DIVIDED = {"cpkit.db.on": True, "cpkit.db.read_plugin": "replica"}


@pytest.fixture
def client(start_database):
    """Two files, told apart by what is in them: nobody copies from one to the other."""
    for name in ("db", "replica"):
        database = start_database(name=name, setup=create)
        with database.begin() as unit:
            unit.execute(text("INSERT INTO notes VALUES (:name)"), {"name": name})
    cherrypy.tree.mount(Notes(), "/", {"/": DIVIDED})
    yield Client(raise_exceptions=False)
    for name in ("db", "replica"):
        assert getattr(cherrypy.engine, name).figures().in_use == 0


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_a_method_that_reads_reads_from_the_replica(client, method):
    assert client.request(method, "/").text == "replica"


def test_a_method_that_writes_writes_and_reads_on_the_primary(client):
    assert client.post("/").text == "db, new"
    assert client.get("/").text == "replica"
    assert client.get("/own").text == "db, new"


def test_a_get_that_is_to_write_has_the_primary(client):
    assert client.get("/counted").text == "db, counted"


def test_a_post_that_is_to_read_has_the_replica(client):
    assert client.post("/search").text == "replica"


def test_the_replica_is_not_written_to(client):
    assert client.get("/sneaky").status_code == 500
    assert client.get("/").text == "replica"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_after_a_write_an_internal_redirect_reads_what_was_written(client, method):
    assert client.post("/redirected").text == "db, redirected"
    assert client.request(method, "/by_hand").text == "db, redirected, by hand"


def test_an_internal_redirect_after_reads_goes_on_with_the_replica(client):
    assert client.get("/passed_on").text == "replica"


def test_a_replica_that_was_swapped_for_another_is_found(client, start_database, tmp_path):
    assert client.get("/").text == "replica"
    start_database(f"sqlite:///{tmp_path}/db.sqlite", name="replica")
    assert client.get("/").text == "db"


def test_a_replica_that_is_busy_is_named(client):
    replica = cherrypy.engine.replica
    replica.stop()
    replica.pool_size, replica.timeout = 1, 0.05
    replica.start()
    with replica.begin(write=False) as unit:
        unit.execute(text("SELECT 1"))
        with pytest.raises(DatabaseBusyError, match="of the database replica were in use"):
            replica.begin(write=False).execute(text("SELECT 1"))


# ------------------------------ the check at the start ------------------------------


def told(**settings):
    config = {f"cpkit.db.{name}": value for name, value in settings.items()}
    cherrypy.tree.mount(Notes(), "/", {"/": config})
    return [str(fault) for fault in faults()]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nosuch", "The database plugin cherrypy.engine.nosuch is not running"),
        ("db", "name another plugin, or None for no replica. It is 'db'."),
        (3, "set it to the name of a plugin on the engine, or None. It is 3."),
    ],
)
def test_a_replica_that_there_cannot_be_ends_the_start(start_database, name, said):
    start_database()
    assert said in told(on=True, read_plugin=name)[0]


def test_a_replica_that_is_never_switched_on_ends_the_start(start_database):
    start_database()
    replica = start_database(name="replica")
    replica.stop()
    replica.unsubscribe()
    assert "cherrypy.engine.replica is not running" in told(on=True, read_plugin="replica")[0]


@pytest.mark.parametrize("name", ["db", "replica"])
def test_settings_for_each_transaction_need_postgresql_on_both(start_database, name):
    url = "postgresql+psycopg://nobody@127.0.0.1:9/nowhere"  # the start check connects to nothing
    start_database(None if name == "db" else url, required=False, wait=0)
    start_database(None if name == "replica" else url, name="replica", required=False, wait=0)
    (fault, *_) = told(on=True, read_plugin="replica", set_local={"app.tenant": "x"})
    assert f"cherrypy.engine.{name} is none. It is ['app.tenant']." in fault


def test_a_replica_that_runs_is_fine(start_database):
    start_database()
    start_database(name="replica", read_only=False)
    assert told(on=True, read_plugin="replica") == []


SESSIONS = {"tools.sessions.on": True, "tools.sessions.storage_class": DatabaseSession}


def test_sessions_beside_a_replica_are_fine(start_database):
    start_database()
    start_database(name="replica", read_only=False)
    cherrypy.tree.mount(Notes(), "/", {"/": {**DIVIDED, **SESSIONS}})
    assert list(faults()) == []


@pytest.mark.parametrize("below", [False, True])
def test_sessions_in_a_database_that_is_only_read_end_the_start(start_database, below):
    start_database(setup=create).stop()
    start_database(name="replica").read_only = True
    kept = {"tools.sessions.plugin": "replica"}
    sections = {"/": {**SESSIONS}, "/a": kept} if below else {"/": {**SESSIONS, **kept}}
    cherrypy.tree.mount(Notes(), "/", sections)
    assert any("that database is only read" in str(fault) for fault in faults())


def test_sessions_in_the_replica_of_the_same_requests_end_the_start(start_database):
    start_database()
    start_database(name="replica")
    config = {**DIVIDED, **SESSIONS, "tools.sessions.plugin": "replica"}
    cherrypy.tree.mount(Notes(), "/", {"/": config})
    assert any("that database is only read" in str(fault) for fault in faults())


def test_sessions_without_a_database_end_the_start(cp_isolation):
    cherrypy.tree.mount(None, "/", {"/": SESSIONS})
    assert "cherrypy.engine.db is not running" in str(next(faults()))


def test_sessions_that_are_off_need_no_database(cp_isolation):
    cherrypy.tree.mount(None, "/", {"/": {**SESSIONS, "tools.sessions.on": False}})
    assert list(faults()) == []


# ------------------------------ PostgreSQL and its hot standby ------------------------------


@pytest.fixture(scope="module")
def standby(postgres_server):
    with standby_of(postgres_server) as standby:
        yield standby


@pytest.fixture
def divided(start_database, postgres, standby):
    start_database(postgres.url, setup=create)
    standby.catch_up()
    start_database(standby.url, name="replica", required=False, timeout=20, wait=0)
    root = Notes()
    for handle in HANDLES:
        cherrypy.tree.mount(root, f"/{handle}", {"/": {**DIVIDED, "cpkit.db.handle": handle}})
    return Client(raise_exceptions=False)


@pytest.mark.parametrize("handle", HANDLES)
def test_what_was_written_is_read_from_a_hot_standby_in_time(divided, standby, handle):
    assert divided.post(f"/{handle}/").text == "new"
    standby.catch_up()
    assert divided.get(f"/{handle}/").text == "new"
    assert divided.get(f"/{handle}/counted").text == "new, counted"
    refused = divided.get(f"/{handle}/sneaky")
    assert isinstance(refused.exception, WriteInReadUnitError)


def test_a_replica_that_is_down_is_a_503_by_its_name_and_writes_go_on(divided, standby, caplog):
    standby.stop()
    cherrypy.engine.replica.timeout = 0.3
    try:
        answer = divided.get("/session/")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        with pytest.raises(DatabaseUnavailableError, match="The database replica cannot be"):
            cherrypy.engine.replica.begin(write=False).execute(text("SELECT 1"))
        assert divided.get("/session/untouched").status_code == 200
        assert divided.post("/session/").text == "new"
        assert divided.get("/session/own").text == "new"
        health = {it.name: it.up for it in cherrypy.engine.publish("database_health", 20)}
        assert health == {"db": True, "replica": False}
        cherrypy.tree.graft(health_app(20), "/health")
        assert divided.get("/health/ready").json()["down"] == ["replica"]
    finally:
        standby.start()
    assert f":{standby.port}/postgres: lost:" in caplog.text
    cherrypy.engine.replica.timeout = 20
    standby.catch_up()
    assert divided.get("/session/").text == "new"


def test_a_url_of_several_hosts_reads_from_the_primary_while_there_is_no_standby(
    start_database, postgres, standby
):
    hosts = f"host=127.0.0.1:{standby.port}&host=127.0.0.1:{postgres.port}"
    url = f"postgresql+psycopg://me:secret@/postgres?{hosts}&target_session_attrs=prefer-standby"
    start_database(postgres.url)
    replica = start_database(url, name="replica", timeout=20)

    def follows():
        with replica.begin(write=False) as unit:
            return unit.scalar(text("SELECT pg_is_in_recovery()"))

    assert follows()
    standby.stop()
    try:
        assert not follows()
    finally:
        standby.start()


@pytest.mark.parametrize("handle", HANDLES)
def test_a_replica_that_dies_in_the_middle_of_a_request_is_a_503(divided, standby, handle):
    class Dying:
        @cherrypy.expose
        def index(self):
            notes()
            standby.stop()
            return ", ".join(notes())

    cherrypy.tree.mount(Dying(), "/dying", {"/": {**DIVIDED, "cpkit.db.handle": handle}})
    try:
        answer = divided.get("/dying/")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert divided.post(f"/{handle}/").text == "new"
    finally:
        standby.start()
    standby.catch_up()
    assert divided.get(f"/{handle}/").text == "new"
    assert cherrypy.engine.replica.figures().in_use == 0


def test_a_replica_that_was_promoted_is_only_read_still(start_database, postgres):
    start_database(postgres.url, setup=create)
    with standby_of(postgres) as promoted:
        replica = start_database(promoted.url, name="replica", read_only=True)
        cherrypy.tree.mount(Notes(), "/", {"/": DIVIDED})
        client = Client(raise_exceptions=False)
        promoted.promote()
        assert isinstance(client.get("/sneaky").exception, WriteInReadUnitError)
        assert client.post("/").text == "new"
        assert client.get("/").text == ""
        replica.graceful()
