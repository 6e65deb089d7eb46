"""The requests that have ended, and by whom each is counted.

What a request is counted under is its route, never its path, which clients choose.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import lru_cache
from inspect import getclosurevars, signature
from time import perf_counter_ns
from types import FunctionType
from typing import Any, Protocol

import cherrypy

from cpkit.cherry import Handler, Request, Response
from cpkit.serving.sending import status_of

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
from .slowest import Slowest, SlowRequest, slow_request

BATCH = 64
_STATIC = ("tools.staticdir.dir", "tools.staticfile.filename")
_TOOL_PAGE = "HandlerTool.handler.<locals>.handle_func"
_NONE: dict[str, dict[str, Any]] = {}  # PERF: not made for each request
_DEEPEST = 16  # segments of a section of the config: no path makes the search longer


class Traces(Protocol):
    """What tells a tracer of requests."""

    def begin(self, request: Request, timing: RequestTiming) -> None:
        """Have a span of *request* begin."""

    def end(
        self, request: Request, timing: RequestTiming | None, status: int | None, route: str
    ) -> None:
        """Have the span of *request* end."""

    def flush(self, seconds: float) -> None:
        """Have what waits be exported, within *seconds*."""


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


def route_of(request: Request, handler: Handler | None, status: int = 200) -> str:
    """Return the route of a *request* whose dispatcher found *handler*, and that ended so.

    It is the mount point and the template that a dispatcher left in ``request.route``, else the
    mount point and the handler's qualified name, else "": never the path, which clients choose.
    A file that a static tool served belongs to the section of the config that has the tool.
    """
    known = request.__dict__
    tools = known.get("toolmaps", _NONE).get("tools", _NONE)
    if tools and ("staticdir" in tools or "staticfile" in tools):
        served = _served_by(request, handler, status)
        if served:
            return served
    if "route" in known:  # None: no route was found, though the dispatcher may answer an OPTIONS
        template = known["route"]
        return UNMATCHED if template is None else f"{request.script_name}{template}"
    call = getattr(handler, "callable", handler)
    if call is None or isinstance(call, Exception):
        return UNMATCHED
    function: Callable[..., Any] = call if isinstance(call, FunctionType) else type(call)
    bound = getattr(call, "__self__", None)
    owner = "" if bound is None else type(bound).__qualname__
    return _qualified(request.script_name, getattr(call, "__func__", function), owner)


def _served_by(request: Request, handler: Handler | None, status: int) -> str:
    """Return the section of the config whose static tool answered *request*; "" if none did.

    CherryPy's static tools unset the handler; of a 304, a 412 or a 416 they make an error, with
    which a request never comes to its handler.
    """
    if status in (304, 412, 416):
        early = "handler" not in request.__dict__["timing"].marks
    else:
        early = request.handler is None and handler is not None
    segments = [segment for segment in request.path_info.split("/") if segment][:_DEEPEST]
    sections = request.app.config if early and request.app else {}
    for depth in range(len(segments), -1, -1):
        section = "/" + "/".join(segments[:depth])
        if any(key in sections.get(section, ()) for key in _STATIC):
            return f"{request.script_name}{section}"
    return ""


@lru_cache(maxsize=512)
def _qualified(script_name: str, function: Callable[..., Any], owner: str) -> str:
    name = str(getattr(function, "__qualname__", function))
    if isinstance(function, FunctionType) and name == _TOOL_PAGE:
        return _tool_page(script_name, function)
    if owner:  # of a method, which may be written in a parent
        name = f"{owner}.{name.rpartition('.')[2]}"
    return _named(script_name, name.rpartition("<locals>.")[2])


def _named(script_name: str, name: str) -> str:
    return f"{script_name}:{name}" if script_name else name


def _tool_page(script_name: str, page: FunctionType) -> str:
    """Return the route of a *page* such as ``tools.staticdir.handler(section="/a", dir="a")``."""
    made_of = getclosurevars(page).nonlocals
    tool, args, kwargs = made_of["self"], made_of["args"], made_of["kwargs"]
    try:
        given = signature(tool.callable).bind_partial(*args, **kwargs).arguments
    except (TypeError, ValueError):  # it takes no such arguments, or does not tell
        given = kwargs
    if "section" in given:
        return f"{script_name}/{str(given['section']).strip('/')}"
    return _named(script_name, getattr(tool.callable, "__name__", type(tool.callable).__name__))
