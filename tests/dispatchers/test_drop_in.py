"""RoutesDispatcher in place of CherryPy's: the same calls, the same answers."""

import os
import subprocess
import sys

import cherrypy
import pytest

from cpkit.dispatchers import RoutesDispatcher

# CherryPy's own test, unchanged but for the dispatcher and a port that is free.
OWN_TESTS = """
import sys, pytest, portend, cherrypy
from cherrypy.test import helper
import cpkit.dispatchers
cherrypy.dispatch.RoutesDispatcher = cpkit.dispatchers.RoutesDispatcher
supervisor = helper.CPWebCase.available_servers["wsgi"]
helper.CPWebCase.available_servers["wsgi"] = lambda **conf: supervisor(
    **{**conf, "port": portend.find_available_local_port()}
)
import cherrypy.test.test_routes as own
sys.exit(pytest.main([own.__file__, "-q", "-c", "pytest.ini", "-p", "no:cacheprovider"]))
"""


def test_cherrypys_own_tests_of_its_dispatcher_pass(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-c", OWN_TESTS],
        cwd=tmp_path,
        env={**os.environ, "WEBTEST_INTERACTIVE": "false"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


class Library:
    def show(self, library_id):
        return f"library {library_id}"

    def book(self, library_id, book_id, **rest):
        return f"book {book_id} of {library_id}, {rest}"


@pytest.fixture
def library(cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("library", "/library/{library_id}", Library(), action="show")
    dispatcher.connect("book", "/library/{library_id}/book/{book_id}", Library(), action="book")
    cherrypy.tree.mount(None, "/", {"/": {"request.dispatch": dispatcher}})
    return cp_client


def test_the_library_url_finds_its_handler(library):
    assert library.get("/library/12").text == "library 12"
    assert library.get("/library/12/book/15?page=3").text == "book 15 of 12, {'page': '3'}"
    assert library.get("/library/12/book").status_code == 404
