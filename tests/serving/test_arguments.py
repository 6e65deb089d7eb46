"""Arguments that a handler cannot take are a 404 or a 400, whatever takes it there."""

import functools
import io
import json

import cherrypy
import pytest

import cpkit.tools  # noqa: F401
from cpkit.dispatchers import RequestGuard, RoutesDispatcher
from cpkit.testing import Client


def passing_on(handler):
    @functools.wraps(handler)
    def wrapper(*args, **kwargs):
        return handler(*args, **kwargs)

    return wrapper


def adding_a_user(handler):
    @functools.wraps(handler)
    def wrapper(self, **kwargs):
        return handler(self, "me", **kwargs)

    return wrapper


def without_self(handler):
    @functools.wraps(handler)
    def wrapper(this, **kwargs):
        kwargs.pop("self", None)
        return handler(this, **kwargs)

    return wrapper


def taking_a_token(handler):
    @functools.wraps(handler)
    def wrapper(token, **kwargs):
        return handler(**kwargs)

    return wrapper


class Callable:
    exposed = True

    def __call__(this, **fields):  # noqa: N805
        return json.dumps(fields)


class Partial(functools.partial):
    exposed = True


def needy(a, **fields):
    return a


class Pages:
    callable = Callable()
    partial = Partial(needy, b=1)

    @cherrypy.expose
    def fields(self, **fields):
        return json.dumps(fields)

    @cherrypy.expose
    def other(this, **fields):  # noqa: N805
        return json.dumps(fields)

    @cherrypy.expose
    @passing_on
    def wrapped(self, **fields):
        return json.dumps(fields)

    @cherrypy.expose
    @adding_a_user
    def added(self, user, **fields):
        return json.dumps(fields)

    @classmethod
    @cherrypy.expose
    def class_method(cls, **fields):
        return json.dumps(fields)

    @staticmethod
    @cherrypy.expose
    def static(a):
        return a

    @staticmethod
    @cherrypy.expose
    @taking_a_token
    def with_a_token(**fields):
        return json.dumps(fields)

    @cherrypy.expose
    def keyword_only(self, *, a):
        return a

    @cherrypy.expose
    def positional_only(self, a, /):
        return a

    @cherrypy.expose
    def positional(self, a, *rest, **fields):
        return a

    @cherrypy.expose
    def failing(self, **fields):
        raise TypeError("of its own")

    @cherrypy.expose
    @without_self
    def failing_with_less(self, **fields):
        raise TypeError("of its own")

    @cherrypy.expose
    @adding_a_user
    def failing_with_more(self, user, **fields):
        raise TypeError("of its own")


def routes():
    dispatcher, pages = RoutesDispatcher(), Pages()
    methods = {name for name in dir(pages) if not name.startswith("_")} - {"callable", "partial"}
    for name in sorted(methods):
        dispatcher.connect(name, f"/{name}", pages, action=name)
    return dispatcher


# What sees to it: the guard, the params tool, or the dispatcher.
def guarded(settings=()):
    cherrypy.tree.mount(Pages(), "", {"/": dict(settings)})
    return Client(RequestGuard(cherrypy.tree), raise_exceptions=False)


def with_params():
    cherrypy.tree.mount(Pages(), "", {"/": {"cpkit.params.on": True}})
    return Client(raise_exceptions=False)


def routed():
    cherrypy.tree.mount(None, "", {"/": {"request.dispatch": routes()}})
    return Client(raise_exceptions=False)


PIECES = {
    "cpkit.timing.on": True,
    "cpkit.compress.on": True,
    "cpkit.accept.on": True,
    "cpkit.accept.media": {"application/json": str},
}
WAYS = {
    "guarded": guarded,
    "guarded, with pieces": lambda: guarded(PIECES),
    "with params": with_params,
    "routed": routed,
}


@pytest.fixture(params=WAYS)
def client(cp_client, request):
    return WAYS[request.param]()


REFUSED = {
    "self": ("GET", "/fields?self=1", 404),
    "self, beside others": ("GET", "/fields?a=1&self=1", 404),
    "self twice": ("GET", "/fields?self=1&self=2", 404),
    "another name": ("GET", "/other?this=1", 404),
    "of a wrapped method": ("GET", "/wrapped?self=1", 404),
    "of a class method": ("GET", "/class_method?cls=1", 404),
    "a function's, missing": ("GET", "/static", 404),
    "a wrapper's, missing": ("GET", "/with_a_token", 404),
    "by keyword only, missing": ("GET", "/keyword_only", 404),
    "positional only, by name": ("GET", "/positional_only?a=1", 404),
}


@pytest.mark.parametrize(("method", "path", "status"), REFUSED.values(), ids=REFUSED)
def test_a_name_that_the_handler_cannot_take_is_refused(client, caplog, method, path, status):
    answer = client.request(method, path)
    assert answer.status_code in (400, status)
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("name", ["fields", "wrapped"])
@pytest.mark.parametrize("sent", ["form", "file", "parts"])
def test_a_field_of_a_form_that_the_handler_cannot_take_is_refused(client, caplog, name, sent):
    if sent == "form":
        answer = client.post(f"/{name}", data={"self": "1"})
    else:
        named = '; filename="a"' if sent == "file" else ""
        body = f'--x\r\nContent-Disposition: form-data; name="self"{named}\r\n\r\n1\r\n--x--\r\n'
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = client.post(f"/{name}", data=body.encode(), headers=headers)
    for sent_file in answer.request.body.params.values():
        getattr(sent_file, "file", io.BytesIO()).close()  # CherryPy leaves it to the collector
    assert answer.status_code == 400
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("way", ["guarded", "guarded, with pieces", "with params"])
def test_a_positional_argument_given_twice_is_refused(cp_client, caplog, way):
    client = WAYS[way]()
    assert client.get("/positional/1?a=2").status_code in (400, 404)
    assert client.post("/positional/1", data={"a": 2}).status_code == 400
    assert client.get("/positional/1?self=2").status_code in (400, 404)
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("way", ["guarded", "guarded, with pieces", "with params"])
def test_what_is_called_may_be_any_object(cp_client, caplog, way):
    client = WAYS[way]()
    assert client.get("/callable?a=1").status_code == client.get("/partial?a=1").status_code == 200
    assert client.get("/callable?this=1").status_code == 404
    assert client.get("/partial").status_code in (400, 404)
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("path", ["/failing", "/failing?a=1", "/failing_with_less?self=1"])
def test_a_typeerror_of_the_handlers_own_is_a_500(client, path):
    assert client.get(path).status_code == 500


def test_a_decorator_that_adds_arguments_is_no_mismatch(cp_client):
    client = guarded()
    assert client.get("/added?a=1").status_code == 200
    assert client.get("/failing_with_more?a=1").status_code == 500


@pytest.mark.parametrize("path", ["/fields?cls=1&this=2", "/static?a=1", "/keyword_only?a=1"])
def test_what_fits_is_taken(client, path):
    assert client.get(path).status_code == 200


def test_a_hook_may_give_the_handler_other_arguments(cp_client):
    def give():
        cherrypy.request.handler.kwargs = {"a": "of the hook"}

    early = cherrypy._cprequest.Hook(give, priority=-1)
    for config in ({"hooks.on_start_resource.give": early}, {"hooks.before_handler.give": give}):
        assert "of the hook" in guarded(config).get("/fields").text
