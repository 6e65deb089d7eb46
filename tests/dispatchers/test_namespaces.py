"""A request's config is told to its namespaces as CherryPy does it."""

import cherrypy
import pytest
from cherrypy.lib.reprconf import NamespaceSet

from cpkit.dispatchers import RoutesDispatcher
from cpkit.dispatchers.namespaces import Namespaces
from cpkit.testing import Client

CONFIG = {
    "tools.a.on": True,
    "engine.b": 1,
    "plain": 2,
    "tools.a.c.d": 3,
    "server.e": 4,
    ".f": 5,
    "tools.": 6,
    "request.g": 7,
}


class Context:
    """A namespace that is entered and left, and swallows what it is told to."""

    def __init__(self, told, swallows=False):
        self.told, self.swallows = told, swallows

    def __enter__(self):
        return lambda name, value: self.told.append((name, value))

    def __exit__(self, kind, error, trace):
        self.told.append(kind)
        return self.swallows


@pytest.mark.parametrize("config", [CONFIG, dict(reversed(CONFIG.items())), {}])
def test_each_namespace_is_told_what_cherrypy_tells_it(config):
    told = []
    for kind in (NamespaceSet, Namespaces):
        seen = []
        namespaces = kind(tools=Context(seen), request=lambda *it, to=seen: to.append(it))
        namespaces[""] = lambda *it, to=seen: to.append(it)
        namespaces(config)
        told.append(seen)
    assert told[0] == told[1]


@pytest.mark.parametrize("kind", [NamespaceSet, Namespaces])
def test_a_namespace_may_swallow_what_it_fails_with(kind):
    class Failing(Context):
        def __enter__(self):
            return lambda name, value: 1 / 0

    told = []
    kind(tools=Failing(told, swallows=True))(CONFIG)
    assert told == [ZeroDivisionError]
    with pytest.raises(ZeroDivisionError):
        kind(tools=Failing(told))(CONFIG)


def test_a_changed_value_is_told_at_the_next_request(mount):
    dispatcher, seen = RoutesDispatcher(), []
    dispatcher.connect("page", "/", lambda: str(cherrypy.request.show_tracebacks))
    app = mount(dispatcher, **{"request.show_tracebacks": "first"})
    client = Client(app)
    for value in ("first", "second"):
        app.config["/"]["request.show_tracebacks"] = value
        seen.append(client.get("/").text)
    assert seen == ["first", "second"]


def test_a_request_with_namespaces_of_its_own_keeps_them(mount):
    class Own(NamespaceSet):
        def __call__(self, config):
            cherrypy.request.seen = b"by its own"

    class Request(cherrypy._cprequest.Request):
        namespaces = Own()

    dispatcher = RoutesDispatcher()
    dispatcher.connect("page", "/", lambda: cherrypy.request.seen)
    app = mount(dispatcher)
    app.request_class = Request
    assert Client(app).get("/").text == "by its own"
