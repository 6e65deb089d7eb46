"""What it costs a trivial request to be timed: by cpkit, by CherryPy's own, by OpenTelemetry."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import cherrypy

from tests.benchmarks.questions import Call, Case, question
from tests.benchmarks.wsgi import application, getter

ANSWER = ("200 OK", b"ok")
PHASES = {"cpkit.timing.on": True}
HEADER = {**PHASES, "cpkit.timing.header": True}
# dispatch, tools, body, tools, handler, finalize, log, stream
PHASE_SPANS = 8


class Root:
    """Answer at once."""

    @cherrypy.expose
    def index(self) -> bytes:
        """Return two bytes."""
        return b"ok"


def _app(**settings: Any) -> Any:
    return application(Root(), {"/": settings})


def _heard_by(call: Call, *plugins: Any) -> Call:
    """Return *call* with *plugins* on the bus and no others, though variants take turns."""
    bus, before = cherrypy.engine, cherrypy.engine.listeners
    listeners = {channel: set(found) for channel, found in before.items()}
    bus.listeners = listeners
    for plugin in plugins:
        plugin.subscribe()
    bus.listeners = before

    def heard() -> object:
        bus.listeners = listeners
        return call()

    return heard


def _plugin(prometheus: bool = False) -> Any:
    """Return a plugin that has run for a while: no request is among the slowest any more."""
    from cpkit.plugins import TimingPlugin
    from cpkit.timing.slowest import SlowRequest

    plugin = TimingPlugin(cherrypy.engine)
    slow = SlowRequest(
        time.time(), "GET", "slow", "/slow", 200, False, "", int(60e9), (), (), {}, {}
    )
    while len(plugin.counter.slowest.records()) < 20:
        plugin.counter.slowest.add(slow)
    if prometheus:
        from prometheus_client import CollectorRegistry

        plugin.prometheus = CollectorRegistry()
    return plugin


def _idle_tool() -> None:
    box = cherrypy.tools
    box.bench_idle = cherrypy.Tool("before_handler", lambda: None)


def _by_hand() -> None:
    """Register what people write: two hooks, and a Prometheus histogram by route and status."""
    from prometheus_client import CollectorRegistry, Histogram

    seconds = Histogram(
        "seconds", "Request", ("method", "route", "status"), registry=CollectorRegistry()
    )

    class ByHand(cherrypy.Tool):
        def __init__(self) -> None:
            super().__init__("on_start_resource", self.begin, priority=0)

        def _setup(self) -> None:
            super()._setup()
            cherrypy.serving.request.hooks.attach("on_end_request", self.end, priority=100)

        def begin(self) -> None:
            cherrypy.serving.request.begun = time.perf_counter()

        def end(self) -> None:
            request, response = cherrypy.serving.request, cherrypy.serving.response
            taken = time.perf_counter() - request.begun
            seconds.labels(request.method, "Root.index", response.status[:3]).observe(taken)

    cherrypy.tools.bench_by_hand = ByHand()


def _tracers(sampled: bool = True) -> Any:
    from opentelemetry.sdk.trace import TracerProvider, sampling

    return TracerProvider(sampler=sampling.ALWAYS_ON if sampled else sampling.ALWAYS_OFF)


def _tracing(sampled: bool = True, least: float = 0) -> Any:
    plugin = _plugin()
    plugin.traces, plugin.traces_from = _tracers(sampled), least
    return plugin


def _opentelemetry(app: Any, traced: bool) -> Callable[..., Any]:
    from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import NoOpTracerProvider

    meters = MeterProvider(metric_readers=[InMemoryMetricReader()])
    tracers = TracerProvider() if traced else NoOpTracerProvider()
    return OpenTelemetryMiddleware(app, meter_provider=meters, tracer_provider=tracers)


@question("timing", "What does it cost a request to be timed?")
def timed() -> Case:
    """Marks are taken where CherryPy runs a request's hooks anyway, empty hook points are not
    run at all, and the header is one string. Peers see the total alone, and OpenTelemetry's
    middleware builds its attributes anew for each request."""
    import cherrypy.lib.cpstats

    import cpkit.tools  # noqa: F401
    from cpkit.timing.counting import BATCH

    _idle_tool()
    _by_hand()
    before = cherrypy.engine.listeners
    plain, idle = "CherryPy, nothing on", "a tool that does nothing"
    metrics = "OpenTelemetry WSGI, metrics"
    variants = {
        plain: _app(),
        idle: _app(**{"tools.bench_idle.on": True}),
        "cpkit, phases": _app(**PHASES),
        "cpkit, phases and header": _app(**HEADER),
        "CherryPy's cpstats, total only": _app(**{"tools.cpstats.on": True}),
        "Prometheus by hand, total only": _app(**{"tools.bench_by_hand.on": True}),
        metrics: _opentelemetry(_app(), traced=False),
        "OpenTelemetry WSGI, metrics and traces": _opentelemetry(_app(), traced=True),
    }
    calls = {name: _heard_by(getter(app, "/")) for name, app in variants.items()}
    counted = "cpkit, phases, header, histograms"
    calls[counted] = _heard_by(getter(_app(**HEADER), "/"), _plugin())
    exported = "cpkit, phases, header, histograms, Prometheus"
    calls[exported] = _heard_by(getter(_app(**HEADER), "/"), _plugin(prometheus=True))

    def cleanup() -> None:
        cherrypy.engine.listeners = before

    return Case(
        calls,
        plain,
        ANSWER,
        cleanup=cleanup,
        without=[plain, idle],
        periods=dict.fromkeys((counted, exported), BATCH),
        ours="cpkit, phases and header",
    )


@question("timing", "What does it cost a request to be traced?")
def traced() -> Case:
    """The request's span is OpenTelemetry's own, and takes most of the time; what cpkit adds is to
    read fewer fields. The spans of phases are made when they are over, a seventh of the work of
    spans that are begun and ended; with ``traces_from`` above what phases take, they have none.
    "By hand" begins and ends as many spans in the handler."""
    from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
    from opentelemetry.metrics import NoOpMeterProvider
    from opentelemetry.trace import get_tracer

    import cpkit.tools  # noqa: F401
    from cpkit.timing.counting import BATCH

    before = cherrypy.engine.listeners
    plain, off = "CherryPy, nothing on", "cpkit, not traced"

    def ours(plugin: Any) -> Call:
        return _heard_by(getter(_app(**PHASES), "/"), plugin)

    def theirs(sampled: bool, spans: int = 0) -> Call:
        tracers, meters = _tracers(sampled), NoOpMeterProvider()
        tracer = get_tracer("by hand", tracer_provider=tracers)

        class ByHand:
            @cherrypy.expose
            def index(self) -> bytes:
                for _ in range(spans):
                    with tracer.start_as_current_span("phase"):
                        pass
                return b"ok"

        app = OpenTelemetryMiddleware(
            application(ByHand()), tracer_provider=tracers, meter_provider=meters
        )
        return _heard_by(getter(app, "/"))

    peer = "OpenTelemetry WSGI, traces"
    calls = {
        plain: _heard_by(getter(_app(), "/")),
        off: ours(_plugin()),
        "cpkit, traced, not sampled": ours(_tracing(sampled=False)),
        "cpkit, traced, no phase long enough": ours(_tracing(least=3600)),
        "cpkit, traced, every phase": ours(_tracing()),
        f"{peer}, not sampled": theirs(False),
        peer: theirs(True),
        f"{peer}, as many spans by hand": theirs(True, PHASE_SPANS),
    }

    def cleanup() -> None:
        cherrypy.engine.listeners = before

    batched = [name for name in calls if name.startswith("cpkit")]
    return Case(
        calls,
        plain,
        ANSWER,
        cleanup=cleanup,
        without=[plain],
        periods=dict.fromkeys(batched, BATCH),
    )
