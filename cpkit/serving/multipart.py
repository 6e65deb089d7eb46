"""The parts of a multipart body, read in time that grows with their length (RFC 2046, 5.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from .head import CRLF, malformed
from .limits import Limits, RefusedError
from .values import check_content_disposition, check_content_type

PREAMBLE_BYTES = 4096
_HEADERS = 32
_NESTED = 4
_PADDING = 256  # what may follow a boundary on its line
_FOLD = re.compile(rb"\r\n[ \t]+")
_LIMITS = Limits()  # those of a part's fields


class Source(Protocol):
    """CherryPy's reader of a body. What was read too much is put into its *buffer* again."""

    buffer: bytes
    bytes_read: int
    bufsize: int

    def read(self, size: int) -> bytes:
        """Return *size* bytes, or fewer at the end of the body."""
        ...


def _is_multipart(content_type: str) -> bool:
    return content_type[:40].lower().lstrip().startswith("multipart/")


def begins_with_boundary(data: bytes, boundary: bytes) -> bool:
    """Tell whether the line of *boundary* is among the first of *data*, or the one that closes.

    A browser sends the closing one alone for a form without fields.
    """
    lines = data[:PREAMBLE_BYTES].split(b"\n")
    marks = (b"--" + boundary, b"--" + boundary + b"--")
    return any(line.strip() in marks for line in lines)


def read_headers(source: Source, limits: Limits) -> dict[str, str]:
    """Return the header fields of the part that begins here; raise RefusedError if it has none.

    A source has at most *max_parts*.
    """
    _count(source, "parts_seen", limits.max_parts, "The body has too many parts.")
    data = CRLF + source.read(source.bufsize)
    end = data.find(CRLF + CRLF)
    if end < 0:
        malformed("The fields of a part are too long, or end too early.")
    _put_back(source, data[end + 4 :])
    lines = _FOLD.sub(b" ", data[2:end]).split(CRLF) if end else []
    if len(lines) > _HEADERS:
        raise RefusedError(431, "A part has too many fields.")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not name.strip() or "\n" in value:
            malformed("A field of a part is malformed.")
        name, value = name.strip().title(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    _check(source, headers)
    return headers


def count_file(source: Source, limits: Limits) -> None:
    """Count a file that is about to be made; a source has at most *max_files*."""
    _count(source, "files_seen", limits.max_files, "The body has too many files.")


def _check(source: Source, headers: dict[str, str]) -> None:
    kind = headers.get("Content-Type", "")
    check_content_type(kind, _LIMITS)
    check_content_disposition(headers.get("Content-Disposition", ""), _LIMITS)
    if _is_multipart(kind):
        _count(source, "nested_seen", _NESTED, "The parts of the body are nested too deeply.")


def _count(source: Source, name: str, most: int, reason: str) -> None:
    count = getattr(source, name, 0) + 1
    setattr(source, name, count)
    if count > most:
        raise RefusedError(413, reason)


def read_content(source: Source, boundary: bytes, write: Callable[[bytes], object]) -> bool:
    """Have *write* called with the content of a part; tell whether the part is the last."""
    window, start = b"\n", 1  # as if a line had ended: the content may be empty
    while True:
        data = source.read(source.bufsize)
        window += data
        found = _find(boundary, window, whole=not data)
        if found is not None:
            at, after, is_last = found
            write(window[start:at].removesuffix(b"\r") if at > start else b"")
            _put_back(source, window[after:])
            return is_last
        if not data:
            malformed("The body ended too early.")
        kept = _where_boundary_may_begin(window, len(boundary))
        if kept > start:
            write(window[start:kept])
            window, start = window[kept:], 0


def _find(boundary: bytes, window: bytes, whole: bool) -> tuple[int, int, bool] | None:
    """Return where the line of *boundary* begins and ends, and whether it is the last of all."""
    # PERF: one search, since a part may hold many lines that only begin as the boundary does.
    line = rb"\n%s(--)?[ \t\r\v\f]*(?:\n%s)" % (re.escape(boundary), rb"|\Z" if whole else b"")
    found = re.search(line, window)
    return found and (found.start(), found.end(), found[1] is not None)


def _where_boundary_may_begin(window: bytes, length: int) -> int:
    line = window.rfind(b"\n", max(len(window) - length - _PADDING, 0))
    at = line if line >= 0 else len(window)
    return at - 1 if window[:at].endswith(b"\r") else at


def _put_back(source: Source, rest: bytes) -> None:
    source.buffer = rest + source.buffer
    source.bytes_read -= len(rest)
