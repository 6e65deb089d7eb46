"""No bytes of a client's give a 500, a line in the error log, or take more than 5 ms of CPU."""

import logging
import re
import socket
import threading
from types import SimpleNamespace

import cherrypy
import pytest
from cherrypy._cpserver import Server as ServerAdapter

from cpkit.dispatchers import GuardedServer, RoutesDispatcher

from .processor import takes_at_most
from .shapes import SHAPES, head

SECONDS = 0.005
TOOLS = [
    "tools.json_in.on",
    "tools.encode.on",
    "tools.etags.on",
    "tools.etags.autotags",
    "tools.gzip.on",
    "tools.proxy.on",
    "tools.sessions.on",
]
CPKITS = {
    "cpkit.accept.on": True,
    "cpkit.accept.media": {"text/html": str},
    "cpkit.compress.on": True,
    "cpkit.csrf.on": True,
    "cpkit.timing.on": True,
    "cpkit.timing.header": True,
}
PIECES = {
    "none": {},
    "cherrypys": {**dict.fromkeys(TOOLS, True), "tools.json_in.force": False},
    "cpkits": CPKITS,
    "routes": {"request.dispatch": "routes", **CPKITS},
}

# CherryPy leaves the files of parts, and of partial answers, to be closed by themselves.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Pages:
    """Handlers that take whatever comes."""

    @cherrypy.expose
    def index(self, **fields):
        return "index"

    @cherrypy.expose
    def form(self, **fields):
        return "form"

    @cherrypy.expose
    def raw(self):
        return str(len(cherrypy.request.rfile.read()))

    @cherrypy.expose
    def lines(self):
        return str(len(list(cherrypy.request.rfile)))


def routes():
    dispatcher = RoutesDispatcher()
    pages = Pages()
    for name in ("index", "form", "raw", "lines"):
        dispatcher.connect(name, f"/{name}".replace("index", ""), pages, action=name)
    return dispatcher


class Lines(logging.Handler):
    """What is logged."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(self.format(record))


@pytest.fixture(scope="module", params=PIECES)
def server(request, tmp_path_factory):
    """A guarded server with the pieces switched on, whose application is not the tree's."""
    folder = tmp_path_factory.mktemp("static")
    (folder / "file.txt").write_text("0123456789" * 20)
    pieces = {**PIECES[request.param], "request.show_tracebacks": False}
    if pieces.get("request.dispatch") == "routes":
        pieces["request.dispatch"] = routes()
    default = {"request.dispatch": cherrypy.dispatch.Dispatcher()}
    static = {"tools.staticdir.on": True, "tools.staticdir.dir": str(folder)}
    file = {"tools.staticfile.on": True, "tools.staticfile.filename": str(folder / "file.txt")}
    unread = {"request.process_request_body": False}
    sections = {"/": pieces, "/raw": unread, "/lines": unread}
    sections |= {"/static": {**default, **static}, "/file": {**default, **file}}
    application = cherrypy.Application(Pages(), "", sections)
    application.log.screen = False
    adapter = ServerAdapter()
    adapter.socket_host, adapter.socket_port, adapter.thread_pool = "127.0.0.1", 0, 1
    adapter.max_request_body_size = 60_000
    serving = GuardedServer(adapter)
    serving.shutdown_timeout, serving.expiration_interval = 1, 0.05
    serving.wsgi_app._app = application
    log = Lines()
    serving.error_log = lambda *said, **kwargs: log.lines.append(repr(said))
    for each in (application.log.error_log, cherrypy.log.error_log):
        each.addHandler(log)
    serving.prepare()
    thread = threading.Thread(target=serving.serve)
    thread.start()
    yield SimpleNamespace(port=serving.bind_addr[1], lines=log.lines)
    serving.stop()
    thread.join()
    cherrypy.log.error_log.removeHandler(log)


def ask(server, data):
    """Send *data*, say that nothing follows, and return all that is answered."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))
        except ConnectionError:  # it was refused before all was sent
            return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(("data", "statuses"), SHAPES.values(), ids=SHAPES)
def test_hostile_bytes_are_refused_in_time_and_not_logged(server, data, statuses):
    server.lines.clear()
    statuses = statuses if isinstance(statuses, tuple) else (statuses,)
    longest = SECONDS + 0.0005 * max(0, len(data) - 10_000) / 1000
    answers = []
    assert takes_at_most(longest, lambda: answers.append(ask(server, data)))
    answer = answers[-1]
    status = int(re.match(rb"HTTP/1\.[01] (\d+) ", answer)[1])
    assert status in statuses or (status == 406 and 200 in statuses), answer
    assert len(re.findall(rb"HTTP/1\.1 \d+ ", answer)) == 1
    assert server.lines == []


def test_the_server_goes_on_after_all_of_them(server):
    assert ask(server, head()).startswith(b"HTTP/1.1 200 ")


def test_there_are_120_shapes_and_more():
    assert len(SHAPES) > 120
