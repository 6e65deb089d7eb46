"""How long requests take: a histogram of latencies, and a table of them by route."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from math import ceil
from time import perf_counter_ns
from typing import Any

KNOWN_METHODS = frozenset(
    ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
)
KNOWN_SCHEMES = ("http", "https")
OTHER_METHOD = OTHER_SCHEME = "_OTHER"  # OpenTelemetry, HTTP metrics: http.request.method
OVERFLOW = "_OVERFLOW"
UNMATCHED = ""  # OpenTelemetry: no http.route; Prometheus: an empty label is no label
QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}

_STEPS = 16  # buckets for each doubling: half a bucket is 1/32 of its value

# A request that has ended: method, route, whether it failed, nanoseconds, and the reading of
# ``perf_counter_ns`` at its end.
Ended = tuple[str, str, bool, int, int]


class Histogram:
    """A count of latencies in buckets that grow with them: quantiles within 3.2 %, from 16 us up.

    A bucket exists once something fell into it, so that a histogram of one route takes about a
    kilobyte, and at most 464 buckets (73 minutes) whatever it is given. Latencies are nanoseconds.
    """

    __slots__ = ("buckets", "count", "highest", "total")

    def __init__(self, latencies: Sequence[int] = ()) -> None:
        # PERF: many at once cost a third of one by one.
        self.buckets = Counter(map(_bucket, latencies))
        self.count, self.total = len(latencies), sum(latencies)
        self.highest = max(latencies, default=0)

    def add(self, other: Histogram) -> None:
        """Count what *other* counted, too."""
        self.buckets.update(other.buckets)
        self.count += other.count
        self.total += other.total
        self.highest = max(self.highest, other.highest)

    def quantiles(self, *wanted: float) -> list[float]:
        """Return, for each of *wanted* (0 to 1, rising), the latency in seconds not exceeded."""
        found, seen, buckets = [], 0, iter(sorted(self.buckets.items()))
        middle = 0.0
        for quantile in wanted:
            rank = ceil(quantile * self.count)
            while seen < rank:
                index, count = next(buckets)
                seen, middle = seen + count, _middle(index)
            found.append(min(middle * 1024, self.highest) / 1e9)
        return found

    def summary(self) -> dict[str, Any]:
        """Return count, mean, max and the QUANTILES, in seconds."""
        found = zip(QUANTILES, self.quantiles(*QUANTILES.values()), strict=True)
        mean = self.total / self.count / 1e9 if self.count else 0.0
        return {"count": self.count, "mean": mean, **dict(found), "max": self.highest / 1e9}


def _bucket(nanoseconds: int) -> int:
    value = nanoseconds >> 10 if nanoseconds < 1 << 42 else 0xFFFFFFFF  # about microseconds
    shift = value.bit_length() - 5
    return value if shift < 0 else _STEPS * shift + (value >> shift)


def _middle(index: int) -> float:
    if index < 2 * _STEPS:
        return index + 0.5
    shift = index // _STEPS - 1
    return (index - _STEPS * shift + 0.5) * (1 << shift)


class Latencies:
    """A histogram for each method and route, and one of the last moments of them all.

    At most *routes* routes are told apart, later ones are counted as ``_OVERFLOW``; methods are
    those of *methods* and ``_OTHER``: what clients send cannot make it grow. The last moments
    are the window that runs and the one before it, each of *window* seconds.
    """

    def __init__(
        self, routes: int = 500, methods: Iterable[str] = KNOWN_METHODS, window: float = 10
    ) -> None:
        self.limit, self.methods = routes, frozenset(methods)
        self._series: dict[tuple[str, str], _Series] = {}
        self._routes: set[str] = {UNMATCHED, OVERFLOW}
        self._windows: dict[int, Histogram] = {}
        self._window = int(window * 1e9)
        self._lock = threading.Lock()

    def count(self, ended: deque[Ended]) -> None:
        """Count the requests that have *ended*, and empty the deque."""
        window = self._window
        alike: defaultdict[tuple[str, str, bool, int], list[int]] = defaultdict(list)
        with self._lock:
            while ended:
                method, route, failed, taken, at = ended.popleft()
                alike[method, route, failed, at // window].append(taken)
            for (method, route, failed, number), latencies in alike.items():
                series = self._series.get((method, route)) or self._new_series(method, route)
                counted = Histogram(latencies)
                series.latency.add(counted)
                series.errors += counted.count if failed else 0
                self._window_at(number).add(counted)

    def labels(self, method: str, route: str) -> tuple[str, str]:
        """Return the method and the route that such a request is counted under."""
        if route not in self._routes:
            with self._lock:
                route = self._admitted(route)
        return method if method in self.methods else OTHER_METHOD, route

    def summary(self) -> list[dict[str, Any]]:
        """Return one entry for each method and route, those that took the most time first."""
        with self._lock:
            by_time = sorted(self._series.items(), key=lambda item: -item[1].latency.total)
            return [entry.summary(*key) for key, entry in by_time]

    def recent(self) -> dict[str, Any]:
        """Return the summary of all routes in the last moments."""
        with self._lock:
            number = perf_counter_ns() // self._window
            both = Histogram()
            for running in (number - 1, number):
                both.add(self._windows.get(running, Histogram()))
            return both.summary()

    def _new_series(self, method: str, route: str) -> _Series:
        known = method if method in self.methods else OTHER_METHOD
        return self._series.setdefault((known, self._admitted(route)), _Series())

    def _admitted(self, route: str) -> str:
        if route not in self._routes:
            if len(self._routes) - 2 >= self.limit:
                return OVERFLOW
            self._routes.add(route)
        return route

    def _window_at(self, number: int) -> Histogram:
        """Return the histogram of the window *number*; forget all but the last two."""
        found = self._windows.setdefault(number, Histogram())
        for old in sorted(self._windows)[:-2]:
            del self._windows[old]
        return found


class _Series:
    """What is known of one method and route."""

    __slots__ = ("errors", "latency")

    def __init__(self) -> None:
        self.latency, self.errors = Histogram(), 0

    def summary(self, method: str, route: str) -> dict[str, Any]:
        """Return the entry of a report."""
        named = {"method": method, "route": route, "errors": self.errors}
        return {**named, **self.latency.summary()}
