"""URLs made from routes: below the mount point, behind a proxy, in any thread."""

import threading

import cherrypy
import pytest
import routes

from cpkit.dispatchers import RoutesDispatcher
from cpkit.errors import UrlError

PROXY = {"tools.proxy.on": True}
FORWARDED = {"X-Forwarded-Host": "shop.example", "X-Forwarded-Proto": "https"}


def table(handler):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("home", "/", handler)
    dispatcher.connect("book", "/book/{id}", handler, requirements={"id": r"\d+"}, shop="main")
    dispatcher.connect("file", "/file/{path:.*}{.format}", handler)
    return dispatcher


@pytest.fixture
def made(mount, cp_client):
    """Return what *make* (called with the dispatcher) gives in a request below /shop."""

    def made(make, path="/shop/book/1", headers=(), **entries):
        urls = []
        dispatcher = table(lambda **params: urls.append(make(dispatcher)))
        mount(dispatcher, "/shop", **entries)
        cp_client.get(path, headers=headers)
        return urls[0]

    return made


def test_a_url_has_the_base_and_the_mount_point(made):
    assert made(lambda d: d.url_for("book", id=7)) == "http://127.0.0.1/shop/book/7"


def test_behind_a_proxy_the_base_is_the_proxys(made):
    url = made(lambda d: d.url_for("book", id=7), headers=FORWARDED, **PROXY)
    assert url == "https://shop.example/shop/book/7"


def test_what_the_template_has_no_place_for_is_the_query(made):
    url = made(lambda d: d.url_for("book", id=7, q="a b&c", tag=["x", "y"]))
    assert url == "http://127.0.0.1/shop/book/7?q=a+b%26c&tag=x&tag=y"


def test_values_are_quoted(made):
    url = made(lambda d: d.url_for("file", path="a b/\u00e9?#", format="txt"))
    assert url == "http://127.0.0.1/shop/file/a%20b/%C3%A9%3F%23.txt"


def test_a_fragment_and_a_relative_url(made):
    assert made(lambda d: d.url_for("home", _fragment="top & up")).endswith("/shop/#top%20%26%20up")
    assert made(lambda d: d.url_for("book", id=2, _relative="server")) == "/shop/book/2"


def test_a_variable_may_be_called_name(mount):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("user", "/u/{name}", lambda name: name)
    assert dispatcher.url_for("user", name="ann").endswith("/u/ann")


def test_outside_a_request_the_base_is_the_servers(mount):
    dispatcher = table(print)
    mount(dispatcher, "/shop")
    cherrypy.server.socket_host, cherrypy.server.socket_port = "10.0.0.1", 8081
    assert dispatcher.url_for("book", id=7) == "http://10.0.0.1:8081/shop/book/7"


def test_an_application_links_to_another(made, mount):
    other = table(print)
    mount(None, "/first")
    mount(other, "/other")
    cherrypy.tree.graft(lambda environ, start_response: [], "/grafted")
    assert made(lambda d: other.url_for("book", id=7)) == "http://127.0.0.1/other/book/7"


def test_a_dispatcher_that_is_mounted_nowhere_starts_at_the_root():
    assert table(print).url_for("book", id=7).endswith("/book/7")


def test_under_a_virtual_host_its_prefix_is_left_out(mount, cp_client):
    urls = []
    dispatcher = RoutesDispatcher()

    def make(x):
        urls.extend(dispatcher.url_for(name, x=2) for name in ("in", "main"))

    dispatcher.connect("in", "/vh/in/{x}", make)
    dispatcher.connect("main", "/in/{x}", make)
    mount(cherrypy.dispatch.VirtualHost(dispatcher, **{"vh.example": "/vh"}))
    cp_client.get("/in/1", headers={"Host": "vh.example"})
    cp_client.get("/in/1", headers={"Host": "www.example"})
    assert urls[:2] == ["http://vh.example/in/2", "http://vh.example/in/2"]
    assert urls[2:] == ["http://www.example/vh/in/2", "http://www.example/in/2"]


def test_an_unknown_name_is_answered_with_close_ones():
    with pytest.raises(UrlError, match=r"no such route\. Close names: book") as caught:
        table(print).url_for("bok", id=1)
    assert caught.value.name == "bok"


@pytest.mark.parametrize(("params", "problem"), [({}, "it lacks id"), ({"id": "x"}, "doesn't fit")])
def test_params_that_dont_fit_are_refused(params, problem):
    with pytest.raises(UrlError, match=problem):
        table(print).url_for("book", **params)


def test_a_filter_and_a_prefix_have_their_say():
    dispatcher = RoutesDispatcher()
    dispatcher.mapper.prefix = "/pre"
    dispatcher.connect("f", "/f/{a}", print, _filter=lambda params: {**params, "a": "filtered"})
    assert dispatcher.url_for("f").endswith("/pre/f/filtered")


def test_routes_own_url_for_works_in_a_handler(made):
    assert made(lambda d: routes.url_for("book", id=7)) == "/shop/book/7"
    assert made(lambda d: routes.url_for("book", id=7, qualified=True)) == (
        "http://127.0.0.1/shop/book/7"
    )


def test_routes_own_redirect_works_in_a_handler(mount, cp_client):
    dispatcher = table(lambda **params: routes.redirect_to("book", id=7))
    mount(dispatcher, "/shop")
    found = cp_client.get("/shop/")
    assert (found.status_code, found.headers["Location"]) == (303, "http://127.0.0.1/shop/book/7")


def test_routes_own_url_for_uses_the_dispatcher_of_the_request(mount, cp_client):
    urls = []

    def inside(**params):
        urls.append(routes.url_for("here"))

    for name in ("/one", "/two"):
        dispatcher = RoutesDispatcher()
        dispatcher.connect("here", f"/in{name}", inside)
        mount(dispatcher, name)
    for path in ("/one/in/one", "/two/in/two", "/one/in/one"):
        cp_client.get(path)
    assert urls == ["/one/in/one", "/two/in/two", "/one/in/one"]


def test_a_thread_keeps_nothing_of_a_request(mount, cp_client):
    mount(table(lambda **params: routes.url_for("home")))
    kept = []

    def serve():
        kept.append(cp_client.get("/").status_code)
        kept.append(hasattr(routes.request_config(), "environ"))

    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()
    assert kept == [200, False]


def test_cherrypys_own_dispatcher_still_works_in_the_same_thread(mount, cp_client):
    urls = []
    mount(table(lambda **params: urls.append(routes.url_for("book", id=1))), "/ours")
    theirs = cherrypy.dispatch.RoutesDispatcher()
    theirs.connect("there", "/there", lambda: urls.append(routes.url_for("there")))
    mount(theirs, "/theirs")
    for path in ("/ours/", "/theirs/there", "/ours/"):
        cp_client.get(path)
    assert urls == ["/ours/book/1", "/theirs/there", "/ours/book/1"]


def test_a_request_config_of_somebodys_own_stays(mount, cp_client):
    own, seen = object(), []
    mount(table(lambda **params: seen.append(routes.request_config())))

    def serve():
        routes.request_config().request_local = lambda: own
        cp_client.get("/")

    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()
    assert seen == [own]


def test_it_can_be_left_out(mount, cp_client):
    seen = []
    dispatcher = RoutesDispatcher(register=False)
    dispatcher.connect("home", "/", lambda: seen.append(hasattr(routes.request_config(), "route")))
    mount(dispatcher)
    thread = threading.Thread(target=cp_client.get, args=["/"])
    thread.start()
    thread.join()
    assert seen == [False]


def test_redirects_behind_a_proxy_and_to_elsewhere(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.mapper.redirect("/old/{page}", "/new/{page}")
    dispatcher.mapper.redirect("/away/{path:.*}", "https://away.example/{path}")
    mount(dispatcher, "/shop", **PROXY)
    found = cp_client.get("/shop/old/1?page=2", headers=FORWARDED)
    assert (found.status_code, found.headers["Location"]) == (
        302,
        "https://shop.example/shop/new/1",
    )
    found = cp_client.get("/shop/away/a/%C3%A9")
    assert found.headers["Location"] == "https://away.example/a/%C3%A9"
