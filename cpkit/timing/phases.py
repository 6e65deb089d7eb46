"""What a request spent its time on: phases, spans within them, and the Server-Timing header."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from operator import sub
from time import perf_counter_ns, time
from typing import Any, NamedTuple

INTERVALS = 64  # how many spans keep their place in a waterfall; later ones are only summed
NAMES = 32  # how many names of spans a request may have; the rest are summed under "other"
HEADER_BYTES = 1024
HEADER_METRICS = 20

# W3C Server-Timing: a metric's name is a token. Browsers accept fewer: Chromium drops the whole
# header over one "/", so that only the characters which all of them keep are sent.
_UNSAFE_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
_UNSAFE_TEXT = re.compile(r"[^ !#-+\-./0-\[\]-~]")  # nor "," which separates metrics
_TRUNCATED = b", trunc"

# PERF: to write a number takes longer than a phase's whole bookkeeping: so those up to a second
# are put together from what was written before, and the most common are there whole.
_THOUSANDTHS = [b".%03d" % microseconds for microseconds in range(1000)]
_WHOLE = [b"%d" % milliseconds for milliseconds in range(1000)]
_SHORT = [whole + rest for whole in _WHOLE[:2] for rest in _THOUSANDTHS]
_FEW, _MANY = 2_000_000, 1_000_000_000  # nanoseconds


class Interval(NamedTuple):
    """Hold what one stretch of time went to: a name, its start and end in nanoseconds."""

    name: str
    started: int
    ended: int


class Timing:
    """Hold the phases of one request, one after another, and the named spans within them.

    *marks* are the phases so far, each its name and then when it began (``perf_counter_ns``):
    ``["dispatch", 17, "tools", 23]``. The phases have no gaps: they sum to ``total``.

    - ``timing.phases``: dict of phase name -> seconds, in the order in which they came
    - ``timing.total``: seconds from the start to the last byte, or until now
    - ``timing.spans``: dict of span name -> ``[nanoseconds, count]``

    A timing belongs to the thread of its request: it takes no lock.
    """

    __slots__ = ("ended", "intervals", "marks", "spans")

    def __init__(self, marks: list[Any]) -> None:
        # PERF: one flat list, to which whoever marks adds in place: no calls, no objects.
        self.marks = marks
        self.ended: int | None = None
        self.spans: dict[str, list[int]] = {}
        self.intervals: list[Interval] = []

    def mark(self, phase: str) -> None:
        """End the phase that runs and begin *phase*."""
        self.marks += (phase, perf_counter_ns())

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
        for name, started, ended in self._stretches():
            taken[name] = taken.get(name, 0) + ended - started
        return taken

    def laps(self) -> list[Interval]:
        """Return each stretch of each phase, first to last, without the empty ones."""
        return [Interval(*lap) for lap in self._stretches() if lap[2] > lap[1]]

    def _stretches(self) -> Iterator[tuple[str, int, int]]:
        clocks = [*self.marks[1::2], self.ended or perf_counter_ns()]
        return zip(self.marks[::2], clocks, clocks[1:], strict=False)


def began(at: float, now: int) -> int:
    """Return what ``perf_counter_ns``, which is *now*, was when ``time.time()`` was *at*.

    CherryPy reads the wall clock when a request comes, before anything else can read another.
    """
    ago = time() - at
    return now - int(ago * 1e9) if ago > 0 else now


def server_timing(timing: Timing) -> bytes:
    """Return *timing*, up to its last mark, as the value of a Server-Timing field (W3C, 3).

    The value is ASCII, at most HEADER_BYTES long and HEADER_METRICS metrics rich: what does not
    fit is dropped from the end, which a last metric ``trunc`` tells. Durations are milliseconds.
    """
    # PERF: requests of one kind have the same phases, so that all of the field but its figures is
    # worked out once; and the loop calls nothing.
    marks = timing.marks
    layout, repeated = _layout(tuple(marks[::2]))
    clocks = marks[1::2]
    taken = [clocks[-1] - clocks[0], *map(sub, clocks[1:], clocks)]
    for first, again in repeated:
        taken[first] += taken.pop(again)
    figures = [
        _SHORT[ns // 1000]
        if ns < _FEW
        else _WHOLE[ns // 1_000_000] + _THOUSANDTHS[ns // 1000 % 1000]
        if ns < _MANY
        else b"%.3f" % (ns // 1000 / 1000)
        for ns in taken
    ]
    value = layout % tuple(figures)
    if timing.spans:
        spans = [_span_metric(name, *span) for name, span in timing.spans.items()]
        return _truncated(b", ".join([value, *spans]))
    return value


@lru_cache(maxsize=256)
def _layout(phases: tuple[str, ...]) -> tuple[bytes, list[tuple[int, int]]]:
    """Return the format of a field for these phases, and which of its figures add to which.

    The format takes the total, then a figure for each phase but the last, which has only begun;
    those that add to another are taken out, from the last one on.
    """
    layout, first, repeated = b"total;dur=%s", dict[str, int](), list[tuple[int, int]]()
    for place, phase in enumerate(phases[:-1], 1):
        if phase in first:
            repeated.insert(0, (first[phase], place))
        else:
            first[phase] = place
            layout += b", %s;dur=%%s" % _UNSAFE_NAME.sub("_", phase).encode()
    return layout, repeated


def _span_metric(name: str, taken: int, count: int) -> bytes:
    safe = _UNSAFE_NAME.sub("_", name)[:64] or "_"
    described = f"{count}x" if safe == name else f"{_UNSAFE_TEXT.sub('?', name)[:64]} {count}x"
    metric = b'%s;dur=%.3f;desc="%s"'
    return metric % (safe.encode(), taken // 1000 / 1000, described.encode())


def _truncated(value: bytes) -> bytes:
    metrics = value.split(b", ")
    if len(value) <= HEADER_BYTES and len(metrics) <= HEADER_METRICS:
        return value
    value = b", ".join(metrics[: HEADER_METRICS - 1])
    while len(value) > HEADER_BYTES - len(_TRUNCATED):
        value = value[: value.rindex(b", ")]
    return value + _TRUNCATED
