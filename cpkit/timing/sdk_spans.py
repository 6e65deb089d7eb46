"""Spans as OpenTelemetry's SDK hands them to its processors at their end, made when they are over.

A span that is begun and ended takes locks, keeps limits and tells processors of its beginning:
twenty times the work of the span itself. A phase that is over needs none of that, and neither does
the span of a request that nobody adds anything to, as long as the SDK's own processors are in use.
All private names of the SDK stand here; without one of them, spans are begun and ended.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

from opentelemetry import trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.sdk.trace import (
    ReadableSpan,
    Span,
    SpanProcessor,
    SynchronousMultiSpanProcessor,
    sampling,
)
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.trace import SpanContext, TraceFlags

AT_THE_END: tuple[type, ...] = (SpanProcessor, SimpleSpanProcessor, BatchSpanProcessor)

_PRIVATE = "_instrumentation_scope", "_span_limits", "instrumentation_info"
_LIMITS = "max_span_attributes", "max_span_attribute_length"
_MOST_ATTRIBUTES = 8  # that the span of a request is given
_COUNTED = "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"  # the SDK counts what is begun
# PERF: to read a member of an enum is a call in Python 3.11.
_INTERNAL = trace.SpanKind.INTERNAL
_SAMPLE, _DROP = sampling.Decision.RECORD_AND_SAMPLE, sampling.Decision.DROP
_UNSET, _ERROR = trace.Status(), trace.Status(trace.StatusCode.ERROR)
_RANDOM = getattr(TraceFlags, "RANDOM_TRACE_ID", 0)  # since 1.42
_FLAGS = [TraceFlags(bits) for bits in range(4)]
# PERF: as SpanContext's constructor, which first compares numbers of 128 bits.
_new: Callable[..., SpanContext] = tuple.__new__
_NOTHING = BoundedAttributes(0)

Attributes = Mapping[str, str | int]


class LateSpan(Span):
    """The span of a request, of which the SDK makes its own when more is asked than where it is.

    That is: when a handler sets an attribute, or reads one. Until then it is a context.
    """

    def __init__(
        self,
        tracer: Any,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: trace.SpanKind,
        attributes: Attributes,
        started: int,
    ) -> None:
        self._context = context
        self._making = Lock()
        self._late: tuple[Any, ...] | None
        self._late = tracer, name, parent, kind, attributes, started, _UNSET, None

    def __getattr__(self, name: str) -> Any:
        """Return what only the SDK's span has: from here on this is one."""
        if name.startswith("__") or "_making" not in vars(self):
            raise AttributeError(name)
        self.is_wanted()
        return object.__getattribute__(self, name)

    def is_wanted(self) -> None:
        """Have the SDK make its own."""
        with self._making:
            if self._late is not None:
                self._make(*self._late)

    def _make(
        self,
        tracer: Any,
        name: str,
        parent: Any,
        kind: trace.SpanKind,
        attributes: Attributes,
        started: int,
        status: trace.Status,
        ended: int | None,
    ) -> None:
        made = object.__new__(LateSpan)
        super(LateSpan, made).__init__(
            name,
            self.get_span_context(),
            parent,
            tracer.sampler,
            resource=tracer.resource,
            attributes=attributes,
            kind=kind,
            span_processor=tracer.span_processor,
            instrumentation_info=tracer.instrumentation_info,
            limits=tracer._span_limits,
            instrumentation_scope=tracer._instrumentation_scope,
        )
        made._start_time, made._status, made._end_time = started, status, ended
        vars(self).update(vars(made))
        self._late = None

    def is_recording(self) -> bool:
        """Tell whether the span has not ended."""
        late = self._late
        return super().is_recording() if late is None else late[-1] is None

    def finish(self, name: str, more: Attributes, failed: bool, ended: int) -> bool:
        """End the span with *more* attributes; return False if the SDK's own is made already."""
        with self._making:
            if self._late is None or self._late[-1] is not None:
                return False
            tracer, first, parent, kind, attributes, started, _, _ = self._late
            name = name or first
            told, status = {**attributes, **more}, _ERROR if failed else _UNSET
            self._late = tracer, name, parent, kind, told, started, status, ended
        tracer.span_processor.on_end(
            ReadableSpan(
                name, self._context, parent, tracer.resource, told, (), (), kind,
                tracer.instrumentation_info, status, started, ended, tracer._instrumentation_scope,
            )
        )  # fmt: skip
        return True


class OverSpans:
    """Spans as the SDK hands them to its processors at their end."""

    def __init__(self, tracer: Any, root: SpanContext) -> None:
        self._hand_on: Callable[[ReadableSpan], None] = tracer.span_processor.on_end
        self._new_id: Callable[[], int] = tracer.id_generator.generate_span_id
        self._resource, self._info = tracer.resource, tracer.instrumentation_info
        self._scope = tracer._instrumentation_scope
        self.root = root
        self._trace, _, _, self._flags, self._state, _ = root

    def make(self, name: str, parent: SpanContext, started: int, ended: int) -> SpanContext:
        """Make a span, and return its context."""
        told = self._trace, self._new_id(), False, self._flags, self._state, True
        context = _new(SpanContext, told)
        # PERF: by position; the kind, the links and the events are what start_span's are.
        self._hand_on(
            ReadableSpan(
                name, context, parent, self._resource, _NOTHING, (), (),
                _INTERNAL, self._info, _UNSET, started, ended, self._scope,
            )
        )  # fmt: skip
        return context


def begin_late(
    tracer: Any,
    name: str,
    context: Context,
    parent: SpanContext | None,
    kind: trace.SpanKind,
    attributes: Attributes,
    started: int,
) -> trace.Span:
    """Return a span of the *tracer* in *parent*, which is that of *context* or None."""
    enabled = getattr(tracer, "_is_enabled", None)  # since 1.39
    if enabled is not None and not enabled():
        begun: trace.Span = tracer.start_span(name, context)
        return begun
    # NOTE: what Tracer.start_span does, up to where it makes a span.
    ids = tracer.id_generator
    if parent is None:
        trace_id = ids.generate_trace_id()
        random = _RANDOM if _RANDOM and ids.is_trace_id_random() else 0
    else:
        trace_id, random = parent.trace_id, parent.trace_flags & _RANDOM
    asked = tracer.sampler.should_sample(context, trace_id, name, kind, attributes, ())
    flags = _FLAGS[random | (asked.decision is _SAMPLE)]
    at = SpanContext(trace_id, ids.generate_span_id(), False, flags, asked.trace_state)
    if asked.decision is _DROP:
        return trace.NonRecordingSpan(at)
    span = LateSpan(tracer, name, at, parent, kind, asked.attributes, started)
    if asked.attributes != attributes:  # the sampler's own are not known to be what they may be
        span.is_wanted()
    return span


def ends_are_enough(tracer: Any, processors: Sequence[object]) -> bool:
    """Tell whether a *tracer* of the SDK does nothing at the beginning of a span in a sampled one.

    Subclasses of its samplers and processors may do so, and limits may leave attributes out.
    """
    told = 1, 2, False, _FLAGS[1], trace.TraceState(), True
    if tuple(SpanContext(*told[:-1])) != told:
        return False
    if os.environ.get(_COUNTED) or not all(hasattr(tracer, name) for name in _PRIVATE):
        return False
    if type(tracer.span_processor) is not SynchronousMultiSpanProcessor:
        return False
    most, longest = (getattr(tracer._span_limits, name) for name in _LIMITS)
    if longest is not None or (most is not None and most < _MOST_ATTRIBUTES):
        return False
    known = all(type(one) in AT_THE_END for one in processors)
    return known and _samples_all_within(tracer.sampler)


def _samples_all_within(sampler: Any) -> bool:
    """Tell whether what is in a sampled span of this process is always sampled too."""
    decides = type(sampler).should_sample
    if decides is sampling.ParentBased.should_sample:
        sampler = getattr(sampler, "_local_parent_sampled", None)
    return sampler is sampling.ALWAYS_ON or decides is sampling.TraceIdRatioBased.should_sample
