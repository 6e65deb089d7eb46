"""What it costs a trivial request to be timed: by cpkit, by CherryPy's own, by OpenTelemetry."""

import time
from functools import partial
from typing import Any

import cherrypy
import cherrypy.lib.cpstats
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider, sampling
from opentelemetry.trace import NoOpTracerProvider
from prometheus_client import CollectorRegistry, Histogram

import cpkit.tools  # noqa: F401 (the toolbox)
from cpkit.plugins import TimingPlugin
from cpkit.timing.counting import BATCH
from cpkit.timing.slowest import SlowRequest
from tests.benchmarks.questions import Call, Case, question
from tests.benchmarks.wsgi import ANSWER, Page, application, heard_by, sender

PHASES = {"cpkit.timing.on": True}
HEADER = {**PHASES, "cpkit.timing.header": True}
PLAIN = "CherryPy, nothing on"
UNHEARD = "cpkit, phases", "cpkit, phases and header"  # by any plugin: nothing is put off


class Spanned:
    """A page that begins and ends as many spans as cpkit makes of phases."""

    def __init__(self, tracers: Any) -> None:
        self.tracer = tracers.get_tracer("by hand")

    @cherrypy.expose
    def index(self) -> bytes:
        for _ in range(8):  # dispatch, tools, body, tools, handler, finalize, log, stream
            with self.tracer.start_as_current_span("phase"):
                pass
        return b"page"


def _ask(*plugins: Any, **settings: Any) -> Call:
    call = sender(application(Page(), {"/": settings}))
    return heard_by(call, *(plugin.subscribe for plugin in plugins))


def _plugin(prometheus: Any = None, traces: Any = None, traces_from: float = 0) -> Any:
    """Return a plugin that has run for a while: no request is among the slowest any more."""
    plugin, now = TimingPlugin(cherrypy.engine), time.time()
    slow = SlowRequest(now, "GET", "slow", "/slow", 200, False, "", int(60e9), (), (), {}, {})
    while len(plugin.counter.slowest.records()) < 20:
        plugin.counter.slowest.add(slow)
    plugin.prometheus, plugin.traces, plugin.traces_from = prometheus, traces, traces_from
    return plugin


def _by_hand() -> None:
    """Register what people write: two hooks, and a Prometheus histogram by route and status."""
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


def _opentelemetry(meters: Any, tracers: Any, root: object = None) -> Call:
    app = application(root or Page())
    middle = OpenTelemetryMiddleware(app, meter_provider=meters, tracer_provider=tracers)
    return heard_by(sender(middle))


def _case(calls: dict[str, Call], *without: str, ours: str | None = None) -> Case:
    heard = (name for name in calls if name.startswith("cpkit") and name not in UNHEARD)
    periods = dict.fromkeys(heard, BATCH)
    return Case(calls, PLAIN, ANSWER, without=(PLAIN, *without), periods=periods, ours=ours)


@question("timing", "What does it cost a request to be timed?")
def timed() -> Case:
    """Marks are taken where CherryPy runs a request's hooks anyway; peers see the total alone, and
    OpenTelemetry's middleware builds its attributes anew for each request."""

    def metrics(tracers: Any) -> Call:
        return _opentelemetry(MeterProvider(metric_readers=[InMemoryMetricReader()]), tracers)

    _by_hand()
    idle, (phases, header) = "a tool that does nothing", UNHEARD
    prometheus = _plugin(prometheus=CollectorRegistry())
    calls = {
        PLAIN: _ask(),
        idle: _ask(**{"tools.bench_idle.on": True}),
        phases: _ask(**PHASES),
        header: _ask(**HEADER),
        "CherryPy's cpstats, total only": _ask(**{"tools.cpstats.on": True}),
        "Prometheus by hand, total only": _ask(**{"tools.bench_by_hand.on": True}),
        "OpenTelemetry WSGI, metrics": metrics(NoOpTracerProvider()),
        "OpenTelemetry WSGI, metrics and traces": metrics(TracerProvider(sampling.ALWAYS_ON)),
        "cpkit, phases, header, histograms": _ask(_plugin(), **HEADER),
        "cpkit, phases, header, histograms, Prometheus": _ask(prometheus, **HEADER),
    }
    return _case(calls, idle, ours=header)


@question("timing", "What does it cost a request to be traced?")
def traced() -> Case:
    """The spans of a request and its phases are made when they are over, as the SDK hands them on;
    no row has a processor, which would add as much for each span of everybody's."""

    def ours(traces: Any, least: float = 0) -> Call:
        return _ask(_plugin(traces=traces, traces_from=least), **PHASES)

    sampled = partial(TracerProvider, sampling.ALWAYS_ON)
    unsampled = partial(TracerProvider, sampling.ALWAYS_OFF)
    peer, tracers, unmetered = "OpenTelemetry WSGI, traces", sampled(), NoOpMeterProvider()
    calls = {
        PLAIN: _ask(),
        "cpkit, not traced": _ask(_plugin(), **PHASES),
        "cpkit, traced, not sampled": ours(unsampled()),
        "cpkit, traced, no phase long enough": ours(sampled(), least=3600),
        "cpkit, traced, every phase": ours(sampled()),
        f"{peer}, not sampled": _opentelemetry(unmetered, unsampled()),
        peer: _opentelemetry(unmetered, sampled()),
        f"{peer}, as many spans by hand": _opentelemetry(unmetered, tracers, Spanned(tracers)),
    }
    return _case(calls)
