"""The spans of phases, which are made when they are over.

A span that is begun and ended asks the sampler, takes locks, keeps limits and tells processors of
its beginning: seven times the work of the span itself. A phase that is over needs none of that, as
long as the SDK's own sampler and processors are in use: the span is handed to the processors as it
would be at its end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from opentelemetry import trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext

from .phases import RequestTiming

try:
    from opentelemetry.sdk.trace import (
        ReadableSpan,
        SpanProcessor,
        SynchronousMultiSpanProcessor,
        sampling,
    )
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
except ImportError:  # the API alone, or another SDK: spans are begun and ended
    _AT_THE_END: tuple[type, ...] = ()
else:
    _AT_THE_END = (SpanProcessor, SimpleSpanProcessor, BatchSpanProcessor)

_COUNTED = "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"  # the SDK counts what is begun
# PERF: to read a member of an enum is a call in Python 3.11.
_INTERNAL = trace.SpanKind.INTERNAL
_NOTHING, _UNSET = BoundedAttributes(0), trace.Status()


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


class OverSpans:
    """Spans as the SDK hands them to its processors at their end."""

    def __init__(self, tracer: Any, root: Any) -> None:
        self._hand_on: Callable[[Any], None] = tracer.span_processor.on_end
        self._new_id: Callable[[], int] = tracer.id_generator.generate_span_id
        self._resource, self._scope = root.resource, root.instrumentation_scope
        self.root: SpanContext = root.get_span_context()
        self._trace, self._flags = self.root.trace_id, self.root.trace_flags
        self._state = self.root.trace_state

    def make(self, name: str, parent: SpanContext, started: int, ended: int) -> SpanContext:
        """Make a span, and return its context."""
        context = SpanContext(self._trace, self._new_id(), False, self._flags, self._state)
        # PERF: by position; the kind, the links and the events are what start_span's are.
        self._hand_on(
            ReadableSpan(
                name, context, parent, self._resource, _NOTHING, (), (),
                _INTERNAL, None, _UNSET, started, ended, self._scope,
            )
        )  # fmt: skip
        return context


class Makers:
    """What chooses how the spans of a *tracer* are made."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer: Any = tracer
        self._processors: object = None
        self._looks_at_ends_only = False

    def within(self, root: Any, context: Context) -> Maker:
        """Return what makes spans in *root*: quickly, where nobody can tell the difference."""
        processor = getattr(self._tracer, "span_processor", None)
        # NOTE: a private name. Without it, spans are begun and ended.
        processors: Sequence[object] | None = getattr(processor, "_span_processors", None)
        if processors is not self._processors:  # PERF: looked at once
            self._processors = processors
            self._looks_at_ends_only = _looks_at_ends_only(self._tracer, processors or ())
        if self._looks_at_ends_only and root.get_span_context().trace_flags.sampled:
            return OverSpans(self._tracer, root)
        return BegunSpans(self._tracer, root, context)


def _looks_at_ends_only(tracer: Any, processors: Sequence[object]) -> bool:
    """Tell whether a *tracer* of the SDK does nothing at the beginning of a span in a sampled one.

    Subclasses of its samplers and processors may do so.
    """
    if not _AT_THE_END or os.environ.get(_COUNTED):
        return False
    if type(tracer.span_processor) is not SynchronousMultiSpanProcessor:
        return False
    known = all(type(one) in _AT_THE_END for one in processors)
    return known and _samples_all_within(tracer.sampler)


def _samples_all_within(sampler: Any) -> bool:
    """Tell whether what is in a sampled span of this process is always sampled too."""
    decides = type(sampler).should_sample
    if decides is sampling.ParentBased.should_sample:
        # NOTE: a private name too.
        sampler = getattr(sampler, "_local_parent_sampled", None)
    return sampler is sampling.ALWAYS_ON or decides is sampling.TraceIdRatioBased.should_sample


def make_children(spans: Maker, timing: RequestTiming, ahead: int, least: float) -> None:
    """Make a span of each phase and span that took *least* nanoseconds, and any at all.

    *ahead* is what to add to the timing's clock. What is in a shorter one is shorter.
    """
    # PERF: timing.laps(), but plain tuples.
    laps = [lap for lap in timing.stretches() if lap[2] > lap[1]]
    made, make = {-1: spans.root}, spans.make
    for place, parent, (name, started, ended) in nested(laps, timing.intervals):
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
