"""What a request spent its time on: phases that follow one another, and spans within them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any, NamedTuple, Protocol

INTERVALS = 64  # how many spans keep their place in a waterfall; later ones are only summed
NAMES = 32  # how many names of spans a request may have; the rest are summed under "other"


class Interval(NamedTuple):
    """A stretch of time: what it went to, its start and its end in nanoseconds."""

    name: str
    started: int
    ended: int


class Traced(Protocol):
    """A request's own span."""

    @property
    def traceparent(self) -> str:
        """Return it as others are told of it (W3C Trace Context, 3.2)."""
        ...


@dataclass(slots=True, eq=False)
class RequestTiming:
    """The phases of one request, one after another, and the named spans within them.

    *marks* are the phases so far, each its name and then when it began (``perf_counter_ns``):
    ``["dispatch", 17, "tools", 23]``. The phases have no gaps: they sum to ``total``.

    - ``timing.phases``: dict of phase name -> seconds, in the order in which they came
    - ``timing.total``: seconds from the start to the last byte, or until now
    - ``timing.spans``: dict of span name -> ``[nanoseconds, count]``
    - ``timing.broken``: whether the body broke off after the status had been sent
    - ``timing.traceparent``: the request's own span, as others are told of it (W3C Trace Context),
      or "" where there are no traces

    A timing belongs to the thread of its request: it takes no lock.
    """

    # PERF: one flat list, to which whoever marks adds in place: no calls, no objects.
    marks: list[Any]
    ended: int | None = None
    spans: dict[str, list[int]] = field(default_factory=dict)
    intervals: list[Interval] = field(default_factory=list)
    broken: bool = False
    trace: Traced | None = None

    def mark(self, phase: str) -> None:
        """End the phase that runs and begin *phase*."""
        self.marks += (phase, perf_counter_ns())

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Add the time that the ``with`` block takes to the span *name*, errors included."""
        started = perf_counter_ns()
        try:
            yield
        finally:
            ended = perf_counter_ns()
            self.add(name, ended - started, ended=ended)

    def add(self, name: str, nanoseconds: int, count: int = 1, *, ended: int | None = None) -> None:
        """Fold time that has passed, and how many times, into the span *name*.

        *ended* is the clock reading (``perf_counter_ns``) at which it was over: now, unless given.
        """
        span = self.spans.get(name)
        if span is None:
            name = name if len(self.spans) < NAMES else "other"
            span = self.spans.setdefault(name, [0, 0])
        span[0] += nanoseconds
        span[1] += count
        if len(self.intervals) < INTERVALS:
            ended = perf_counter_ns() if ended is None else ended
            self.intervals.append(Interval(name, ended - nanoseconds, ended))

    def count(self, name: str) -> int:
        """Return how many times the span *name* was added."""
        return self.spans.get(name, (0, 0))[1]

    def seconds(self, name: str) -> float:
        """Return the time spent in the span or the phase *name*, in seconds."""
        if name in self.spans:
            return self.spans[name][0] / 1e9
        return self.phases.get(name, 0.0)

    @property
    def traceparent(self) -> str:
        """Return the request's own span, as others are told of it, or ""."""
        return "" if self.trace is None else self.trace.traceparent

    @property
    def started(self) -> int:
        """Return the clock reading at which the request began."""
        started: int = self.marks[1]
        return started

    @property
    def nanoseconds(self) -> int:
        """Return the time from the start to the end, or until now."""
        return (self.ended or perf_counter_ns()) - self.started

    @property
    def total(self) -> float:
        """Return the time from the start to the end, or until now, in seconds."""
        return self.nanoseconds / 1e9

    @property
    def phases(self) -> dict[str, float]:
        """Return the seconds of each phase, in the order in which they came."""
        return {name: taken / 1e9 for name, taken in self.durations().items()}

    def durations(self) -> dict[str, int]:
        """Return the nanoseconds of each phase, in the order in which they came."""
        taken: dict[str, int] = {}
        for name, started, ended in self.stretches():
            taken[name] = taken.get(name, 0) + ended - started
        return taken

    def laps(self) -> list[Interval]:
        """Return each stretch of each phase, first to last, without the empty ones."""
        return [Interval(*lap) for lap in self.stretches() if lap[2] > lap[1]]

    def stretches(self) -> Iterator[tuple[str, int, int]]:
        """Return what :meth:`laps` are made of, the empty ones too."""
        clocks = [*self.marks[1::2], self.ended or perf_counter_ns()]
        return zip(self.marks[::2], clocks, clocks[1:], strict=False)
