"""Isolation: what a test does to CherryPy's process-wide state, the next one sees none of it."""

import signal
import threading

import cherrypy
import pytest
from cherrypy.lib.caching import MemoryCache

from cpkit.testing._isolation import Isolation
from cpkit.testing._snapshot import Remembered
from tests.ports import free_port

# Each test spoils everything that CherryPy keeps for the process; the snapshot before the first
# and after each must be the same.
SPOIL = '''
import atexit, gc, logging, os, signal, threading, time
import cherrypy
import pytest
from cherrypy.lib import caching, httputil, sessions
from cherrypy.process import plugins, wspbus
import cpkit.tools
from cpkit.plugins import LogPlugin

class Root:
    @cherrypy.expose
    @cherrypy.config(**{"tools.sessions.on": True, "tools.caching.on": True})
    def index(self):
        cherrypy.session["a"] = 1
        cherrypy.thread_data.used = True
        return "ok"

ROOT = Root()
EARLY = cherrypy.tree.mount(Root(), "/early", {"/": {"request.show_tracebacks": True}})
EARLY.log.screen = True

class Plugin(plugins.SimplePlugin):
    def start(self): pass
    def my_channel(self): pass

def snapshot():
    return {
        "tree": cherrypy.tree,
        "apps": dict(cherrypy.tree.apps),
        "app config": {path: dict(section) for path, section in EARLY.config.items()},
        "app pipeline": list(EARLY.wsgiapp.pipeline),
        "config": dict(cherrypy.config),
        "config namespaces": dict(cherrypy.config.namespaces),
        "environments": {name: dict(each) for name, each in cherrypy.config.environments.items()},
        "engine state": cherrypy.engine.state,
        "engine attributes": sorted(vars(cherrypy.engine)),
        "listeners": {name: set(each) for name, each in cherrypy.engine.listeners.items()},
        "priorities": dict(cherrypy.engine._priorities),
        "autoreload": (cherrypy.engine.autoreload.frequency, set(cherrypy.engine.autoreload.files)),
        "thread manager": dict(cherrypy.engine.thread_manager.threads),
        "tools": sorted(vars(cherrypy.tools)),
        "toolboxes": dict(cherrypy.Application.toolboxes),
        "request class": (
            {name: list(hooks) for name, hooks in cherrypy._cprequest.Request.hooks.items()},
            dict(cherrypy._cprequest.Request.error_page),
            cherrypy._cprequest.Request.show_tracebacks,
        ),
        "body processors": dict(cherrypy._cpreqbody.Entity.processors),
        "part class": cherrypy._cpreqbody.Entity.part_class,
        "tools in the toolboxes": {
            name: sorted(vars(box)) for name, box in cherrypy.Application.toolboxes.items()
        },
        "log record factory": logging.getLogRecordFactory(),
        "what logs a request's fields": cherrypy.tools.log_headers.callable,
        "formats": [
            (handler.formatter, handler.level, list(handler.filters))
            for handler in [*cherrypy.log.error_log.handlers, *EARLY.log.access_log.handlers]
        ],
        "what logs accesses": ("access" in vars(cherrypy.log), "access" in vars(EARLY.log)),
        "sessions": (dict(sessions.RamSession.cache), dict(sessions.RamSession.locks)),
        "session cleaner": sessions.RamSession.__dict__["clean_thread"]
        if "clean_thread" in vars(sessions.RamSession) else sessions.Session.clean_thread,
        "session proxy": hasattr(cherrypy, "session"),
        "cache": hasattr(cherrypy, "_cache"),
        "servers": dict(getattr(cherrypy, "servers", {})),
        "server": (cherrypy.server.socket_port, cherrypy.server.httpserver),
        "serving": dict(vars(cherrypy.serving)),
        "response outside of requests": (
            cherrypy.response.status,
            dict(cherrypy.response.headers),
            dict(cherrypy.response.cookie),
        ),
        "log managers": cherrypy._cplogging.LogManager.access_log_format,
        "thread data": dict(vars(cherrypy.thread_data)),
        "log": (list(cherrypy.log.error_log.handlers), list(cherrypy.log.access_log.handlers),
                cherrypy.log.access_log_format, cherrypy.log.error_log.level),
        "loggers": sorted(name for name in logging.Logger.manager.loggerDict if "cherrypy" in name),
        "favicon": hasattr(ROOT, "favicon_ico"),
        "checker": cherrypy.checker.on,
        "signals": signal.getsignal(signal.SIGTERM),
        "os": wspbus.os,
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "what tools do": (cherrypy.tools.gzip.callable, cherrypy.tools.encode._priority),
        "logger above": (
            logging.getLogger("cherrypy").level, list(logging.getLogger("cherrypy").handlers)
        ),
        "kinds of sessions": hasattr(sessions, "OwnSession"),
        "error pages": (cherrypy._cperror._HTTPErrorTemplate, cherrypy.HTTPError.code),
        "status codes": dict(httputil.response_codes),
        "hook points": list(cherrypy._cprequest.hookpoints),
        "dispatchers": cherrypy.dispatch.Dispatcher.dispatch_method_name,
        "classes of servers and plugins": (
            cherrypy._cpserver.Server.thread_pool, plugins.Monitor.frequency
        ),
        "server runs": cherrypy.server.running,
    }

def settled():
    """Wait for the threads that were told to end."""
    for thread in threading.enumerate():
        if thread.name in ("expire_cache", "own"):
            thread.join(10)
    return snapshot()

FIRST = []

@pytest.mark.parametrize("turn", range(3))
def test_spoil(turn, tmp_path, cp_client, cp_engine):
    cherrypy.tree.mount(ROOT, "", {"/": {"log.error_file": str(tmp_path / "error.log")}})
    EARLY.merge({"/": {"request.show_tracebacks": False}, "/x": {"a.b": 1}})
    EARLY.wsgiapp.pipeline.append(("own", lambda app: app))
    cherrypy.tree.mount(None, "/other")
    cherrypy.config.update({
        "environment": "production", "mine.key": 1, "server.socket_port": 0,
        "server.second.socket_port": 9, "engine.autoreload.frequency": 7,
        "log.access_file": str(tmp_path / "access.log"), "checker.on": False,
    })
    cherrypy.config.namespaces["mine"] = lambda key, value: None
    cherrypy.config.environments["production"]["own"] = 1
    cherrypy.tools.own = cherrypy.Tool("before_handler", lambda: None)
    cherrypy.Application.toolboxes["own"] = cherrypy._cptools.Toolbox("own")
    request = cherrypy._cprequest.Request
    request.hooks.attach("on_end_request", print)
    request.error_page["default"] = print
    request.show_tracebacks = False
    cherrypy._cpreqbody.Entity.processors["own/type"] = print
    cherrypy._cpreqbody.Entity.part_class = cherrypy._cpreqbody.Entity
    cherrypy.Application.toolboxes["cpkit"].own = cherrypy.Tool("before_handler", lambda: None)
    for handler in [*cherrypy.log.error_log.handlers, *EARLY.log.access_log.handlers]:
        handler.setLevel(logging.ERROR)
        handler.addFilter(lambda record: True)
    logs = cherrypy.engine.logs = LogPlugin(cherrypy.engine, queue=5)
    logs.subscribe()  # and never unsubscribed
    cherrypy.engine.own = Plugin(cherrypy.engine)
    cherrypy.engine.listeners["my_channel"] = set()
    cherrypy.engine.own.subscribe()
    cherrypy.engine.autoreload.files.add("own")
    cherrypy.engine.signal_handler.subscribe()
    cherrypy.log.access_log_format = "{h}"
    cherrypy._cplogging.LogManager.access_log_format = "{r}"
    cherrypy.response.status = 404
    cherrypy.response.headers["X-Left"] = "behind"
    cherrypy.response.cookie["left"] = "behind"
    cherrypy.log.error_log.setLevel(logging.DEBUG)
    cherrypy.tools.gzip.callable = print
    cherrypy.tools.encode._priority = 1
    logging.getLogger("cherrypy").setLevel(logging.ERROR)
    logging.getLogger("cherrypy").addHandler(logging.NullHandler())
    sessions.OwnSession = sessions.RamSession
    cherrypy._cperror._HTTPErrorTemplate, cherrypy.HTTPError.code = "", 1
    httputil.response_codes[299] = "", ""
    cherrypy._cprequest.hookpoints.append("own")
    cherrypy.dispatch.Dispatcher.dispatch_method_name = "own"
    cherrypy._cpserver.Server.thread_pool = plugins.Monitor.frequency = 1
    plugins.Monitor(cherrypy.engine, int, 0.01, "own").start()  # and never stopped
    cherrypy.servers["second"].unsubscribe()
    cherrypy.tree = cherrypy._cptree.Tree()
    cherrypy.tree.mount(ROOT)
    cherrypy.engine.start()
    for _ in range(2):
        assert cp_client.get("/").text == "ok"
    assert hasattr(cherrypy, "_cache") and sessions.RamSession.cache
    # Fewer than twenty entries spoilt would prove little.
    spoilt = {name for name, held in snapshot().items() if held != FIRST[0][name]}
    assert len(spoilt) >= 43, set(FIRST[0]) - spoilt
'''

CONFTEST = """
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    first = item.module.FIRST
    if not first:
        first.append(item.module.snapshot())
    result = yield
    after = item.module.settled()
    leaks = {name for name, held in after.items() if held != first[0][name]}
    assert not leaks, {name: (first[0][name], after[name]) for name in leaks}
    print("NOTHING OF", len(after), "LEAKS")
    return result
"""


def run(pytester, *arguments):
    others = ("cacheprovider", "hypothesispytest", "anyio", "benchmark", "xdist")
    lean = (f"-pno:{name}" for name in others)
    return pytester.runpytest_subprocess(*lean, *arguments)


def test_nothing_of_what_cherrypy_keeps_for_the_process_leaks(pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(SPOIL)
    result = run(pytester, "-s", "-W", "error")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["*NOTHING OF 49 LEAKS*"] * 3)


LEFT = """
import cherrypy, pytest, socket, threading

PORT = {port}

@pytest.mark.parametrize("turn", range(2))
def test_an_engine_is_left_running(turn):
    cherrypy.server.socket_port = PORT
    cherrypy.engine.autoreload.unsubscribe()
    cherrypy.engine.start()
    raise RuntimeError("before it is stopped")

@pytest.mark.parametrize("turn", range(2))
def test_a_server_is_left_running(turn):
    cherrypy.server.socket_port = PORT
    cherrypy.server.start()
    raise RuntimeError("before it is stopped")

def test_nobody_serves():
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", PORT))
    assert not [each for each in threading.enumerate() if "HTTPServer" in each.name]
"""


def test_what_a_test_leaves_running_is_stopped(pytester):
    pytester.makepyfile(LEFT.format(port=free_port()))
    run(pytester, "-W", "error").assert_outcomes(passed=1, failed=4)


OLD = """
import cherrypy, pytest
from cherrypy.test import helper

BEFORE = dict(cherrypy.config)

class OldTest(helper.CPWebCase):
    def setup_server():
        cherrypy.config.update({"own.key": 1})
        cherrypy.tools.own = cherrypy.Tool("before_handler", lambda: None)

    def test_its_state_lasts_for_the_class(self):
        assert cherrypy.config["own.key"] == 1

    def test_and_for_all_of_it(self):
        assert cherrypy.config["own.key"] == 1

def test_no_longer():
    assert dict(cherrypy.config) == BEFORE
    assert not hasattr(cherrypy.tools, "own")
"""


def test_what_a_class_of_cpwebcase_leaves_is_put_back(pytester):
    pytester.makepyfile(OLD)
    run(pytester).assert_outcomes(passed=4)  # one is CPWebCase's own


def test_the_application_that_cherrypys_checker_leaves_outside_of_requests_is_put_back():
    isolation = Isolation()
    cherrypy.tree.mount(None, "/app", {"/": {"tools.staticdir.on": False}})
    cherrypy.checker.check_static_paths()
    assert cherrypy.request.app is not None
    isolation.end()
    assert cherrypy.request.app is None


def test_the_attributes_of_a_class_are_put_back():
    held = [1]
    kept = type("Kept", (), {"changed": held, "removed": held})
    remembered = Remembered(kept)
    kept.changed, kept.added = [2], 3
    held.append(4)
    del kept.removed
    remembered.put_back()
    assert kept.changed is kept.removed is held
    assert (held, hasattr(kept, "added")) == ([1], False)


def test_an_attribute_in_the_place_of_another_is_no_disguise():
    kept = type("Object", (), {})()
    kept.a = None
    remembered = Remembered(kept)
    del kept.a
    kept.b = None
    remembered.put_back()
    assert vars(kept) == {"a": None}


def test_a_system_without_unix_signals_will_do(monkeypatch):
    for name in ("SIGHUP", "SIGUSR1", "SIGUSR2"):
        monkeypatch.delattr(signal, name)
    Isolation().end()


@pytest.mark.parametrize("in_main_thread", [True, False])
@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT])
def test_signal_handlers_are_put_back_where_python_allows_it(in_main_thread, number):
    before, isolation = signal.getsignal(number), Isolation()
    signal.signal(number, lambda *args: None)
    if in_main_thread:
        isolation.end()
    else:
        thread = threading.Thread(target=isolation.end)
        thread.start()
        thread.join()
    assert (signal.getsignal(number) is before) == in_main_thread
    signal.signal(number, before)


def test_a_cache_and_applications_that_were_there_before_are_kept():
    cherrypy._cache = cache = MemoryCache()
    cherrypy.tree.graft(print, "/wsgi")
    isolation = Isolation()
    cache.store["url"] = "page"
    cherrypy.tree.graft(repr, "/wsgi")
    isolation.end()
    assert cherrypy._cache is cache
    assert (cache.store, cherrypy.tree.apps["/wsgi"]) == ({}, print)
    assert cache.expirations == {}  # and its thread goes on


def test_what_a_module_registers_when_a_test_imports_it_stays(pytester):
    pytester.makepyfile(
        shop_tools="""
            import cherrypy
            def stamp():
                cherrypy.serving.response.headers["X-Stamp"] = "1"
            cherrypy.tools.stamp = cherrypy.Tool("before_handler", stamp)
            cherrypy.Application.toolboxes["shop"] = box = cherrypy._cptools.Toolbox("shop")
        """,
        test_shop="""
            import cherrypy
            import pytest

            @pytest.mark.parametrize("time", ["first", "second"])
            def test_the_tools_are_there(time):
                import shop_tools
                assert cherrypy.tools.stamp.callable is shop_tools.stamp
                assert cherrypy.Application.toolboxes["shop"] is shop_tools.box
                assert not hasattr(cherrypy.tools, "scratch")
                cherrypy.tools.scratch = cherrypy.Tool("before_handler", lambda: None)
        """,
    )
    pytester.syspathinsert()
    pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "-p", "no:hypothesispytest"
    ).assert_outcomes(passed=2)
