"""Spans that are made when they are over: they are what the SDK's own would have been."""

import copy
import itertools
import threading

import cherrypy
import pytest

import cpkit.tools  # noqa: F401 - registers the toolbox
from cpkit.plugins import TimingPlugin

pytest.importorskip("opentelemetry.sdk", reason="opentelemetry-sdk is not installed")
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, TracerProvider, sampling
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator

from cpkit.timing import sdk_spans
from cpkit.timing.sdk_spans import LateSpan

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Pages:
    """Pages that look at their request's span, or leave it alone."""

    def __init__(self):
        self.seen = None

    @cherrypy.expose
    def index(self):
        self.seen = trace.get_current_span()
        return "ok"

    @cherrypy.expose
    def fails(self):
        raise ZeroDivisionError

    @cherrypy.expose
    def adds(self):
        span = trace.get_current_span()
        span.set_attribute("user", "7")
        span.add_event("bought", {"price": 3})
        span.record_exception(ValueError("dear"))
        span.update_name("shop")
        span.set_status(trace.StatusCode.OK)
        span.add_link(span.get_span_context())
        return "ok"

    @cherrypy.expose
    def ends(self):
        trace.get_current_span().end()
        return "ok"

    @cherrypy.expose
    def reads(self):
        span = trace.get_current_span()
        assert span.is_recording()
        assert (span.name, span.kind, span.parent) == (
            "GET Pages.reads",
            trace.SpanKind.SERVER,
            None,
        )
        assert span.attributes["http.route"] == "Pages.reads"
        assert (span.start_time > 0, span.end_time) == (True, None)
        assert span.resource.attributes["telemetry.sdk.name"] == "opentelemetry"
        return span.instrumentation_scope.name

    @cherrypy.expose
    def threads(self):
        span, begin = trace.get_current_span(), threading.Barrier(8)

        def add(number):
            begin.wait()
            span.set_attribute(f"by.{number}", number)

        threads = [threading.Thread(target=add, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return "ok"


@pytest.fixture
def pages(cp_client):
    made = Pages()
    cp_client.raise_exceptions = False
    cherrypy.tree.mount(made, "", {"/": {"cpkit.timing.on": True}})
    return made


@pytest.fixture
def plugin():
    plugin = TimingPlugin(cherrypy.engine)
    plugin.subscribe()
    return plugin


@pytest.fixture
def spans_of(cp_client, pages, plugin):
    """Return what asks for a path and returns the spans of it, the request's first."""

    def spans_of(path="/", headers=None, **options):
        provider, exporter = TracerProvider(**options), InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        plugin.traces = provider
        cp_client.get(path, headers=headers or {})
        provider.shutdown()
        return list(reversed(exporter.get_finished_spans()))

    return spans_of


def told(spans):
    """Return all that is told of spans but new ids and times."""
    return [
        (
            span.name, span.kind, span.status.status_code, dict(span.attributes),
            [(event.name, sorted(event.attributes)) for event in span.events],
            len(span.links), span.resource, span.instrumentation_scope,
            span._instrumentation_info,
            span.context.trace_flags, dict(span.context.trace_state),
            span.parent and (span.parent.is_remote, span.parent.trace_flags),
            span.end_time > span.start_time, isinstance(span, Span),
        )
        for span in spans
    ]  # fmt: skip


SAMPLERS = {
    "the default": None,
    "always": sampling.ALWAYS_ON,
    "never": sampling.ALWAYS_OFF,
    "all by ratio": sampling.TraceIdRatioBased(1),
    "none by ratio": sampling.ParentBasedTraceIdRatio(0),
}
PARENTS = {
    "none": {},
    "sampled": {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "tracestate": "a=1"},
    "not sampled": {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-00"},
    "random": {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-03"},
    "more flags": {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-ff"},
}


@pytest.mark.parametrize("path", ["/", "/fails", "/nowhere", "/adds", "/ends", "/threads"])
@pytest.mark.parametrize("parent", PARENTS)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_request_has_the_spans_that_the_sdk_makes(spans_of, monkeypatch, path, parent, sampler):
    how = {"headers": PARENTS[parent], "sampler": SAMPLERS[sampler]}
    quick = spans_of(path, **how)
    monkeypatch.setattr(sdk_spans, "AT_THE_END", ())
    assert told(quick) == told(spans_of(path, **how))


def test_a_request_that_nobody_looks_at_has_no_span_of_the_sdks(spans_of, pages):
    (first, *_) = spans_of("/")
    assert type(pages.seen) is LateSpan
    assert "_attributes" not in vars(pages.seen)
    assert type(first) is ReadableSpan


def test_a_span_that_is_over_can_still_be_read_and_not_changed(spans_of, pages, caplog):
    (first, *_) = spans_of("/")
    assert not pages.seen.is_recording()
    pages.seen.set_attribute("late", 1)
    assert "Setting attribute on ended span" in caplog.text
    assert pages.seen.attributes == first.attributes
    assert (pages.seen.start_time, pages.seen.end_time) == (first.start_time, first.end_time)
    assert pages.seen.to_json() == first.to_json()


def test_what_a_span_has_can_be_read(cp_client, spans_of):
    spans_of("/")
    assert cp_client.get("/reads").text == "cpkit"


def test_what_a_span_has_not_is_an_attribute_error(spans_of, pages):
    spans_of("/")
    for _ in range(2):
        with pytest.raises(AttributeError, match="nothing"):
            pages.seen.nothing  # noqa: B018
        assert not hasattr(pages.seen, "__wrapped__")


def test_a_handed_on_span_can_be_copied(spans_of):
    for span in spans_of("/"):
        assert copy.copy(span).to_json() == span.to_json()


def test_what_a_handler_ended_is_not_ended_again(spans_of, caplog):
    spans_of("/ends")
    assert "ended span" not in caplog.text


@pytest.mark.parametrize(
    "limits", [SpanLimits(max_span_attributes=2), SpanLimits(max_span_attribute_length=3)]
)
def test_limits_of_attributes_are_kept(spans_of, monkeypatch, limits):
    (first, *_) = spans_of("/", span_limits=limits)
    assert len(first.attributes) == 2 or first.attributes["http.route"] == "Pag"
    assert type(first) is ReadableSpan


def test_a_sampler_is_asked_once_and_may_add_attributes(spans_of):
    asked = []

    class Adding(sampling.Sampler):
        def should_sample(self, parent_context, trace_id, name, kind, attributes, **more):
            asked.append(name)
            decision = sampling.Decision.RECORD_AND_SAMPLE
            return sampling.SamplingResult(decision, {**attributes, "by": ["a", "b"], "": 1})

        def get_description(self):
            return "adding"

    sampler = sampling.ParentBased(Adding())
    (first, *_) = spans_of("/", sampler=sampler)
    assert asked == ["GET Pages.index"]
    assert first.attributes["by"] == ("a", "b")
    assert "" not in first.attributes


def test_what_is_recorded_and_not_sampled_is_as_the_sdk_has_it(spans_of, pages, monkeypatch):
    class Recording(sampling.Sampler):
        def should_sample(self, parent_context, trace_id, name, kind, attributes, **more):
            return sampling.SamplingResult(sampling.Decision.RECORD_ONLY, attributes)

        def get_description(self):
            return "recording"

    assert spans_of("/", sampler=sampling.ParentBased(Recording())) == []
    assert pages.seen.get_span_context().trace_flags & 1 == 0


def test_a_span_that_is_not_sampled_records_nothing(spans_of, pages):
    assert spans_of("/", sampler=sampling.ALWAYS_OFF) == []
    assert not pages.seen.is_recording()
    assert pages.seen.get_span_context().is_valid


@pytest.mark.parametrize("name", ["_instrumentation_scope", "_span_limits"])
def test_without_a_private_name_spans_are_begun_and_ended(spans_of, pages, monkeypatch, name):
    monkeypatch.setattr(sdk_spans, "_PRIVATE", (name, "_gone"))
    assert len(spans_of("/")) > 5
    assert type(pages.seen) is not LateSpan


class Counting(IdGenerator):
    """A generator that counts, as one of AWS begins with the time."""

    def __init__(self):
        self.numbers = itertools.count(1)

    def generate_span_id(self):
        return next(self.numbers)

    def generate_trace_id(self):
        return 7


def test_a_generator_of_ids_of_ones_own_makes_all_of_them(spans_of):
    spans = spans_of("/", id_generator=Counting())
    assert {span.context.trace_id for span in spans} == {7}
    assert sorted(span.context.span_id for span in spans) == list(range(1, len(spans) + 1))
    assert not any(isinstance(span, Span) for span in spans)


def test_a_batch_has_every_span_of_a_request_once(cp_client, pages, plugin):
    provider, simple, batched = TracerProvider(), InMemorySpanExporter(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(simple))
    provider.add_span_processor(BatchSpanProcessor(batched))
    plugin.traces = provider
    for _ in range(3):
        cp_client.get("/")
    assert provider.force_flush()
    found = [span.context.span_id for span in simple.get_finished_spans()]
    assert len(set(found)) == len(found) > 15
    assert [span.context.span_id for span in batched.get_finished_spans()] == found
    provider.shutdown()


def test_after_a_fork_spans_are_of_the_other_process(spans_of, cp_client, plugin):
    spans_of("/")
    exporter, tracer = InMemorySpanExporter(), plugin.counter.traces._makers._tracer
    tracer.span_processor.add_span_processor(SimpleSpanProcessor(exporter))
    for number in (7, 8):
        exporter.clear()
        tracer.resource = tracer.resource.merge(Resource({"process.pid": number}))  # as the SDK
        cp_client.get("/")
        spans = exporter.get_finished_spans()
        assert {span.resource.attributes["process.pid"] for span in spans} == {number}


def test_what_took_no_time_has_no_span(cp_client, pages, spans_of, plugin):
    class Adding:
        @cherrypy.expose
        def index(self):
            cherrypy.request.timing.add("nothing", 0)
            cherrypy.request.timing.add("something", 1)
            return "ok"

    cherrypy.tree.mount(Adding(), "/adding", {"/": {"cpkit.timing.on": True}})
    names = [span.name for span in spans_of("/adding/")]
    assert "something" in names
    assert "nothing" not in names
