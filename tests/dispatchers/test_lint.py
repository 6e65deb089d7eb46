"""What is told when the engine starts: routes that can't do what they were written for."""

import functools
import gc
import inspect

import cherrypy
import pytest

import cpkit.tools
from cpkit.config_check import check_at_start
from cpkit.config_check import faults as config_faults
from cpkit.dispatchers import RoutesDispatcher, route
from cpkit.errors import RouteError
from cpkit.routing import listing as _lint


class Page:
    def unexposed(self): ...

    @cherrypy.expose
    def exposed(self): ...


class Bare:
    def unexposed(self): ...


@pytest.fixture
def dispatcher():
    return RoutesDispatcher()


def test_a_table_without_faults_says_nothing(dispatcher):
    dispatcher.connect("a", "/a", print)
    dispatcher.connect("act", "/act/{action}", Page())
    dispatcher.mapper.redirect("/old", "/new")
    dispatcher.mapper.connect("/any/{controller}/{action}")
    dispatcher.mapper.connect("/late", controller="late", action="exposed")
    dispatcher.controllers["late"] = Page()
    dispatcher.mapper.connect("/named", controller="named", action="exposed")
    dispatcher.controllers["named"] = "no_such_module:yet"
    assert list(_lint.faults(dispatcher)) == []


def test_a_shadowed_route_is_named_with_what_shadows_it(dispatcher):
    dispatcher.connect("any", "/{x}", print)
    dispatcher.connect("a", "/a", print)
    (fault,) = _lint.faults(dispatcher)
    assert "'/a' can never match: '/{x}'" in fault


def test_a_name_that_two_paths_share_is_told(dispatcher):
    dispatcher.connect("pages", "/pages", print)
    dispatcher.connect("pages", "/pages/{sep}", print)
    (fault,) = _lint.faults(dispatcher)
    assert fault.startswith("Route '/pages' shares its name, 'pages', with '/pages/{sep}'")


def test_two_routes_of_one_path_may_share_a_name(dispatcher):
    for method in ("GET", "POST"):
        dispatcher.connect("pages", "/pages", print, conditions={"method": [method]})
    assert list(_lint.faults(dispatcher)) == []


def test_an_unknown_controller_is_named(dispatcher):
    dispatcher.mapper.connect("/x", controller="nobody", action="show")
    (fault,) = _lint.faults(dispatcher)
    assert "no controller is called 'nobody'" in fault


def test_an_action_that_is_not_there_is_named(dispatcher):
    dispatcher.connect("x", "/x", Page(), action="exposd")
    dispatcher.connect("y", "/y", Page(), action="unexposed")
    dispatcher.resource("page", "pages", Page())
    (fault,) = _lint.faults(dispatcher)
    assert "Route '/x' answers 404" in fault
    assert "has no method 'exposd'" in fault


def test_a_controller_that_exposes_nothing_to_its_url_is_named(dispatcher):
    dispatcher.connect("act", "/act/{action}", Bare)
    (fault,) = _lint.faults(dispatcher)
    assert "no method of" in fault
    assert "@cherrypy.expose" in fault


def test_the_engine_logs_the_faults_when_it_starts(cp_engine, dispatcher, caplog):
    dispatcher.mapper.connect("/x", controller="nobody", action="show")
    cp_engine.start()
    assert "no controller is called 'nobody'" in caplog.text


def test_a_dispatcher_that_is_gone_is_forgotten():
    check_at_start(cherrypy.engine)
    gc.collect()  # those of other tests
    before = len(cherrypy.engine.listeners["start"])
    made = RoutesDispatcher(register=False)
    assert len(cherrypy.engine.listeners["start"]) == before + 1
    del made
    gc.collect()
    assert len(cherrypy.engine.listeners["start"]) == before


class Shop:
    def show(self, id, page="1"): ...

    def rest(self, **params): ...

    def positional(self, id, /): ...

    async def waits(self, id): ...

    async def streams(self, id):
        yield b""

    @staticmethod
    def static(id): ...

    @classmethod
    def of_class(cls, id): ...

    def __call__(self, id): ...

    def signed(self, id): ...

    signed.__signature__ = inspect.signature(lambda self, isbn: ...)


class Wanting:
    def __init__(self, database): ...

    def show(self): ...


@cherrypy.expose
class Shelf:
    def GET(self, id): ...  # noqa: N802

    def POST(self, idd): ...  # noqa: N802


def wrapped(function):
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    wrapper.__wrapped__ = function
    return wrapper


FINE = [("/{id}", each, {"action": name}) for each in (Shop, Shop()) for name in ("show", "static")]
FINE += [("/{id}", each, {"action": "of_class"}) for each in (Shop, Shop())]
FINE += [("/{id}", each, {}) for each in (Shop, Shop(), Shop().show, wrapped(lambda: ""))]
FINE += [("/{a}/{b}", Shop(), {"action": "rest"}), ("/", Shop(), {"action": "show"})]
FINE += [("/{id:int|float}", Shop(), {"action": "show"}), ("/*id", Shop(), {"action": "show"})]
FINE += [("/a%2Fb/{id}", Shop(), {"action": "show", "requirements": {"format": "json|xml"}})]
FINE += [("/{id}", Shop(), {"action": "show", "conditions": {"method": ["GET", "PROPFIND"]}})]


@pytest.mark.parametrize(("path", "controller", "options"), FINE)
def test_a_handler_that_can_answer_is_not_told_of(dispatcher, path, controller, options):
    dispatcher.connect("x", path, controller, **options)
    assert list(_lint.faults(dispatcher)) == []


WRONG = [
    ("/{idd}", Shop(), {"action": "show"}, "no parameter 'idd'"),
    ("/{idd}", Shop, {"action": "show"}, "Is id meant?"),
    ("/{idd}", Shop().show, {}, "no parameter 'idd'"),
    ("/{idd}", Shop(), {}, "no parameter 'idd'"),
    ("/{idd}", Shop, {"action": "static"}, "no parameter 'idd'"),
    ("/{idd}", Shop, {"action": "of_class"}, "no parameter 'idd'"),
    ("/{self}", Shop(), {"action": "show"}, "no parameter 'self'"),
    ("/{id}", Shop(), {"action": "signed"}, "no parameter 'id'"),
    ("/{id}", Shop(), {"action": "show", "role": "guest"}, "no parameter 'role'"),
    ("/{id}{.format}", Shop(), {"action": "show"}, "no parameter 'format'"),
    ("/{id}", Shelf(), {}, "Shelf.POST has no parameter 'id'"),
    ("/{id}", Shop(), {"action": "positional"}, "takes id by position only"),
    ("/{id}", Shop(), {"action": "waits"}, "has an async handler, Shop.waits"),
    ("/{id}", Shop(), {"action": "streams"}, "has an async handler, Shop.streams"),
    ("/{id:int}", Shop(), {"action": "show"}, "matches nothing but 'int' for 'id'"),
    ("{id}", Shop(), {"action": "show"}, "no leading slash. Write '/{id}'"),
    ("foobar", Shop(), {"action": "rest"}, "no leading slash. Write '/foobar'"),
    ("", Shop(), {"action": "rest"}, "only a mount point without its slash. Write '/'"),
    ("/{id:^\\d+$}", Shop(), {"action": "show"}, "^ in '^\\\\d+$' is the path's beginning"),
    ("/{id}", Shop(), {"action": "show", "requirements": {"idd": "a"}}, "Is id meant?"),
    ("/?q={id}", Shop(), {"action": "show"}, "'?' is no part of a path"),
    ("/{id}#top", Shop(), {"action": "show"}, "'#' is no part of a path"),
    ("/caf%C3%A9", Shop(), {"action": "rest"}, "'%C3' is decoded before paths are compared"),
    ("/<int_id>", Shop(), {"action": "rest"}, "'<int_id>' is plain text"),
    ("/", Wanting, {"action": "show"}, "Wanting() is called without arguments: missing"),
    (
        "/",
        Shop(),
        {"action": "rest", "conditions": {"sub_domain": ["api"]}},
        "asks for a sub-domain",
    ),
]


@pytest.mark.parametrize(("path", "controller", "options", "said"), WRONG)
@pytest.mark.parametrize("name", ["x", None])
def test_a_route_that_cannot_answer_is_told_of(dispatcher, name, path, controller, options, said):
    dispatcher.connect(name, path, controller, **options)
    (fault, *others) = _lint.faults(dispatcher)
    assert said in fault
    assert fault.startswith(f"Route {path!r} ")
    assert all("Shelf.GET" in other or "position" in fault for other in others)


UNKNOWN = [("GTE", "Is GET meant?"), ("GET/POST", "no method of HTTP's registry")]


@pytest.mark.parametrize(("method", "said"), UNKNOWN)
def test_a_method_that_is_none_is_told_of(dispatcher, method, said):
    dispatcher.connect("x", "/x", print, conditions={"method": ["GET", method]})
    (fault,) = _lint.faults(dispatcher)
    assert said in fault


def test_a_condition_without_a_method_is_told_of(dispatcher):
    dispatcher.connect("x", "/x", print, conditions={"method": []})
    (fault,) = _lint.faults(dispatcher)
    assert "names no method" in fault


MISPLACED = [
    {"method": ["GET"]},
    {"method": ("GET",)},
    {"method": "get"},
    {"methods": ["GET"]},
    {"function": lambda environ, result: False},
    {"sub_domain": ["api"]},
    {"sub_domain": True},
]


@pytest.mark.parametrize("options", MISPLACED)
def test_what_is_meant_as_a_condition_is_refused_at_connect(dispatcher, options):
    with pytest.raises(RouteError, match="and no condition"):
        dispatcher.connect("x", "/x", print, **options)


@pytest.mark.parametrize("options", MISPLACED)
def test_what_is_meant_as_a_condition_is_told_of_where_the_mapper_took_it(dispatcher, options):
    dispatcher.controllers["c"] = print
    dispatcher.mapper.connect("x", "/x", controller="c", **options)
    (fault,) = _lint.faults(dispatcher)
    assert "which is no condition" in fault


@pytest.mark.parametrize("methods", [["get"], ["GET", "Post"], "get,POST"])
def test_a_method_in_lower_case_is_refused_at_connect(dispatcher, methods):
    with pytest.raises(RouteError, match="no request has the method"):
        dispatcher.connect("x", "/x", print, conditions={"method": methods})


def test_a_constant_that_only_sounds_like_a_condition_is_one(dispatcher, mount, cp_client):
    dispatcher.connect("x", "/x", lambda method, function: method, method="sms", function="f")
    mount(dispatcher)
    assert cp_client.get("/x").text == "sms"


def parents(dispatcher):
    return {"the dispatcher": dispatcher, "its mapper": dispatcher.mapper}


@pytest.mark.parametrize("parent", ["the dispatcher", "its mapper"])
@pytest.mark.parametrize(
    ("prefix", "path"), [("/_admin", "defaults"), ("/_admin", "{id}"), ("/_admin/", "/defaults")]
)
def test_a_submapper_joined_without_a_slash_is_told_of(dispatcher, parent, prefix, path):
    dispatcher.controllers["c"] = print
    below = parents(dispatcher)[parent].submapper(path_prefix=prefix, controller="c")
    below.connect("x", path)
    (fault,) = _lint.faults(dispatcher)
    assert f"{prefix!r} and {path!r} are joined as they stand" in fault


def test_a_collection_joined_without_a_slash_is_told_of(dispatcher):
    actions = ("index", "create", "new", "show", "update", "delete", "edit", "stats")
    entry = type("Entry", (), dict.fromkeys(actions, lambda self, **params: ""))()
    entries = dispatcher.collection("entries", "entry", controller=entry)
    assert list(_lint.faults(dispatcher)) == []
    entries.connect("stats", "stats", action="stats")
    entries.member.connect("ping", action="stats")
    entries.member.submapper(path_prefix="/sub").connect("deep", action="stats")
    assert [fault.split("'")[1] for fault in _lint.faults(dispatcher)] == [
        "/entriesstats",
        "/entries/{id}ping",
        "/entries/{id}/subdeep",
    ]


def test_a_route_without_a_slash_leaves_the_others_to_be_served(mount, cp_engine, cp_client):
    dispatcher = RoutesDispatcher()
    for name, path in (("none", "foobar"), ("empty", ""), ("x", "/x")):
        dispatcher.connect(name, path, lambda: "served")
    mount(dispatcher)
    cp_engine.start()
    assert cp_client.get("/x").text == "served"
    assert cp_client.get("/foobar").status_code == 404


def test_below_a_prefix_that_ends_in_a_slash_no_slash_is_lacking(dispatcher):
    dispatcher.mapper.prefix = "/api/"
    dispatcher.connect("x", "foobar", print)
    assert [fault for fault in _lint.faults(dispatcher) if "slash" in fault] == []


WRONG_SETTING = {"cpkit.accept.medai": "text/html"}


def connected(dispatcher, place):
    if place == "connect":
        dispatcher.connect("x", "/x", print, config=WRONG_SETTING)
    elif place == "resource":
        dispatcher.resource("page", "pages", Page(), config=WRONG_SETTING)
    elif place == "include":
        dispatcher.include(route("/x", config=WRONG_SETTING)(lambda: ""))
    elif place == "unnamed":
        dispatcher.connect(None, "/x", cherrypy.config(**WRONG_SETTING)(lambda: ""))
    elif place == "bound":
        dispatcher.connect(None, "/x", Decorated().page)
    else:
        dispatcher.connect("x", "/a", cherrypy.config(**WRONG_SETTING)(lambda: ""))
        dispatcher.connect("x", "/b", lambda: "")


class Decorated:
    @cherrypy.config(**WRONG_SETTING)
    def page(self): ...


def own_wrapper(dispatcher):
    class Wrapper:
        def __init__(self, inner):
            self.inner = inner

        def __call__(self, path_info):
            self.inner(path_info)

    return Wrapper(dispatcher)


WRAPPERS = {
    "none": lambda dispatcher: dispatcher,
    "VirtualHost": lambda dispatcher: cherrypy.dispatch.VirtualHost(dispatcher, **{"a.b": "/b"}),
    "XMLRPC": lambda dispatcher: cherrypy.dispatch.XMLRPCDispatcher(dispatcher),
    "both": lambda dispatcher: cherrypy.dispatch.VirtualHost(
        cherrypy.dispatch.XMLRPCDispatcher(dispatcher)
    ),
    "own": own_wrapper,
    "method": lambda dispatcher: own_wrapper(dispatcher).__call__,
    "partial": lambda dispatcher: functools.partial(lambda inner, path: inner(path), dispatcher),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize(
    "place", ["connect", "resource", "include", "unnamed", "bound", "first of a name"]
)
def test_a_wrong_setting_ends_the_start_wherever_a_route_has_it(
    mount, dispatcher, place, wrapper, cp_engine
):
    assert cpkit.tools.accept
    connected(dispatcher, place)
    mount(WRAPPERS[wrapper](dispatcher))
    found = [str(error) for error in config_faults()]
    assert found
    assert "cpkit.accept.medai" in found[0]
