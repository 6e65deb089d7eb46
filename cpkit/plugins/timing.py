"""The timing plugin, and the pages that show what it counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import time
from typing import TYPE_CHECKING, Any

import cherrypy
from cherrypy.process.plugins import Monitor, SimplePlugin

from cpkit.cherry import Bus
from cpkit.config_check import check_at_start, end_start
from cpkit.errors import CpkitError, MissingExtraError
from cpkit.negotiation import vary
from cpkit.timing import report
from cpkit.timing.counting import RequestCounter
from cpkit.timing.histogram import KNOWN_METHODS, Latencies
from cpkit.timing.hooks import TRACED
from cpkit.timing.prometheus import metrics_app, metrics_in, registry_for
from cpkit.timing.server_timing import is_local
from cpkit.timing.settings import BUCKETS, Registry, check_config, problem_of
from cpkit.timing.slowest import Slowest

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

    from cpkit.timing.traces import Traces

CHANNEL = "timing-report"
FLUSH_SECONDS = 3

Access = bool | str | Callable[[], object]


class TimingPlugin(SimplePlugin):
    """The counts of how long requests take, by route, and the slowest of the recent ones.

    As ``cherrypy.engine.timing = TimingPlugin(cherrypy.engine)`` it has config keys, under
    ``engine.timing.``:

    - ``on``: True subscribes it
    - ``prometheus``: True, or a registry, also counts in Prometheus' metrics (needs
      ``cpkit[prometheus]``), which :func:`cpkit.plugins.metrics_app` serves
    - ``buckets``: the bounds of its histogram in seconds, OpenTelemetry's unless given
    - ``traces``: True, or a TracerProvider, makes OpenTelemetry spans of the requests, their phases
      and spans (needs ``cpkit[otel]``)
    - ``traces_from``: seconds from which on a phase or a span has one of its own; 0: all have

    Requests are counted where the timing tool is on, and where no tool could be: refused before
    dispatch was done. ``bus.publish("timing-report")`` returns ``[report]``, plain data.
    *routes*: how many routes are told apart; *methods*: those that have a name; *slowest*: how
    many requests are kept, *recent*: for how many seconds.
    """

    def __init__(
        self,
        bus: Bus,
        routes: int = 500,
        methods: Iterable[str] = KNOWN_METHODS,
        slowest: int = 20,
        recent: float = 600,
    ) -> None:
        super().__init__(bus)
        self.counter = RequestCounter(Latencies(routes, methods), Slowest(slowest, recent))
        self.buckets: Sequence[float] = BUCKETS
        self.traces_from = 0.0
        self._refused: dict[str, object] = {}
        self._registry: Registry | None = None
        self._since = time()
        # Subscribed only where processes share files: else the pools are asked when it is scraped.
        self._pools = Monitor(bus, self._update_pools, frequency=1, name="cpkit pool gauges")

    def subscribe(self) -> None:
        """Listen to the requests on the bus, and answer ``timing-report``."""
        super().subscribe()
        check_at_start(self.bus)
        for channel, listener, priority in self._listeners():
            self.bus.subscribe(channel, listener, priority)

    def unsubscribe(self) -> None:
        """Stop listening, and updating gauges: no stop of the bus would end that."""
        super().unsubscribe()
        for channel, listener, _ in self._listeners():
            self.bus.unsubscribe(channel, listener)
        if self._pools.thread is not None:
            self._pools.stop()

    def _listeners(self) -> Iterator[tuple[str, Callable[..., object], int | None]]:
        yield CHANNEL, self.report, None
        # What comes at priority 0 is after the answer, and before anything is taken back.
        yield "after_request", self.counter.after_request, 0
        if self.counter.metrics is not None and self.counter.metrics.shared is not None:
            yield "before_request", self.counter.before_request, 0
            # After the databases are opened (67).
            yield "start", self._pools.start, 71
            yield "stop", self._pools.stop, None
        if self.counter.traces is not None:
            yield TRACED, self.counter.traces.begin, None

    @property
    def is_subscribed(self) -> bool:
        """Tell whether the plugin listens."""
        return self.counter.after_request in self.bus.listeners.get("after_request", ())

    def start(self) -> None:
        """End the start with one line if a setting cannot be used."""
        name = next((name for name, it in vars(self.bus).items() if it is self), "timing")
        try:
            refused = {f"engine.{name}.{key}": value for key, value in self._refused.items()}
            check_config(name, {**cherrypy.config, **refused})
        except CpkitError as error:
            end_start(self.bus, error)

    # Before Daemonizer forks (65), while the exit code can still tell.
    start.priority = 60  # type: ignore[attr-defined]

    def exit(self) -> None:
        """Have the spans that wait be exported before another program takes the process."""
        # An end flushes by itself; execv, of the autoreloader or a daemon's SIGHUP, runs no atexit.
        if self.bus.execv and self.counter.traces is not None:
            self.counter.traces.flush(FLUSH_SECONDS)

    @property
    def prometheus(self) -> Registry | None:
        """Return the registry of the Prometheus metrics, or None."""
        return self._registry

    @prometheus.setter
    def prometheus(self, value: bool | Registry | None) -> None:
        self._registry = registry_for(value) if self._takes("prometheus", value) and value else None
        with self._listening_anew():
            self.counter.metrics = metrics_in(self._registry, self) if self._registry else None

    @property
    def traces(self) -> bool:
        """Tell whether requests are traced; set to True, or to a TracerProvider."""
        return self.counter.traces is not None

    @traces.setter
    def traces(self, value: bool | TracerProvider | None) -> None:
        with self._listening_anew():
            self.counter.traces = None
            if self._takes("traces", value) and value:
                provider = None if isinstance(value, int) else value
                self.counter.traces = _traces_of()(provider, lambda: self.traces_from)

    def _takes(self, setting: str, value: object) -> bool:
        """Tell whether *value* can be used; if not, the start tells of it, as of all settings."""
        self._refused.pop(setting, None)
        if problem_of(setting, value):
            self._refused[setting] = value
        return setting not in self._refused

    @contextmanager
    def _listening_anew(self) -> Iterator[None]:
        """Have the block change what the plugin listens to."""
        listened, updated = self.is_subscribed, self._pools.thread is not None
        if listened:
            self.unsubscribe()
        try:
            yield
        finally:
            if listened:
                self.subscribe()
            if updated and self._pools.start in self.bus.listeners["start"]:
                self._pools.start()

    def _update_pools(self) -> None:
        metrics = self.counter.metrics
        if metrics is not None and metrics.shared is not None:
            metrics.shared.update()

    def report(self) -> dict[str, Any]:
        """Return what was counted as JSON can hold it; times in seconds."""
        return {"since": self._since, "now": time(), **self.counter.report()}


def _traces_of() -> type[Traces]:
    try:
        from cpkit.timing.traces import Traces
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "opentelemetry":
            raise
        raise MissingExtraError("opentelemetry-api", "otel") from error
    return Traces


class TimingPage:
    """The timing report to look at: ``root.timing = TimingPage()``, or mounted as an application.

    - ``/``: an HTML page, self-contained, under a Content-Security-Policy of its own
    - ``/json``: the report as JSON, times in seconds
    - ``/text``: the report for a terminal

    *allow* is who may see it, since timings and paths tell: ``"local"`` for clients on this
    machine (behind a proxy there is none), True for everyone that your own tools let through,
    or a callable without arguments that decides by the request. Others get 403.
    """

    def __init__(self, allow: Access = "local") -> None:
        self.allow = allow

    @cherrypy.expose
    def index(self) -> bytes:
        """Answer with the HTML page."""
        page = report.html(self._report())
        cherrypy.serving.response.headers["Content-Security-Policy"] = report.POLICY
        return self._answer("text/html;charset=utf-8", page)

    @cherrypy.expose
    def json(self) -> bytes:
        """Answer with the report as JSON."""
        return self._answer("application/json", json.dumps(self._report()))

    @cherrypy.expose
    def text(self) -> bytes:
        """Answer with the report as text."""
        return self._answer("text/plain;charset=utf-8", report.text(self._report()))

    def _report(self) -> Any:
        request = cherrypy.serving.request
        local = self.allow == "local" and is_local(request.wsgi_environ)
        if not (self.allow() if callable(self.allow) else self.allow is True or local):
            raise cherrypy.HTTPError(403, "The timing report is for others to see.")
        reports = cherrypy.engine.publish(CHANNEL)
        if not reports:
            raise cherrypy.HTTPError(
                503, "The timing plugin is not running: set engine.timing.on, or .subscribe() it."
            )
        return reports[0]

    @staticmethod
    def _answer(media: str, body: str) -> bytes:
        headers = cherrypy.serving.response.headers
        headers["Content-Type"] = media
        headers["Cache-Control"] = "no-store"
        headers["X-Content-Type-Options"] = "nosniff"
        return body.encode()


class MetricsPage:
    """Prometheus' metrics as a page, so that tools can guard it: ``root.metrics = MetricsPage()``.

    It answers as :func:`metrics_app` does, of which it takes the *registry*.
    """

    def __init__(self, registry: Registry | None = None) -> None:
        self._app = metrics_app(registry)

    @cherrypy.expose
    def index(self, **params: str) -> bytes:
        """Answer with the metrics."""
        response = cherrypy.serving.response

        def start_response(status: str, fields: list[tuple[str, str]]) -> None:
            response.status = status
            told = dict(fields)
            told["Vary"] = vary(response.headers.get("Vary"), ("Accept",))
            response.headers.update(told)

        environ = dict(cherrypy.serving.request.wsgi_environ)
        environ.pop("HTTP_ACCEPT_ENCODING", None)  # packed by your own tools, or not at all
        if environ["REQUEST_METHOD"] == "HEAD":
            environ["REQUEST_METHOD"] = "GET"  # CherryPy counts the bytes, and sends none
        return b"".join(self._app(environ, start_response))
