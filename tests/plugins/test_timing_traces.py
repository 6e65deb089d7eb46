"""Traces: the spans of a request are its phases and spans, in the caller's trace."""

import json
import subprocess
import sys
import threading
from itertools import pairwise

import cherrypy
import pytest

import cpkit.tools
from cpkit.errors import MissingExtraError
from cpkit.plugins import DatabasePlugin, TimingPlugin
from cpkit.testing import Client
from cpkit.timing.phases import Interval, RequestTiming

pytest.importorskip("opentelemetry.sdk", reason="opentelemetry-sdk is not installed")
from opentelemetry import baggage, propagate, trace
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider, sampling
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from werkzeug.test import create_environ

from cpkit.timing import phase_spans, sdk_spans
from cpkit.timing.laps import nested
from cpkit.timing.traces import Traces, read_field
from tests.properties import given, st

ON = {"cpkit.timing.on": True}
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


class Root:
    """Pages that end in their own ways."""

    timings = ()

    def __init__(self):
        self.timings = []

    def note(self):
        self.timings.append(cherrypy.serving.request.timing)

    @cherrypy.expose
    def index(self, **params):
        self.note()
        with cherrypy.request.timing.span("outer"):
            for _ in range(2):
                with cherrypy.request.timing.span("inner"):
                    pass
        return "ok"

    @cherrypy.expose
    def broken(self):
        self.note()
        raise ZeroDivisionError

    @cherrypy.expose
    def inside(self):
        raise cherrypy.InternalRedirect("/")

    @cherrypy.expose
    def outside(self):
        raise cherrypy.InternalRedirect("/untimed")

    @cherrypy.expose
    @cherrypy.config(**{"cpkit.timing.on": False})
    def untimed(self):
        return "ok"

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def stream(self):
        self.note()
        yield "a"
        yield str(trace.get_current_span().get_span_context().trace_id)

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def breaking(self):
        yield "a"
        raise ZeroDivisionError

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def failing(self):
        raise ZeroDivisionError
        yield "a"

    @cherrypy.expose
    def calling(self):
        carrier = {}
        propagate.inject(carrier)
        return carrier["traceparent"]

    @cherrypy.expose
    def baggage(self):
        return str(baggage.get_baggage("user"))


class Traced:
    """A client, and the spans of what it asked."""

    def __init__(self, client, provider, exporter, root):
        self.client, self.provider, self.exporter, self.root = client, provider, exporter, root

    def get(self, path="/", **kwargs):
        """Return the answer and the spans: that of the request first."""
        self.exporter.clear()
        answer = self.client.get(path, **kwargs)
        return answer, list(reversed(self.exporter.get_finished_spans()))


@pytest.fixture
def provider():
    made = TracerProvider()
    yield made
    made.shutdown()


@pytest.fixture
def plugin(provider):
    plugin = TimingPlugin(cherrypy.engine)
    plugin.traces = provider
    plugin.subscribe()
    return plugin


@pytest.fixture
def traced(cp_client, provider, plugin):
    cp_client.raise_exceptions = False
    exporter, root = InMemorySpanExporter(), Root()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    cherrypy.tree.mount(root, "", {"/": ON})
    yield Traced(cp_client, provider, exporter, root)
    assert trace.get_current_span() is trace.INVALID_SPAN


def tree(spans):
    """Return {name of a parent: [names of its children by time]}."""
    names = {span.context.span_id: span.name for span in spans}
    found = {}
    for span in sorted(spans, key=lambda span: span.start_time):
        if span.parent is not None and span.parent.span_id in names:
            found.setdefault(names[span.parent.span_id], []).append(span.name)
    return found


def relative(spans):
    """Return what the children of the first span are, as intervals from its beginning."""
    first = spans[0]
    found = [
        Interval(span.name, span.start_time - first.start_time, span.end_time - first.start_time)
        for span in spans[1:]
        if span.parent.span_id == first.context.span_id
    ]
    return sorted(found, key=lambda interval: interval.started)


def from_its_beginning(timing, intervals):
    begun = timing.started
    return [Interval(name, start - begun, end - begun) for name, start, end in intervals]


@pytest.mark.parametrize("path", ["/", "/broken", "/stream"])
def test_the_children_of_a_request_are_its_laps(traced, path):
    _, spans = traced.get(path)
    (timing,) = traced.root.timings
    assert relative(spans) == from_its_beginning(timing, timing.laps())
    first = spans[0]
    assert first.end_time - first.start_time == timing.nanoseconds
    assert first.kind is trace.SpanKind.SERVER


def test_spans_are_in_the_phase_or_the_span_that_they_ran_in(traced):
    _, spans = traced.get("/")
    found = tree(spans)
    assert found["handler"] == ["outer"]
    assert found["outer"] == ["inner", "inner"]


def test_statements_are_children_of_the_handler(traced, cp_engine, tmp_path):
    class Reading:
        @cherrypy.expose
        @cpkit.tools.db(handle="dbapi")
        def index(self):
            for _ in range(2):
                cherrypy.request.db.execute("SELECT 1")
            return "ok"

    cherrypy.engine.db = DatabasePlugin(cherrypy.engine, f"sqlite:///{tmp_path}/a.sqlite")
    cherrypy.engine.db.subscribe()
    cp_engine.start()
    cherrypy.tree.mount(Reading(), "/reading", {"/": ON})
    _, spans = traced.get("/reading/")
    assert tree(spans)["handler"].count("db") >= 2
    del cherrypy.engine.db


def test_the_span_has_the_attributes_of_a_server(traced):
    cherrypy.tree.mount(Root(), "/shop", {"/": ON})
    _, spans = traced.get("/shop/?token=secret")
    assert spans[0].name == "GET /shop:Root.index"
    assert spans[0].attributes == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": "/shop/",
        "http.response.status_code": 200,
        "http.route": "/shop:Root.index",
    }
    assert "secret" not in str([span.to_json() for span in spans])


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/", 200, None),
        ("/nowhere", 404, None),
        ("/broken", 500, "500"),
        ("/breaking", 200, "broken_stream"),
        ("/failing", 500, "500"),
    ],
)
def test_errors_of_the_server_are_errors_of_the_span(traced, path, status, error):
    _, spans = traced.get(path)
    assert spans[0].attributes["http.response.status_code"] == status
    assert spans[0].attributes.get("error.type") == error
    assert spans[0].status.is_ok == (error is None)


def test_an_unknown_method_is_other(traced):
    traced.exporter.clear()
    traced.client.request("M17" * 100, "/")
    (first,) = [span for span in traced.exporter.get_finished_spans() if span.parent is None]
    assert first.attributes["http.request.method"] == "_OTHER"
    assert first.attributes["http.request.method_original"] == ("M17" * 100)[:64]
    assert first.name == "HTTP Root.index"  # OpenTelemetry, HTTP spans, Name


def test_the_trace_of_the_caller_goes_on(traced):
    _, spans = traced.get("/", headers={"traceparent": TRACEPARENT, "tracestate": "a=1"})
    assert {f"{span.context.trace_id:032x}" for span in spans} == {TRACE}
    assert f"{spans[0].parent.span_id:016x}" == PARENT
    assert spans[0].context.trace_state.get("a") == "1"


@pytest.mark.parametrize("told", [False, True], ids=["", "with a traceparent"])
def test_a_request_within_a_span_is_a_part_of_it(traced, told):
    headers = {"traceparent": TRACEPARENT} if told else {}
    with traced.provider.get_tracer("middleware").start_as_current_span("around") as around:
        _, spans = traced.get("/", headers=headers)
        assert trace.get_current_span() is around
    parent = f"{spans[0].parent.span_id:016x}"
    assert parent == (PARENT if told else f"{around.get_span_context().span_id:016x}")
    assert (spans[0].kind is trace.SpanKind.SERVER) == told


def test_what_the_handler_calls_is_told_of_the_request(traced):
    answer, spans = traced.get("/calling", headers={"traceparent": TRACEPARENT})
    version, trace_id, span_id, flags = answer.text.split("-")
    assert (version, trace_id, int(flags, 16) & 1) == ("00", TRACE, 1)
    assert span_id == f"{spans[0].context.span_id:016x}"


def test_a_stream_is_in_the_trace_to_its_end(traced):
    answer, spans = traced.get("/stream")
    assert answer.text == f"a{spans[0].context.trace_id}"


def opened(path):
    """Return the answer to a request that goes on."""
    answer = cherrypy.tree(create_environ(path), lambda *args: None)
    next(iter(answer))
    return answer


def closed_elsewhere(answer):
    thread = threading.Thread(target=answer.close)
    thread.start()
    thread.join()


@pytest.mark.parametrize("end", [closed_elsewhere, lambda answer: None], ids=["elsewhere", "never"])
def test_a_request_that_its_thread_does_not_close_is_no_parent_of_the_next(traced, end):
    answer = opened("/stream")
    end(answer)
    _, spans = traced.get("/")
    assert spans[0].parent is None
    assert spans[0].kind is trace.SpanKind.SERVER


def test_baggage_comes_along(traced):
    assert traced.get("/baggage", headers={"baggage": "user=7"})[0].text == "7"
    assert traced.get("/baggage")[0].text == "None"


def test_the_client_is_told_of_the_span(traced):
    cherrypy.tree.mount(Root(), "/told", {"/": {**ON, "cpkit.timing.header": True}})
    answer, spans = traced.get("/told/")
    context = spans[0].context
    told = f'traceparent;desc="00-{context.trace_id:032x}-{context.span_id:016x}-'
    assert told in answer.headers["Server-Timing"]


def test_a_span_that_is_none_is_not_told(cp_client, plugin):
    plugin.traces = trace.NoOpTracerProvider()
    cherrypy.tree.mount(Root(), "", {"/": {**ON, "cpkit.timing.header": True}})
    assert "traceparent" not in cp_client.get("/").headers["Server-Timing"]


def test_the_report_names_the_trace(traced):
    _, spans = traced.get("/")
    (report,) = cherrypy.engine.publish("timing-report")
    assert report["slowest"][0]["trace_id"] == f"{spans[0].context.trace_id:032x}"


@pytest.mark.parametrize(
    ("path", "route"),
    [("/inside", "Root.index"), ("/outside", "Root.outside")],
    ids=["timed", "untimed"],
)
def test_an_internal_redirect_is_one_span(traced, path, route):
    _, spans = traced.get(path)
    firsts = [span for span in spans if span.parent is None]
    assert [span.attributes.get("http.route") for span in firsts] == [route]


def test_redirects_through_what_is_not_timed_are_one_span(traced):
    begun = []

    class Chain:
        @cherrypy.expose
        def index(self):
            begun.append(trace.get_current_span().get_span_context())
            raise cherrypy.InternalRedirect("/between")

        @cherrypy.expose
        @cherrypy.config(**{"cpkit.timing.on": False})
        def between(self):
            raise cherrypy.InternalRedirect("/last")

        @cherrypy.expose
        def last(self):
            return "ok"

    cherrypy.tree.mount(Chain(), "/chain", {"/": ON})
    answer, spans = traced.get("/chain/")
    assert answer.text == "ok"
    firsts = [(span.name, span.context) for span in spans if span.parent is None]
    assert firsts == [("GET /chain:Chain.last", *begun)]


def test_a_redirect_in_a_circle_is_an_error_and_leaves_nothing_behind(traced):
    class Circle:
        @cherrypy.expose
        def index(self):
            raise cherrypy.InternalRedirect("/")

    cherrypy.tree.mount(Circle(), "/circle", {"/": ON})
    answer, spans = traced.get("/circle/")
    assert answer.status_code == 500
    assert [span.attributes["error.type"] for span in spans if span.parent is None] == ["500"]


def test_a_request_that_was_refused_before_dispatch_is_a_span(traced):
    def without_host(environ, start_response):
        del environ["HTTP_HOST"]
        return cherrypy.tree(environ, start_response)

    Client(without_host, raise_exceptions=False).get("/", headers={"traceparent": TRACEPARENT})
    spans = list(reversed(traced.exporter.get_finished_spans()))
    assert spans[0].attributes["http.response.status_code"] == 400
    assert f"{spans[0].context.trace_id:032x}" == TRACE


def test_what_is_not_sampled_has_no_children(cp_client, plugin):
    provider, exporter = TracerProvider(sampler=sampling.ALWAYS_OFF), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    plugin.traces = provider
    cherrypy.tree.mount(Root(), "", {"/": ON})
    answer = cp_client.get("/calling", headers={"traceparent": TRACEPARENT})
    assert answer.text.startswith(f"00-{TRACE}-")
    assert answer.text.endswith("-00") or int(answer.text[-2:], 16) & 1 == 0
    assert exporter.get_finished_spans() == ()
    provider.shutdown()


class Watching(SpanProcessor):
    """A processor that looks at beginnings."""

    def __init__(self):
        self.begun = []

    def on_start(self, span, parent_context=None):
        span.set_attribute("tenant", "7")
        self.begun.append((span.name, trace.get_current_span(parent_context)))


class Half(sampling.Sampler):
    """A sampler that leaves the handler out."""

    def should_sample(self, parent_context, trace_id, name, *args, **kwargs):
        left = sampling.Decision.DROP if name == "handler" else sampling.Decision.RECORD_AND_SAMPLE
        return sampling.SamplingResult(left)

    def get_description(self):
        return "half"


def exported(cp_client, plugin, provider, path="/"):
    """Return the spans of a request, the request's first."""
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    plugin.traces = provider
    cherrypy.tree.mount(Root(), "", {"/": ON})
    cp_client.get(path)
    provider.shutdown()
    return list(reversed(exporter.get_finished_spans()))


def described(spans):
    """Return all that is told of spans but ids and times."""
    ids = {span.context.span_id: span.name for span in spans}
    return [
        (
            span.name, span.kind, dict(span.attributes), list(span.events), list(span.links),
            span.status.status_code, span.resource, span.instrumentation_scope,
            span.parent and ids.get(span.parent.span_id), span.context.is_remote,
            span.context.trace_flags, dict(span.context.trace_state), span.context.is_valid,
            (span.dropped_attributes, span.dropped_events, span.dropped_links),
            sorted(json.loads(span.to_json())),
        )
        for span in spans
    ]  # fmt: skip


@pytest.mark.parametrize(
    "sampler",
    [
        None,
        sampling.ALWAYS_ON,
        sampling.TraceIdRatioBased(1),
        sampling.ParentBasedTraceIdRatio(1),
        sampling.ParentBased(sampling.ALWAYS_ON),
    ],
)
def test_spans_handed_on_are_those_that_the_sdk_makes(cp_client, plugin, monkeypatch, sampler):
    quick = exported(cp_client, plugin, TracerProvider(sampler=sampler))
    assert not any(isinstance(span, Span) for span in quick)
    made = []
    monkeypatch.setattr(sdk_spans, "AT_THE_END", ())
    monkeypatch.setattr(phase_spans, "begin_and_end", counting(phase_spans.begin_and_end, made))
    slow = exported(cp_client, plugin, TracerProvider(sampler=sampler))
    assert len(made) == 1
    assert described(quick) == described(slow)
    assert len({span.context.span_id for span in quick}) == len(quick)
    assert {span.context.trace_id for span in quick} == {quick[0].context.trace_id}


def counting(call, calls):
    """Return a call that notes that it was called."""

    def counted(*args):
        calls.append(args)
        return call(*args)

    return counted


def test_a_processor_that_looks_at_beginnings_sees_each_in_its_parent(cp_client, plugin):
    provider, watching = TracerProvider(), Watching()
    provider.add_span_processor(watching)
    spans = exported(cp_client, plugin, provider)
    assert [span.attributes["tenant"] for span in spans] == ["7"] * len(spans)
    parents = {name: getattr(parent, "name", None) for name, parent in watching.begun}
    assert (parents["outer"], parents["inner"]) == ("handler", "outer")


def test_a_processor_that_comes_later_is_seen(cp_client, plugin):
    provider, watching = TracerProvider(), Watching()
    plugin.traces = provider
    cherrypy.tree.mount(Root(), "", {"/": ON})
    cp_client.get("/")
    provider.add_span_processor(watching)
    cp_client.get("/")
    assert "handler" in {name for name, _ in watching.begun}
    provider.shutdown()


def test_a_sampler_of_ones_own_is_asked_of_each_span(cp_client, plugin):
    own = sampling.ParentBased(sampling.ALWAYS_ON, local_parent_sampled=Half())
    for sampler in (Half(), own):
        names = {span.name for span in exported(cp_client, plugin, TracerProvider(sampler=sampler))}
        assert "tools" in names
        assert "handler" not in names


def test_a_sampler_is_given_the_route(cp_client, plugin):
    asked = []

    class Noting(Half):
        def should_sample(self, parent_context, trace_id, name, kind, attributes, *args):
            asked.append((name, (attributes or {}).get("http.route")))
            return super().should_sample(parent_context, trace_id, name)

    exported(cp_client, plugin, TracerProvider(sampler=Noting()))
    assert asked[0] == ("GET Root.index", "Root.index")


def test_two_plugins_that_trace_make_one_span(traced, cp_engine):
    other = TimingPlugin(cherrypy.engine)
    other.traces = traced.provider
    other.subscribe()
    _, spans = traced.get("/")
    assert len([span for span in spans if span.parent is None]) == 1
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_spans_are_begun_where_the_sdk_counts_them(cp_client, plugin, monkeypatch):
    monkeypatch.setenv("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "true")
    made = []
    monkeypatch.setattr(phase_spans, "begin_and_end", counting(phase_spans.begin_and_end, made))
    spans = exported(cp_client, plugin, TracerProvider())
    assert len(made) == 1
    assert len(spans) > 5


def test_a_provider_that_is_set_after_the_plugin_makes_the_phases_too(cp_client, monkeypatch):
    plugin, provider, exporter = (
        TimingPlugin(cherrypy.engine),
        TracerProvider(),
        InMemorySpanExporter(),
    )
    plugin.traces = True
    plugin.subscribe()
    cherrypy.tree.mount(Root(), "", {"/": ON})
    cp_client.get("/")
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    cp_client.get("/")
    spans = exporter.get_finished_spans()
    assert not any(isinstance(span, Span) for span in spans)
    assert tree(spans)["handler"] == ["outer"]
    provider.shutdown()


def test_short_phases_can_be_left_out(traced, plugin):
    plugin.traces_from = 3600
    _, spans = traced.get("/")
    assert len(spans) == 1


def test_off_there_are_no_spans(traced, plugin):
    plugin.traces = False
    assert traced.get("/")[1] == []
    assert "trace" not in vars(cherrypy.serving.request)


def test_requests_at_the_same_time_do_not_mix(traced):
    threads = [
        threading.Thread(target=lambda: [Client().get("/") for _ in range(20)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spans = traced.exporter.get_finished_spans()
    firsts = [span for span in spans if span.parent is None]
    assert len({span.context.trace_id for span in firsts}) == len(firsts) == 80
    for span in spans:
        assert span.parent is None or span.context.trace_id == span.context.trace_id


def test_a_sampler_that_fails_refuses_no_request_and_is_told_of_once(cp_client, plugin, caplog):
    class Failing(sampling.Sampler):
        def should_sample(self, *args, **kwargs):
            raise ZeroDivisionError

        def get_description(self):
            return "failing"

    provider = TracerProvider(sampler=Failing())
    plugin.traces = provider
    cherrypy.tree.mount(Root(), "", {"/": ON})
    assert cp_client.get("/").status_code == 200
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert caplog.text.count("TIMING") == 1
    provider.shutdown()


HOSTILE = {
    "traceparent": [
        "",
        "00-",
        "-" * 60_000,
        "0" * 60_000,
        f"00-{TRACE}-{PARENT}-01-" + "x" * 60_000,
    ],
    "tracestate": ["a" * 60_000, "a=1," * 15_000, "=" * 60_000, "," * 60_000, " \t" * 30_000],
    "baggage": [
        "a" * 60_000,
        "a=1," * 15_000,
        "=" * 60_000,
        "," * 60_000,
        "a=%" * 20_000,
        ";" * 60_000,
    ],
}


@pytest.mark.parametrize("long", [60_000, 8_000])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_field_changes_nothing(traced, name, long):
    for value in HOSTILE[name]:
        fields = {"traceparent": TRACEPARENT, name: value[:long].strip()}
        answer, spans = traced.get("/", headers=fields)
        assert answer.status_code == 200
        assert len(spans) > 5


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("traceparent", TRACEPARENT, TRACEPARENT),
        ("traceparent", TRACEPARENT.upper(), ""),
        ("traceparent", "00-", ""),
        ("tracestate", "a=1, b@c=2", "a=1,b@c=2"),
        ("tracestate", "a=1,, b@c=2,", "a=1,b@c=2"),  # 3.3.1.1: empty members are allowed
        ("tracestate", "a=1,a=2", ""),
        ("tracestate", "A=1", ""),
        ("tracestate", ",".join(f"a{n}=1" for n in range(33)), ""),
        ("baggage", "user=7;secret, b=%20", "user=7,b=%20"),
        ("baggage", "user=7,!,b", "user=7"),
        ("baggage", ",,user=7,", "user=7"),
        ("baggage", ",".join(["a=1"] * 500), ",".join(["a=1"] * 180)),
        ("b3", "0", "0"),
        ("b3", "a\x9b", ""),
        ("b3", "a\x1b[31m", ""),
        ("b3", "é", ""),
        *[(name, "a" * 8193, "") for name in ("traceparent", "tracestate", "baggage", "b3")],
    ],
)
def test_a_field_is_read_only_as_its_grammar_has_it(name, value, read):
    assert read_field(name, value) == read


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_client_sends_is_not_logged(traced, caplog, name):
    for value in HOSTILE[name]:
        caplog.clear()
        traced.get("/", headers={name: value[:8000].strip(), "tracestate": "!"})
        assert [r for r in caplog.records if r.name.startswith("opentelemetry")] == []


def test_without_the_extra_the_error_says_what_to_install(plugin, monkeypatch):
    monkeypatch.delitem(sys.modules, "cpkit.timing.traces")
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'cpkit\[otel\]'"):
        plugin.traces = True
    assert plugin.is_subscribed


def test_a_value_that_was_corrected_lets_the_engine_start(plugin):
    plugin.traces = "yes"
    plugin.traces = False
    plugin.start()


@pytest.mark.parametrize("value", ["yes", 2, object()])
def test_another_value_ends_the_start(cp_engine, value):
    cherrypy.engine.timing = TimingPlugin(cherrypy.engine)
    cherrypy.config.update({"engine.timing.on": True, "engine.timing.traces": value})
    with pytest.raises(SystemExit):
        cherrypy.engine.timing.start()
    del cherrypy.engine.timing


def test_an_interval_is_in_the_shortest_that_its_middle_is_in():
    laps = [Interval("tools", 0, 10), Interval("handler", 10, 100)]
    spans = [Interval("in", 21, 31), Interval("late", 40, 51), Interval("out", 20, 50)]
    spans += [Interval("long", 5, 200), Interval("same", 10, 100)]
    found = nested(laps, spans)
    names = [name for name, _, _, _ in found]
    assert {name: names[at] if at >= 0 else None for name, _, _, at in found} == {
        "tools": None,
        "handler": None,
        "long": None,
        "same": "handler",
        "out": "same",
        "in": "out",
        "late": "out",
    }


stretches = st.tuples(st.integers(0, 60), st.integers(0, 30))


@given(st.sets(st.integers(0, 60), min_size=1, max_size=9), st.lists(stretches, max_size=9))
def test_a_span_is_in_the_shortest_longer_one_that_its_middle_is_in(marks, spans):
    laps = [Interval("lap", *each) for each in pairwise(sorted(marks))]
    found = nested(laps, [Interval("span", start, start + taken) for start, taken in spans])
    assert [at for *_, at in found[: len(laps)]] == [-1] * len(laps)
    for place, (_, started, ended, parent) in enumerate(found[len(laps) :], len(laps)):
        middle, length = (started + ended) // 2, ended - started
        around = [
            (end - start, -at)
            for at, (_, start, end, _) in enumerate(found[:place])
            if start <= middle <= end and end - start >= length
        ]
        assert parent == (-min(around)[1] if around else -1)


def test_a_timing_has_no_traceparent_without_traces():
    assert RequestTiming(["handler", 0]).traceparent == ""


RESTARTED = """if True:
    import os, sys, cherrypy
    import cpkit.tools
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
    from cpkit.plugins import TimingPlugin
    from cpkit.testing import Client

    if "BEFORE" in os.environ:
        sys.exit()
    os.environ["BEFORE"] = "1"

    class Exporter(SpanExporter):
        def export(self, spans):
            print(*[span.name for span in spans], flush=True)
            return SpanExportResult.SUCCESS

    class Root:
        @cherrypy.expose
        def index(self):
            return "ok"

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Exporter(), schedule_delay_millis=600_000))
    cherrypy.engine.timing = TimingPlugin(cherrypy.engine)
    cherrypy.config.update({
        "log.screen": False, "engine.autoreload.on": False,
        "engine.timing.on": True, "engine.timing.traces": provider,
        "engine.timing.traces_from": 60,
    })
    cherrypy.server.unsubscribe()
    cherrypy.tree.mount(Root(), "", {"/": {"cpkit.timing.on": True}})
    cherrypy.engine.start()
    Client().get("/")
    cherrypy.engine.restart()
    cherrypy.engine.block()
"""


def test_the_spans_of_the_last_seconds_survive_a_restart(tmp_path):
    program = tmp_path / "restarted.py"
    program.write_text(RESTARTED)
    command = [sys.executable, str(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.returncode) == ("GET Root.index\n", 0), done.stderr


def test_an_exporter_that_hangs_keeps_nobody_from_a_restart():
    class Hanging(SpanProcessor):
        asked, over, ended = threading.Event(), threading.Event(), threading.Event()

        def force_flush(self, timeout_millis=0):
            self.asked.set()
            self.over.wait(60)
            self.ended.set()
            return True

    provider = TracerProvider()
    provider.add_span_processor(Hanging())
    Traces(provider, lambda: 0).flush(0.01)
    assert Hanging.asked.wait(60)
    assert not Hanging.ended.is_set()
    Hanging.over.set()
