"""Redirects to the other slash, and by the table: percent-encoded, and no method is lost."""

import pytest

from cpkit.dispatchers import RoutesDispatcher


def served(**params):
    return "served"


@pytest.fixture
def dispatcher(mount):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("books", "/книги/", served)
    dispatcher.connect("say", "/s/{word}/", served)
    dispatcher.connect("plain", "/plain", served)
    mount(dispatcher, **{"tools.trailing_slash.extra": True})
    return dispatcher


BOOKS = "%D0%BA%D0%BD%D0%B8%D0%B3%D0%B8"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        (f"/{BOOKS}", f"/{BOOKS}/"),
        ("/s/a%3Fb", "/s/a%3Fb/"),
        ("/s/a%23b", "/s/a%23b/"),
        ("/s/a%20b%25", "/s/a%20b%25/"),
        ("/s/a%2Fb", "/s/a%2Fb/"),
        ("/s/a?q=%D0%BA&r=a+b", "/s/a/?q=%D0%BA&r=a+b"),
        ("/plain/", "/plain"),
        ("/plain/?q=1", "/plain?q=1"),
    ],
)
def test_the_location_of_another_slash_is_percent_encoded(dispatcher, cp_client, path, location):
    found = cp_client.get(path)
    assert (found.status_code, found.headers["Location"]) == (301, "http://127.0.0.1" + location)
    if "%2F" not in path:
        assert cp_client.get(location).text == "served"


def test_a_query_of_raw_bytes_is_percent_encoded(dispatcher, cp_client):
    found = cp_client.get("/s/a", environ={"QUERY_STRING": "q=\xd0\xba"})
    assert found.headers["Location"] == "http://127.0.0.1/s/a/?q=%D0%BA"


@pytest.mark.parametrize(
    ("method", "status"),
    [("GET", 301), ("HEAD", 301), ("POST", 308), ("PUT", 308), ("DELETE", 308), ("PATCH", 308)],
)
def test_another_method_than_get_and_head_is_kept_by_a_308(dispatcher, cp_client, method, status):
    for path in (f"/{BOOKS}", "/plain/"):
        found = cp_client.request(method, path)
        assert (found.status_code, "Location" in found.headers) == (status, True)


def test_the_mount_point_is_redirected_with_its_method(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("home", "/", served)
    mount(dispatcher, "/shop")
    for method, status in (("GET", 301), ("POST", 308)):
        found = cp_client.request(method, "/shop?q=%2F")
        assert (found.status_code, found.headers["Location"]) == (
            status,
            "http://127.0.0.1/shop/?q=%2F",
        )


def test_the_location_is_in_the_encoding_that_paths_are_read_in(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("cafe", "/café/", served)
    mount(dispatcher, **{"request.uri_encoding": "latin-1"})
    found = cp_client.get("/caf%E9")
    assert found.headers["Location"] == "http://127.0.0.1/caf%E9/"


def test_the_tools_own_status_is_taken(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("books", "/books/", served)
    mount(dispatcher, **{"tools.trailing_slash.status": 307})
    assert cp_client.get("/books").status_code == 307


@pytest.mark.parametrize("entry", ["on", "missing"])
def test_the_redirects_are_switched_off_with_the_tool(mount, cp_client, entry):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("books", "/books/", served)
    dispatcher.connect("home", "/", served)
    mount(dispatcher, "/shop", **{f"tools.trailing_slash.{entry}": False})
    assert cp_client.get("/shop/books").status_code == 404
    assert cp_client.get("/shop").text == "served"


def test_behind_a_proxy_the_location_is_the_proxys(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("books", "/books/", served)
    mount(dispatcher, "/shop", **{"tools.proxy.on": True})
    forwarded = {"X-Forwarded-Host": "shop.example", "X-Forwarded-Proto": "https"}
    found = cp_client.get("/shop/books", headers=forwarded)
    assert found.headers["Location"] == "https://shop.example/shop/books/"


def test_a_redirect_by_the_dispatcher_is_percent_encoded(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("away", "/away", lambda: dispatcher.redirect("/книги/a b"))
    mount(dispatcher)
    found = cp_client.get("/away")
    assert found.headers["Location"] == f"http://127.0.0.1/{BOOKS}/a%20b"


REDIRECTS = [
    ("/old/{page}", "/new/{page}", "/old/a%2Fb", "/new/a%2Fb"),
    ("/old/{page:.*}", "/new/{page}", "/old/a%2Fb/c", "/new/a%2Fb/c"),
    ("/old/{page}", "/new/{page}", f"/old/{BOOKS}", f"/new/{BOOKS}"),
    ("/old/{page}", "/new/{page}", "/old/a%3Fb", "/new/a%3Fb"),
]


@pytest.mark.parametrize(("old", "new", "path", "location"), REDIRECTS)
def test_a_redirect_route_keeps_what_the_path_holds(mount, cp_client, old, new, path, location):
    dispatcher = RoutesDispatcher()
    dispatcher.mapper.redirect(old, new)
    mount(dispatcher)
    found = cp_client.get(path)
    assert (found.status_code, found.headers["Location"]) == (302, "http://127.0.0.1" + location)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("/old{page:.*}", "/{page}", "/old/evil.example"),
        ("/old/{page}", "/new/{page}/x", "/old/.."),
        ("/old/{page}", r"/new/{page:\d+}", "/old/x"),
    ],
)
def test_a_redirect_route_leads_to_no_other_place(mount, cp_client, old, new, path):
    dispatcher = RoutesDispatcher()
    dispatcher.mapper.redirect(old, new)
    mount(dispatcher)
    assert cp_client.get(path).status_code == 404


def test_a_redirect_route_may_lead_to_another_host(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.mapper.redirect("/cdn/{file:.*}", "//cdn.example/{file}")
    mount(dispatcher)
    assert cp_client.get("/cdn/css/a.css").headers["Location"] == "http://cdn.example/css/a.css"
