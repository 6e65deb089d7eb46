"""What a request spent its time on: phases, spans within them, and the Server-Timing header."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter_ns
from typing import NamedTuple

INTERVALS = 64  # how many spans keep their place in a waterfall; later ones are only summed
NAMES = 32  # how many names of spans a request may have; the rest are summed under "other"
HEADER_BYTES = 1024
HEADER_METRICS = 20

# W3C Server-Timing: a metric's name is a token. Browsers accept fewer: Chromium drops the whole
# header over one "/", so that only the characters which all of them keep are sent.
_UNSAFE_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
_UNSAFE_TEXT = re.compile(r"[^ !#-\[\]-~]")
_TRUNCATED = "trunc"


class Interval(NamedTuple):
    """Hold what one stretch of time went to: a name, its start and end in nanoseconds."""

    name: str
    started: int
    ended: int


class Timing:
    """Hold the phases of one request, one after another, and the named spans within them.

    *started* is a ``perf_counter_ns`` reading, as all its clock readings are; *phase* names what
    the request does from there on. The phases have no gaps: they sum to ``total``.

    - ``timing.phases``: dict of phase name -> seconds, in the order in which they came
    - ``timing.total``: seconds from the start to the last byte, or until now
    - ``timing.spans``: dict of span name -> ``[nanoseconds, count]``
    - ``timing.marks``: list of (phase, clock reading at which it began)

    A timing belongs to the thread of its request: it takes no lock.
    """

    __slots__ = ("ended", "intervals", "marks", "spans")

    def __init__(self, started: int, phase: str = "start") -> None:
        self.marks = [(phase, started)]
        self.ended: int | None = None
        self.spans: dict[str, list[int]] = {}
        self.intervals: list[Interval] = []

    def mark(self, phase: str, at: int | None = None) -> None:
        """End the phase that runs and begin *phase*, now or at the clock reading *at*."""
        self.marks.append((phase, perf_counter_ns() if at is None else at))

    def stop(self) -> None:
        """End the last phase; a second call changes nothing."""
        if self.ended is None:
            self.ended = perf_counter_ns()

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Add the time that the ``with`` block takes to the span *name*, errors included."""
        started = perf_counter_ns()
        try:
            yield
        finally:
            self.add(name, perf_counter_ns() - started)

    def add(self, name: str, nanoseconds: int, count: int = 1) -> None:
        """Fold time that has just passed, and how many times, into the span *name*."""
        if name not in self.spans and len(self.spans) >= NAMES:
            name = "other"
        span = self.spans.setdefault(name, [0, 0])
        span[0] += nanoseconds
        span[1] += count
        if len(self.intervals) < INTERVALS:
            now = perf_counter_ns()
            self.intervals.append(Interval(name, now - nanoseconds, now))

    def count(self, name: str) -> int:
        """Return how many times the span *name* was added."""
        return self.spans.get(name, (0, 0))[1]

    def seconds(self, name: str) -> float:
        """Return the time spent in the span or the phase *name*, in seconds."""
        if name in self.spans:
            return self.spans[name][0] / 1e9
        return self.phases.get(name, 0.0)

    @property
    def started(self) -> int:
        """Return the clock reading at which the request began."""
        return self.marks[0][1]

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

    def durations(self, until: int | None = None) -> dict[str, int]:
        """Return the nanoseconds of each phase, the last one up to *until*."""
        taken: dict[str, int] = {}
        name, since = self.marks[0]
        for following, at in self.marks:
            taken[name] = taken.get(name, 0) + at - since
            name, since = following, at
        end = until or self.ended or perf_counter_ns()
        taken[name] = taken.get(name, 0) + end - since
        return taken

    def laps(self) -> list[Interval]:
        """Return each stretch of each phase, first to last, without the empty ones."""
        ends = [at for _, at in self.marks[1:]] + [self.ended or perf_counter_ns()]
        found = [Interval(name, at, end) for (name, at), end in zip(self.marks, ends, strict=True)]
        return [lap for lap in found if lap.ended > lap.started]


def server_timing(timing: Timing) -> str:
    """Return *timing*, up to its last mark, as the value of a Server-Timing field (W3C, 3).

    The value is ASCII, at most HEADER_BYTES long and HEADER_METRICS metrics rich: what does not
    fit is dropped from the end, which a last metric ``trunc`` tells. Durations are milliseconds.
    """
    until = timing.marks[-1][1]
    metrics = [f"total;dur={(until - timing.started) / 1e6:.3f}"]
    for name, taken in timing.durations(until).items():
        if taken > 499:  # less is written 0.000
            metrics.append(f"{name};dur={taken / 1e6:.3f}")
    if timing.spans:
        metrics += [_span_metric(name, *span) for name, span in timing.spans.items()]
    value = ", ".join(metrics)
    fits = len(value) <= HEADER_BYTES and len(metrics) <= HEADER_METRICS
    return value if fits else _truncated(metrics)


def _span_metric(name: str, taken: int, count: int) -> str:
    safe = _UNSAFE_NAME.sub("_", name)[:64] or "_"
    described = f"{count}x" if safe == name else f"{_UNSAFE_TEXT.sub('?', name)[:64]} {count}x"
    return f'{safe};dur={taken / 1e6:.3f};desc="{described}"'


def _truncated(metrics: list[str]) -> str:
    value = ", ".join(metrics[: HEADER_METRICS - 1])
    while len(value) > HEADER_BYTES - len(_TRUNCATED) - 2:
        value = value[: value.rindex(", ")]
    return f"{value}, {_TRUNCATED}"
