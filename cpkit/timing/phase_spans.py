"""The spans of requests and of their phases: which way they are made, and which is in which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from opentelemetry import trace
from opentelemetry.context import Context

from .phases import RequestTiming

try:
    from . import sdk_spans
except ImportError:  # the API alone, or another SDK: spans are begun and ended
    sdk_spans = None  # type: ignore[assignment]

# PERF: to read a member of an enum is a call in Python 3.11.
_INTERNAL, _SERVER = trace.SpanKind.INTERNAL, trace.SpanKind.SERVER
_SAMPLED = trace.TraceFlags.SAMPLED

Stretch = tuple[str, int, int]  # an Interval, or what is like one


class Maker(Protocol):
    """What makes spans that are over; *root* is the first parent."""

    root: Any

    def make(self, name: str, parent: Any, started: int, ended: int) -> Any:
        """Make a span, and return what is given as the *parent* of those in it."""
        ...


class BegunSpans:
    """Spans as the API makes them: begun, then ended."""

    def __init__(self, tracer: trace.Tracer, root: trace.Span, context: Context) -> None:
        self._begin, self._context, self.root = tracer.start_span, context, root

    def make(self, name: str, parent: trace.Span, started: int, ended: int) -> trace.Span:
        """Make a span, and return it."""
        within = trace.set_span_in_context(parent, self._context)
        span = self._begin(name, within, start_time=started)
        span.end(ended)
        return span


class Makers:
    """What chooses how the spans of a *tracer* are made: quickly, where nobody can tell."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer: Any = tracer
        self._processors: object = None
        self._ends_are_enough = False

    def begin(
        self,
        name: str,
        context: Context,
        parent: trace.SpanContext,
        attributes: Mapping[str, str | int],
        started: int,
    ) -> trace.Span:
        """Begin the span of a request in *parent*, which is that of *context*."""
        valid = parent.is_valid
        # A span of this process around it is a middleware's, of which it is a part.
        kind, tracer = _INTERNAL if valid and not parent.is_remote else _SERVER, self._tracer
        if self._looks_at_ends_only():
            within = parent if valid else None
            return sdk_spans.begin_late(tracer, name, context, within, kind, attributes, started)
        begun: trace.Span = tracer.start_span(name, context, kind, attributes, start_time=started)
        return begun

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

    def within(self, root: trace.Span, context: Context) -> Maker:
        """Return what makes spans in *root*."""
        at = root.get_span_context()
        if at.trace_flags & _SAMPLED and self._looks_at_ends_only():
            return sdk_spans.OverSpans(self._tracer, at)
        return BegunSpans(self._tracer, root, context)

    def _looks_at_ends_only(self) -> bool:
        processor = getattr(self._tracer, "span_processor", None)
        # NOTE: a private name. Without it, spans are begun and ended.
        processors: Sequence[object] | None = getattr(processor, "_span_processors", None)
        if processors is not self._processors:  # PERF: looked at once
            self._processors = processors
            self._ends_are_enough = sdk_spans is not None and sdk_spans.ends_are_enough(
                self._tracer, processors or ()
            )
        return self._ends_are_enough


def make_children(spans: Maker, timing: RequestTiming, ahead: int, least: float) -> None:
    """Make a span of each phase and span that took *least* nanoseconds, and any at all.

    *ahead* is what to add to the timing's clock. What is in a shorter one is shorter.
    """
    root, make = spans.root, spans.make
    if not timing.intervals:  # PERF: nothing is in anything
        for name, started, ended in timing.stretches():
            if ended - started >= least and ended > started:
                make(name, root, ahead + started, ahead + ended)
        return
    made = {-1: root}
    for place, parent, (name, started, ended) in nested(timing.laps(), timing.intervals):
        if ended - started >= least:
            made[place] = make(name, made[parent], ahead + started, ahead + ended)


def nested(
    laps: Sequence[Stretch], intervals: Sequence[Stretch]
) -> Iterator[tuple[int, int, Stretch]]:
    """Yield of each a number, the number of the one that it is in (-1: none), and itself.

    *laps* are in nothing. One of *intervals* is in the shortest longer one that its middle is in:
    it was added when it was over, and may so begin some microseconds late.
    """
    for number, lap in enumerate(laps):
        yield number, -1, lap
    longest_first = sorted(intervals, key=lambda each: each[1] - each[2])
    seen = [*laps]
    for number, interval in enumerate(longest_first, len(laps)):
        _, started, ended = interval
        middle, length = (started + ended) // 2, ended - started
        around = [
            (end - start, -place)
            for place, (_, start, end) in enumerate(seen)
            if start <= middle <= end and end - start >= length
        ]
        seen.append(interval)
        yield number, -min(around)[1] if around else -1, interval
