"""Read the head of a request from its connection, as little at a time as there is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from .head import CRLF, malformed
from .limits import Limits, RefusedError

_END = CRLF + CRLF
_VERSION = len(b"DELETE  HTTP/1.1\r\n") + 64  # what a request line holds beside its target


class Buffered(Protocol):
    """The bytes of a connection, read ahead into a buffer."""

    def peek(self, size: int, /) -> bytes:
        """Return what is in the buffer, which is filled once if it is empty."""
        ...

    def read(self, size: int, /) -> bytes:
        """Return *size* bytes."""
        ...


def read_head(
    source: Buffered, limits: Limits, seconds: float, begin: Callable[[], object]
) -> bytes:
    """Return a head with its empty line; nothing where the client sends no other request.

    *begin* is called when the first byte has come; from then on *seconds* are left for the rest.
    Raises RefusedError for what can be no head, as soon as that is clear, and TimeoutError.
    """
    head, until, is_first = bytearray(), 0.0, True
    while seen := source.peek(1):
        begin()
        if is_first and seen.startswith(CRLF):  # RFC 9112, 2.2
            source.read(len(CRLF))
            is_first = False
            continue
        # NOTE: from the CR on, whose LF may only now have come.
        is_first, before = False, len(head)
        new_from = before - head.endswith(b"\r")
        head += seen
        end = head.find(_END, max(before - 3, 0))
        source.read(len(seen) if end < 0 else end + len(_END) - before)
        if end >= 0 and end + len(_END) <= limits.max_head_bytes:
            return bytes(head[: end + len(_END)])
        _check_so_far(head, new_from, limits)
        until = until or time.monotonic() + seconds
        if time.monotonic() > until:
            raise TimeoutError("timed out")  # the words that cheroot answers with a 408
    if head:
        malformed("The head of the request ended too early.")
    return b""


def _check_so_far(head: bytearray, start: int, limits: Limits) -> None:
    """Raise RefusedError if *head*, which is new from *start*, is too long or no head at all."""
    if head.count(b"\n", start) != head.count(CRLF, start):
        malformed("Lines of the head end with CR and LF.")
    longest = limits.max_target_bytes + _VERSION
    if len(head) > longest and head.find(CRLF, 0, longest) < 0:
        raise RefusedError(414, "The URI is too long.")
    if len(head) > limits.max_head_bytes:
        raise RefusedError(431, "The header fields are too long.")
