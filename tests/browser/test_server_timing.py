"""The Server-Timing field, as a real browser reads it from a real server."""

import cherrypy
import pytest

import cpkit.tools  # noqa: F401 - registers the toolbox

# Each as the browser must name it, and what it must say of it.
SPANS = {
    "sql.active_record": ("sql.active_record", "1x"),
    "/a/b": ("_a_b", "/a/b 1x"),
    "my db": ("my_db", "my db 1x"),
    'say "hi"; dur=9, x': ("say_hi_dur_9_x", "say ?hi?; dur=9? x 1x"),
    "back\\slash": ("back_slash", "back?slash 1x"),
    "x\r\nSet-Cookie: a=b": ("x_Set-Cookie_a_b", "x??Set-Cookie: a=b 1x"),
    "données": ("donn_es", "donn?es 1x"),
    "<script>": ("_script_", "<script> 1x"),
    "last": ("last", "1x"),
}
READ = "performance.getEntriesByType('navigation')[0].serverTiming.map(m => m.toJSON())"


class Root:
    @cherrypy.expose
    def index(self):
        for number, name in enumerate(SPANS, 1):
            cherrypy.request.timing.add(name, number * 1_500_000)
        return "<!doctype html><title>timed</title>"

    @cherrypy.expose
    def crowded(self):
        for number in range(500):
            cherrypy.request.timing.add(f"{number}/".ljust(300, "\\"), 1_000_000)
        return "<!doctype html><title>timed</title>"

    @cherrypy.expose
    def broken(self):
        raise ZeroDivisionError


@pytest.fixture
def metrics(chromium, cp_server):
    """Return a function that opens a page and returns the metrics and cookies it came with."""
    settings = {"cpkit.timing.on": True, "cpkit.timing.header": "local"}
    cherrypy.tree.mount(Root(), "", {"/": settings})
    context = chromium.new_context()

    def opened(path):
        page = context.new_page()
        page.goto(f"{cp_server.url}/{path}")
        assert context.cookies() == []
        return page.evaluate(READ)

    yield opened
    context.close()


def test_every_span_has_its_name_time_and_description_whatever_it_is_called(metrics):
    found = metrics("")
    names = [metric["name"] for metric in found]
    assert names[:2] == ["total", "dispatch"]
    assert {"tools", "body", "handler", "finalize"} <= set(names)
    assert [(m["name"], m["description"]) for m in found][-len(SPANS) :] == list(SPANS.values())
    expected = [number * 1.5 for number in range(1, len(SPANS) + 1)]
    assert [metric["duration"] for metric in found][-len(SPANS) :] == expected


def test_the_phases_sum_to_the_total(metrics):
    taken = {metric["name"]: metric["duration"] for metric in metrics("")}
    phases = [taken[name] for name in taken if name in "dispatch tools body handler finalize"]
    assert sum(phases) == pytest.approx(taken["total"], abs=0.01)


def test_too_many_spans_end_with_a_metric_that_says_so(metrics):
    names = [metric["name"] for metric in metrics("crowded")]
    assert names[0] == "total"
    assert names[-1] == "trunc"
    assert len(names) <= 20


def test_the_page_of_an_unexpected_error_is_timed_too(metrics):
    assert {"total", "handler", "error"} <= {metric["name"] for metric in metrics("broken")}
