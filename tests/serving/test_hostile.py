"""No bytes of a client's give a 500, a line in the error log, or take more than 5 ms of CPU."""

import logging
import re
import socket
import threading
from types import SimpleNamespace

import cherrypy
import pytest
from cherrypy._cpserver import Server as ServerAdapter

import cpkit.tools  # noqa: F401 - registers the toolbox
from cpkit.dispatchers import GuardedServer, RoutesDispatcher
from cpkit.plugins import DatabasePlugin, LogPlugin, TimingPlugin

from .processor import takes_at_most
from .shapes import FORM, SHAPES, head, put

SECONDS = 0.005
SLOW = re.compile(r"[ -~]* TIMING slow request: [ -~]*")  # all are, where it is told to say so
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


def begin_traces():
    from opentelemetry.sdk.trace import TracerProvider

    plugin = TimingPlugin(cherrypy.engine)
    plugin.traces = TracerProvider()
    return plugin


def begin_logs():
    plugin = LogPlugin(cherrypy.engine)
    plugin.start()
    return plugin


def begin_database():
    plugin = cherrypy.engine.db = DatabasePlugin(cherrypy.engine, "sqlite://")
    plugin.start()
    return plugin


# Each piece alone: its settings, the shapes that it reads by how their names begin, and what it
# answers that others do not.
EACH = {
    "cors": {"cpkit.cors.on": True, "cpkit.cors.origins": ["http://a"]},
    "cors of subdomains": {
        "cpkit.cors.on": True,
        "cpkit.cors.origins": ["http://*.a"],
        "cpkit.cors.credentials": True,
    },
    "csrf": {"cpkit.csrf.on": True, "cpkit.csrf.trusted": ["http://*.a"]},
    "sessions": {"tools.sessions.on": True},
    "auth by session": {"tools.sessions.on": True, "tools.session_auth.on": True},
    "database": {"cpkit.db.on": True},
    "params": {"cpkit.params.on": True},
    "body": {"cpkit.body.on": True, "cpkit.body.media": ["application/json"]},
    "compress": {"cpkit.compress.on": True, "cpkit.compress.min_size": 0},
    "logs": {},
    "timing": {"cpkit.timing.on": True, "cpkit.timing.header": True, "cpkit.timing.slow": 0},
    "traces": {"cpkit.timing.on": True, "cpkit.timing.header": True},
}
PLUGINS = {"database": begin_database, "logs": begin_logs, "traces": begin_traces}
IDS = ("trace", "baggage", "request-id", "user-agent", "referer", "path", "method", "absolute")
READ = {
    "cors": ("origin", "two-origins", "host", "options"),
    "cors of subdomains": ("origin", "two-origins"),
    "csrf": ("origin", "two-origins", "host", "absolute", "form"),
    "sessions": ("cookie", "encoded-word-in-cookie"),
    "auth by session": ("cookie", "authorization"),
    "database": ("method", "form-cut-off"),
    "params": ("query", "form", "image-map", "parts-fi", "parts-many"),
    "body": ("type", "two-types", "json", "form", "chunk-size"),
    "compress": ("accept-encoding", "range", "te", "etags", "if-match"),
    "logs": IDS,
    "timing": (*IDS, "options", "target-scheme"),
    "traces": (*IDS, "options", "target-scheme"),
}
ANSWERED = {
    "csrf": {403},
    "auth by session": {200, 303},
    "params": {400, 404, 415},
    "body": {400, 415},
}
# CherryPy leaves the files of parts, and of partial answers, to be closed by themselves.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Pages:
    """Handlers that take whatever comes."""

    @cherrypy.expose
    def index(self, **fields):
        return "index"

    @cherrypy.expose
    def form(self, body=None, **fields):
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
    before = dict(cherrypy.config)  # the guard adds to it, and this fixture outlives an isolation
    plugin = PLUGINS.get(request.param, lambda: None)()
    if plugin is not None:
        plugin.subscribe()
    yield from serving({**PIECES, **EACH}[request.param], tmp_path_factory)
    if plugin is not None:
        getattr(plugin, "stop", lambda: None)()
        plugin.unsubscribe()
    vars(cherrypy.engine).pop("db", None)
    dict.clear(cherrypy.config)
    dict.update(cherrypy.config, before)


def serving(settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("static")
    (folder / "file.txt").write_text("0123456789" * 20)
    pieces = {**settings, "request.show_tracebacks": False}
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


# PERF: one test for each of 1,500 pairs took longer than what it asked.
def test_hostile_bytes_are_refused_in_time_and_not_logged(server):
    assert faults(server, SHAPES) == {}


@pytest.mark.parametrize(
    ("server", "piece"), [(piece, piece) for piece in READ], indirect=["server"], ids=READ
)
def test_each_piece_alone_refuses_what_it_reads(server, piece):
    shapes = [name for name in SHAPES if name.startswith(READ[piece])]
    assert shapes
    assert faults(server, shapes, ANSWERED.get(piece, set())) == {}


def faults(server, shapes, further=frozenset()):
    """Return what is wrong with the answer to each of *shapes*."""
    found = {}
    for name in shapes:
        data, statuses = SHAPES[name]
        statuses = statuses if isinstance(statuses, tuple) else (statuses,)
        try:
            refused_in_time(server, data, {*statuses, *further})
        except AssertionError as error:
            found[name] = str(error)
    return found


def refused_in_time(server, data, statuses):
    server.lines.clear()
    longest = SECONDS + 0.0005 * max(0, len(data) - 10_000) / 1000
    answers = []
    assert takes_at_most(longest, lambda: answers.append(ask(server, data)))
    answer = answers[-1]
    status = int(re.match(rb"HTTP/1\.[01] (\d+) ", answer)[1])
    assert status in statuses or (status == 406 and 200 in statuses), answer
    assert len(re.findall(rb"HTTP/1\.1 \d+ ", answer)) == 1
    assert [line for line in server.lines if not SLOW.fullmatch(line)] == []


GZIP, CROSS = b"Accept-Encoding: gzip", b"Sec-Fetch-Site: cross-site"
TEXT = b"Content-Type: text/plain"
SHOWN = {
    "cors": (head(b"Origin: http://a"), b"Access-Control-Allow-Origin: http://a\r\n"),
    "cors of subdomains": (head(b"Origin: http://b.a"), b"-Allow-Origin: http://b.a\r\n"),
    "csrf": (put(b"a=b", CROSS, FORM), b"HTTP/1.1 403 "),
    "sessions": (head(), b"Set-Cookie: session_id="),
    "auth by session": (head(), b'name="password"'),
    "params": (put(b"a", TEXT), b"HTTP/1.1 415 "),
    "body": (put(b"a=b"), b"HTTP/1.1 415 "),
    "compress": (head(GZIP), b"Content-Encoding: gzip\r\n"),
    "logs": (head(b"X-Request-ID: mine"), b"X-Request-Id: mine\r\n"),
    "timing": (head(), b"Server-Timing: "),
    "traces": (head(), b'traceparent;desc="00-'),
}


@pytest.mark.parametrize(
    ("server", "piece"), [(piece, piece) for piece in SHOWN], indirect=["server"], ids=SHOWN
)
def test_each_piece_is_on(server, piece):
    data, shown = SHOWN[piece]
    assert shown in ask(server, data)


def test_the_server_goes_on_after_all_of_them(server):
    assert ask(server, head()).startswith(b"HTTP/1.1 200 ")


def test_there_are_120_shapes_and_more():
    assert len(SHAPES) > 120
