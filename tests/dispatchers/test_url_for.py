"""URLs made from routes: below the mount point, behind a proxy, in any thread."""

import threading

import cherrypy
import pytest
import routes

from cpkit.dispatchers import RoutesDispatcher
from cpkit.errors import UrlError
from cpkit.testing import Client
from tests.properties import given, settings, st

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


@pytest.mark.parametrize("minimization", [False, True])
def test_the_text_of_a_template_is_percent_encoded_too(mount, cp_client, minimization):
    dispatcher = RoutesDispatcher()
    dispatcher.mapper.minimization = minimization
    dispatcher.mapper.redirect("/old/{page}", "/новое место/{page}")
    dispatcher.connect("new", "/новое место/{page}", lambda page: page)
    mount(dispatcher, "/shop")
    place = "/shop/%D0%BD%D0%BE%D0%B2%D0%BE%D0%B5%20%D0%BC%D0%B5%D1%81%D1%82%D0%BE/1"
    assert dispatcher.url_for("new", page=1).endswith(place)
    assert cp_client.get("/shop/old/1").headers["Location"] == "http://127.0.0.1" + place
    assert cp_client.get(place).text == "1"


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


def path_of(url):
    return url.removeprefix("http://127.0.0.1:8080")


def test_a_slash_in_a_plain_variable_is_encoded(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("title", "/t/{name}", lambda name: name)
    dispatcher.connect("two", "/t/{a}/{b}", lambda **params: "another")
    dispatcher.connect("old", "/o/:name", lambda name: name, _minimize=True)
    dispatcher.connect("format", "/f/{name}{.format}", lambda name, format: f"{name} {format}")
    mount(dispatcher)
    for name, suffix in (("title", ""), ("old", ""), ("format", " None")):
        path = path_of(dispatcher.url_for(name, name="AC/DC"))
        assert path.endswith("/AC%2FDC")
        assert cp_client.get(path).text == "AC/DC" + suffix


def test_a_slash_in_a_wildcard_or_a_regex_that_takes_it_stays(mount):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("wild", "/w/*path", print)
    dispatcher.connect("regex", "/r/{path:.+}", print)
    assert path_of(dispatcher.url_for("wild", path="a/b")) == "/w/a/b"
    assert path_of(dispatcher.url_for("regex", path="a/b")) == "/r/a/b"


def test_routes_own_url_for_encodes_a_slash_too(made):
    def make(dispatcher):
        dispatcher.connect("title", "/t/{name}", print)
        return routes.url_for("title", name="AC/DC")

    assert made(make) == "/shop/t/AC%2FDC"


PLACES = [
    ("/{x}", ""),
    ("/a/{x}/b", ""),
    ("/a/{x}", ".."),
    ("/a/{x}/b", "."),
    ("/w/{x:.*}/b", "../../c"),
    ("/w/*x", "a/../../b"),
    ("/{x:.*}", "/evil.example"),
    ("/{x:.*}", "/evil.example/"),
    ("/w/{x:.*}", "a//b"),
    ("/a/{x}", "a\nb"),
    ("/a/{x}", "a\x00"),
    ("/a/{x}", "\x85"),
    ("/a/{x}", "\ud800"),
    ("/a/{x}", "a%2Fb"),
    ("/o/:x", ".."),
]


@pytest.mark.parametrize(("path", "value"), PLACES)
@pytest.mark.parametrize("minimize", [False, True])
def test_no_url_leads_to_another_place(path, value, minimize):
    if minimize and path == "/{x:.*}":
        path = "/w" + path
        value = "/" + value
    dispatcher = RoutesDispatcher()
    dispatcher.connect("x", path, print, _minimize=minimize)
    with pytest.raises(UrlError):
        dispatcher.url_for("x", x=value)


@pytest.mark.parametrize(
    "value", ["...", "..a", "a.", "%2e%2e", "\\", "a b", "?", "#", ";", "\u200b"]
)
def test_what_only_looks_like_another_place_is_fine(mount, cp_client, value):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("x", "/a/{x}", lambda x: repr(x))
    mount(dispatcher)
    assert cp_client.get(path_of(dispatcher.url_for("x", x=value))).text == repr(value)


def test_a_url_that_an_earlier_route_takes_is_refused_with_its_name():
    dispatcher = RoutesDispatcher()
    dispatcher.connect("new", "/books/new", print)
    dispatcher.connect("book", "/books/{id}", print)
    with pytest.raises(UrlError, match="leads to the route 'new'"):
        dispatcher.url_for("book", id="new")
    assert path_of(dispatcher.url_for("book", id="old")) == "/books/old"


def test_an_earlier_route_of_other_methods_takes_no_url():
    dispatcher = RoutesDispatcher()
    for name, methods in (("get", ["GET"]), ("post", ["POST"]), ("any", None)):
        conditions = {"method": methods} if methods else None
        dispatcher.connect(name, "/x", print, conditions=conditions)
    assert {path_of(dispatcher.url_for(name)) for name in ("get", "post", "any")} == {"/x"}
    dispatcher.connect("late", "/x", print, conditions={"method": ["POST"]})
    with pytest.raises(UrlError, match="leads to the route 'post'"):
        dispatcher.url_for("late")


def test_no_condition_function_is_called_for_a_url():
    def asked(environ, result):
        raise AssertionError

    dispatcher = RoutesDispatcher()
    dispatcher.connect("asked", "/{x}", print, conditions={"function": asked})
    dispatcher.connect("x", "/x", print, conditions={"function": asked})
    assert path_of(dispatcher.url_for("x")) == "/x"


def test_a_static_route_keeps_its_slashes():
    dispatcher = RoutesDispatcher()
    dispatcher.connect("cdn", "//cdn.example/{file}", _static=True)
    dispatcher.connect("img", "/img/{file}", _static=True)
    assert dispatcher.url_for("cdn", file="css/a.css") == "//cdn.example/css/a.css"
    assert path_of(dispatcher.url_for("img", file="a/b.png")) == "/img/a/b.png"
    for value in ("../a", "a/../.."):
        with pytest.raises(UrlError):
            dispatcher.url_for("img", file=value)


WRAPPED = {
    "VirtualHost": lambda dispatcher: cherrypy.dispatch.VirtualHost(dispatcher, **{"a.b": "/b"}),
    "two": lambda dispatcher: cherrypy.dispatch.VirtualHost(
        cherrypy.dispatch.XMLRPCDispatcher(dispatcher)
    ),
}


@pytest.mark.parametrize("wrapper", WRAPPED)
def test_a_wrapped_dispatcher_knows_its_mount_point_outside_of_a_request(mount, wrapper):
    dispatcher = table(print)
    mount(WRAPPED[wrapper](dispatcher), "/shop")
    assert path_of(dispatcher.url_for("book", id=7)) == "/shop/book/7"


def test_a_wrapped_dispatcher_knows_it_in_a_request_of_another_application(made, mount):
    other = table(print)
    mount(cherrypy.dispatch.VirtualHost(other), "/other")
    assert made(lambda d: other.url_for("book", id=7)) == "http://127.0.0.1/other/book/7"


TEXTS = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    ["", ".", "..", "a", "b", "new", "a/b", "/", "//x", "a-b", "a.b", "%2F", "1", "{x}", "\n"]
)
PATHS = ["/{x}", "/a/{x}", "/{x}/{y}", "/a/b", "/a/{x}-{y}", "/a/{x}{.y}", "/{x:.*}", "/a/*x"]
PATHS += [r"/a/{x:\d+}", "/:x/:y", "/a/{x:a|b}/{y}", "/", "/a/{x}/", "/new"]


@settings(max_examples=300)
@given(
    paths=st.lists(st.sampled_from(PATHS), min_size=1, max_size=6, unique=True),
    minimize=st.booleans(),
    x=TEXTS,
    y=TEXTS,
    data=st.data(),
)
def test_a_url_leads_to_the_route_that_it_was_made_for(paths, minimize, x, y, data):
    dispatcher = RoutesDispatcher()
    methods = st.sampled_from([None, ["GET"], ["POST", "PUT"], ["DELETE"]])
    for number, path in enumerate(paths):
        method = data.draw(methods)
        conditions = {"method": method} if method else None
        dispatcher.connect(
            str(number), path, echo, conditions=conditions, _minimize=minimize, number=number
        )
    app = cherrypy.Application(None, "", {"/": {"request.dispatch": dispatcher}})
    app.log.screen = False
    client = Client(app, raise_exceptions=False)
    for number in range(len(paths)):
        route = dispatcher.mapper.matchlist[number]
        values = {name: value for name, value in (("x", x), ("y", y)) if name in route.maxkeys}
        try:
            path = dispatcher.url_for(str(number), **values)
        except UrlError:
            continue
        answers = {
            client.request(method, path_of(path)).text
            for method in (route.conditions or {}).get("method", ["GET", "POST", "PATCH"])
        }
        assert str(number) in answers


def echo(number, **params):
    return number


def test_a_url_is_made_anew_after_a_change_of_the_table():
    dispatcher = table(print)
    assert path_of(dispatcher.url_for("book", id=7)) == "/book/7"
    dispatcher.mapper.prefix = "/pre"
    assert path_of(dispatcher.url_for("book", id=7)) == "/pre/book/7"
    dispatcher.connect("book", "/other/{id}", print)
    assert path_of(dispatcher.url_for("book", id=7)) == "/pre/other/7"
    for path in ("/one/{id}", "/two/{id}"):
        dispatcher.connect("static", path, _static=True)
        assert path_of(dispatcher.url_for("static", id=7)) == "/pre" + path.replace("{id}", "7")


def test_values_that_only_compare_equal_make_other_urls():
    dispatcher = RoutesDispatcher()
    dispatcher.connect("x", "/{x}", print)
    made = [path_of(dispatcher.url_for("x", x=value)) for value in (1, True, 1.0, "1")]
    assert made == ["/1", "/True", "/1.0", "/1"]


def test_the_urls_that_are_kept_are_bounded():
    dispatcher = table(print)
    for number in range(2_000):
        dispatcher.url_for("book", id=number)
    assert len(dispatcher.mapper.made) <= 1_600


def test_a_filter_is_asked_each_time():
    dispatcher, asked = RoutesDispatcher(), []
    dispatcher.connect("f", "/f/{a}", print, _filter=lambda params: asked.append(1) or params)
    assert [dispatcher.url_for("f", a=1) for _ in range(3)]
    assert len(asked) == 3


@pytest.mark.filterwarnings("ignore::cpkit.routing.PatternWarning")
def test_a_url_that_is_too_long_to_be_judged_is_refused():
    dispatcher = RoutesDispatcher()
    dispatcher.connect("deny", "/{x:(?=.*private).*}", print)
    dispatcher.connect("file", "/{path:.*}", print)
    url = "a" * 20_000
    with pytest.raises(UrlError, match="doesn't lead to it"):
        dispatcher.url_for("file", path=url)
