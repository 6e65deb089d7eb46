"""Requests as OpenTelemetry spans, made of their timings through opentelemetry-api alone.

The span of a request is begun when dispatch is done, dated back to the request's beginning, so that
what the handler calls belongs to it. Phases and spans are made when it has ended, of what the
timing noted anyway.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import Token
from functools import lru_cache
from time import perf_counter_ns, time_ns
from typing import Any

import cherrypy
from opentelemetry import context as contexts
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter

import cpkit
from cpkit.cherry import Request
from cpkit.logs.traceparent import trace_id

from .counting import route_of
from .histogram import KNOWN_METHODS, KNOWN_SCHEMES, OTHER_METHOD, OTHER_SCHEME
from .phase_spans import Makers, make_children
from .phases import RequestTiming

FIELD_LENGTH = 8192  # W3C Baggage, 3.3.2; of the others less is usual
PATH_LENGTH = 1024

# PERF: to read a member of an enum is a call in Python 3.11.
_INTERNAL, _SERVER = trace.SpanKind.INTERNAL, trace.SpanKind.SERVER

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


class Trace:
    """The span of a request that has begun: current in its thread until the request has ended."""

    __slots__ = ("ahead", "context", "method", "route", "span", "token")

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

    def attach(self) -> None:
        """Make the span the current one."""
        self.token = contexts.attach(self.context)

    def detach(self) -> None:
        """Make what was current before current again."""
        if self.token is not None:
            contexts.detach(self.token)
            self.token = None


class Traces:
    """What makes the spans of requests; *least* tells how many seconds a child of them takes.

    *provider* is a TracerProvider, or None for the one that OpenTelemetry was given.
    """

    def __init__(self, provider: trace.TracerProvider | None, least: Callable[[], float]) -> None:
        self._provider, self._least = provider, least
        self._take_tracer()

    def _take_tracer(self) -> None:
        self._tracer = trace.get_tracer("cpkit", cpkit.__version__, self._provider)
        self._makers = Makers(self._tracer)

    def begin(self, request: Request, timing: RequestTiming) -> None:
        """Begin the span of *request*, and make it the current one."""
        if "trace" in vars(request):  # another plugin's
            return
        try:
            # An InternalRedirect: one request to the client, two to CherryPy.
            made = vars(request.prev).get("trace") if request.prev is not None else None
            found = request.__dict__["trace"] = made or self._begun(request, timing)
            found.attach()
            timing.trace = found
        except Exception:  # of a sampler or propagator: no reason to refuse the request
            cherrypy.log("A trace could not be begun", "TIMING", 40, traceback=True)

    def _begun(self, request: Request, timing: RequestTiming) -> Trace:
        ahead = time_ns() - perf_counter_ns()
        known = vars(request)
        context = propagate.extract(known.get("wsgi_environ", {}), contexts.get_current(), _ENVIRON)
        method = request.method if request.method in KNOWN_METHODS else OTHER_METHOD
        attributes = {
            "http.request.method": method,
            "url.scheme": request.scheme if request.scheme in KNOWN_SCHEMES else OTHER_SCHEME,
            "url.path": (request.script_name + request.path_info)[:PATH_LENGTH],
        }
        # For samplers, which decide now: at the end it may be that of a static file.
        route = route_of(request, known.get("timed_handler"))
        if route:
            attributes["http.route"] = route
        span = self._tracer.start_span(
            f"{method} {route}" if route else method,
            context,
            _INTERNAL if _within(context) else _SERVER,
            attributes,
            start_time=ahead + timing.marks[1],
        )
        return Trace(span, context, method, route, ahead)

    def end(
        self, request: Request, timing: RequestTiming | None, status: int | None, route: str
    ) -> None:
        """End the span of *request* and make those of its phases; with no *status*, it goes on."""
        found: Trace | None = vars(request).get("trace")
        if found is None and request.prev is not None:
            found = vars(request.prev).get("trace")
        if found is not None:
            found.detach()
        if status is None:
            return
        if found is None and timing is not None:  # it was refused before dispatch was done
            found = self._begun(request, timing)
        if found is None:
            return
        ended = (timing and timing.ended) or perf_counter_ns()
        if found.span.is_recording():
            _describe(found, status, route, timing is not None and timing.broken)
            least = self._least() * 1e9
            if timing is not None and ended - timing.marks[1] >= least:
                self._make_children(found, timing, least)
        found.span.end(found.ahead + ended)

    def _make_children(self, found: Trace, timing: RequestTiming, least: float) -> None:
        if isinstance(self._tracer, trace.ProxyTracer):  # of a time when no provider was set
            self._take_tracer()
        spans = self._makers.within(found.span, found.context)
        make_children(spans, timing, found.ahead, least)


def _within(context: Context) -> bool:
    """Tell whether a span of this process is current: a middleware's, of which this is a part."""
    if not context:
        return False
    around = trace.get_current_span(context).get_span_context()
    return around.is_valid and not around.is_remote


def _describe(found: Trace, status: int, route: str, broken: bool) -> None:
    """Set what is known when the request has ended (OpenTelemetry, HTTP server spans)."""
    span = found.span
    # PERF: one by one; the SDK copies a mapping as a value first.
    span.set_attribute("http.response.status_code", status)
    if route and route != found.route:
        span.update_name(f"{found.method} {route}")
        span.set_attribute("http.route", route)
    if status >= 500 or broken:
        span.set_attribute("error.type", "broken_stream" if broken else str(status))
        span.set_status(trace.StatusCode.ERROR)
