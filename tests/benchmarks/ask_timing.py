"""What it costs a trivial request to be timed: by cpkit, by CherryPy's own, by OpenTelemetry."""

from __future__ import annotations

import time
from typing import Any

import cherrypy

from tests.benchmarks.questions import Call, Case, question
from tests.benchmarks.wsgi import application, getter

ANSWER = ("200 OK", b"ok")
PHASES = {"cpkit.timing.on": True}
HEADER = {**PHASES, "cpkit.timing.header": True}
PLAIN = "CherryPy, nothing on"
UNHEARD = "cpkit, phases", "cpkit, phases and header"  # by any plugin: nothing is put off


class Root:
    """Answer at once."""

    @cherrypy.expose
    def index(self) -> bytes:
        """Return two bytes."""
        return b"ok"


ROOT = Root()


class Spanned:
    """Begin and end as many spans as cpkit makes of phases."""

    def __init__(self, tracers: Any) -> None:
        self.tracer = tracers.get_tracer("by hand")

    @cherrypy.expose
    def index(self) -> bytes:
        """Return two bytes."""
        for _ in range(8):  # dispatch, tools, body, tools, handler, finalize, log, stream
            with self.tracer.start_as_current_span("phase"):
                pass
        return b"ok"


def _app(**settings: Any) -> Any:
    return application(ROOT, {"/": settings})


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


def _ask(*plugins: Any, **settings: Any) -> Call:
    return _heard_by(getter(_app(**settings), "/"), *plugins)


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


def _by_hand() -> None:
    """Register what people write: two hooks, and a Prometheus histogram by route and status."""
    from prometheus_client import CollectorRegistry, Histogram

    labels = ("method", "route", "status")
    seconds = Histogram("seconds", "Request", labels, registry=CollectorRegistry())

    def end(begun: float) -> None:
        request, response = cherrypy.serving.request, cherrypy.serving.response
        taken = time.perf_counter() - begun
        seconds.labels(request.method, "Root.index", response.status[:3]).observe(taken)

    def begin() -> None:
        hooks, begun = cherrypy.serving.request.hooks, time.perf_counter()
        hooks.attach("on_end_request", end, priority=100, begun=begun)

    cherrypy.tools.bench_by_hand = cherrypy.Tool("on_start_resource", begin, priority=0)
    cherrypy.tools.bench_idle = cherrypy.Tool("before_handler", lambda: None)


def _tracers(sampled: bool = True) -> Any:
    from opentelemetry.sdk.trace import TracerProvider, sampling

    return TracerProvider(sampler=sampling.ALWAYS_ON if sampled else sampling.ALWAYS_OFF)


def _tracing(sampled: bool = True, least: float = 0) -> Any:
    plugin = _plugin()
    plugin.traces, plugin.traces_from = _tracers(sampled), least
    return plugin


def _opentelemetry(metrics: bool, tracers: Any, root: object = ROOT) -> Call:
    from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
    from opentelemetry.metrics import NoOpMeterProvider
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reading = MeterProvider(metric_readers=[InMemoryMetricReader()]) if metrics else None
    meters = reading or NoOpMeterProvider()
    app = OpenTelemetryMiddleware(application(root), meter_provider=meters, tracer_provider=tracers)
    return _heard_by(getter(app, "/"))


def _case(calls: dict[str, Call], without: list[str], ours: str | None = None) -> Case:
    from cpkit.timing.counting import BATCH

    before = cherrypy.engine.listeners
    periods = {name: BATCH for name in calls if name.startswith("cpkit") and name not in UNHEARD}
    return Case(
        calls,
        PLAIN,
        ANSWER,
        cleanup=lambda: setattr(cherrypy.engine, "listeners", before),
        without=without,
        periods=periods,
        ours=ours,
    )


@question("timing", "What does it cost a request to be timed?")
def timed() -> Case:
    """Marks are taken where CherryPy runs a request's hooks anyway; peers see the total alone, and
    OpenTelemetry's middleware builds its attributes anew for each request."""
    import cherrypy.lib.cpstats  # noqa: F401 (the tool)
    from opentelemetry.trace import NoOpTracerProvider

    import cpkit.tools  # noqa: F401

    _by_hand()
    idle, (phases, header) = "a tool that does nothing", UNHEARD
    calls = {
        PLAIN: _ask(),
        idle: _ask(**{"tools.bench_idle.on": True}),
        phases: _ask(**PHASES),
        header: _ask(**HEADER),
        "CherryPy's cpstats, total only": _ask(**{"tools.cpstats.on": True}),
        "Prometheus by hand, total only": _ask(**{"tools.bench_by_hand.on": True}),
        "OpenTelemetry WSGI, metrics": _opentelemetry(True, NoOpTracerProvider()),
        "OpenTelemetry WSGI, metrics and traces": _opentelemetry(True, _tracers()),
        "cpkit, phases, header, histograms": _ask(_plugin(), **HEADER),
        "cpkit, phases, header, histograms, Prometheus": _ask(_plugin(prometheus=True), **HEADER),
    }
    return _case(calls, [PLAIN, idle], header)


@question("timing", "What does it cost a request to be traced?")
def traced() -> Case:
    """The request's span is OpenTelemetry's own and takes most of the time; the spans of phases are
    made when they are over, a seventh of the work of as many that are begun and ended by hand."""
    import cpkit.tools  # noqa: F401

    peer, tracers = "OpenTelemetry WSGI, traces", _tracers()
    calls = {
        PLAIN: _ask(),
        "cpkit, not traced": _ask(_plugin(), **PHASES),
        "cpkit, traced, not sampled": _ask(_tracing(sampled=False), **PHASES),
        "cpkit, traced, no phase long enough": _ask(_tracing(least=3600), **PHASES),
        "cpkit, traced, every phase": _ask(_tracing(), **PHASES),
        f"{peer}, not sampled": _opentelemetry(False, _tracers(sampled=False)),
        peer: _opentelemetry(False, _tracers()),
        f"{peer}, as many spans by hand": _opentelemetry(False, tracers, Spanned(tracers)),
    }
    return _case(calls, [PLAIN])
