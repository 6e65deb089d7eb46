"""What applications made of CherryPy's dispatcher: subclasses, mappers of their own, wrappers."""

import cherrypy
import pytest
import routes

import cpkit.dispatchers
from cpkit.dispatchers import IndexedMapper, RoutesDispatcher
from cpkit.routing.listing import faults

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


class Page:
    @cherrypy.expose
    def show(self, **params):
        return f"show {sorted(params.items())}"


# Each is written as for CherryPy's own dispatcher, of which *base* is the class.


def maintenance(base):
    class Maintenance(base):
        closed = False

        def find_handler(self, path_info):
            handler = super().find_handler(path_info)
            if self.closed:
                return lambda **params: "back soon"
            return handler

    return Maintenance


def cors(base):
    class Cors(base):
        def find_handler(self, path_info):
            if cherrypy.request.method == "OPTIONS":
                cherrypy.request.config = cherrypy.config.copy()
                return lambda **params: "preflight"
            return base.find_handler(self, path_info)

    return Cors


def elsewhere(base):
    class Elsewhere(base):
        def find_handler(self, path_info):
            return super().find_handler(path_info.removeprefix("/v1"))

    return Elsewhere


@pytest.fixture(
    params=[cherrypy.dispatch.RoutesDispatcher, cpkit.dispatchers.RoutesDispatcher],
    ids=["cherrypy", "cpkit"],
)
def base(request):
    return request.param


def test_an_overridden_find_handler_is_called(base, mount, cp_client):
    dispatcher = maintenance(base)()
    dispatcher.connect("page", "/page/{id}", Page(), action="show")
    mount(dispatcher)
    assert cp_client.get("/page/7").text == "show [('id', '7')]"
    assert cp_client.get("/none").status_code == 404
    dispatcher.closed = True
    assert cp_client.get("/page/7").text == "back soon"
    assert cp_client.get("/none").text == "back soon"


def test_find_handler_may_answer_alone(base, mount, cp_client):
    dispatcher = cors(base)()
    dispatcher.connect("page", "/page", Page(), action="show")
    mount(dispatcher)
    assert cp_client.options("/page").text == "preflight"
    assert cp_client.get("/page").text == "show []"


def test_find_handler_may_set_no_config(mount, cp_client):
    class Closed(RoutesDispatcher):
        def find_handler(self, path_info):
            return lambda: str(cherrypy.request.config["a.b"])

    mount(Closed(), **{"a.b": "of the section"})
    assert cp_client.get("/any").text == "of the section"


def test_find_handler_may_look_up_another_path(base, mount, cp_client):
    dispatcher = elsewhere(base)()
    dispatcher.connect("page", "/page/{id}", Page(), action="show")
    mount(dispatcher)
    assert cp_client.get("/v1/page/7").text == "show [('id', '7')]"


def test_find_handler_may_raise_what_cherrypy_answers(mount, cp_client):
    class Refusing(RoutesDispatcher):
        def find_handler(self, path_info):
            raise cherrypy.HTTPError(503, "closed")

    mount(Refusing(), **{"error_page.503": lambda **info: "our own 503"})
    found = cp_client.get("/any")
    assert (found.status_code, found.text) == (503, "our own 503")


def test_find_handler_gets_what_answers_a_405(mount, cp_client):
    seen = []

    class Looking(RoutesDispatcher):
        def find_handler(self, path_info):
            seen.append(super().find_handler(path_info))
            return seen[-1]

    dispatcher = Looking()
    dispatcher.connect("page", "/page", Page(), action="show", conditions={"method": ["GET"]})
    mount(dispatcher)
    assert cp_client.put("/page").status_code == 405
    assert cp_client.options("/page").status_code == 204
    assert cp_client.get("/none").status_code == 404
    assert isinstance(seen[0], cherrypy.HTTPError)
    assert callable(seen[1])
    assert seen[2] is None


def test_a_subclass_may_call_connect_unbound(base, mount, cp_client):
    class Restful(base):
        def connect(self, name, path, controller, methods, **kwargs):
            base.connect(self, name, path, controller, conditions={"method": methods}, **kwargs)

    dispatcher = Restful()
    dispatcher.connect("page", "/page", Page(), ["GET"], action="show")
    mount(dispatcher)
    assert cp_client.get("/page").text == "show []"
    assert cp_client.post("/page").status_code in (404, 405)


def test_a_subclass_need_not_call_init(base, mount, cp_client):
    class Own(base):
        def __init__(self):
            self.full_result = True
            self.controllers = {}
            self.mapper = IndexedMapper(explicit=False)
            self.mapper.controller_scan = self.controllers.keys

    dispatcher = Own()
    dispatcher.connect("page", "/page/{id}", Page(), action="show")
    mount(dispatcher)
    expected = "show [('action', 'show'), ('controller', 'page'), ('id', '7')]"
    assert cp_client.get("/page/7").text == expected


def test_a_mapper_of_routes_own_works_and_is_told_of(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.mapper = routes.Mapper(controller_scan=dispatcher.controllers.keys)
    get = {"method": ["GET"]}
    dispatcher.connect("page", "/page/{id}", Page(), action="show", conditions=get)
    mount(dispatcher)
    assert cp_client.get("/page/7").text == "show [('id', '7')]"
    assert cp_client.put("/page/7").headers["Allow"] == "GET, HEAD, OPTIONS"
    assert dispatcher.url_for("page", id=7).endswith("/page/7")
    (fault,) = faults(dispatcher)
    assert "Derive it from cpkit.dispatchers.IndexedMapper" in fault


def test_controllers_may_be_put_in_by_hand(base, mount, cp_client):
    dispatcher = base()
    dispatcher.controllers["page"] = Page()
    with dispatcher.mapper.submapper(path_prefix="/in", controller="page") as inside:
        inside.connect("page", "/page/{id}", action="show")
    mount(dispatcher)
    assert cp_client.get("/in/page/7").text == "show [('id', '7')]"


def test_a_submapper_of_the_dispatcher_takes_a_name_in_controllers(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.controllers["x"] = Page
    with dispatcher.submapper(path_prefix="/in", controller="x") as inside:
        inside.connect("page", "/page/{id}", action="show")
    mount(dispatcher)
    assert cp_client.get("/in/page/7").text == "show [('id', '7')]"


def test_a_controller_that_is_not_there_yet_is_refused_with_what_works():
    dispatcher = RoutesDispatcher()
    with pytest.raises(cpkit.errors.RouteError, match="controllers\\['x'\\] first"):
        dispatcher.submapper(controller="x").connect("page", "/page", action="show")


class ApiMapper(IndexedMapper):
    """As OpenStack's, which derive from routes.Mapper."""

    def routematch(self, url=None, environ=None):
        if url == "":
            result = self._match("", environ)
            return result[0], result[1]
        return routes.Mapper.routematch(self, url, environ)


def test_a_mapper_may_call_match_of_its_base():
    mapper = ApiMapper(register=False)
    mapper.connect("/{project}/servers", controller="servers", action="index")
    variables, route = mapper.routematch("/p/servers", {"REQUEST_METHOD": "GET"})
    assert variables == {"project": "p", "controller": "servers", "action": "index"}
    assert route is mapper.matchlist[0]
    assert mapper.routematch("", {}) == (None, None)
    assert mapper.routematch("/none") is None
    assert mapper.match("/p/servers")["project"] == "p"


def test_an_overridden_match_of_the_base_is_called():
    class Logging(IndexedMapper):
        asked = ()

        def _match(self, url, environ):
            self.asked = (*self.asked, url)
            return super()._match(url.lower(), environ)

    mapper = Logging(register=False)
    mapper.connect("/a", controller="a")
    assert mapper.match("/A") == {"controller": "a"}
    assert mapper.routematch("/A", {})[1] is mapper.matchlist[0]
    assert mapper.match("/b") is None
    assert mapper.asked == ("/A", "/A", "/b")


@pytest.mark.parametrize("debug", [False, True])
def test_match_of_the_base_returns_what_routes_does(debug):
    ours, theirs = IndexedMapper(register=False), routes.Mapper(register=False)
    for mapper in (ours, theirs):
        mapper.debug = debug
        mapper.connect("/a/{b}", controller="a")
    for path in ("/a/1", "/b"):
        found, expected = ours._match(path, {}), theirs._match(path, {})
        assert found[0] == expected[0]
        assert (found[1] is None) is (expected[1] is None)
        assert len(found[2]) == len(expected[2])


def test_an_overridden_match_is_told_of():
    class Late(IndexedMapper):
        def match(self, url=None, environ=None):
            return None

    dispatcher = RoutesDispatcher()
    dispatcher.mapper = Late(register=False)
    (fault,) = faults(dispatcher)
    assert fault == "Late.match is never called. Override routematch."


class Tree:
    @cherrypy.expose
    def index(self):
        return "the tree"

    @cherrypy.expose
    def page(self, number):
        return f"page {number} of the tree"


def test_it_is_an_instance_of_cherrypys_for_a_framework_that_asks(base):
    assert isinstance(base(), cherrypy.dispatch.RoutesDispatcher)


class Called(Page):
    def __call__(self, **params):
        return f"called {sorted(params.items())}"


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("controller", [Page, Called(), Called], ids=["class", "object", "both"])
def test_the_mapper_may_be_given_a_controller_itself(base, mount, cp_client, controller, explicit):
    dispatcher = base()
    dispatcher.mapper.explicit = explicit
    dispatcher.mapper.connect("/page/{id}", controller=controller, action="show")
    with dispatcher.mapper.submapper(path_prefix="/sub", controller=controller) as below:
        below.connect("/{id}", action="show")
    mount(dispatcher)
    assert cp_client.get("/page/7").text == "show [('id', '7')]"
    assert cp_client.get("/sub/7").text == "show [('id', '7')]"
    assert list(faults(dispatcher) if base is RoutesDispatcher else ()) == []


def test_routes_first_then_the_tree(base, mount, cp_client):
    dispatcher, tree = base(), cherrypy.dispatch.Dispatcher()
    dispatcher.connect("page", "/routes/{id}", Page(), action="show")

    def both(path_info):
        dispatcher(path_info)
        if isinstance(cherrypy.request.handler, cherrypy.NotFound):
            tree(path_info)

    mount(both, root=Tree())
    assert cp_client.get("/routes/7").text == "show [('id', '7')]"
    assert cp_client.get("/page/7").text == "page 7 of the tree"
    assert cp_client.get("/").text == "the tree"
    assert cp_client.get("/none").status_code == 404


def test_a_method_override_before_dispatching(mount, cp_client):
    dispatcher = RoutesDispatcher()
    delete = {"method": ["DELETE"]}
    dispatcher.connect("page", "/page", Page(), action="show", conditions=delete)

    def overriding(path_info):
        request = cherrypy.serving.request
        request.method = request.headers.get("X-HTTP-Method-Override", request.method)
        dispatcher(path_info)

    mount(overriding)
    found = cp_client.post("/page", headers={"X-HTTP-Method-Override": "DELETE"})
    assert found.text == "show []"
    assert cp_client.post("/page").headers["Allow"] == "DELETE, OPTIONS"


class Remote:
    @cherrypy.expose
    def add(self, **params):
        return "7"

    @cherrypy.expose
    def index(self, **params):
        return "index"


@pytest.mark.parametrize("path", ["/RPC2", "/RPC2/"])
def test_xmlrpc_is_not_redirected(mount, cp_client, path):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("rpc", "/", Remote(), action="index")
    mount(cherrypy.dispatch.XMLRPCDispatcher(dispatcher))
    found = cp_client.post(path, data=b"<x/>", headers={"Content-Type": "text/xml"})
    assert (found.status_code, found.text) == (200, "index")


def test_a_slash_that_a_wrapper_adds_makes_no_redirect(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("rpc", "/rpc", Remote(), action="index")
    extra = {"tools.trailing_slash.extra": True}
    mount(cherrypy.dispatch.XMLRPCDispatcher(dispatcher), **extra)
    assert cp_client.get("/rpc").status_code == 404


class NovaMapper(ApiMapper):
    """As nova's, whose methods call those of routes.Mapper unbound."""

    def connect(self, *args, **kargs):
        kargs.setdefault("requirements", {})
        if not kargs["requirements"].get("format"):
            kargs["requirements"]["format"] = "json|xml"
        return routes.Mapper.connect(self, *args, **kargs)

    def resource(self, member_name, collection_name, **kwargs):
        kwargs["path_prefix"] = "{project_id:[0-9a-f]+}"
        routes.Mapper.resource(self, member_name, collection_name, **kwargs)

    def create_regs(self, *args, **kwargs):
        routes.Mapper.create_regs(self, *args, **kwargs)


def test_a_mapper_may_call_connect_and_resource_of_its_base():
    mapper = NovaMapper(register=False)
    mapper.resource("server", "servers", controller="servers")
    mapper.connect("x", "/x/{id}.{format}", controller="x", action="show")
    get = {"REQUEST_METHOD": "GET"}
    assert mapper.match("/ab/servers/7", get)["project_id"] == "ab"
    assert mapper.match("/x/7.json", get)["format"] == "json"
    assert mapper.match("/x/7.html", get) is None
    mapper.connect("late", "/late", controller="late")
    assert mapper.match("/late", get) == {"controller": "late"}
    mapper.create_regs(["late"])
    assert mapper.match("/late", get) == {"controller": "late"}
    assert mapper.generate(controller="x", action="show", id=3, format="xml") == "/x/3.xml"


def test_an_empty_template_is_the_mount_point_without_its_slash(base, mount, cp_client):
    dispatcher = base()
    dispatcher.connect("bare", "", Page(), action="show")
    dispatcher.connect("page", "/page", Page(), action="show")
    mount(dispatcher, "/shop")
    assert cp_client.get("/shop").text == "show []"
    assert cp_client.get("/shop/").status_code == 404
    assert cp_client.get("/shop/page").text == "show []"
