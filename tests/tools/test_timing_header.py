"""The Server-Timing header: sent when asked for, on every kind of answer, and never stored."""

import cherrypy
import pytest

import cpkit.tools  # noqa: F401 - registers the toolbox
from cpkit.errors import SettingError
from cpkit.testing import Client


class Root:
    @cherrypy.expose
    def index(self, **params):
        return "ok"


def mount(root=None, **settings):
    on = {f"cpkit.timing.{key}": value for key, value in {"on": True, **settings}.items()}
    cherrypy.tree.mount(root or Root(), "", {"/": on})


def header(response):
    return response.headers.get_all("Server-Timing")


@pytest.fixture
def client(cp_client):
    cp_client.raise_exceptions = False
    return cp_client


def test_it_is_off_unless_asked_for(client):
    mount()
    assert header(client.get("/")) == []


def test_it_names_the_phases_so_far(client):
    mount(header=True)
    (value,) = header(client.get("/"))
    names = [metric.partition(";")[0] for metric in value.split(", ")]
    assert names[:2] == ["total", "dispatch"]
    assert {"tools", "handler", "finalize"} <= set(names)


def test_spans_of_the_handler_are_in_it(client):
    class Root:
        @cherrypy.expose
        def index(self):
            with cherrypy.request.timing.span("search"):
                return "ok"

    mount(Root(), header=True)
    assert 'desc="1x"' in header(client.get("/"))[0]


@pytest.mark.parametrize("path", ["own", "own_broken"])
def test_a_value_that_the_application_set_is_kept(client, path):
    class Root:
        @cherrypy.expose
        def own(self):
            cherrypy.response.headers["Server-Timing"] = "mine;dur=1"
            return "ok"

        @cherrypy.expose
        def own_broken(self):
            self.own()
            raise ZeroDivisionError

    mount(Root(), header=True)
    value = ", ".join(header(client.get(f"/{path}")))
    assert value.startswith("mine;dur=1, total;dur=")


@pytest.mark.parametrize(
    ("peer", "fields", "sent"),
    [
        ("127.0.0.1", {}, True),
        ("127.8.9.10", {}, True),
        ("::1", {}, True),
        ("::ffff:127.0.0.1", {}, True),
        ("192.0.2.7", {}, False),
        ("2001:db8::1", {}, False),
        ("", {}, False),
        ("192.0.2.7", {"X-Forwarded-For": "127.0.0.1"}, False),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, False),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, False),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, False),
        ("127.0.0.1", {"X-Real-IP": "127.0.0.1"}, False),
        ("127.0.0.1", {"Via": "1.1 proxy"}, False),
    ],
)
@pytest.mark.parametrize("proxy", [False, True], ids=["direct", "tools.proxy"])
def test_local_means_a_loopback_peer_and_no_proxy(client, peer, fields, sent, proxy):
    local = {"cpkit.timing.on": True, "cpkit.timing.header": "local", "tools.proxy.on": proxy}
    cherrypy.tree.mount(Root(), "", {"/": local})
    response = client.get("/", headers=fields, environ={"REMOTE_ADDR": peer})
    assert bool(header(response)) == sent


def test_a_predicate_decides_by_the_request(client):
    mount(header=lambda: cherrypy.request.params.get("debug"))
    assert header(client.get("/?debug=1"))
    assert not header(client.get("/"))


def test_a_predicate_that_fails_sends_nothing_and_changes_nothing(client):
    mount(header=lambda: 1 / 0)
    response = client.get("/")
    assert (response.status_code, header(response)) == (200, [])


def test_the_caching_tool_never_stores_it(client, monkeypatch):
    monkeypatch.delattr(cherrypy, "_cache", raising=False)
    cached = {"tools.caching.on": True, "cpkit.timing.on": True}
    asked = {"cpkit.timing.header": lambda: "X-Debug" in cherrypy.request.headers}
    cherrypy.tree.mount(Root(), "", {"/": {**cached, **asked}})
    assert header(client.get("/", headers={"X-Debug": "1"}))
    again = client.get("/")
    assert "Age" in again.headers
    assert header(again) == []
    monkeypatch.delattr(cherrypy, "_cache")


@pytest.mark.parametrize("wrong", ["locol", "", None, 2, ["local"]])
def test_a_wrong_setting_is_told_with_what_is_allowed(wrong):
    mount(header=wrong)
    with pytest.raises(SettingError, match='True, False, "local" or a callable'):
        Client().get("/")


@pytest.mark.parametrize("first", [True, 1])
def test_one_means_true_whatever_the_request_before_was_given(first):
    mount(header=first)
    Client().get("/")
    mount(header=1)
    assert header(Client().get("/"))
