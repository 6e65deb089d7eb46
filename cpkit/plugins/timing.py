"""The timing plugin: what all requests of the process spent their time on."""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter_ns, time
from typing import Any

import cherrypy
from cherrypy.process.plugins import SimplePlugin

from cpkit.config_check import check_at_start, end_start
from cpkit.errors import CpkitError
from cpkit.timing.histogram import Latencies
from cpkit.timing.labels import KNOWN_METHODS, route_of, status_of
from cpkit.timing.phases import Timing, began
from cpkit.timing.prometheus import SECONDS, duration_in, registry_for
from cpkit.timing.settings import check_config
from cpkit.timing.slowest import Slowest, record_of

CHANNEL = "timing-report"


class TimingPlugin(SimplePlugin):
    """Count how long requests take, by route, and keep the slowest of the recent ones.

    As ``cherrypy.engine.timing = TimingPlugin(cherrypy.engine)`` it has config keys, under
    ``engine.timing.``:

    - ``on``: True subscribes it
    - ``prometheus``: True, or a registry, also counts in Prometheus' histogram
      ``http_server_request_duration_seconds`` (needs ``cpkit[prometheus]``), which
      :func:`cpkit.plugins.metrics_app` serves
    - ``buckets``: the bounds of that histogram in seconds, OpenTelemetry's unless given

    Requests are counted where the timing tool is on, and where no tool could be: refused before
    dispatch was done. ``bus.publish("timing-report")`` returns ``[report]``, plain data.
    *routes*: how many routes are told apart; *methods*: those that have a name; *slowest*: how
    many requests are kept, *recent*: for how many seconds.
    """

    def __init__(
        self,
        bus: Any,
        routes: int = 500,
        methods: Iterable[str] = KNOWN_METHODS,
        slowest: int = 20,
        recent: float = 600,
    ) -> None:
        super().__init__(bus)
        self.latencies = Latencies(routes, methods)
        self.slowest = Slowest(slowest, recent)
        self.buckets: Iterable[float] = SECONDS
        self._registry: Any = None
        self._since = time()

    def subscribe(self) -> None:
        """Listen to the requests on the bus, and answer ``timing-report``."""
        super().subscribe()
        check_at_start(self.bus)
        self.bus.subscribe(CHANNEL, self.report)

    def unsubscribe(self) -> None:
        """Stop listening."""
        super().unsubscribe()
        self.bus.unsubscribe(CHANNEL, self.report)

    def start(self) -> None:
        """End the start with one line if a setting cannot be used."""
        try:
            check_config(self)
        except CpkitError as error:
            end_start(self.bus, error)

    # Before Daemonizer forks (65), while the exit code can still tell.
    start.priority = 60  # type: ignore[attr-defined]

    def after_request(self) -> None:
        """Count the request: its last byte has been handed to the server, or it was dropped."""
        try:
            request = cherrypy.serving.request
            timing = request.__dict__.get("timing") or self._unseen(request)
            status = status_of(cherrypy.serving.response)
            if timing is not None and status is not None:
                self._count(request, timing, status)
        except Exception:  # a listener that raises would keep CherryPy from closing the request
            self.bus.log("The timing plugin could not count a request", level=40, traceback=True)

    after_request.priority = 0  # type: ignore[attr-defined]  # what comes now is after the answer

    @property
    def prometheus(self) -> Any:
        """Return the registry of the Prometheus histogram, or None."""
        return self._registry

    @prometheus.setter
    def prometheus(self, value: Any) -> None:
        self._registry = registry_for(value) if value else None

    def report(self) -> dict[str, Any]:
        """Return what was counted as JSON can hold it; times in seconds."""
        return {
            "since": self._since,
            "now": time(),
            "recent": self.latencies.recent(),
            "routes": self.latencies.summary(),
            "slowest": [record.as_json() for record in self.slowest.records()],
        }

    def _unseen(self, request: Any) -> Timing | None:
        """Return a timing for a request that was refused before any tool was set up."""
        if request.toolmaps:
            return None
        return Timing(["start", began(cherrypy.serving.response.time, perf_counter_ns())])

    def _count(self, request: Any, timing: Timing, status: int) -> None:
        ended = timing.ended = timing.ended or perf_counter_ns()
        taken = ended - timing.marks[1]
        route = route_of(request, request.__dict__.get("timed_handler"))
        self.latencies.record(request.method, route, status, taken, ended)
        if self._registry is not None:
            method, route = self.latencies.labels(request.method, route)
            duration = duration_in(self._registry, self.buckets)
            duration.observe(method, route, status, request.scheme, taken / 1e9)
        if self.slowest.wants(taken, ended):
            self._keep(request, timing, status, route)

    def _keep(self, request: Any, timing: Timing, status: int, route: str) -> None:
        method, route = self.latencies.labels(request.method, route)
        path = request.script_name + request.path_info
        traceparent = request.headers.get("Traceparent", "")
        self.slowest.keep(record_of(timing, method, route, path, status, traceparent))
