"""What Chromium lets a page of another origin read and send: two servers on two ports."""

import threading
from contextlib import contextmanager
from pathlib import Path

import cherrypy
import pytest
from cheroot.wsgi import Server

import cpkit.tools
from cpkit.dispatchers import RoutesDispatcher


class Books:
    changed = 0
    exposed = True

    def GET(self):  # noqa: N802
        return "the books"

    @cpkit.tools.cors(origins=["https://other.example"])
    def PUT(self):  # noqa: N802
        return self.replace("1")

    def moved(self):
        raise cherrypy.HTTPRedirect("/books/1")

    def large(self):
        cherrypy.response.stream = True
        return iter([b"a line of text\n" * 1000] * 100)

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
    dispatcher.connect("moved", "/moved", books, action="moved")
    dispatcher.connect("large", "/large", books, action="large")
    by_method = {"request.dispatch": cherrypy.dispatch.MethodDispatcher()}
    files = {"tools.staticdir.on": True, "tools.staticdir.dir": str(Path(__file__).parent)}
    sections = {"/": {"request.dispatch": dispatcher, **config}, "/files": files}
    tree = type("Root", (), {"all": books})()
    app = cherrypy.Application(tree, "", {**sections, "/all": by_method})
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


def test_a_page_reads_files_with_fields_of_its_own(ask):
    own = {"headers": {"X-Own": "1"}}
    assert ask("/files/test_origins.py", own, **ON)[0] == 200
    assert ask("/files/nothing.py", {}, **ON)[0] == 404
    assert ask("/files/test_origins.py", own, trusted=False, **ON) == "blocked"


def test_a_page_is_led_elsewhere_and_reads_what_is_there(ask):
    assert ask("/moved", **ON)[:2] == [200, "book 1"]
    assert ask("/moved", trusted=False, **ON) == "blocked"


def test_a_page_is_led_to_the_path_without_its_slash(ask):
    extra = {**ON, "tools.trailing_slash.extra": True}
    own = {"headers": {"X-Own": "1"}}
    assert ask("/books/1/", own, **extra)[:2] == [200, "book 1"]
    assert ask("/books/1/", {"method": "PUT", **own}, **extra)[:2] == [200, "replaced"]


def test_nothing_is_written_where_the_answer_cannot_be_read(ask):
    """A decorator of the method names another origin than the section does."""
    assert ask("/all", **ON)[:2] == [200, "the books"]
    assert ask("/all", {"method": "PUT"}, **ON) == "blocked"
    assert Books.changed == 0


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_page_reads_a_compressed_stream_of_another_origin(ask, coding):
    compressed = {"cpkit.compress.on": True, "cpkit.compress.encodings": [coding]}
    status, text, _ = ask("/large", **ON, **compressed)
    assert (status, len(text)) == (200, 1_500_000)


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


class Shop:
    bought = 0

    @cherrypy.expose
    def index(self, policy="strict-origin-when-cross-origin"):
        cherrypy.response.headers["Referrer-Policy"] = policy
        return '<!doctype html><title>a page</title><form method="post"></form>'

    @cherrypy.expose
    def buy(self):
        assert "Sec-Fetch-Site" not in cherrypy.request.headers
        Shop.bought += 1
        return "bought"


@pytest.mark.parametrize(
    ("host", "query", "status"),
    [
        ("shop.test", "", 200),
        ("shop.test", "?policy=same-origin", 200),
        ("shop.test", "?policy=no-referrer", 403),  # its Origin is null
        ("evil.test", "", 403),
        ("sub.shop.test", "", 403),
    ],
)
def test_a_form_of_another_host_is_told_by_its_origin_over_plain_http(
    chromium, cp_isolation, host, query, status
):
    app = cherrypy.Application(Shop(), "", {"/": {"cpkit.csrf.on": True}})
    app.log.screen, Shop.bought = False, 0
    with served(app) as address:
        port, page = address.rpartition(":")[2], chromium.new_page()
        try:
            page.goto(f"http://{host}:{port}/{query}")
            with page.expect_navigation() as navigation:
                page.evaluate(
                    """url => {
                        document.forms[0].action = url;
                        document.forms[0].submit();
                    }""",
                    f"http://shop.test:{port}/buy",
                )
            assert navigation.value.status == status
            assert Shop.bought == (status == 200)
        finally:
            page.close()
