"""What Chromium lets a page of another origin read and send: two servers on two ports."""

import threading
from contextlib import contextmanager

import cherrypy
import pytest
from cheroot.wsgi import Server

from cpkit.dispatchers import RoutesDispatcher


class Books:
    changed = 0

    def show(self, number):
        if number == "0":
            raise cherrypy.HTTPError(404)
        if number == "9":
            raise ZeroDivisionError
        cherrypy.response.headers["ETag"] = f'"{number}"'
        return f"book {number}"

    def replace(self, number):
        Books.changed += 1
        return "replaced"


@contextmanager
def served(app):
    server = Server(("127.0.0.1", 0), app, numthreads=4)
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.bind_addr[1]}"
    finally:
        server.stop()
        thread.join()


def application(**config):
    dispatcher = RoutesDispatcher()
    path, books = "/books/{number}", Books()
    dispatcher.connect("show", path, books, action="show", conditions={"method": ["GET"]})
    dispatcher.connect("put", path, books, action="replace", conditions={"method": ["PUT", "POST"]})
    app = cherrypy.Application(None, "", {"/": {"request.dispatch": dispatcher, **config}})
    app.log.screen = False
    return app


@pytest.fixture
def ask(chromium, cp_isolation):
    """Have a page of one origin fetch from another whose config is given."""

    class Page:
        @cherrypy.expose
        def index(self):
            return "<!doctype html><title>a page</title>"

    home = cherrypy.Application(Page(), "")
    home.log.screen = False

    def ask(path, options=None, trusted=True, **config):
        Books.changed = 0
        with served(home) as here:
            config = {
                "cpkit.cors.origins": [here if trusted else "https://other.example"],
                **config,
            }
            with served(application(**config)) as there:
                page = chromium.new_page()
                try:
                    page.goto(here)
                    return page.evaluate(
                        """([url, options]) => fetch(url, options).then(
                            async a => [a.status, await a.text(), a.headers.get("ETag")],
                            () => "blocked")""",
                        [there + path, options or {}],
                    )
                finally:
                    page.close()

    return ask


ON = {"cpkit.cors.on": True}


def test_a_page_reads_what_it_may(ask):
    assert ask("/books/1", **ON) == [200, "book 1", None]
    exposed = {**ON, "cpkit.cors.expose": ["ETag"]}
    assert ask("/books/1", **exposed) == [200, "book 1", '"1"']


def test_a_page_reads_nothing_without_the_tool_or_from_elsewhere(ask):
    assert ask("/books/1") == "blocked"
    assert ask("/books/1", trusted=False, **ON) == "blocked"


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/books/0", "GET", 404), ("/nowhere", "GET", 404), ("/books/9", "GET", 500)],
)
def test_a_page_reads_errors_too(ask, path, method, status):
    assert ask(path, {"method": method}, **ON)[0] == status


def test_a_preflight_lets_through_what_the_resource_has(ask):
    put = {"method": "PUT", "headers": {"X-Own": "1"}}
    assert ask("/books/1", put, **ON)[:2] == [200, "replaced"]
    assert ask("/books/1", {"method": "DELETE"}, **ON) == "blocked"
    assert ask("/books/1", put, trusted=False, **ON) == "blocked"
    assert Books.changed == 0


def test_cookies_go_only_where_the_policy_says_so(ask):
    credentials = {"credentials": "include"}
    assert ask("/books/1", credentials, **ON) == "blocked"
    allowed = {**ON, "cpkit.cors.credentials": True}
    assert ask("/books/1", credentials, **allowed)[0] == 200


def test_what_another_sites_page_posts_changes_nothing(ask):
    post = {"method": "POST", "mode": "no-cors"}
    ask("/books/1", post, **{"cpkit.csrf.on": True})
    assert Books.changed == 0
    ask("/books/1", post)
    assert Books.changed == 1
