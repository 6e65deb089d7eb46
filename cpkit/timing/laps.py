"""The phases and spans of a request, and which is in which."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
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
    return nested(timing.laps(), timing.intervals)


def nested(laps: Sequence[Stretch], intervals: Sequence[Stretch]) -> list[Lap]:
    """Return *laps*, which are in nothing, and *intervals*, the longest first.

    One of these is in the shortest longer one that its middle is in: it was added when it was
    over, and may so begin some microseconds late.
    """
    found = [(*lap, -1) for lap in laps]
    # PERF: most are in one and hold none. Only what a middle is in is looked at for each.
    middles = sorted([(started + ended) // 2 for _, started, ended in intervals])
    outer = [
        (ended - started, -place, started, ended)
        for place, (_, started, ended) in enumerate(laps)
        if bisect_left(middles, started) < bisect_right(middles, ended)
    ]
    for name, started, ended in sorted(intervals, key=lambda each: each[1] - each[2]):
        middle, length = (started + ended) // 2, ended - started
        around = [it for it in outer if it[2] <= middle <= it[3] and it[0] >= length]
        if bisect_right(middles, ended) - bisect_left(middles, started) > 1:  # others than its own
            outer.append((length, -len(found), started, ended))
        found.append((name, started, ended, -min(around)[1] if around else -1))
    return found
