"""The pytest plugin in other people's test runs."""

import subprocess
import sys

import cherrypy  # noqa: F401 - what the runs within this process share
import pytest

FAILING = """
import cherrypy

class Root:
    @cherrypy.expose
    def index(self):
        cherrypy.log("the reason is logged")
        return "ok"

def test_it(cp_client):
    cherrypy.tree.mount(Root())
    cp_client.get("/")
    assert False
"""

PASSING = """
import cherrypy
import pytest

class Root:
    @cherrypy.expose
    def index(self):
        return "ok"

@pytest.fixture
def cp_app():
    return Root()

@pytest.mark.parametrize("turn", range(10))
def test_the_client(turn, cp_client):
    assert cp_client.get("/").text == "ok"

@pytest.mark.parametrize("turn", range(4))
def test_the_server(turn, cp_server):
    connection = cp_server.connect()
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"ok"
    connection.close()
"""


# What else is installed only takes time to be imported.
OTHERS = ("hypothesispytest", "anyio", "benchmark", "schemathesis")
LEAN = ("-p", "no:cacheprovider", *(f"-pno:{name}" for name in OTHERS), "-W", "error")


def run(pytester, *arguments):
    return pytester.runpytest_inprocess(*LEAN, *arguments)


def run_apart(pytester, *arguments):
    return pytester.runpytest_subprocess(*LEAN, *arguments)


def test_the_plugin_imports_no_cherrypy_where_no_test_does(pytester):
    pytester.makepyfile("""
        import sys

        def test_it():
            heavy = {"cherrypy", "cheroot", "sqlalchemy", "cpkit.testing._isolation"}
            assert not heavy & set(sys.modules)
    """)
    run_apart(pytester).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("-p", "no:threadexception"),
        ("-p", "no:logging"),
        ("-o", "strict=true"),
        ("-p", "no:unraisableexception", "--import-mode=importlib"),
    ],
    ids=" ".join,
)
def test_the_plugin_works_with_others(pytester, arguments):
    pytester.makepyfile(PASSING)
    run(pytester, *arguments).assert_outcomes(passed=14)


def test_the_plugin_works_in_parallel_runs(pytester):
    pytester.makepyfile(PASSING)
    run_apart(pytester, "-n", "2").assert_outcomes(passed=14)


def test_a_failing_test_shows_its_requests_beside_the_captured_log(pytester):
    pytester.makepyfile(FAILING)
    output = run(pytester).stdout
    output.fnmatch_lines(
        ["*Captured log call*", "*- CherryPy call -*", "GET http://127.0.0.1/ -> 200 OK"]
    )
    output.no_fnmatch_line("*ENGINE*")
    shown = output.str().partition("- CherryPy call -")[2]
    assert "the reason is logged" not in shown


def test_a_failing_test_prints_the_error_log_where_pytest_captures_none(pytester):
    pytester.makepyfile(FAILING)
    output = run(pytester, "-p", "no:logging", "--show-capture=all").stdout
    output.fnmatch_lines(["*- CherryPy call -*", "*the reason is logged", "GET *-> 200 OK"])


def test_a_failing_test_that_had_no_requests_prints_nothing_of_it(pytester):
    pytester.makepyfile("def test_it(cp_client): assert False")
    run(pytester, "-p", "no:logging").stdout.no_fnmatch_line("*- CherryPy call -*")


def test_a_passing_test_prints_nothing_of_it(pytester):
    pytester.makepyfile(PASSING)
    run(pytester, "-rA").stdout.no_fnmatch_line("*- CherryPy call -*")


LOGGED = """
import logging
import weakref

known = []

def test_1(cp_client):
    known.append(weakref.ref(logging.getLogger("cherrypy.error").handlers[-1]))

def test_2():
    assert known[0]() is None
"""


def test_what_a_test_logged_is_forgotten_with_it(pytester):
    pytester.makepyfile(LOGGED)
    run(pytester).assert_outcomes(passed=2)


CPWEBCASE = """
import cherrypy
from cherrypy.test import helper

def test_newer(cp_client):
    cherrypy.tree.mount(None)
    assert cp_client.get("/").status_code == 404

class TestOld(helper.CPWebCase):
    interactive = False

    @staticmethod
    def setup_server():
        class Root:
            @cherrypy.expose
            @cherrypy.config(**{"tools.sessions.on": True})
            def index(self):
                cherrypy.session["n"] = cherrypy.session.get("n", 0) + 1
                return str(cherrypy.session["n"])
        cherrypy.tree.mount(Root())

    def test_1(self):
        self.getPage("/")
        self.assertBody("1")

    def test_2_depends_on_the_session_of_test_1(self):
        sessions = cherrypy.lib.sessions.RamSession.cache
        self.getPage("/", [("Cookie", "session_id=" + next(iter(sessions)))])
        self.assertBody("2")

def test_new(cp_client):
    class Root:
        @cherrypy.expose
        def index(self):
            return "new"
    cherrypy.tree.mount(Root())
    assert cp_client.get("/").text == "new"
"""


def test_cherrypys_own_test_classes_run_as_before_and_beside_new_tests(pytester):
    pytester.makepyfile(CPWEBCASE)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    result.assert_outcomes(passed=5)  # test_gc is inherited


ISOLATION_OFF = """
import cherrypy
import pytest

def test_1():
    cherrypy.config["left.behind"] = 1

@pytest.mark.cherrypy(isolation={isolation})
def test_2(cp_client):
    cherrypy.config["left.too"] = 1

def test_3():
    assert "left.behind" {first} cherrypy.config
    assert "left.too" {second} cherrypy.config
"""


@pytest.mark.parametrize(
    ("ini", "isolation", "first", "second"),
    [
        ("true", "True", "not in", "not in"),
        ("true", "False", "not in", "in"),
        ("false", "True", "in", "not in"),
    ],
)
def test_isolation_can_be_switched_off(pytester, ini, isolation, first, second):
    pytester.makepyfile(ISOLATION_OFF.format(isolation=isolation, first=first, second=second))
    run(pytester, "-o", f"cherrypy_isolation={ini}", "-o", "strict=true").assert_outcomes(passed=3)


def test_an_engine_that_a_wider_fixture_runs_is_left_alone(pytester):
    pytester.makepyfile("""
        import cherrypy
        import pytest

        @pytest.fixture(scope="module", autouse=True)
        def running():
            cherrypy.server.unsubscribe()
            cherrypy.engine.autoreload.unsubscribe()
            cherrypy.engine.start()
            yield
            cherrypy.engine.exit()

        def test_1():
            cherrypy.config["kept"] = 1

        def test_2(cp_client):
            assert cherrypy.config["kept"] == 1
            assert cherrypy.engine.state is cherrypy.engine.states.STARTED
    """)
    run(pytester).assert_outcomes(passed=2)


def test_an_engine_that_a_test_started_is_stopped_after_it(pytester):
    pytester.makepyfile("""
        import atexit
        from cherrypy.process.plugins import SimplePlugin

        class Plugin(SimplePlugin):
            seen = []
            def start(self): self.seen.append("start")
            def stop(self): self.seen.append("stop")

        def test_1(cp_engine):
            Plugin(cp_engine).subscribe()
            cp_engine.start()

        def test_2(cp_engine):
            assert Plugin.seen == ["start", "stop"]
            assert cp_engine.state is cp_engine.states.STOPPED
    """)
    result = run_apart(pytester)
    result.assert_outcomes(passed=2)
    # CherryPy shuts a running bus down when the interpreter exits; there is none.
    assert "The main thread is exiting" not in result.stderr.str()


def test_the_package_says_what_it_needs_when_pytest_is_missing():
    code = "import sys; sys.modules['pytest'] = None; import cpkit.testing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "pytest" in done.stderr
