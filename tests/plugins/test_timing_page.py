"""The timing page: for those who may see it, as HTML, JSON and text."""

import cherrypy
import pytest

import cpkit.tools  # noqa: F401 - registers the toolbox
from cpkit.plugins import TimingPage, TimingPlugin


class Root:
    @cherrypy.expose
    def index(self):
        return "ok"


@pytest.fixture
def client(cp_client):
    TimingPlugin(cherrypy.engine).subscribe()
    cherrypy.tree.mount(Root(), "", {"/": {"cpkit.timing.on": True}})
    cherrypy.tree.mount(TimingPage(), "/timing")
    cp_client.get("/")
    return cp_client


def test_the_page_shows_the_routes_under_its_own_policy(client):
    answer = client.get("/timing/")
    assert answer.headers["Content-Type"] == "text/html;charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "<td>Root.index</td>" in answer.text
    assert "<svg" in answer.text


def test_json_is_the_report_in_seconds(client):
    answer = client.get("/timing/json")
    assert answer.headers["Content-Type"] == "application/json"
    report = answer.json()
    assert set(report) == {"since", "now", "recent", "routes", "slowest"}
    (route,) = report["routes"]
    assert (route["method"], route["route"], route["count"]) == ("GET", "Root.index", 1)
    assert 0 < route["p50"] <= route["p95"] <= route["p99"] <= route["max"] < 10
    assert report["recent"]["count"] == 1


def test_text_is_for_a_terminal(client):
    answer = client.get("/timing/text")
    assert answer.headers["Content-Type"] == "text/plain;charset=utf-8"
    assert "GET Root.index" in answer.text


@pytest.mark.parametrize("path", ["", "json", "text"])
@pytest.mark.parametrize(
    ("environ", "headers"),
    [
        ({"REMOTE_ADDR": "192.0.2.7"}, {}),
        ({"REMOTE_ADDR": "192.0.2.7"}, {"X-Forwarded-For": "127.0.0.1"}),
        ({}, {"X-Forwarded-For": "192.0.2.7"}),
    ],
)
def test_others_than_local_clients_are_refused(client, path, environ, headers):
    client.raise_exceptions = False
    answer = client.get(f"/timing/{path}", environ=environ, headers=headers)
    assert answer.status_code == 403
    assert "Root.index" not in answer.text


@pytest.mark.parametrize(
    ("allow", "status"), [(True, 200), (lambda: True, 200), (lambda: None, 403), (False, 403)]
)
def test_who_may_see_it_can_be_set(client, allow, status):
    client.raise_exceptions = False
    cherrypy.tree.mount(TimingPage(allow=allow), "/open")
    assert client.get("/open/", environ={"REMOTE_ADDR": "192.0.2.7"}).status_code == status


def test_without_the_plugin_it_says_what_to_do(cp_client):
    cp_client.raise_exceptions = False
    cherrypy.tree.mount(TimingPage(), "/timing")
    answer = cp_client.get("/timing/")
    assert answer.status_code == 503
    assert "set engine.timing.on" in answer.text
