"""The timing plugin counts every request once, under labels that stay few."""

import random
import string
import sys
import threading

import cherrypy
import pytest
from prometheus_client import CollectorRegistry

import cpkit.tools  # noqa: F401 - registers the toolbox
from cpkit.errors import MissingExtraError
from cpkit.plugins import TimingPlugin, metrics_app
from cpkit.testing import Client
from cpkit.timing.counting import BATCH

ON = {"cpkit.timing.on": True}


class Root:
    @cherrypy.expose
    def index(self, **params):
        return "ok"

    @cherrypy.expose
    def default(self, *path):
        if path[0] == "absent":
            raise cherrypy.NotFound
        return "ok"

    @cherrypy.expose
    def broken(self):
        raise ZeroDivisionError

    @cherrypy.expose
    def inside(self):
        raise cherrypy.InternalRedirect("/")

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def streamed(self):
        with cherrypy.request.timing.span("rows"):
            yield "a"
        yield "b"


class Book:
    """A resource behind a dispatcher that leaves the route's template on the request."""

    exposed = True

    def GET(self, number):  # noqa: N802
        return number


class Templated(cherrypy.dispatch.MethodDispatcher):
    """A dispatcher that knows the template of what it matched, as cpkit's RoutesDispatcher."""

    def __call__(self, path_info):
        cherrypy.serving.request.route = "/book/{number}"
        return super().__call__(path_info)


@pytest.fixture
def plugin():
    plugin = TimingPlugin(cherrypy.engine)
    plugin.subscribe()
    return plugin


@pytest.fixture
def client(cp_client, plugin):
    cp_client.raise_exceptions = False
    cherrypy.tree.mount(Root(), "", {"/": ON})
    return cp_client


def counted():
    """Return {(method, route): (requests, errors)} as the report has them."""
    (report,) = cherrypy.engine.publish("timing-report")
    return {(e["method"], e["route"]): (e["count"], e["errors"]) for e in report["routes"]}


def test_a_request_is_counted_under_its_handler(client):
    client.get("/?a=1")
    client.get("/?a=2")
    client.get("/broken")
    assert counted() == {("GET", "Root.index"): (2, 0), ("GET", "Root.broken"): (1, 1)}


def test_the_mount_point_is_part_of_the_route(client):
    cherrypy.tree.mount(Root(), "/shop", {"/": ON})
    client.get("/shop/")
    assert counted() == {("GET", "/shop:Root.index"): (1, 0)}


def test_a_template_that_the_dispatcher_left_is_the_route(client):
    methods = {"request.dispatch": Templated(), **ON}
    cherrypy.tree.mount(Book(), "/library", {"/": methods})
    for number in range(3):
        client.get(f"/library/{number}")
    client.post("/library/7")
    assert counted() == {
        ("GET", "/library/book/{number}"): (3, 0),
        ("POST", "/library/book/{number}"): (1, 0),
    }


def test_a_request_that_tools_never_see_is_counted_too(client):
    def without_host(environ, start_response):
        del environ["HTTP_HOST"]
        return cherrypy.tree(environ, start_response)

    assert Client(without_host, raise_exceptions=False).get("/").status_code == 400
    assert counted() == {("GET", ""): (1, 0)}


def test_where_the_tool_is_off_nothing_is_counted(client):
    cherrypy.tree.mount(Root(), "/untimed")
    client.get("/untimed/")
    client.get("/untimed/broken")
    assert counted() == {}


def test_an_internal_redirect_is_one_request(client):
    client.get("/inside")
    assert counted() == {("GET", "Root.index"): (1, 0)}


class Going:
    """Pages that are redirected internally: in a circle of one or two, back once, from a stream."""

    @cherrypy.expose
    def one(self, **query):
        raise cherrypy.InternalRedirect("/one")

    @cherrypy.expose
    def two(self, back=""):
        raise cherrypy.InternalRedirect("/to?then=/two" if back else "/two?back=1")

    @cherrypy.expose
    def to(self, then="/index"):
        raise cherrypy.InternalRedirect(then)

    @cherrypy.expose
    def index(self):
        return "ok"

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def stream(self):
        raise cherrypy.InternalRedirect("/index")


@pytest.mark.parametrize(
    ("path", "status", "counts"),
    [
        ("/to", 200, {("GET", "/going:Going.index"): (1, 0)}),
        ("/one", 500, {("GET", "/going:Going.one"): (1, 1)}),
        ("/one?a=b", 500, {("GET", "/going:Going.one"): (1, 1)}),
        ("/two", 500, {("GET", "/going:Going.to"): (1, 1)}),
        ("/stream", 500, {("GET", "/going:Going.stream"): (1, 1)}),
    ],
)
def test_a_redirect_that_cherrypy_refuses_is_an_error(client, path, status, counts):
    cherrypy.tree.mount(Going(), "/going", {"/": ON})
    assert client.get(f"/going{path}").status_code == status
    assert counted() == counts


def test_a_redirect_that_may_lead_back_is_one_request(client):
    went = []

    class Back:
        @cherrypy.expose
        def index(self):
            went.append(1)
            if len(went) < 4:
                raise cherrypy.InternalRedirect("/")
            return "ok"

    app = cherrypy.tree.mount(Back(), "/back", {"/": ON})
    app.merge({"/": {"wsgi.InternalRedirector.recursive": True}})
    assert client.get("/back/").status_code == 200
    assert counted() == {("GET", "/back:Back.index"): (1, 0)}


def test_a_request_cut_off_by_an_exception_is_an_error(client):
    cherrypy.tree.mount(Root(), "/thrown", {"/": {**ON, "request.throw_errors": True}})
    assert client.get("/thrown/broken").status_code == 500
    assert counted() == {("GET", "/thrown:Root.broken"): (1, 1)}


def test_a_streamed_body_is_counted_to_its_last_byte(client, plugin):
    environ = {}
    client.app = lambda e, start: environ.update(e) or cherrypy.tree(e, start)
    client.get("/")
    chunks = cherrypy.tree({**environ, "PATH_INFO": "/streamed"}, lambda *args: None)
    assert next(iter(chunks)) == b"a"
    timing = cherrypy.serving.request.timing
    assert ("GET", "Root.streamed") not in counted()
    assert next(iter(chunks)) == b"b"
    assert timing.count("rows") == 1
    chunks.close()
    assert counted()["GET", "Root.streamed"] == (1, 0)
    assert timing.ended


def test_random_ids_paths_and_methods_add_no_unbounded_series(client, plugin):
    plugin.prometheus = CollectorRegistry()
    cherrypy.tree.mount(Book(), "/library", {"/": {"request.dispatch": Templated(), **ON}})
    cherrypy.tree.mount(cherrypy.Application(None, "/void", {"/": ON}), "/void")
    chosen = random.Random(4)
    for number in range(500):
        word = "".join(chosen.choices(string.ascii_letters, k=8))
        kinds = [("GET", f"/library/{word}"), ("GET", f"/void/{word}"), (word, f"/{word}/{word}")]
        client.request(*kinds[number % 3])
    assert counted() == {
        ("GET", "/library/book/{number}"): (167, 0),
        ("GET", ""): (167, 0),
        ("_OTHER", "Root.default"): (166, 0),
    }
    samples = [s for metric in plugin.prometheus.collect() for s in metric.samples]
    samples = [s for s in samples if s.name.startswith("http_server_request_duration")]
    assert sum(s.value for s in samples if s.name.endswith("_count")) == 500
    assert len(samples) == 3 * 18


def test_each_request_of_many_threads_is_counted_once(plugin, cp_client):
    cherrypy.tree.mount(Root(), "", {"/": ON})
    clients = [Client() for _ in range(4)]
    threads = [
        threading.Thread(target=lambda c=c: [c.get("/") for _ in range(50)]) for c in clients
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted() == {("GET", "Root.index"): (200, 0)}


def test_requests_are_counted_without_anybody_asking_for_a_report(client, plugin):
    left = []
    for _ in range(2 * BATCH + 3):
        client.get("/")
        left.append(len(plugin.counter._notes))
    assert max(left) < BATCH
    assert plugin.counter.latencies.summary()[0]["count"] == 2 * BATCH
    assert counted() == {("GET", "Root.index"): (2 * BATCH + 3, 0)}


def test_config_keys_subscribe_and_set_the_plugin(cp_client):
    cherrypy.engine.timing = TimingPlugin(cherrypy.engine)
    try:
        registry = CollectorRegistry()
        cherrypy.config.update({"engine.timing.on": True, "engine.timing.prometheus": registry})
        assert cherrypy.engine.publish("timing-report")
        assert cherrypy.engine.timing.prometheus is registry
        cherrypy.config.update({"engine.timing.on": False, "engine.timing.prometheus": False})
        assert cherrypy.engine.publish("timing-report") == []
        assert cherrypy.engine.timing.prometheus is None
    finally:
        del cherrypy.engine.timing


def test_a_failure_to_count_is_logged_and_the_request_still_closed(client, plugin, monkeypatch):
    closed = []
    config = {"/": {**ON, "hooks.on_end_request": lambda: closed.append(True)}}
    cherrypy.tree.mount(Root(), "/closing", config)
    monkeypatch.setattr(plugin.counter, "slowest", None)
    assert client.get("/closing/").status_code == 200
    assert closed == [True]


def test_prometheus_has_opentelemetrys_name_attributes_and_seconds(client, plugin):
    registry = plugin.prometheus = CollectorRegistry()
    client.get("/")
    client.get("/broken")
    cherrypy.tree.graft(metrics_app(registry), "/-/metrics")
    answer = client.get("/-/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    name = "http_server_request_duration_seconds"
    ok = (
        'error_type="",http_request_method="GET",http_response_status_code="200",'
        'http_route="Root.index",url_scheme="http"'
    )
    assert f"{name}_count{{{ok}}} 1.0" in answer.text
    labels = {"http_request_method": "GET", "http_route": "Root.broken", "url_scheme": "http"}
    failed = {**labels, "http_response_status_code": "500", "error_type": "500"}
    assert registry.get_sample_value(f"{name}_count", failed) == 1
    assert registry.get_sample_value(f"{name}_bucket", {**failed, "le": "10.0"}) == 1


def test_head_of_the_metrics_has_no_body(client):
    cherrypy.tree.graft(metrics_app(CollectorRegistry()), "/-/metrics")
    answer = client.head("/-/metrics")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_a_4xx_is_no_error_of_the_server(client, plugin):
    registry = plugin.prometheus = CollectorRegistry()
    client.get("/absent")
    (counted,) = (s for m in registry.collect() for s in m.samples if s.name.endswith("_count"))
    assert counted.labels["http_response_status_code"] == "404"
    assert counted.labels["error_type"] == ""


def test_two_plugins_share_the_histogram_of_a_registry(client, plugin):
    registry = plugin.prometheus = CollectorRegistry()
    other = TimingPlugin(cherrypy.engine)
    other.prometheus, other.buckets = registry, (1, 2)
    other.subscribe()
    client.get("/")
    counts = [s.value for m in registry.collect() for s in m.samples if s.name.endswith("_count")]
    assert counts == [2.0]


def test_prometheus_own_registry_is_taken_unless_another_is_given(plugin):
    import prometheus_client

    plugin.prometheus = True
    assert plugin.prometheus is prometheus_client.REGISTRY


def test_without_the_extra_the_error_says_what_to_install(plugin, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'cpkit\[prometheus\]'"):
        plugin.prometheus = True
    with pytest.raises(MissingExtraError):
        metrics_app()


def test_the_metrics_of_several_processes_are_summed(monkeypatch, tmp_path, client):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    cherrypy.tree.graft(metrics_app(), "/metrics")
    assert client.get("/metrics").status_code == 200


def test_the_slowest_twenty_are_kept(client):
    for _ in range(21):
        client.get("/")
    assert len(cherrypy.engine.publish("timing-report")[0]["slowest"]) == 20


def test_a_slow_request_is_kept_with_its_phases_and_spans(client, plugin):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    client.get("/streamed", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    (record,) = cherrypy.engine.publish("timing-report")[0]["slowest"]
    assert record["path"] == "/streamed"
    assert record["trace_id"] == trace
    assert record["spans"]["rows"][1] == 1
    assert sum(record["phases"].values()) == pytest.approx(record["total"])
    assert {"dispatch", "handler", "stream"} <= set(record["phases"])
