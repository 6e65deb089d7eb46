"""What a decorator without functools.wraps hides: tools and routes, off in silence else."""

import cherrypy
import pytest

import cpkit.tools
from cpkit.config_check import faults
from cpkit.dispatchers import RoutesDispatcher, route
from cpkit.errors import RouteError, SettingError


def bare(function):
    """Decorate without functools.wraps."""

    def inner(self, *args, **kwargs):
        return function(self, *args, **kwargs)

    return inner


def test_a_tool_that_a_decorator_hides_ends_the_start():
    class Root:
        @cherrypy.expose
        @bare
        @cpkit.tools.csrf()
        def change(self): ...

    cherrypy.tree.mount(Root())
    (fault,) = map(str, faults())
    assert fault.startswith("cpkit.csrf.on in ")
    assert "Root.change cannot be used: a decorator hides it: use functools.wraps there" in fault


def test_a_decorator_that_keeps_what_was_said_hides_no_tool():
    def helper(page):
        def inner(self):
            return page(self)

        return inner

    class Root:
        @cherrypy.expose
        @cpkit.tools.csrf()
        @bare
        def above(self): ...

        @cherrypy.expose
        @cpkit.tools.csrf()
        @bare
        @cpkit.tools.csrf()
        def both(self): ...

        other = cherrypy.expose(helper(both))  # which calls another page, and is not in its place

    cherrypy.tree.mount(Root())
    assert list(faults()) == []


class Called:
    @cpkit.tools.accept(media="text/plain")
    def __call__(self):
        return "called"


@pytest.mark.parametrize("controller", [Called, Called()])
def test_what_is_said_at_the_call_of_an_object_counts_for_its_route(cp_client, controller):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("it", "/", controller)
    cherrypy.tree.mount(None, "", {"/": {"request.dispatch": dispatcher}})
    assert cp_client.get("/").headers["Content-Type"] == "text/plain;charset=utf-8"
    assert cp_client.get("/", headers={"Accept": "image/png"}).status_code == 406


def test_a_route_that_a_decorator_hides_is_refused():
    class Pages:
        @route("/shown")
        def shown(self): ...

        @bare
        @route("/hidden")
        def hidden(self): ...

    with pytest.raises(RouteError, match=r"'/hidden': a decorator hides it.* Use functools\.wraps"):
        RoutesDispatcher().include(Pages())


class Plain:
    @cpkit.tools.accept(media="text/plain")
    @staticmethod
    def static():
        return "static"

    @cpkit.tools.accept(media="text/plain")
    @classmethod
    def of_class(cls):
        return cls.__name__

    @staticmethod
    @cpkit.tools.accept(media="text/plain")
    def below():
        return "below"

    @classmethod
    @cpkit.tools.accept(media="text/plain")
    def below_class(cls):
        return cls.__name__


@pytest.mark.parametrize("controller", [Plain, Plain()])
@pytest.mark.parametrize("action", ["static", "of_class", "below", "below_class"])
def test_a_tool_at_a_staticmethod_or_a_classmethod_is_on(cp_client, controller, action):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("it", "/", controller, action=action)
    cherrypy.tree.mount(None, "", {"/": {"request.dispatch": dispatcher}})
    assert cp_client.get("/").headers["Content-Type"] == "text/plain;charset=utf-8"


@cherrypy.expose
class ByMethod:
    @cpkit.tools.accept(media="text/plain")
    @staticmethod
    def GET():  # noqa: N802
        return "static"


@pytest.mark.parametrize("controller", [ByMethod, ByMethod()])
def test_a_tool_above_a_staticmethod_for_a_method_of_http_is_on(cp_client, controller):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("it", "/", controller)
    cherrypy.tree.mount(None, "", {"/": {"request.dispatch": dispatcher}})
    assert cp_client.get("/").headers["Content-Type"] == "text/plain;charset=utf-8"


def test_a_second_body_above_a_staticmethod_is_refused():
    decorated = cpkit.tools.body()(staticmethod(lambda body: ""))
    with pytest.raises(SettingError, match="A request has one body"):
        cpkit.tools.body()(decorated)
