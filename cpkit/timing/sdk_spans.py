"""Spans as OpenTelemetry's SDK hands them to its processors at their end, made when they are over.

A span that is begun and ended takes locks, keeps limits and tells processors of its beginning:
twenty times the work of the span itself. A phase that is over needs none of that, and neither does
the span of a request that nobody adds anything to, as long as the SDK's own processors are in use.
All private names of the SDK stand here; without one of them, spans are begun and ended.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import getrandbits
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
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanContext, TraceFlags

from .laps import Lap

AT_THE_END: tuple[type, ...] = (SpanProcessor, SimpleSpanProcessor, BatchSpanProcessor)

_PRIVATE = "_instrumentation_scope", "_span_limits", "instrumentation_info"
_OF_EACH = {"_name", "_context", "_parent", "_start_time", "_end_time"}  # of a span
_LIMITS = "max_span_attributes", "max_span_attribute_length"
_MOST_ATTRIBUTES = 8  # that the span of a request is given
_COUNTED = "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"  # the SDK counts what is begun
# PERF: to read a member of an enum is a call in Python 3.11.
_SAMPLE, _DROP = sampling.Decision.RECORD_AND_SAMPLE, sampling.Decision.DROP
_UNSET, _ERROR = trace.Status(), trace.Status(trace.StatusCode.ERROR)
_RANDOM = getattr(TraceFlags, "RANDOM_TRACE_ID", 0)  # since 1.42
_FLAGS, _EMPTY = [TraceFlags(bits) for bits in range(4)], trace.TraceState()
# PERF: as SpanContext's constructor, which first compares numbers of 128 bits.
_new: Callable[..., SpanContext] = tuple.__new__

Attributes = Mapping[str, str | int]


class LateSpan(Span):
    """The span of a request, of which the SDK makes its own when more is asked than where it is.

    That is: when a handler sets an attribute, or reads one. Until then it is a context.
    """

    _making: Lock  # of each its own: one of all might be held while a process is forked
    _late: tuple[Any, ...] | None

    @classmethod
    def begun(cls, context: SpanContext, *told: Any) -> LateSpan:
        """Return one with the arguments of :meth:`_make` that are *told*."""
        span = object.__new__(cls)  # PERF: not by the constructors of four classes
        span._context, span._making, span._late = context, Lock(), (*told, _UNSET, None)
        return span

    def __getattr__(self, name: str) -> Any:
        """Return what only the SDK's span has: from here on this is one."""
        if name.startswith("__") or "_late" not in vars(self):
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


class LateTracer:
    """What makes the spans of a *tracer* when they are over, if :func:`ends_are_enough`."""

    def __init__(self, tracer: Any, processors: Sequence[Any]) -> None:
        self._tracer, self._processors, self._ids = tracer, processors, tracer.id_generator
        self._random = _RANDOM if _RANDOM and self._ids.is_trace_id_random() else 0
        self._phase, self._resource = _phase_class(tracer), tracer.resource
        # PERF: what the usual generator of ids and the usual sampler say is known: they are asked
        # for nothing. (The former looks whether an id is 0, which one in 10**19 is.)
        usual = type(self._ids) is RandomIdGenerator
        self._new_id: Callable[[int], int]
        self._new_id = getrandbits if usual else lambda bits: self._ids.generate_span_id()
        self._takes_all = usual and _decides_within(tracer.sampler, "_root") is sampling.ALWAYS_ON

    def begin(
        self,
        name: str,
        context: Context,
        parent: SpanContext | None,
        kind: trace.SpanKind,
        attributes: Attributes,
        started: int,
    ) -> trace.Span:
        """Return a span in *parent*, which is that of *context* or None."""
        tracer, ids = self._tracer, self._ids
        enabled = getattr(tracer, "_is_enabled", None)  # since 1.39
        if enabled is not None and not enabled():
            begun: trace.Span = tracer.start_span(name, context)
            return begun
        # NOTE: what Tracer.start_span does, up to where it makes a span.
        if parent is None and self._takes_all:
            told = getrandbits(128), getrandbits(64), False, _FLAGS[self._random | 1], _EMPTY, True
            at = _new(SpanContext, told)
            return LateSpan.begun(at, tracer, name, parent, kind, attributes, started)
        if parent is None:
            trace_id, random = ids.generate_trace_id(), self._random
        else:
            trace_id, random = parent.trace_id, parent.trace_flags & _RANDOM
        asked = tracer.sampler.should_sample(context, trace_id, name, kind, attributes, ())
        flags = _FLAGS[random | (asked.decision is _SAMPLE)]
        at = SpanContext(trace_id, ids.generate_span_id(), False, flags, asked.trace_state)
        if asked.decision is _DROP:
            return trace.NonRecordingSpan(at)
        span = LateSpan.begun(at, tracer, name, parent, kind, asked.attributes, started)
        if asked.attributes != attributes:  # the sampler's own are not known to be what they may be
            span.is_wanted()
        return span

    def make(self, root: SpanContext, laps: Iterable[Lap], least: int, ahead: int) -> None:
        """Make a span of each of *laps*, and hand all of them on; see :func:`begin_and_end`."""
        if self._resource is not self._tracer.resource:  # after a fork it is another
            self._phase, self._resource = _phase_class(self._tracer), self._tracer.resource
        phase: Callable[[], Any] = self._phase
        new_id, (trace_id, _, _, flags, state, _) = self._new_id, root
        made: list[Any] = []
        # PERF: with as few calls as can be; what is the same for all stands in their class.
        for name, started, ended, parent in laps:
            if ended - started < least:
                made.append(None)
                continue
            span = phase()
            span._name = name
            told = trace_id, new_id(64), False, flags, state, True
            span._context = _new(SpanContext, told)
            span._parent = root if parent < 0 else made[parent]._context
            span._start_time = ahead + started
            span._end_time = ahead + ended
            made.append(span)
        for processor in self._processors:
            for each in made:
                if each is not None:
                    processor.on_end(each)


def _phase_class(tracer: Any) -> type[ReadableSpan]:
    """Return the class of the spans of phases: it has what is the same for all of a *tracer*."""
    scope, info = tracer._instrumentation_scope, tracer.instrumentation_info
    same = ReadableSpan(
        "", None, None, tracer.resource, BoundedAttributes(0), (), (),
        trace.SpanKind.INTERNAL, info, _UNSET, None, None, scope,
    )  # fmt: skip
    made: type[ReadableSpan]
    made = type("PhaseSpan", (ReadableSpan,), {**vars(same), "__init__": object.__init__})
    return made


def ends_are_enough(tracer: Any, processors: Sequence[object]) -> bool:
    """Tell whether a *tracer* of the SDK does nothing at the beginning of a span in a sampled one.

    Subclasses of its samplers and processors may do so, and limits may leave attributes out.
    """
    told = 1, 2, False, _FLAGS[1], trace.TraceState(), True
    if tuple(SpanContext(*told[:-1])) != told:
        return False
    if os.environ.get(_COUNTED) or not all(hasattr(tracer, name) for name in _PRIVATE):
        return False
    if not vars(ReadableSpan("", resource=tracer.resource)).keys() >= _OF_EACH:
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
    by_id = type(sampler).should_sample is sampling.TraceIdRatioBased.should_sample
    return by_id or _decides_within(sampler, "_local_parent_sampled") is sampling.ALWAYS_ON


def _decides_within(sampler: Any, parent: str) -> Any:
    """Return what a *sampler* asks of a span in such a *parent*; itself, if it asks nobody."""
    if type(sampler).should_sample is sampling.ParentBased.should_sample:
        return getattr(sampler, parent, None)
    return sampler
