"""Which content coding an Accept-Encoding field likes best (RFC 9110, 12.5.3), and its streams."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Iterable
from functools import cache, lru_cache
from importlib import import_module
from typing import Protocol

from cpkit.serving.derived import DerivedBody, close

from .fields import CACHED_FIELDS, elements, is_cacheable, weight

IDENTITY = "identity"
_ALIASES = {"x-gzip": "gzip"}  # RFC 9110, 8.4.1.3


def negotiate_coding(header: str | None, offers: Iterable[str]) -> str | None:
    """Return the coding of *offers* that *header* likes best, or ``"identity"``.

    *offers* are in the server's order, which decides between equal weights; ``"identity"`` need
    not be among them and comes after those that the client names. A request without the field
    gets identity. None: the client excludes identity and takes none of the others (a 406).
    Elements that are malformed are dropped. Raises FieldTooLargeError.
    """
    offered = tuple(offers)
    if header is None:
        return IDENTITY
    return (_remembered if is_cacheable(header) else _choose)(header, offered)


def _choose(header: str, offers: tuple[str, ...]) -> str | None:
    weights = _weights(header)
    rest = weights.get("*")
    best, best_weight = None, 0
    for offer in offers:
        q = weights.get(offer, rest) or 0
        if q > best_weight:
            best, best_weight = offer, q
    # Acceptable unless it is excluded, but whoever names others would rather have those.
    identity = weights.get(IDENTITY, 1 if rest is None or rest else 0)
    return IDENTITY if identity > best_weight else best


_remembered = lru_cache(CACHED_FIELDS)(_choose)


def _weights(header: str) -> dict[str, int]:
    weights: dict[str, int] = {}
    for element in elements(header):
        name, _, parameter = element.partition(";")
        key, _, value = parameter.strip(" \t").partition("=")
        q = weight(value) if key.lower() == "q" else (None if parameter else 1000)
        if q is not None:
            coding = name.strip(" \t").lower()
            weights.setdefault(_ALIASES.get(coding, coding), q)
    return weights


class Compressor(Protocol):
    """A stream of one content coding."""

    def compress(self, data: bytes) -> bytes:
        """Take *data* in; return what is ready to be sent."""

    def flush(self) -> bytes:
        """Return all that was taken in, so that the client can read so far."""

    def finish(self) -> bytes:
        """Return the rest and the end of the stream."""


class Gzip:
    """A gzip stream (RFC 1952), which says neither when nor of what it was made."""

    def __init__(self, level: int | None, size: int | None) -> None:
        # 31: the largest window, and gzip's header in place of zlib's.
        self._stream = zlib.compressobj(5 if level is None else level, zlib.DEFLATED, 31)
        self.compress = self._stream.compress
        self.finish = self._stream.flush

    def flush(self) -> bytes:
        """Return all that was taken in."""
        return self._stream.flush(zlib.Z_SYNC_FLUSH)


class Brotli:
    """A Brotli stream (RFC 7932)."""

    def __init__(self, level: int | None, size: int | None) -> None:
        library = import_module("brotli")
        window = _STREAM_LOG if size is None else _BROTLI_LOG
        self._stream = library.Compressor(quality=4 if level is None else level, lgwin=window)
        self.compress: Callable[[bytes], bytes] = self._stream.process
        self.flush: Callable[[], bytes] = self._stream.flush
        self.finish: Callable[[], bytes] = self._stream.finish


class Zstandard:
    """A Zstandard stream (RFC 8878) whose window every browser has room for (RFC 9659)."""

    def __init__(self, level: int | None, size: int | None) -> None:
        self._library = import_module("zstandard")
        log = _STREAM_LOG if size is None else max(size - 1, 0).bit_length()
        parameters = _zstd_parameters(3 if level is None else level, min(log, _ZSTD_LOG))
        self._stream = self._library.ZstdCompressor(compression_params=parameters).compressobj()
        self.compress: Callable[[bytes], bytes] = self._stream.compress

    def flush(self) -> bytes:
        """Return all that was taken in."""
        block: bytes = self._stream.flush(self._library.COMPRESSOBJ_FLUSH_BLOCK)
        return block

    def finish(self) -> bytes:
        """Return the rest and the end of the frame."""
        rest: bytes = self._stream.flush(self._library.COMPRESSOBJ_FLUSH_FINISH)
        return rest


# Logarithms of windows. That of a stream is held as long as its client takes: with 128 KiB of it
# some percent more are sent, and a third to a hundredth of the memory is held.
_STREAM_LOG = 17
_BROTLI_LOG = 22  # brotli's own
_ZSTD_LOG = 23  # 8 MiB, RFC 9659's limit


@cache
def _zstd_parameters(level: int, log: int) -> object:
    """Return those of *level* for 2**log bytes: their window and tables are no larger."""
    return import_module("zstandard").ZstdCompressionParameters.from_level(
        level, source_size=1 << log
    )


_MADE: dict[str, tuple[str, Callable[[int | None, int | None], Compressor]]] = {
    "zstd": ("zstandard", Zstandard),
    "br": ("brotli", Brotli),
    "gzip": ("zlib", Gzip),
}
CODINGS = tuple(_MADE)
LEVELS = {"zstd": range(-7, 23), "br": range(12), "gzip": range(10)}  # from quick to small


@cache
def is_installed(coding: str) -> bool:
    """Tell whether this process can make *coding*."""
    try:
        import_module(_MADE[coding][0])
    except ImportError:
        return False
    return True


def compressor(coding: str, level: int | None = None, size: int | None = None) -> Compressor:
    """Return a new stream of *coding* at *level* (None: one that costs about as much as gzip's).

    *size* is how many bytes come, all at once; None: nobody knows, or the stream is held for long.
    """
    return _MADE[coding][1](level, size)


def compressed(
    chunks: Iterable[bytes], stream: Compressor, *, flushing: bool
) -> DerivedBody[bytes]:
    """Return *chunks* through *stream*; each on its own where *flushing*, as live streams need.

    What makes the chunks is closed at the end, and when the client is gone.
    """
    return DerivedBody(_through(chunks, stream, flushing), chunks)


def _through(
    chunks: Iterable[bytes], stream: Compressor, flushing: bool
) -> Generator[bytes, None, None]:
    try:
        for chunk in chunks:
            ready = stream.compress(chunk)
            if flushing:
                ready += stream.flush()
            if ready:
                yield ready
        yield stream.finish()
    finally:
        close(chunks)
