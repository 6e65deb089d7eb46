"""The other fixtures: a server, an engine, an application, and the marker."""

import gc
import socket
import struct
import sys
import threading
from http.client import HTTPConnection
from urllib.request import urlopen

import cherrypy
import pytest
from cheroot.makefile import StreamWriter
from cherrypy.process.plugins import SimplePlugin
from cherrypy.process.wspbus import ChannelFailures
from sqlalchemy import text

from cpkit.errors import EngineExitError, EngineRestartError
from cpkit.plugins import DatabasePlugin
from cpkit.testing._server import Server


class Shop:
    @cherrypy.expose
    def index(self):
        return cherrypy.url()

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def slow(self):
        def body():
            yield b"begun"
            self.may_end.wait(60)
            yield b" and ended"

        return body()

    @cherrypy.expose
    def setting(self, name):
        return str(cherrypy.request.config.get(name))


@pytest.mark.cherrypy(root=Shop)
def test_the_server_answers_over_http(cp_server):
    with urlopen(cp_server.url + "/") as answer:
        assert answer.read().decode() == cp_server.url + "/"


@pytest.mark.parametrize("turn", ["first", "second"])
def test_the_server_serves_what_this_test_mounted(cp_server, turn):
    cherrypy.tree.mount(Shop(), "/" + turn)
    connection = cp_server.connect()
    try:
        connection.request("GET", f"/{turn}/")
        assert connection.getresponse().read().decode().endswith(f"/{turn}/")
        connection.request("GET", "/second/" if turn == "first" else "/first/")
        assert connection.getresponse().status == 404
    finally:
        connection.close()


@pytest.mark.cherrypy(root=Shop)
def test_the_server_and_the_client_serve_the_same_application(cp_server, cp_client):
    assert cp_client.get("/").status_code == 200
    with urlopen(cp_server.url + "/setting?name=tools.encode.on") as answer:
        assert answer.read() == cp_client.get("/setting?name=tools.encode.on").content


def test_a_swap_waits_for_the_requests_under_way():
    server, shop = Server(threads=2), Shop()
    shop.may_end = threading.Event()
    server.start()
    server.swap(cherrypy.Application(shop))
    connection = server.connect()
    try:
        connection.request("GET", "/slow")
        answer = connection.getresponse()
        assert answer.read(5) == b"begun"
        swapping = threading.Thread(target=server.swap, kwargs={"timeout": 60})
        swapping.start()
        swapping.join(0.1)
        assert swapping.is_alive()
        shop.may_end.set()
        assert answer.read() == b" and ended"
        swapping.join(30)
        assert not swapping.is_alive()
        connection.request("GET", "/")
        assert connection.getresponse().status == 503
    finally:
        connection.close()
        server.stop()


def test_an_application_that_fails_at_once_does_not_keep_a_swap_waiting(capfd):
    def broken(environ, start_response):
        raise ZeroDivisionError

    server = Server(threads=1)
    server.start()
    server.swap(broken)
    connection: HTTPConnection = server.connect()
    try:
        connection.request("GET", "/")
        assert connection.getresponse().status == 500
        last = server._turn
        server.swap(timeout=0)
        assert last.under_way == 0
    finally:
        connection.close()
        server.stop()
    assert "ZeroDivisionError" in capfd.readouterr().err


@pytest.fixture
def hanging():
    """Run a server with a request to an application whose bodies never end till after the test."""
    server, shop = Server(threads=2), Shop()
    shop.may_end = threading.Event()
    server.start()
    server.swap(cherrypy.Application(shop))
    connection = server.connect()
    connection.request("GET", "/slow")
    answer = connection.getresponse()
    assert answer.read(5) == b"begun"
    yield server
    shop.may_end.set()
    connection.close()
    server.stop()


def test_a_request_that_hangs_is_waited_for_once(hanging):
    hanging.swap(timeout=0.01)
    done = threading.Thread(target=hanging.swap, kwargs={"timeout": 60}, daemon=True)
    done.start()
    done.join(30)
    assert not done.is_alive()


def test_a_server_stops_while_a_request_hangs(hanging):
    stopping = threading.Thread(target=hanging.stop, daemon=True)
    stopping.start()
    stopping.join(30)
    assert not stopping.is_alive()


def test_nothing_is_left_to_send_to_a_peer_that_hung_up():
    # Python 3.13 reports what a writer could not send when it is collected, and pytest the report.
    begun, gone = threading.Event(), threading.Event()

    def much(environ, start_response):
        begun.set()
        gone.wait(10)
        start_response("200 OK", [])
        return (b"much" * 50_000 for _ in range(100))

    def writers():
        return [each for each in gc.get_objects() if isinstance(each, StreamWriter)]

    others = writers()
    server = Server(threads=1)
    server.start()
    server.swap(much)
    connection = server.connect()
    connection.request("GET", "/")
    assert begun.wait(10)
    mine = [each for each in writers() if each not in others]
    hang_up(connection.sock)
    connection.close()
    gone.set()
    server.stop()
    assert mine
    assert all(writer.closed for writer in mine)


def hang_up(sock):
    """Have the socket reset its connection when it is closed."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Recorder(SimplePlugin):
    def __init__(self, bus):
        super().__init__(bus)
        self.seen = []

    def start(self):
        self.seen.append("start")

    def stop(self):
        self.seen.append("stop")


class TestEngine:
    def test_it_starts_and_stops_plugins_without_http(self, cp_engine):
        plugin = Recorder(cp_engine)
        plugin.subscribe()
        cp_engine.start()
        assert cp_engine.state is cp_engine.states.STARTED
        assert cherrypy.server.httpserver is None
        assert cp_engine.autoreload.thread is None
        cp_engine.exit()
        assert plugin.seen == ["start", "stop"]

    def test_a_plugin_that_fails_to_start_fails_the_test_not_the_process(self, cp_engine):
        @cp_engine.subscribe("start")
        def fail():
            raise ZeroDivisionError

        with pytest.raises(ChannelFailures, match="ZeroDivisionError"):
            cp_engine.start()

    def test_a_plugin_that_fails_to_stop_fails_the_test_not_the_process(self, cp_engine):
        def fail():
            raise ZeroDivisionError

        cp_engine.subscribe("stop", fail)
        with pytest.raises(EngineExitError, match="with status 70: a listener failed") as caught:
            cp_engine.exit()
        assert caught.value.code == 70
        cp_engine.unsubscribe("stop", fail)

    def test_a_restart_does_not_replace_the_process(self, cp_engine):
        cp_engine.start()
        cp_engine.restart()
        with pytest.raises(EngineRestartError, match="would have restarted this process"):
            cp_engine.block()


class TestMarker:
    pytestmark = pytest.mark.cherrypy(root=Shop, mount="/shop")

    def test_mounts_a_root_where_it_says(self, cp_client):
        assert cp_client.get("/shop/").text == "http://127.0.0.1/shop/"

    @pytest.mark.cherrypy(
        mount="/other",
        config={"/": {"a.path": 1}, "global": {"a.section": 2}, "an.entry": 3},
    )
    def test_holds_sections_and_global_entries_and_the_closest_wins(self, cp_client):
        seen = [
            cp_client.get(f"/other/setting?name={name}").text
            for name in ("a.path", "a.section", "an.entry")
        ]
        assert seen == ["1", "2", "3"]

    def test_works_without_a_fixture(self):
        assert list(cherrypy.tree.apps) == ["/shop"]

    @pytest.mark.cherrypy(root=cherrypy.Application(Shop(), "/made"), mount="")
    def test_takes_an_application(self, cp_client):
        assert cp_client.get("/made/").status_code == 200


class Named:
    def __init__(self, name):
        self.name = name

    @cherrypy.expose
    def index(self):
        return self.name


class TestApplications:
    @pytest.fixture(params=["a", "b"])
    def name(self, request):
        return request.param

    @pytest.fixture
    def cp_app(self, name):
        return Named(name)

    def test_may_have_parameters_below_them(self, cp_client, name):
        assert cp_client.get("/").text == name

    @pytest.mark.parametrize("cp_app", [Named("c")])
    def test_may_be_parameters(self, cp_server):
        with urlopen(cp_server.url) as answer:
            assert answer.read() == b"c"


class TestAFixtureThatIsAskedForLate:
    @pytest.fixture
    def cp_app(self):
        return Named("late")

    @pytest.fixture
    def client(self, request):
        return request.getfixturevalue("cp_client")

    def test_mounts_the_application(self, client):
        assert client.get("/").text == "late"


def test_the_guard_leaves_forked_children_alone(cp_engine):
    if not hasattr(sys.modules["os"], "fork"):  # pragma: no cover
        pytest.skip("no fork here")
    import os

    from cherrypy.process import wspbus

    child = os.fork()
    if child == 0:
        wspbus.os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


class TestDatabaseThatNobodyNames:
    @pytest.mark.parametrize("turn", range(2))
    def test_is_an_empty_file(self, cp_db, turn):
        assert cp_db.url.startswith("sqlite:///")
        with cp_db.begin() as unit:
            unit.execute(text("CREATE TABLE book (title TEXT)"))

    def test_is_the_applications_own_plugin_with_its_setup(self, request):
        def setup(connection):
            connection.execute(text("CREATE TABLE book (title TEXT)"))

        cherrypy.engine.db = own = DatabasePlugin(cherrypy.engine, "sqlite://", setup=setup)
        assert request.getfixturevalue("cp_db") is own
        with own.begin("session") as session:
            assert session.execute(text("SELECT count(*) FROM book")).scalar() == 0


def test_an_application_without_config_is_no_warning_of_the_engines(cp_engine):
    cherrypy.tree.mount(None)
    cp_engine.start()


def test_cherrypys_checks_run_where_they_are_asked_for(cp_engine):
    cherrypy.tree.mount(None)
    cherrypy.config.update({"checker.on": True})
    with pytest.raises(ChannelFailures, match="empty config"):
        cp_engine.start()
