"""The phases and spans of a request, and which is in which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from time import perf_counter_ns

from .phases import RequestTiming

Stretch = tuple[str, int, int]  # an Interval, or what is like one
Lap = tuple[str, int, int, int]  # one, and the place of that which it is in; -1: the request


def laps_of(timing: RequestTiming) -> Iterable[Lap]:
    """Return the phases and spans of *timing*, each after that which it is in."""
    if not timing.intervals:  # PERF: nothing is in anything
        starts = timing.marks[1::2]
        ends = [*starts[1:], timing.ended or perf_counter_ns()]
        return zip(timing.marks[::2], starts, ends, repeat(-1), strict=False)
    return [(*it, parent) for _, parent, it in nested(timing.laps(), timing.intervals)]


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
