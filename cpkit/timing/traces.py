"""Requests as OpenTelemetry spans, made of their timings through opentelemetry-api alone.

The span of a request is begun when dispatch is done, dated back to the request's beginning, so that
what the handler calls belongs to it. Phases and spans are made when it has ended, of what the
timing noted anyway.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from functools import lru_cache
from threading import Thread, get_ident
from time import perf_counter_ns, time_ns
from typing import Any

import cherrypy
from opentelemetry import context as contexts
from opentelemetry import propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter, TextMapPropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import cpkit
from cpkit.cherry import Request
from cpkit.logs.traceparent import trace_id

from .counting import route_of
from .histogram import KNOWN_METHODS, KNOWN_SCHEMES, OTHER_METHOD, OTHER_SCHEME
from .laps import laps_of
from .phase_spans import Makers
from .phases import RequestTiming

FIELD_LENGTH = 8192  # W3C Baggage, 3.3.2; of the others less is usual
PATH_LENGTH, METHOD_LENGTH = 1024, 64

_MOST_STATES, _MOST_BAGGAGE = 32, 180
# W3C Trace Context, 3.3.1.3, as OpenTelemetry has it; W3C Baggage, 3.3.1, without properties.
_STATE = re.compile(
    r"([a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
    r"=[ -+\--<>-~]{0,255}[!-+\--<>-~]"
)
_BAGGAGE = re.compile(r"[!#-'*+\-.0-9A-Z^-z|~]{1,256}=[!#-+\--:<-\[\]-~]{0,3839}")


def read_field(name: str, value: str) -> str:
    """Return what of the field *name* propagators may read; "" if it is malformed.

    They take quadratic time for some values, and log what they cannot read as it came.
    """
    if len(value) > FIELD_LENGTH or not (value.isascii() and value.isprintable()):
        return ""
    if name == "traceparent":
        return value if trace_id(value) else ""
    members = [stripped for member in value.split(",") if (stripped := member.strip())]
    if name == "tracestate":
        keys = {member.partition("=")[0] for member in members}
        fits = len(keys) == len(members) <= _MOST_STATES
        return ",".join(members) if fits and all(map(_STATE.fullmatch, members)) else ""
    if name == "baggage":
        pairs = [member.partition(";")[0].rstrip() for member in members]
        return ",".join([pair for pair in pairs if _BAGGAGE.fullmatch(pair)][:_MOST_BAGGAGE])
    return value


@lru_cache(maxsize=64)
def _variable(field: str) -> str:
    return f"HTTP_{field.upper().replace('-', '_')}"


class _Environ(Getter[Mapping[str, Any]]):
    """The fields of a request in its WSGI environ, as propagators ask for them."""

    def get(self, carrier: Mapping[str, Any], key: str) -> list[str] | None:
        """Return the field *key*, if it is there and can be read."""
        value = carrier.get(_variable(key))
        read = read_field(key.lower(), value) if value else ""
        return [read] if read else None

    def keys(self, carrier: Mapping[str, Any]) -> list[str]:
        """Return the names of the fields."""
        return [name[5:].lower().replace("_", "-") for name in carrier if name[:5] == "HTTP_"]


_ENVIRON = _Environ()
_READ_BY: dict[type, str] = {
    TraceContextTextMapPropagator: "HTTP_TRACEPARENT",
    W3CBaggagePropagator: "HTTP_BAGGAGE",
}


@lru_cache(maxsize=8)
def _read_by(propagator: TextMapPropagator) -> list[str] | None:
    """Return the variables without which *propagator* changes no context; None: nobody knows."""
    # NOTE: a private name. Without it, the propagator is asked for each request.
    parts = getattr(propagator, "_propagators", [propagator])
    known = all(type(part) in _READ_BY for part in parts)
    return [_READ_BY[type(part)] for part in parts] if known else None


def _context_of(environ: Mapping[str, Any], context: Context) -> Context:
    """Return *context*, and in it what the fields of a request tell."""
    read = _read_by(propagate.get_global_textmap())
    if read is not None and environ.keys().isdisjoint(read):  # PERF: of most requests, none
        return context
    return propagate.extract(environ, context, _ENVIRON)


def _parent_in(context: Context) -> trace.SpanContext | None:
    parent = trace.get_current_span(context).get_span_context()
    return parent if parent.is_valid else None


class Trace:
    """The span of a request that has begun: current in its thread until the request has ended."""

    __slots__ = ("ahead", "context", "method", "outer", "route", "span", "thread", "token")

    def __init__(
        self, span: trace.Span, context: Context, method: str, route: str, ahead: int
    ) -> None:
        self.span, self.method, self.route = span, method, route
        self.ahead = ahead  # what to add to a timing's clock, to have the time of day
        self.context = trace.set_span_in_context(span, context)
        self.token: Token[Context] | None = None

    @property
    def traceparent(self) -> str:
        """Return the span as the value of a traceparent field (W3C Trace Context, 3.2)."""
        at = self.span.get_span_context()
        if not at.is_valid:
            return ""
        return f"00-{at.trace_id:032x}-{at.span_id:016x}-{at.trace_flags:02x}"

    def attach(self, outer: Context) -> None:
        """Make the span the current one, in the place of that of *outer*."""
        _attached.set(self)
        self.outer, self.thread = outer, get_ident()
        self.token = contexts.attach(self.context)

    def detach(self) -> None:
        """Make what was current before current again."""
        if self.token is not None:
            contexts.detach(self.token)
            self.token = None
            _attached.set(None)


# The trace that was made current last in this thread.
_attached: ContextVar[Trace | None] = ContextVar("cpkit_trace", default=None)


def _take_away(left: Trace) -> None:
    """Have what is *left* not be current, if it is a request that this thread has given up.

    CherryPy knows one request a thread: what a server never closed, or closed in another thread,
    is never heard of again, and would be the parent of all that come.
    """
    if left.thread == get_ident():  # else it is a thread of the request's
        if contexts.get_current() is left.context:
            contexts.attach(left.outer)
        _attached.set(None)


class Traces:
    """What makes the spans of requests; *least* tells how many seconds a child of them takes.

    *provider* is a TracerProvider, or None for the one that OpenTelemetry was given.
    """

    def __init__(self, provider: trace.TracerProvider | None, least: Callable[[], float]) -> None:
        self._provider, self._least = provider, least
        self._take_tracer()

    def _take_tracer(self) -> None:
        tracer = trace.get_tracer("cpkit", cpkit.__version__, self._provider)
        self._makers = Makers(tracer)
        self._is_early = isinstance(tracer, trace.ProxyTracer)  # no provider was set yet

    def begin(self, request: Request, timing: RequestTiming) -> None:
        """Begin the span of *request*, and make it the current one."""
        if "trace" in vars(request):  # another plugin's
            return
        try:
            # PERF: a request that is no other's other half has none yet.
            found = None if request.prev is None else _trace_of(request.prev)
            left = _attached.get()
            if found is None and left is not None:
                _take_away(left)
            outer = contexts.get_current()
            found = found or self._begun(request, timing, outer)
            request.__dict__["trace"] = found
            found.attach(outer)
            timing.trace = found
        except Exception:  # of a sampler or propagator: no reason to refuse the request
            request.__dict__["trace"] = None  # not tried again
            cherrypy.log("A trace could not be begun", "TIMING", 40, traceback=True)

    def _begun(self, request: Request, timing: RequestTiming, outer: Context) -> Trace:
        ahead = time_ns() - perf_counter_ns()
        known = vars(request)
        context = _context_of(known.get("wsgi_environ", {}), outer)
        name = method = request.method
        attributes: dict[str, str | int] = {
            "http.request.method": method,
            "url.scheme": request.scheme if request.scheme in KNOWN_SCHEMES else OTHER_SCHEME,
            "url.path": (request.script_name + request.path_info)[:PATH_LENGTH],
        }
        if method not in KNOWN_METHODS:
            attributes["http.request.method"] = OTHER_METHOD
            attributes["http.request.method_original"] = method[:METHOD_LENGTH]
            name = "HTTP"
        # For samplers, which decide now: at the end it may be that of a static file.
        route = route_of(request, known.get("timed_handler"))
        if route:
            attributes["http.route"] = route
        span = self._makers.begin(
            f"{name} {route}" if route else name,
            context,
            _parent_in(context) if context else None,  # PERF: that of most requests is empty
            attributes,
            ahead + timing.marks[1],
        )
        return Trace(span, context, name, route, ahead)

    def end(
        self, request: Request, timing: RequestTiming | None, status: int | None, route: str
    ) -> None:
        """End the span of *request* and make those of its phases; with no *status*, it goes on."""
        found = vars(request).get("trace") or _trace_of(request)
        if found is not None:
            found.detach()
        if status is None:
            return
        if timing is not None and "trace" not in vars(request):  # refused before dispatch was done
            found = found or self._begun(request, timing, contexts.get_current())
        if found is None or not found.span.is_recording():
            return
        ended = (timing and timing.ended) or perf_counter_ns()
        least = max(1, int(self._least() * 1e9))  # what took no time has no span
        if timing is not None and ended - timing.marks[1] >= least:
            if self._is_early:
                self._take_tracer()
            self._makers.make(found.span, found.context, laps_of(timing), least, found.ahead)
        name, more = _described(found, status, route, timing is not None and timing.broken)
        self._makers.end(found.span, name, more, found.ahead + ended)

    def flush(self, seconds: float) -> None:
        """Have the spans that wait be exported, and wait for that, for *seconds* at most."""
        provider = self._provider or trace.get_tracer_provider()
        flush = getattr(provider, "force_flush", None)  # the SDK's: the API knows of none
        if flush is not None:
            # NOTE: the SDK's batches are exported without regard to the time they may take.
            thread = Thread(target=flush, args=[int(seconds * 1000)], daemon=True)
            thread.start()
            thread.join(seconds)


def _trace_of(request: Request | None) -> Trace | None:
    """Return the trace of *request*: an InternalRedirect makes of one request several."""
    while request is not None:
        found: Trace | None = vars(request).get("trace")
        if found is not None:
            return found
        request = request.prev
    return None


def _described(
    found: Trace, status: int, route: str, broken: bool
) -> tuple[str, dict[str, str | int]]:
    """Return the name, if it is another one now, and what is known when the request has ended.

    That is what OpenTelemetry has for the spans of HTTP servers.
    """
    more: dict[str, str | int]
    name, more = "", {"http.response.status_code": status}
    if route and route != found.route:
        name = f"{found.method} {route}"
        more["http.route"] = route
    if status >= 500 or broken:
        more["error.type"] = "broken_stream" if broken else str(status)
    return name, more
