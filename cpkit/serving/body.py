"""A chunked body, read strictly (RFC 9112, 7.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from .head import malformed
from .limits import Limits, RefusedError

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t -~\x80-\xff]*)?\r\n")
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n")
_LINE_BYTES = 1024
_PIECE = 65536
# A chunk costs as much as some hundred bytes: this many may be small, and then their mean counts.
_SMALL_CHUNKS = 500
_MEAN_BYTES = 32


class Reader(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """Return *size* bytes, or fewer where no more will come."""
        ...

    def readline(self, size: int, /) -> bytes:
        """Return a line, or *size* bytes of it."""
        ...


class ChunkedBody:
    """The body of a request that is sent in chunks; *largest* is in bytes, 0 for any size.

    Reading raises RefusedError: 400 for what is no chunk or ends too early, 413 for too much.
    """

    def __init__(self, source: Reader, largest: int, limits: Limits) -> None:
        self._source, self._largest, self._limits = source, largest, limits
        self._left = 0  # of the current chunk
        self._seen = self._chunks = 0
        self._ended = False
        self._trailers: list[bytes] = []

    @property
    def remaining(self) -> int:
        """Return 0 once all has been read, else 1: how much will come is not known."""
        return 0 if self._ended else 1

    def read(self, size: int | None = None) -> bytes:
        """Return *size* bytes of the body, or all that is left of it."""
        wanted = float("inf") if size is None or size < 0 else size
        pieces: list[bytes] = []
        while wanted > 0 and (self._left or self._next_chunk()):
            piece = self._take(self._source.read(int(min(wanted, self._left, _PIECE))))
            pieces.append(piece)
            wanted -= len(piece)
        return b"".join(pieces)

    def readline(self, size: int | None = None) -> bytes:
        """Return a line of the body, or *size* bytes of it."""
        wanted = float("inf") if size is None or size < 0 else size
        pieces: list[bytes] = []
        while wanted > 0 and (self._left or self._next_chunk()):
            piece = self._take(self._source.readline(int(min(wanted, self._left, _PIECE))))
            pieces.append(piece)
            wanted -= len(piece)
            if piece.endswith(b"\n"):
                break
        return b"".join(pieces)

    def read_trailer_lines(self) -> Iterator[bytes]:
        """Yield the lines of the trailer section; CherryPy asks for them once all is read."""
        self.read()
        yield from self._trailers

    def close(self) -> None:
        """Read no more."""
        self._ended, self._left = True, 0

    def _take(self, piece: bytes) -> bytes:
        """Return *piece* of the current chunk, whose end is read with its last byte."""
        if not piece:
            malformed("The body ended too early.")
        self._left -= len(piece)
        if not self._left and self._source.read(2) != b"\r\n":
            malformed("A chunk of the body is malformed.")
        return piece

    def _next_chunk(self) -> bool:
        """Read the size of the next chunk; tell whether there is one."""
        if self._ended:
            return False
        line = self._source.readline(_LINE_BYTES)
        found = _SIZE.fullmatch(line)
        if found is None:
            malformed("The size of a chunk is malformed.")
        self._left = int(found[1], 16)
        self._seen += self._left + len(line)
        if self._largest and self._seen > self._largest:
            raise RefusedError(413, "The body is too large.")
        self._chunks += 1
        if self._chunks > max(_SMALL_CHUNKS, self._seen // _MEAN_BYTES):
            malformed("The chunks of the body are too small.")
        if not self._left:
            self._read_trailers()
            self._ended = True
        return self._left > 0

    def _read_trailers(self) -> None:
        longest = self._limits.max_field_bytes
        while (line := self._source.readline(longest)) != b"\r\n":
            if len(line) >= longest:
                raise RefusedError(431, "A trailer of the body is too long.")
            if not _TRAILER.fullmatch(line):
                malformed("The trailers of the body are malformed.")
            self._trailers.append(line)
            if len(self._trailers) > self._limits.max_fields:
                raise RefusedError(431, "The body has too many trailers.")
