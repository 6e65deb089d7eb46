"""What unittest uses: a client and a clean slate without pytest's fixtures."""

import subprocess
import sys

import cherrypy
import pytest

from cpkit.cherry import Tree
from cpkit.errors import MarkerError
from cpkit.testing import isolated


class Shop:
    @cherrypy.expose
    def index(self):
        return cherrypy.request.config["shop.currency"]


def test_an_application_is_mounted_for_a_block():
    with isolated(Shop, "/shop", {"/": {"shop.currency": "EUR"}, "left.behind": 1}) as client:
        assert client.get("/shop/").text == "EUR"
        assert cherrypy.engine.state is cherrypy.engine.states.STOPPED
    assert "left.behind" not in cherrypy.config
    assert list(cherrypy.tree.apps) == []


def test_the_engine_runs_for_a_block():
    with isolated(Shop, engine=True):
        assert cherrypy.engine.state is cherrypy.engine.states.STARTED
        assert cherrypy.server.httpserver is None
    assert cherrypy.engine.state is cherrypy.engine.states.STOPPED


@pytest.mark.parametrize("given", [{"root": "shop"}, {"mount": "shop"}, {"engine": "yes"}], ids=str)
def test_what_cannot_be_is_refused_before_anything_changes(given):
    with pytest.raises(MarkerError), isolated(**given):
        pass
    assert list(cherrypy.tree.apps) == []


def test_a_tree_of_several_applications_takes_the_place_of_cherrypys():
    tree, before = Tree(), cherrypy.tree
    for name in ("EUR", "CHF"):
        tree.mount(Shop(), f"/{name}", {"/": {"shop.currency": name}})
    with isolated(tree) as client:
        assert [client.get(f"/{name}/").text for name in ("EUR", "CHF")] == ["EUR", "CHF"]
    assert cherrypy.tree is before


UNITTEST = """
import contextlib
import unittest

import cherrypy
from cpkit.testing import isolated


class Counter:
    n = 0

    @cherrypy.expose
    def index(self):
        self.n += 1
        return str(self.n)


class CounterTest(unittest.TestCase):
    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.client = stack.enter_context(isolated(Counter))

    def test_counts(self):
        self.assertEqual(["1", "2"], [self.client.get("/").text for _ in range(2)])

    def test_counts_anew(self):
        self.assertEqual("1", self.client.get("/").text)
"""


@pytest.mark.parametrize("runner", ["unittest", "pytest"])
def test_a_test_case_of_unittest_needs_nothing_else(tmp_path, runner):
    (tmp_path / "test_counter.py").write_text(UNITTEST)
    command = [sys.executable, "-W", "error", "-m", runner, "test_counter.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_test_case_of_unittest_may_use_the_fixtures(pytester):
    pytester.makepyfile("""
        import unittest
        import cherrypy
        import pytest

        class Shop:
            @cherrypy.expose
            def index(self):
                return "shop"

        @pytest.mark.cherrypy(root=Shop)
        class ShopTest(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def use(self, cp_client, cp_session):
                self.client, self.session = cp_client, cp_session

            def setUp(self):
                self.first = self.client.get("/").text

            def test_greets(self):
                self.assertEqual("shop", self.first)
    """)
    pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-W", "error"
    ).assert_outcomes(passed=1)
