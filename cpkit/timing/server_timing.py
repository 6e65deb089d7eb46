"""The Server-Timing field (W3C): its value, who may read it, and the fields it is sent with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from operator import sub
from time import perf_counter_ns
from typing import Any

from .phases import RequestTiming

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

_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")

Fields = Iterable[tuple[bytes, bytes]]


class SentFields(list[tuple[bytes, bytes]]):
    """The header fields of a response, which mark when the server comes to fetch them.

    That is after the access log was written: the one place between them that can be seen.
    """

    __slots__ = ("marks",)
    marks: list[Any]

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        """Begin the phase "stream" and return an iterator over the fields."""
        self.marks += ("stream", perf_counter_ns())
        return list.__iter__(self)


def sent_with(fields: Fields, timing: RequestTiming, shown: bool) -> SentFields:
    """Return *fields*, with Server-Timing if it is to be *shown*, as those that mark their sending.

    NOTE: not added to response.headers, which the caching tool stores and serves to others.
    """
    sent = SentFields(fields)
    if shown:
        sent.append((b"Server-Timing", server_timing(timing)))
    sent.marks = timing.marks
    return sent


def is_local(environ: Mapping[str, Any]) -> bool:
    """Tell whether the client of this WSGI *environ* is on this machine.

    The peer of the socket must be a loopback address, and no proxy may have forwarded the
    request: what X-Forwarded-For says is never believed. A proxy on this machine that adds none
    of the usual fields cannot be told from a local client.
    """
    peer = environ.get("REMOTE_ADDR", "").removeprefix("::ffff:")
    return (peer.startswith("127.") or peer == "::1") and not any(f in environ for f in _FORWARDED)


def server_timing(timing: RequestTiming) -> bytes:
    """Return *timing*, up to its last mark, as the value of a Server-Timing field (W3C, 3).

    The value is ASCII, at most HEADER_BYTES long and HEADER_METRICS metrics rich: what does not
    fit is dropped from the end, which a last metric ``trunc`` tells. Durations are milliseconds.
    """
    # PERF: requests of one kind have the same phases, so that all of the field but its figures is
    # worked out once; and the loop calls nothing.
    marks = timing.marks
    layout, repeated = _layout(tuple(marks[::2]))
    clocks = marks[1::2]
    lasted = [clocks[-1] - clocks[0], *map(sub, clocks[1:], clocks)]
    for first, again in repeated:
        lasted[first] += lasted.pop(again)
    figures = [
        _SHORT[ns // 1000]
        if ns < _FEW
        else _WHOLE[ns // 1_000_000] + _THOUSANDTHS[ns // 1000 % 1000]
        if ns < _MANY
        else b"%.3f" % (ns // 1000 / 1000)
        for ns in lasted
    ]
    value = layout % tuple(figures)
    traceparent = "" if timing.trace is None else timing.trace.traceparent
    if traceparent:  # by which a browser's own spans are joined to the request's
        value += b', traceparent;desc="%s"' % traceparent.encode()
    if timing.spans:
        for name, (taken, count) in timing.spans.items():
            value += _span_layout(name) % (taken // 1000 / 1000, count)
        return _truncated(value)
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


@lru_cache(maxsize=256)
def _span_layout(name: str) -> bytes:
    """Return the format of a span's metric, which takes its milliseconds and its count."""
    safe = _UNSAFE_NAME.sub("_", name)[:64] or "_"
    described = "" if safe == name else _UNSAFE_TEXT.sub("?", name)[:64] + " "
    told = described.replace("%", "%%").encode()
    return b', %s;dur=%%.3f;desc="%s%%dx"' % (safe.encode(), told)


def _truncated(value: bytes) -> bytes:
    if len(value) <= HEADER_BYTES and value.count(b", ") < HEADER_METRICS:
        return value
    metrics = value.split(b", ")
    value = b", ".join(metrics[: HEADER_METRICS - 1])
    while len(value) > HEADER_BYTES - len(_TRUNCATED):
        value = value[: value.rindex(b", ")]
    return value + _TRUNCATED
