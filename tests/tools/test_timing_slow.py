"""The slow-request log: one line with the phases, and not too many lines."""

import logging

import cherrypy
import pytest

import cpkit.tools
from cpkit.errors import SettingError
from cpkit.testing import Client
from cpkit.timing.slowest import RateLimit

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Root:
    @cherrypy.expose
    def index(self, **params):
        with cherrypy.request.timing.span("search"):
            return "ok"

    @cherrypy.expose
    def inside(self):
        raise cherrypy.InternalRedirect("/")


@pytest.fixture
def lines(cp_client, caplog, monkeypatch):
    """Return a function that sends a request and returns the lines which it logged."""
    monkeypatch.setattr(cpkit.tools.timing, "slow_rate", RateLimit(count=3, seconds=3600))

    def send(path="/", slow=0.0, **kwargs):
        config = {"cpkit.timing.on": True, "cpkit.timing.slow": slow}
        cherrypy.tree.mount(Root(), "/shop", {"/": config})
        caplog.clear()
        cp_client.get(f"/shop{path}", **kwargs)
        found = [r for r in caplog.records if "slow request" in r.getMessage()]
        assert all(r.levelno == logging.WARNING for r in found)
        return [r.getMessage().partition("slow request: ")[2] for r in found]

    return send


def test_a_request_over_the_threshold_is_one_line_with_its_phases(lines):
    (line,) = lines(headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert line.startswith("method=GET route=/shop:Root.index path=/shop/ status=200 total_ms=")
    names = [field.partition("=")[0] for field in line.split()]
    assert {"dispatch_ms", "tools_ms", "handler_ms", "finalize_ms", "stream_ms"} <= set(names)
    assert "search_count=1" in line
    assert line.endswith(f"trace_id={TRACE}")


def test_a_query_is_never_logged(lines):
    (line,) = lines("/?token=secret")
    assert "secret" not in line


@pytest.mark.parametrize("slow", [None, 3600])
def test_a_request_under_the_threshold_is_not_logged(lines, slow):
    assert lines(slow=slow) == []


def test_an_internal_redirect_is_logged_once(lines):
    (line,) = lines("/inside")
    assert "route=/shop:Root.index" in line
    assert "redirect_ms=" in line


def test_the_lines_are_rate_limited_and_say_so(lines, monkeypatch):
    assert [len(lines()) for _ in range(5)] == [1, 1, 1, 0, 0]
    cpkit.tools.timing.slow_rate._seconds = 0
    assert lines()[0].endswith("held_back=2")


@pytest.mark.parametrize("wrong", [True, "1", [1]])
def test_a_wrong_threshold_is_told(wrong):
    config = {"cpkit.timing.on": True, "cpkit.timing.slow": wrong}
    cherrypy.tree.mount(Root(), "", {"/": config})
    with pytest.raises(SettingError, match="a number of seconds, or None"):
        Client().get("/")
