"""The slowest of the recent requests: which are kept, and the line that the log gets."""

from __future__ import annotations

import re
import threading
from collections import deque
from math import inf
from time import monotonic, perf_counter_ns, time
from typing import Any, NamedTuple

from cpkit.logs.traceparent import trace_id

from .phases import Interval, RequestTiming

PATH_LENGTH = 200


class SlowRequest(NamedTuple):
    """A request that has ended, as plain values; times are nanoseconds from its start.

    *path* is without its query, which may hold secrets; *at* is seconds since the epoch; *broken*
    says that the body broke off after the status was sent.
    """

    at: float
    method: str
    route: str
    path: str
    status: int
    broken: bool
    trace_id: str
    total: int
    laps: tuple[Interval, ...]
    intervals: tuple[Interval, ...]
    phases: dict[str, int]
    spans: dict[str, tuple[int, int]]

    def as_json(self) -> dict[str, Any]:
        """Return the record as JSON can hold it, times in seconds."""
        spans = {name: [taken / 1e9, count] for name, (taken, count) in self.spans.items()}
        return {
            **self._asdict(),
            "total": self.total / 1e9,
            "laps": [_in_seconds(lap) for lap in self.laps],
            "intervals": [_in_seconds(interval) for interval in self.intervals],
            "phases": {name: taken / 1e9 for name, taken in self.phases.items()},
            "spans": spans,
        }


def _in_seconds(interval: Interval) -> list[Any]:
    return [interval.name, interval.started / 1e9, interval.ended / 1e9]


def slow_request(
    timing: RequestTiming, method: str, route: str, path: str, status: int, traceparent: str = ""
) -> SlowRequest:
    """Return the values of a request that *timing* timed to its end."""
    started = timing.started

    def relative(intervals: list[Interval]) -> tuple[Interval, ...]:
        return tuple(Interval(name, a - started, b - started) for name, a, b in intervals)

    return SlowRequest(
        at=time() - timing.total,
        method=method,
        route=route,
        path=path[:PATH_LENGTH],
        status=status,
        broken=timing.broken,
        trace_id=trace_id(traceparent),
        total=timing.nanoseconds,
        laps=relative(timing.laps()),
        intervals=relative(timing.intervals),
        phases=timing.durations(),
        spans={name: (taken, count) for name, (taken, count) in timing.spans.items()},
    )


def log_line(record: SlowRequest) -> str:
    """Return *record* as one line of logfmt, in milliseconds; nothing in it can break the line."""
    fields: dict[str, Any] = {
        "method": record.method,
        "route": record.route,
        "path": record.path,
        "status": record.status,
        **({"broken": "true"} if record.broken else {}),
        "total_ms": f"{record.total / 1e6:.1f}",
    }
    for name, taken in record.phases.items():
        fields[f"{name}_ms"] = f"{taken / 1e6:.1f}"
    for name, (taken, count) in record.spans.items():
        fields[f"{name}_ms"], fields[f"{name}_count"] = f"{taken / 1e6:.1f}", count
    if record.trace_id:
        fields["trace_id"] = record.trace_id
    return " ".join(f"{_word(key)}={_word(value)}" for key, value in fields.items())


def _word(value: object) -> str:
    text = str(value)
    if re.fullmatch(r"[!#-<>-\[\]-~]+", text):  # printable ASCII without space, quote, =, backslash
        return text
    return '"' + text.encode("unicode_escape").decode().replace('"', '\\"') + '"'


class Slowest:
    """The *size* slowest requests of the last *seconds*.

    PERF: whether another would be among them is asked at each request, so it is told without a
    call: ``taken > slowest.floor or ended > slowest.until``, in nanoseconds as a timing has them.
    """

    def __init__(self, size: int = 20, seconds: float = 600) -> None:
        self._size, self._recent = size, int(seconds * 1e9)
        self._kept: list[tuple[int, SlowRequest]] = []
        self._lock = threading.Lock()
        self.floor: float = -1
        self.until: float = 0
        self._tidy()

    def add(self, record: SlowRequest) -> None:
        """Add *record*; forget the old ones, then the fastest, to keep to the size."""
        with self._lock:
            self._kept.append((perf_counter_ns() + self._recent, record))
            self._tidy()

    def records(self) -> list[SlowRequest]:
        """Return the records, slowest first."""
        with self._lock:
            self._tidy()
            return [record for _, record in self._kept]

    def _tidy(self) -> None:
        now = perf_counter_ns()
        live = [entry for entry in self._kept if entry[0] > now]
        self._kept = sorted(live, key=lambda entry: -entry[1].total)[: self._size]
        totals = [record.total for _, record in self._kept]
        self.floor = -1 if len(totals) < self._size else min(totals, default=inf)
        self.until = min((until for until, _ in self._kept), default=inf)


class RateLimit:
    """A limit of *count* events in *seconds*, which tells how many it has held back."""

    def __init__(self, count: int = 10, seconds: float = 60) -> None:
        self._times: deque[float] = deque(maxlen=count)
        self._seconds, self._held = seconds, 0
        self._lock = threading.Lock()

    def admit(self) -> int | None:
        """Return how many events were held back since the last one, or None to hold this back."""
        now = monotonic()
        with self._lock:
            full = len(self._times) == self._times.maxlen
            if full and now - self._times[0] < self._seconds:
                self._held += 1
                return None
            self._times.append(now)
            held, self._held = self._held, 0
            return held
