"""Pure: HTTP/1.1 as a load driver speaks it, and what its latencies come to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.benchmarks.estimates import quantile

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
COOKIE = re.compile(rb"\r\nset-cookie: *([^;\r]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """Hold what the driver needs to know of a response that is complete."""

    status: int
    closes: bool
    cookie: bytes | None
    body: bytes = b""


def request(
    method: str, path: str, host: str, headers: Mapping[str, str], body: bytes = b""
) -> bytes:
    """Return the bytes of a request, but for the cookie and the empty line."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if method not in ("GET", "HEAD"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode()


def answer(received: bytes, ended: bool = False) -> Answer | None:
    """Return the response in *received*, None while it is incomplete.

    *ended* says that the server has closed: a body without a length is complete then.
    """
    head, empty, body = received.partition(b"\r\n\r\n")
    if not empty or not _is_complete(head, body, ended):
        return None
    cookie = COOKIE.search(head)
    closes = ended or bool(CLOSE.search(head)) or head.startswith(b"HTTP/1.0")
    return Answer(int(head[9:12]), closes, cookie[1] if cookie else None, body)


def _is_complete(head: bytes, body: bytes, ended: bool) -> bool:
    length = LENGTH.search(head)
    if length:
        return len(body) >= int(length[1])
    if CHUNKED.search(head):
        return body.endswith(b"0\r\n\r\n")
    return ended or head[9:12] in (b"204", b"304")


def summary(
    seconds: float, latencies: Sequence[float], statuses: Mapping[str, int]
) -> dict[str, object]:
    """Return what a run came to: requests a second, latencies in milliseconds, statuses.

    *statuses* counts the answers by status, and beside them "timeout" and "broken".
    """
    good = sum(count for status, count in statuses.items() if status.startswith("2"))
    total = sum(statuses.values())
    return {
        "seconds": round(seconds, 3),
        "rate": round(good / seconds, 1),
        "answered": good,
        "errors": total - good,
        "statuses": dict(sorted(statuses.items())),
        **{
            name: round(1000 * quantile(latencies, share), 2) if latencies else None
            for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))
        },
    }
