"""The requests that have ended, and by whom each is counted."""

from __future__ import annotations

import sys
from collections import deque
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

import cherrypy

from cpkit.cherry import Request, Response

from .histogram import (
    KNOWN_METHODS,
    KNOWN_SCHEMES,
    OTHER_METHOD,
    OTHER_SCHEME,
    UNMATCHED,
    Ended,
    Latencies,
)
from .hooks import IN_PROGRESS, began
from .phases import RequestTiming
from .prometheus import RequestMetrics
from .routes import route_of
from .slowest import Slowest, SlowRequest, slow_request

if TYPE_CHECKING:
    from .traces import Traces

BATCH = 64


class RequestCounter:
    """The count of the requests that have ended: by route, the slowest, and in Prometheus."""

    def __init__(self, latencies: Latencies, slowest: Slowest) -> None:
        self.latencies, self.slowest = latencies, slowest
        self.metrics: RequestMetrics | None = None
        self.traces: Traces | None = None
        self._notes: deque[Ended] = deque()

    def before_request(self) -> None:
        """Count one more request in progress; subscribed only where a gauge is told of each."""
        if self.metrics is not None and self.metrics.shared is not None:
            self.metrics.shared.active.inc()

    def after_request(self) -> None:
        """Count the request: its last byte has been handed to the server, or it was dropped."""
        try:
            if self.metrics is not None and self.metrics.shared is not None:
                self.metrics.shared.active.dec()
            request, response = cherrypy.serving.request, cherrypy.serving.response
            timing = request.__dict__.get("timing") or _unseen(request, response)
            status = status_of(response)
            route = UNMATCHED
            if timing is not None and status is not None:
                route = self._count(request, timing, status)
            if self.traces is not None:
                self.traces.end(request, timing, status, route)
        except Exception:  # a listener that raises would keep CherryPy from closing the request
            cherrypy.log("A request could not be counted", "TIMING", 40, traceback=True)

    def _count(self, request: Request, timing: RequestTiming, status: int) -> str:
        """Count the request and return its route."""
        ended = timing.ended = timing.ended or perf_counter_ns()
        IN_PROGRESS.discard(timing)  # its hooks may have been replaced
        taken = ended - timing.marks[1]
        route = route_of(request, request.__dict__.get("timed_handler"), status)
        # PERF: a request only leaves a note, without a lock; the notes are counted together.
        self._notes.append((request.method, route, status >= 500 or timing.broken, taken, ended))
        if len(self._notes) >= BATCH:
            self.latencies.count(self._notes)
        if self.metrics is not None:
            method, route = self.latencies.labels(request.method, route)
            scheme = request.scheme if request.scheme in KNOWN_SCHEMES else OTHER_SCHEME
            self.metrics.observe(method, route, status, scheme, timing.broken, taken / 1e9)
        if taken > self.slowest.floor or ended > self.slowest.until:
            method, route = self.latencies.labels(request.method, route)
            self.slowest.add(_described(request, timing, method, route, status))
        return route

    def report(self) -> dict[str, Any]:
        """Return the last moments, the routes and the slowest requests, as JSON can hold them."""
        self.latencies.count(self._notes)
        return {
            "recent": self.latencies.recent(),
            "routes": self.latencies.summary(),
            "slowest": [record.as_json() for record in self.slowest.records()],
        }


def ended(request: Request, response: Response) -> SlowRequest | None:
    """Return what is to be told of a timed request that has ended; None if it goes on elsewhere."""
    timing, status = request.__dict__["timing"], status_of(response)
    if status is None:
        return None
    method = request.method if request.method in KNOWN_METHODS else OTHER_METHOD
    route = route_of(request, request.__dict__["timed_handler"], status)
    return _described(request, timing, method, route, status)


def _described(
    request: Request, timing: RequestTiming, method: str, route: str, status: int
) -> SlowRequest:
    path = request.script_name + request.path_info
    traceparent = timing.traceparent or request.headers.get("Traceparent", "")
    return slow_request(timing, method, route, path, status, traceparent)


def _unseen(request: Request, response: Response) -> RequestTiming | None:
    """Return a timing for a request that was refused before any tool was set up."""
    if request.toolmaps:
        return None
    return RequestTiming(["start", began(response.time, perf_counter_ns())])


def status_of(response: Response) -> int | None:
    """Return the status that a CherryPy *response* was sent with; None if it goes on elsewhere.

    A response without a status was cut off by an exception, for which CherryPy's WSGI pipeline
    answers 500, except an InternalRedirect: that makes another request of it.
    """
    sent: bytes | None = response.__dict__.get("output_status")
    if sent:
        return int(sent[:3])
    return None if isinstance(sys.exc_info()[1], cherrypy.InternalRedirect) else 500
