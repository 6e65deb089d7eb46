"""The metrics: of this test's plugin, of all processes, of what is in progress now."""

import json
import os
import subprocess
import sys
import threading

import cherrypy
import prometheus_client
import pytest
from prometheus_client import CollectorRegistry

import cpkit.tools  # noqa: F401 - registers the toolbox
from cpkit.plugins import DatabasePlugin, MetricsPage, TimingPlugin, metrics_app
from cpkit.testing import Client
from cpkit.timing import hooks

ON = {"cpkit.timing.on": True}
SECONDS = "http_server_request_duration_seconds"


class Root:
    @cherrypy.expose
    def index(self):
        return "ok"


@pytest.fixture
def client(cp_client):
    cp_client.raise_exceptions = False
    cherrypy.tree.mount(Root(), "", {"/": ON})
    return cp_client


@pytest.fixture(scope="module")
def shared():
    """Return a registry that outlives a test, as prometheus_client's own does."""
    return CollectorRegistry()


def bounds(registry):
    samples = [s for metric in registry.collect() for s in metric.samples]
    return {s.labels["le"] for s in samples if s.name == f"{SECONDS}_bucket"}


def total(registry):
    samples = [s for metric in registry.collect() for s in metric.samples]
    return sum(s.value for s in samples if s.name == f"{SECONDS}_count")


@pytest.mark.parametrize("buckets", [(0.1, 1), (0.5,), (2, 3, 4)])
@pytest.mark.parametrize("configured", [False, True], ids=["by hand", "by config"])
def test_every_test_has_its_own_buckets_and_counts(client, shared, buckets, configured):
    plugin = TimingPlugin(cherrypy.engine)
    if configured:
        cherrypy.engine.timing = plugin
        keys = {"prometheus": shared, "on": True, "buckets": list(buckets)}
        cherrypy.config.update({f"engine.timing.{key}": value for key, value in keys.items()})
    else:
        plugin.subscribe()
        plugin.prometheus, plugin.buckets = shared, buckets
    assert total(shared) == 0
    client.get("/")
    assert bounds(shared) == {*(str(float(bound)) for bound in buckets), "+Inf"}
    assert total(shared) == 1
    if configured:
        del cherrypy.engine.timing


def test_a_plugin_that_listens_again_goes_on_counting(client, shared):
    plugin = TimingPlugin(cherrypy.engine)
    for _ in range(3):
        plugin.prometheus = shared
        plugin.subscribe()
        client.get("/")
        plugin.unsubscribe()
    assert total(shared) == 3


def test_metrics_of_ones_own_in_the_registry_stay_there(client, shared):
    own = prometheus_client.Counter("sold", "Books.", registry=shared)
    own.inc(7)
    for _ in range(2):
        plugin = TimingPlugin(cherrypy.engine)
        plugin.prometheus = shared
        plugin.subscribe()
        plugin.unsubscribe()
    assert shared.get_sample_value("sold_total") == 7
    shared.unregister(own)


def test_requests_in_progress_are_a_gauge(client):
    plugin = TimingPlugin(cherrypy.engine)
    registry = plugin.prometheus = CollectorRegistry()
    plugin.subscribe()
    arrived, leave, seen = threading.Barrier(3), threading.Event(), []

    class Waiting:
        @cherrypy.expose
        def index(self):
            arrived.wait(10)
            leave.wait(10)
            return "ok"

    cherrypy.tree.mount(Waiting(), "/waiting", {"/": ON})

    def active():
        return registry.get_sample_value("http_server_active_requests")

    before = active()
    threads = [threading.Thread(target=lambda: Client().get("/waiting/")) for _ in range(2)]
    for thread in threads:
        thread.start()
    arrived.wait(10)
    seen.append(active() - before)
    leave.set()
    for thread in threads:
        thread.join()
    assert [*seen, active() - before] == [2, 0]


@pytest.mark.parametrize("path", ["/", "/broken", "/elsewhere", "/stream"])
def test_nothing_is_in_progress_when_all_have_ended(cp_client, path):
    class Site(Root):
        @cherrypy.expose
        def broken(self):
            raise ZeroDivisionError

        @cherrypy.expose
        def elsewhere(self):
            raise cherrypy.InternalRedirect("/")

        @cherrypy.expose
        @cherrypy.config(**{"response.stream": True})
        def stream(self):
            yield "a"
            raise ZeroDivisionError

    cp_client.raise_exceptions = False
    cherrypy.tree.mount(Site(), "", {"/": ON})
    plugin = TimingPlugin(cherrypy.engine)
    registry = plugin.prometheus = CollectorRegistry()
    plugin.subscribe()
    before = registry.get_sample_value("http_server_active_requests")
    cp_client.get(path)
    assert registry.get_sample_value("http_server_active_requests") == before


def test_a_request_whose_hooks_were_replaced_is_not_in_progress_for_ever(client):
    def replace():
        plain = cherrypy._cprequest.HookMap()
        plain.update(cherrypy.serving.request.hooks)
        cherrypy.serving.request.hooks = plain

    config = {"hooks.before_handler": replace, **ON}
    cherrypy.tree.mount(Root(), "/replacing", {"/": config})
    plugin = TimingPlugin(cherrypy.engine)
    registry = plugin.prometheus = CollectorRegistry()
    plugin.subscribe()
    before = registry.get_sample_value("http_server_active_requests")
    client.get("/replacing/")
    assert registry.get_sample_value("http_server_active_requests") == before


def test_requests_that_are_never_closed_fill_no_memory(client, monkeypatch):
    monkeypatch.setattr(hooks, "_MOST_IN_PROGRESS", 5)
    environ = {}
    client.app = lambda e, start: environ.update(e) or cherrypy.tree(e, start)
    client.get("/")
    left = [cherrypy.tree(dict(environ), lambda *args: None) for _ in range(20)]
    assert len(hooks.IN_PROGRESS) <= 5
    for chunks in left:
        chunks.close()
    hooks.IN_PROGRESS.clear()


def test_the_pools_of_the_databases_are_gauges(client, cp_engine, tmp_path):
    for name in ("db", "staff"):
        plugin = DatabasePlugin(cherrypy.engine, f"sqlite:///{tmp_path}/{name}.sqlite")
        setattr(cherrypy.engine, name, plugin)
        plugin.subscribe()
    timing = TimingPlugin(cherrypy.engine)
    registry = timing.prometheus = CollectorRegistry()
    timing.subscribe()
    cp_engine.start()
    pool = "db_client_connection_pool_name"
    for name in ("db", "staff"):
        registry.get_sample_value("http_server_active_requests")  # has them asked, and so opened
        figures = vars(cherrypy.engine)[name].figures()
        for state, value in {"used": figures.in_use, "idle": figures.idle}.items():
            labels = {pool: name, "db_client_connection_state": state}
            assert registry.get_sample_value("db_client_connection_count", labels) == value
        found = registry.get_sample_value("db_client_connection_max", {pool: name})
        assert found == figures.size
        waits = registry.get_sample_value("db_client_connection_waits_total", {pool: name})
        assert waits == figures.waits


def test_pools_that_share_a_name_are_one_sample(client, cp_engine, tmp_path):
    """Prometheus refuses a page that has the same sample twice."""
    plugins = [DatabasePlugin(cherrypy.engine, f"sqlite:///{tmp_path}/{n}") for n in (0, 1)]
    for plugin in plugins:
        plugin.subscribe()
    timing = TimingPlugin(cherrypy.engine)
    registry = timing.prometheus = CollectorRegistry()
    timing.subscribe()
    cp_engine.start()
    samples = [
        (sample.name, tuple(sample.labels.items()))
        for metric in registry.collect()
        for sample in metric.samples
    ]
    assert len(samples) == len(set(samples))
    found = registry.get_sample_value(
        "db_client_connection_max", {"db_client_connection_pool_name": "db"}
    )
    assert found == sum(plugin.figures().size for plugin in plugins)


def test_a_database_that_cannot_tell_hides_no_other_metric(client):
    plugin = TimingPlugin(cherrypy.engine)
    registry = plugin.prometheus = CollectorRegistry()
    plugin.subscribe()
    cherrypy.engine.listeners.setdefault("database_health", set())
    cherrypy.engine.subscribe("database_health", lambda: 1 / 0)
    client.get("/")
    assert registry.get_sample_value("http_server_active_requests") is not None
    assert total(registry) == 1


def test_a_database_that_hangs_keeps_no_metric_waiting(client, cp_engine, tmp_path):
    database = DatabasePlugin(cherrypy.engine, f"sqlite:///{tmp_path}/db.sqlite", pool_size=1)
    database.subscribe()
    timing = TimingPlugin(cherrypy.engine)
    registry = timing.prometheus = CollectorRegistry()
    timing.subscribe()
    cp_engine.start()
    before = set(threading.enumerate())
    with database.unit(handle="connection", write=False) as unit:
        unit.handle.exec_driver_sql("SELECT 1")  # the only connection, for which a ping would wait
        labels = {"db_client_connection_pool_name": "db", "db_client_connection_state": "used"}
        assert registry.get_sample_value("db_client_connection_count", labels) == 1
        # One that another test left may end meanwhile.
        assert set(threading.enumerate()) <= before


@pytest.fixture
def metrics(client):
    """Return a registry whose metrics are at /page, a page, and at /app, as it is grafted."""
    plugin = TimingPlugin(cherrypy.engine)
    registry = plugin.prometheus = CollectorRegistry()
    plugin.subscribe()
    cherrypy.tree.mount(MetricsPage(registry), "/page")
    cherrypy.tree.graft(metrics_app(registry), "/app")
    client.get("/")
    return registry


@pytest.mark.parametrize("path", ["/page/", "/app"])
@pytest.mark.parametrize("accept", ["*/*", "application/openmetrics-text; version=1.0.0", ""])
def test_a_page_answers_as_the_application_does(client, metrics, path, accept):
    answer = client.get(path, headers={"Accept": accept} if accept else {})
    assert answer.status_code == 200
    assert f"{SECONDS}_count" in answer.text
    kind = "application/openmetrics-text" if "openmetrics" in accept else "text/plain"
    assert answer.headers["Content-Type"].startswith(kind)
    assert len(answer.headers.get_all("Content-Type")) == 1


@pytest.mark.parametrize("path", ["/page/", "/app"])
def test_one_metric_can_be_asked_for(client, metrics, path):
    answer = client.get(f"{path}?name[]=http_server_active_requests")
    assert "http_server_active_requests" in answer.text
    assert SECONDS not in answer.text


@pytest.mark.parametrize("path", ["/page/", "/app"])
def test_head_has_the_fields_and_no_body(client, metrics, path):
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("path", ["/page/", "/app"])
@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
def test_the_methods_that_are_allowed_are_those_that_answer(client, metrics, path, method):
    answer = client.request(method, path)
    assert answer.status_code == (200 if method == "OPTIONS" else 405)
    for allowed in answer.headers["Allow"].split(", "):
        assert client.request(allowed, path).status_code == 200
    assert "HEAD" in answer.headers["Allow"]


def test_head_tells_the_length_that_the_page_has(client, metrics):
    asked = "/page/?name[]=http_server_active_requests"
    get, head = client.get(asked), client.head(asked)
    assert head.headers["Content-Length"] == get.headers["Content-Length"] == str(len(get.content))


def test_tools_guard_the_page(client, metrics):
    guard = {
        "tools.auth_basic.on": True,
        "tools.auth_basic.realm": "metrics",
        "tools.auth_basic.checkpassword": lambda realm, user, password: password == "right",
    }
    cherrypy.tree.mount(MetricsPage(metrics), "/guarded", {"/": guard})
    assert client.get("/guarded/").status_code == 401
    right = {"Authorization": "Basic YTpyaWdodA=="}
    assert client.get("/guarded/", headers=right).status_code == 200


def test_the_page_is_packed_once(client, metrics):
    packed = {"tools.gzip.on": True, "tools.gzip.mime_types": ["text/*"]}
    cherrypy.tree.mount(MetricsPage(metrics), "/packed", {"/": packed})
    answer = client.get("/packed/", headers={"Accept-Encoding": "gzip"})
    assert answer.headers.get_all("Content-Encoding") == ["gzip"]
    import gzip

    assert SECONDS.encode() in gzip.decompress(answer.content)


ACCEPTED = {
    "gzip": True,
    "gzip;q=0": False,
    "gzip;q=0.0, *": False,
    "identity, gzip;q=0.5": False,
    "deflate, x-gzip": True,
    "*": True,
    "br": False,
    "": False,
    "gzip" + "," * 9000: False,
}


@pytest.mark.parametrize("field", ACCEPTED)
def test_metrics_are_packed_for_those_alone_who_like_it(client, metrics, field):
    answer = client.get("/app", headers={"Accept-Encoding": field})
    assert answer.headers.get("Content-Encoding") == ("gzip" if ACCEPTED[field] else None)
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"


@pytest.mark.parametrize("path", ["/page/", "/app"])
@pytest.mark.parametrize(
    "version", ["x", "1.0.0<b>", "9" * 5000, "1.0.0" + "." * 8000, "1..0", "-1", "1.0.0-rc1", '"1"']
)
@pytest.mark.parametrize("kind", ["text/plain", "application/openmetrics-text"])
def test_a_version_that_is_none_is_not_asked_for(client, metrics, path, kind, version):
    answer = client.get(path, headers={"Accept": f"{kind};version={version}, */*"})
    assert answer.status_code == 200
    told = answer.headers["Content-Type"].replace(" ", "")
    assert told == "text/plain;version=0.0.4;charset=utf-8"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
            "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        ),
        ("text/plain; version=1.0.0; escaping=dots", "text/plain; version=1.0.0; charset=utf-8"),
        ("application/openmetrics-text;q=0, text/plain", "text/plain; version=0.0.4"),
    ],
)
def test_a_scraper_gets_the_format_that_it_asks_for(client, metrics, accept, kind):
    for path in ("/page/", "/app"):
        told = client.get(path, headers={"Accept": accept}).headers["Content-Type"]
        assert told.replace(" ", "").startswith(kind.replace(" ", ""))


PROCESS = """if True:
    import sys, json, threading, cherrypy
    import cpkit.tools
    from prometheus_client import CollectorRegistry, Counter
    from cpkit.plugins import DatabasePlugin, TimingPlugin, metrics_app
    from cpkit.testing import Client

    class Root:
        @cherrypy.expose
        def index(self):
            return "ok"

    registry = None if sys.argv[1] == "default" else CollectorRegistry()
    plugin = TimingPlugin(cherrypy.engine)
    plugin.prometheus = registry or True
    plugin.subscribe()
    Counter("elsewhere", "In no registry that is served.", registry=CollectorRegistry()).inc()
    cherrypy.config.update({"log.screen": False, "engine.autoreload.on": False})
    cherrypy.server.unsubscribe()
    DatabasePlugin(cherrypy.engine, "sqlite://", pool_size=3).subscribe()
    cherrypy.tree.mount(Root(), "", {"/": {"cpkit.timing.on": True}})
    cherrypy.tree.graft(metrics_app(registry), "/metrics")
    cherrypy.engine.start()
    client = Client()
    for _ in range(int(sys.argv[2])):
        client.get("/")
    threads = [thread.name for thread in threading.enumerate()]
    print(json.dumps([client.get("/metrics").text, threads]))
    cherrypy.engine.exit()
"""


@pytest.mark.parametrize(("registry", "visits"), [("default", [3, 4, 0]), ("own", [3, 4])])
def test_all_processes_are_summed_whatever_the_registry(tmp_path, registry, visits):
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    texts, threads = [], []
    for requests in visits:
        command = [sys.executable, "-c", PROCESS, registry, str(requests)]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        text, running = json.loads(done.stdout)
        texts.append(text)
        threads.append(running)
    counts = [[line for line in text.splitlines() if f"{SECONDS}_count" in line] for text in texts]
    assert [line.rpartition(" ")[2] for (line,) in counts[:2]] == ["3.0", "7.0"]
    assert {line.rpartition(" ")[2] for found in counts[2:] for line in found} <= {"7.0"}
    assert all(counts)
    assert "http_server_active_requests 0.0" in texts[1]
    assert 'db_client_connection_max{db_client_connection_pool_name="db"}' in texts[1]
    assert all("cpkit pool gauges" in running for running in threads)
    if registry == "own":
        assert "elsewhere" not in texts[1]


@pytest.mark.parametrize(
    ("change", "goes_on"),
    [
        ("plugin.unsubscribe()", False),
        ("plugin.prometheus = None", False),
        ("plugin.prometheus = CollectorRegistry()", True),
    ],
)
def test_the_gauges_are_updated_as_long_as_somebody_can_stop_that(tmp_path, change, goes_on):
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    changed = PROCESS.replace(
        "    cherrypy.engine.exit()",
        f"""    named = lambda: [t for t in threading.enumerate() if t.name == "cpkit pool gauges"]
    (first,) = named()
    {change}
    first.join(60)
    print(len(named()))
    cherrypy.engine.exit()""",
    )
    command = [sys.executable, "-c", changed, "own", "0"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1] == ("1" if goes_on else "0")


def test_a_process_that_was_killed_is_in_no_gauge(tmp_path):
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    killed = PROCESS.replace("cherrypy.engine.exit()", "import os; os.kill(os.getpid(), 9)")
    subprocess.run([sys.executable, "-c", killed, "own", "0"], env=environ, timeout=300)
    command = [sys.executable, "-c", PROCESS, "own", "0"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    most = 'db_client_connection_max{db_client_connection_pool_name="db"}'
    assert f"{most} 1.0" in json.loads(done.stdout)[0].splitlines()


def test_gauges_that_are_not_named_by_processes_stay(tmp_path):
    """As uWSGI's workers may be numbered from 1 on."""
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    named = (
        "import prometheus_client.values as v\n"
        "v.ValueClass = v.MultiProcessValue(lambda: 4194305)\n"  # no process has that number
        "import prometheus_client.metrics as m; m.values.ValueClass = v.ValueClass\n"
    )
    command = [sys.executable, "-c", named + PROCESS, "own", "0"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    most = 'db_client_connection_max{db_client_connection_pool_name="db"}'
    assert f"{most} 1.0" in json.loads(done.stdout)[0].splitlines()
