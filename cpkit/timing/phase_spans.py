"""The spans of requests and of their phases: which way they are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context

from .laps import Lap

try:
    from . import sdk_spans
except ImportError:  # the API alone, or another SDK: spans are begun and ended
    sdk_spans = None  # type: ignore[assignment]

# PERF: to read a member of an enum is a call in Python 3.11.
_INTERNAL, _SERVER = trace.SpanKind.INTERNAL, trace.SpanKind.SERVER
_SAMPLED = trace.TraceFlags.SAMPLED


class Makers:
    """What chooses how the spans of a *tracer* are made: quickly, where nobody can tell."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer: Any = tracer
        self._processors: object = None
        self._late: sdk_spans.LateTracer | None = None

    def begin(
        self,
        name: str,
        context: Context,
        parent: trace.SpanContext | None,
        attributes: Mapping[str, str | int],
        started: int,
    ) -> trace.Span:
        """Begin the span of a request in *parent*, which is that of *context*."""
        # A span of this process around it is a middleware's, of which it is a part.
        kind = _SERVER if parent is None or parent.is_remote else _INTERNAL
        late = self._late_tracer()
        if late is not None:
            return late.begin(name, context, parent, kind, attributes, started)
        tracer: trace.Tracer = self._tracer
        return tracer.start_span(name, context, kind, attributes, start_time=started)

    @staticmethod
    def end(span: trace.Span, name: str, more: Mapping[str, str | int], ended: int) -> None:
        """End the span of a request, with *more* attributes, and another *name* if it has one."""
        failed = "error.type" in more
        finish: Callable[..., bool] | None = getattr(span, "finish", None)  # a LateSpan's
        if finish is not None and finish(name, more, failed, ended):
            return
        for key, value in more.items():  # PERF: one by one; the SDK copies a mapping first
            span.set_attribute(key, value)
        if name:
            span.update_name(name)
        if failed:
            span.set_status(trace.StatusCode.ERROR)
        span.end(ended)

    def make(
        self, root: trace.Span, context: Context, laps: Iterable[Lap], least: int, ahead: int
    ) -> None:
        """Make a span of each of *laps*, as :func:`begin_and_end` does."""
        at, late = root.get_span_context(), self._late_tracer()
        if late is not None and at.trace_flags & _SAMPLED:
            late.make(at, laps, least, ahead)
        else:
            begin_and_end(self._tracer, root, context, laps, least, ahead)

    def _late_tracer(self) -> sdk_spans.LateTracer | None:
        """Return what makes spans quickly; None where somebody could tell."""
        processor = getattr(self._tracer, "span_processor", None)
        # NOTE: a private name. Without it, spans are begun and ended.
        processors: Sequence[object] | None = getattr(processor, "_span_processors", None)
        if processors is not self._processors:  # PERF: looked at once
            self._processors, self._late = processors, None
            if sdk_spans and sdk_spans.ends_are_enough(self._tracer, processors or ()):
                self._late = sdk_spans.LateTracer(self._tracer, processors or ())
        return self._late


def begin_and_end(
    tracer: trace.Tracer,
    root: trace.Span,
    context: Context,
    laps: Iterable[Lap],
    least: int,
    ahead: int,
) -> None:
    """Make a span of each of *laps* that took *least* nanoseconds: begun, then ended.

    *root* is the span of the request, of *context*. *ahead* is what to add to the clock of *laps*,
    to have the time of day. What is in a shorter one is shorter.
    """
    made: list[trace.Span] = []
    for name, started, ended, parent in laps:
        span = root
        if ended - started >= least:
            within = trace.set_span_in_context(root if parent < 0 else made[parent], context)
            span = tracer.start_span(name, within, start_time=ahead + started)
            span.end(ahead + ended)
        made.append(span)
