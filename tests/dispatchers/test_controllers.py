"""What may stand as a controller, and what of it a URL can call."""

import cherrypy
import pytest

from cpkit.dispatchers import RoutesDispatcher
from cpkit.errors import RouteError


@pytest.fixture
def dispatcher(mount):
    dispatcher = RoutesDispatcher()
    mount(dispatcher)
    return dispatcher


class Page:
    def written(self, **params):
        return f"written {id(self)}"

    @cherrypy.expose
    def shown(self):
        return "shown"

    @staticmethod
    @cherrypy.expose
    def static():
        return "static"

    @classmethod
    @cherrypy.expose
    def of_class(cls):
        return cls.__name__


class Child(Page):
    pass


def function(**params):
    return f"function {params}"


class Resource:
    exposed = True
    LIMIT = 10

    class HELPER:
        pass

    def GET(self):  # noqa: N802
        return "got"

    @cherrypy.config(who="POST")
    def POST(self):  # noqa: N802
        return cherrypy.request.config["who"]


class Called:
    def __call__(self):
        return "called"


def test_an_object_keeps_its_state(dispatcher, cp_client):
    page = Page()
    dispatcher.connect("page", "/page", page, action="written")
    assert cp_client.get("/page").text == f"written {id(page)}"


def test_a_class_makes_a_new_controller_for_each_request(dispatcher, cp_client):
    made = []

    class Counted(Page):
        def __init__(self):
            made.append(self)

    dispatcher.connect("page", "/page", Counted, action="shown")
    assert [cp_client.get("/page").text for _ in range(3)] == ["shown"] * 3
    assert len(made) == 3


def test_a_function_is_called(dispatcher, cp_client):
    dispatcher.connect("f", "/f/{x}", function)
    assert cp_client.get("/f/1").text == "function {'x': '1'}"


@pytest.mark.parametrize("name", ["Page", "Resource", "function"])
def test_a_string_is_imported(dispatcher, cp_client, tmp_path, monkeypatch, name):
    (tmp_path / "elsewhere.py").write_text(
        "import cherrypy\n"
        "class Page:\n    def shown(self): return 'Page'\n"
        "class Resource:\n    exposed = True\n    def GET(self): return 'Resource'\n"
        "def function(): return 'function'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    action = {"action": "shown"} if name == "Page" else {}
    dispatcher.connect("page", "/page", f"elsewhere:{name}", **action)
    assert cp_client.get("/page").text == name


@pytest.mark.parametrize(
    "controller", ["nobody", "no_such_module:x", "json:nope", "json", None, ":"]
)
def test_a_controller_that_is_not_there_is_refused_at_connect(dispatcher, controller):
    with pytest.raises(RouteError, match="/x"):
        dispatcher.connect("x", "/x", controller)


def test_a_string_may_name_a_controller_that_is_connected(dispatcher, cp_client):
    dispatcher.connect("first", "/first", Page(), action="shown")
    dispatcher.connect("second", "/second", "first", action="shown")
    assert cp_client.get("/second").text == "shown"


def test_a_string_in_controllers_is_imported_when_it_is_needed(dispatcher, cp_client):
    dispatcher.controllers["doc"] = "inspect:getdoc"
    dispatcher.mapper.connect("/doc", controller="doc", object="x")
    assert cp_client.get("/doc").text.startswith("str(object='')")


@pytest.mark.parametrize("controller", [Resource(), Resource], ids=["object", "class"])
def test_an_exposed_object_is_dispatched_by_method(dispatcher, cp_client, controller):
    dispatcher.connect("r", "/r", controller)
    assert cp_client.get("/r").text == "got"
    assert cp_client.head("/r").status_code == 200
    assert cp_client.post("/r").text == "POST"
    for method in ("PUT", "LIMIT", "HELPER", "get", "__INIT__", "X" * 10_000):
        answer = cp_client.request(method, "/r")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")


@pytest.mark.parametrize("controller", [Called(), Called], ids=["object", "class"])
def test_a_callable_without_action_is_called(dispatcher, cp_client, controller):
    dispatcher.connect("c", "/c", controller)
    assert cp_client.put("/c").text == "called"


@pytest.mark.parametrize("controller", [object(), object, Page(), Page, 7])
def test_what_cant_answer_without_an_action_is_refused(dispatcher, controller):
    with pytest.raises(RouteError, match="Give an action"):
        dispatcher.connect("x", "/x", controller)


@pytest.mark.parametrize("controller", [Page(), Page, Child(), Child])
@pytest.mark.parametrize("action", ["shown", "static", "of_class"])
def test_exposed_methods_of_any_kind_answer_a_url(dispatcher, cp_client, controller, action):
    dispatcher.connect("act", "/{action}", controller)
    assert cp_client.get(f"/{action}").status_code == 200
    assert cp_client.get("/written").status_code == 404
    assert cp_client.get("/nothing").status_code == 404


def test_an_action_that_the_code_wrote_is_trusted(dispatcher, cp_client):
    dispatcher.connect("w", "/w", Page(), action="written")
    dispatcher.connect("default", "/d/{action}", Page(), action="written")
    assert cp_client.get("/w").status_code == 200
    assert cp_client.get("/d/written").status_code == 200


def test_a_minimized_route_trusts_its_default_alone(dispatcher, cp_client):
    dispatcher.connect("act", "/act/:action", Page(), action="written", _minimize=True)
    assert cp_client.get("/act").status_code == 200
    assert cp_client.get("/act/shown").text == "shown"
    assert cp_client.get("/act/__repr__").status_code == 404


def test_an_action_from_getattr_is_trusted_only_if_written(dispatcher, cp_client):
    class Dynamic:
        def __getattr__(self, name):
            if name.startswith("_"):
                raise AttributeError(name)
            return cherrypy.expose(lambda: name)

    dispatcher.connect("w", "/w", Dynamic(), action="dynamic")
    dispatcher.connect("c", "/c", Dynamic, action="dynamic")
    dispatcher.connect("u", "/u/{action}", Dynamic())
    assert cp_client.get("/w").text == cp_client.get("/c").text == "dynamic"
    assert cp_client.get("/u/dynamic").status_code == 404


def test_an_action_that_is_not_there_is_404(dispatcher, cp_client):
    class Partial:
        def __getattr__(self, name):
            raise AttributeError(name)

    dispatcher.connect("o", "/o", Page(), action="nothing")
    dispatcher.connect("c", "/c", Page, action="nothing")
    dispatcher.connect("p", "/p", Partial, action="nothing")
    dispatcher.connect("n", "/n", Page(), action=7)
    for path in ("/o", "/c", "/p", "/n"):
        assert cp_client.get(path).status_code == 404


def test_an_action_that_a_condition_puts_in_must_be_exposed(dispatcher, cp_client):
    def condition(environ, result):
        result["action"] = environ["QUERY_STRING"]
        return True

    dispatcher.connect("x", "/x", Page(), conditions={"function": condition})
    assert cp_client.get("/x?shown").status_code == 404  # "shown" is a parameter, too
    assert cp_client.get("/x?written").status_code == 404


def test_a_controller_that_a_condition_puts_in_must_be_free_to_name(dispatcher, cp_client):
    def condition(environ, result):
        result["controller"] = environ["QUERY_STRING"]
        return True

    post = {"method": ["POST"]}
    dispatcher.connect("free", "/free", Page(), action="shown")
    dispatcher.connect("admin", "/admin", Page(), action="shown", conditions=post)
    dispatcher.mapper.connect("/x", action="static", conditions={"function": condition})
    assert cp_client.get("/x?admin").status_code == 404
    assert cp_client.get("/x?nobody").status_code == 404
    assert cp_client.get("/x?free").status_code == 404  # "free" is a parameter, too


def test_an_object_that_answers_everything_exposes_nothing(dispatcher, cp_client):
    class Proxy:
        def __getattr__(self, name):
            return self

        def __call__(self, *args, **kwargs):
            return "reached"

    class Holder:
        def __init__(self):
            self.session = Proxy()

    dispatcher.connect("x", "/{action}", Holder())
    assert cp_client.get("/session").status_code == 404


def test_a_controller_swapped_in_controllers_answers_at_once(dispatcher, cp_client):
    dispatcher.controllers["f"] = lambda: "before"
    dispatcher.mapper.connect("/f", controller="f")
    assert cp_client.get("/f").text == "before"
    dispatcher.controllers["f"] = lambda: "after"
    assert cp_client.get("/f").text == "after"


def test_what_a_url_asks_for_is_not_remembered(dispatcher, cp_client):
    dispatcher.connect("act", "/{action}", Page())
    for number in range(50):
        assert cp_client.get(f"/no{number}").status_code == 404
    cp_client.get("/shown")
    (target,) = dispatcher._targets.values()
    assert len(target.endpoints) == 1


@pytest.mark.parametrize("full", [False, True])
def test_full_result_gives_controller_and_action(mount, cp_client, full):
    dispatcher = RoutesDispatcher(full_result=full)
    dispatcher.connect("page", "/{x}", function)
    dispatcher.connect("act", "/a/{x}", Page(), action="written")
    mount(dispatcher)
    extra = ", 'controller': 'page'" if full else ""
    assert cp_client.get("/1").text == f"function {{'x': '1'{extra}}}"


class Entries:
    @cherrypy.expose
    def index(self, **params):
        return f"index {params}"

    @cherrypy.expose
    def show(self, id, **params):
        return f"show {id}"

    @cherrypy.expose
    def ping(self, id, **params):
        return f"ping {id}"


def test_a_submapper_connects_through_the_dispatcher(dispatcher, cp_client):
    with dispatcher.submapper(path_prefix="/in", controller=Entries()) as inside:
        inside.connect("index", "/index", action="index", config={"who": "file"})
        inside.connect("/show/{id}", action="show")
    with dispatcher.submapper(controller=Entries()) as plain:
        plain.connect("plain", "/plain", action="index")
        plain.connect("/plainer", action="index")
    assert cp_client.get("/in/index").text == "index {}"
    assert cp_client.get("/in/show/3").text == "show 3"
    assert cp_client.get("/plain").text == "index {}"
    assert cp_client.get("/plainer").text == "index {}"


def test_a_collection_connects_through_the_dispatcher(dispatcher, cp_client):
    entries = dispatcher.collection("entries", "entry", controller=Entries())
    entries.member.link("ping", name="ping_entry")
    assert cp_client.get("/entries").text == "index {'format': None}"
    assert cp_client.get("/entries/4").text == "show 4"
    assert cp_client.get("/entries/4/ping").text == "ping 4"


def test_a_resource_connects_through_the_dispatcher(dispatcher, cp_client):
    dispatcher.resource("entry", "entries", Entries(), name_prefix="my_")
    dispatcher.mapper.connect("/any/{controller}/{action}")
    assert cp_client.get("/entries/4.json").text == "show 4"
    assert cp_client.get("/entries.json").text == "index {'format': 'json'}"
    assert dispatcher.url_for("my_entry", id=4).endswith("/entries/4")
    assert cp_client.get("/any/entries/index").status_code == 404


def test_a_static_route_needs_no_controller(dispatcher):
    dispatcher.connect("cdn", "https://cdn.example/{file}", _static=True)
    assert dispatcher.url_for("cdn", file="a.js") == "https://cdn.example/a.js"


def test_sub_domains_choose_the_controller(dispatcher, cp_client):
    dispatcher.mapper.sub_domains = True
    dispatcher.connect("api", "/", function, conditions={"sub_domain": ["api"]})
    dispatcher.connect("www", "/", lambda sub_domain: "www")
    assert cp_client.get("/", headers={"Host": "api.example.com"}).text.startswith("function")
    assert cp_client.get("/", headers={"Host": "example.com"}).text == "www"
