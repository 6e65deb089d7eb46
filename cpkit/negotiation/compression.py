"""What the compress tool does to a request, worked out once for all requests of one setting."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import cherrypy
from cherrypy.lib.encoding import gzip
from cherrypy.lib.httputil import valid_status

from cpkit.cherry import Hook, Request, Response
from cpkit.errors import FieldTooLargeError
from cpkit.settings import FLAG, WHOLE, Allowed, ToolSettings, instance_of, setting

from .codings import (
    CODINGS,
    IDENTITY,
    LEVELS,
    compressed,
    compressor,
    is_installed,
    negotiate_coding,
)
from .fields import TOKEN, vary

START = 20  # before anything is done for a client that takes none of the codings
COMPRESS = 80  # where gzip has it: after encode (70) and etags (75), before caching (90) stores
_LONGEST_CONDITION = 4096  # characters of If-None-Match or If-Match in which tags are looked for
_CODED_TAG = re.compile(r'W/"([^"]*)-(?:zstd|br|gzip)"')
_WITHOUT_BODY = (204, 205, 304)
_PARTIAL = 206  # RFC 9110, 14.1: the ranges are those of the bytes as they are
_RANGES = "multipart/byteranges"
# What is of the bytes as they were: ranges (RFC 9110, 14.3) and digests, old ones too (RFC 9530).
# PERF: as HeaderMap spells them, which then needs no folding of case.
_OF_THE_BYTES = ("Accept-Ranges", "Content-Digest", "Content-Md5", "Digest", "Repr-Digest")
_LARGE = 1 << 20  # bytes from which on a file is compressed while it is sent


# What is text, and made of text: images, archives and most fonts are compressed already.
TEXTS = (
    "text/*",
    "application/json",
    "application/*+json",
    "application/xml",
    "application/*+xml",
    "application/javascript",
    "application/wasm",
    "application/x-ndjson",
    "image/svg+xml",
)


def _are_codings(value: object) -> bool:
    return isinstance(value, Collection) and set(value) <= set(CODINGS)


def _are_levels(levels: Mapping[str, object] | None) -> bool:
    """Tell whether each coding of *levels* has such a one: the others fail at each answer."""
    of = (levels or {}).items()
    return all(type(level) is int and level in LEVELS.get(coding, ()) for coding, level in of)


_TYPE = re.compile(rf"(?!\*){TOKEN}/{TOKEN}")


def _are_types(listed: Collection[object]) -> bool:
    return all(isinstance(it, str) and bool(_TYPE.fullmatch(it.strip())) for it in listed)


@dataclass(frozen=True, kw_only=True)
class CompressSettings(ToolSettings):
    """The settings of the compress tool."""

    encodings: Collection[str] = setting(
        CODINGS,
        "the content codings, in the server's order; those that are not installed are left out",
        instance_of((list, tuple), "a list of codings"),
        Allowed(f"a list of {', '.join(CODINGS)}", _are_codings),
    )
    mime_types: Collection[str] = setting(
        TEXTS,
        "the media types that are compressed, `text/*` and `application/*+json` among them",
        instance_of((list, tuple), "a list of media types"),
        Allowed("a list of media types without parameters, `text/*` among them", _are_types),
    )
    compress_level: int | None = setting(
        None,
        "gzip's level, from 0 to 9 (5 unless it is given)",
        WHOLE.or_none(),
        Allowed("a level from 0 to 9", lambda it: it is None or it in LEVELS["gzip"]),
    )
    levels: Mapping[str, int] | None = setting(
        None,
        "levels by coding, as `{'br': 5}`",
        instance_of(dict, "a dict").or_none(),
        Allowed("levels of zstd from -7 to 22, of br to 11, of gzip to 9", _are_levels),
    )
    min_size: int = setting(500, "bytes under which a body stays as it is", WHOLE)
    debug: bool = setting(False, "log what was chosen", FLAG)


class Compression:
    """One configuration of the tool: its hooks, its codings and its media types."""

    def __init__(self, settings: CompressSettings) -> None:
        self._codings = tuple(each for each in settings.encodings if is_installed(each))
        self._types = MediaTypes(settings.mime_types)
        self._levels = {"gzip": settings.compress_level, **(settings.levels or {})}
        self._min_size, self._debug = settings.min_size, settings.debug
        self._starting = Hook(self.start, priority=START)
        self._finishing = Hook(self.finish, priority=COMPRESS)
        self._unmeasuring = Hook(self.unmeasure, failsafe=True, priority=0)

    def begin(self, request: Request) -> None:
        """Have the answer to *request* compressed."""
        request.hooks["on_start_resource"].append(self._starting)

    def start(self) -> None:
        """Refuse a client that takes none of the codings, and read its entity tags."""
        request = cherrypy.serving.request
        headers = request.headers
        try:
            coding = negotiate_coding(headers.get("Accept-Encoding"), self._codings)
        except FieldTooLargeError as error:
            raise cherrypy.HTTPError(431, str(error)) from error
        request.content_coding = coding
        finishing = request.hooks["before_finalize"]
        # NOTE: CherryPy's own tool, left on, answers 406 to who takes another coding than gzip.
        finishing[:] = [it for it in finishing if it.callback is not gzip]
        finishing.append(self._finishing)
        if coding is None:
            offered = ", ".join((*self._codings, IDENTITY))
            raise cherrypy.HTTPError(406, f"The content codings here are {offered}.")
        for name in ("If-None-Match", "If-Match"):
            _add_plain_tags(headers, name)
        if headers.get("If-Range", "").startswith("W/"):
            # RFC 9110, 13.1.5: a weak tag never fits. CherryPy would send a piece of other bytes.
            headers.pop("Range", None)

    def finish(self) -> None:
        """Compress the answer where the client, its media type and its size allow it."""
        request, response = cherrypy.serving.request, cherrypy.serving.response
        headers = response.headers
        try:
            status = valid_status(response.status)[0]
        except ValueError:  # CherryPy is about to tell of it
            return
        if status in _WITHOUT_BODY:
            _restore_coded_tag(request.headers, headers)
        if getattr(request, "cached", False) or not self._varies(status, headers):
            return
        headers["Vary"] = vary(headers.get("Vary"), ("Accept-Encoding",))
        if status in (*_WITHOUT_BODY, _PARTIAL):
            return
        coding = request.content_coding
        if self._debug:
            cherrypy.log(f"{coding} of {self._codings}", "TOOLS.COMPRESS")
        if coding in (None, IDENTITY) or _is_final(headers) or not response.body:
            return
        size = _size(response)
        is_small = size is not None and size < self._min_size
        if is_small and not self._must_compress(request.headers):
            return
        self._compress(request, response, coding)

    def _varies(self, status: int, headers: Mapping[str, str]) -> bool:
        """Tell whether the answer, or what it stands for, could be in another coding."""
        if status in (304, 406):  # the first has lost its type (RFC 9110, 15.4.5)
            return True
        content_type = headers.get("Content-Type")
        is_ranges = status == _PARTIAL and str(content_type).startswith(_RANGES)
        return status not in _WITHOUT_BODY and (is_ranges or self._types.match(content_type))

    def _compress(self, request: Request, response: Response, coding: str) -> None:
        headers = response.headers
        is_streamed = response.stream or self._is_large_file(response)
        # NOTE: of an answer to HEAD that is no stream CherryPy counts the bytes, and its caching
        # tool keeps them for GET.
        if request.method != "HEAD" or not is_streamed:
            size = None if is_streamed else _size(response)
            stream = compressor(coding, self._levels.get(coding), size)
            body = compressed(response.body, stream, flushing=response.stream)
            # NOTE: a list is what others may look into; only what is no list stays a stream.
            response.body = [b"".join(body)] if isinstance(response.body, list) else body
        headers["Content-Encoding"] = coding
        for name in _OF_THE_BYTES:
            dict.pop(headers, name, None)
        if is_streamed and not response.stream:
            # NOTE: without a length CherryPy would compress it whole first, in memory.
            request.hooks["on_end_resource"].append(self._unmeasuring)
        else:
            dict.pop(headers, "Content-Length", None)
        if "ETag" in headers:
            headers["ETag"] = coded_tag(str(headers["ETag"]), coding)

    @staticmethod
    def _is_large_file(response: Response) -> bool:
        """Tell whether a body that CherryPy sends piece by piece is too much to be held."""
        if isinstance(response.body, list) or response.headers.get("Content-Length") is None:
            return False
        return (_size(response) or 0) >= _LARGE

    @staticmethod
    def unmeasure() -> None:
        """Take off the length that the bytes had before they were compressed."""
        response = cherrypy.serving.response
        response.headers.pop("Content-Length", None)
        fields = response.header_list or []
        response.header_list = [it for it in fields if it[0].lower() != b"content-length"]

    @staticmethod
    def _must_compress(headers: Mapping[str, str]) -> bool:
        """Tell whether the client excludes the bytes as they are."""
        return negotiate_coding(headers.get("Accept-Encoding"), ()) is None


class MediaTypes:
    """A list of media types, ``text/*`` and ``application/*+json`` among them."""

    def __init__(self, listed: Iterable[str]) -> None:
        lowered = [each.strip().lower() for each in listed]
        self._exact = frozenset(lowered)
        self._prefixes = tuple(each[:-1] for each in lowered if each.endswith("/*"))
        parts = (each.partition("*") for each in lowered if "*+" in each)
        self._around = tuple((start, end) for start, _, end in parts)

    def match(self, content_type: str | None) -> bool:
        """Tell whether a Content-Type field names a type of the list."""
        name = (content_type or "").partition(";")[0].strip().lower()
        return (
            name in self._exact
            or name.startswith(self._prefixes)
            or any(name.startswith(start) and name.endswith(end) for start, end in self._around)
        )


def coded_tag(tag: str, coding: str) -> str:
    """Return the entity tag of what *tag* names, in *coding*: a weak one (RFC 9110, 8.8.1)."""
    return f'W/"{tag.removeprefix("W/").strip(chr(34))}-{coding}"'


def _add_plain_tags(headers: dict[str, str], name: str) -> None:
    """Add the tags without their coding, so that what compares them knows its own."""
    field = headers.get(name, "")
    if not field or len(field) > _LONGEST_CONDITION:
        return
    plain = [f'"{tag}", W/"{tag}"' for tag in _CODED_TAG.findall(field)]
    if plain:
        headers[name] = ", ".join((field, *plain))


def _restore_coded_tag(asked: Mapping[str, str], headers: dict[str, str]) -> None:
    """Have a 304 name the tag by which the client has the answer (RFC 9110, 15.4.5)."""
    tag = str(headers.get("ETag", "")).removeprefix("W/").strip('"')
    for found in _CODED_TAG.finditer(asked.get("If-None-Match", "")[:_LONGEST_CONDITION]):
        if tag and found[1] == tag:
            headers["ETag"] = found[0]


def _is_final(headers: Mapping[str, str]) -> bool:
    """Tell whether nobody may change the bytes: they are coded, or not to be transformed."""
    control = str(headers.get("Cache-Control", "")).lower()  # of a number CherryPy makes text
    return "Content-Encoding" in headers or "no-transform" in control


def _size(response: Response) -> int | None:
    """Return how many bytes the body has, as far as that is known."""
    length = response.headers.get("Content-Length")
    if length is not None and str(length).isdecimal():
        return int(length)
    body = response.body
    return sum(map(len, body)) if isinstance(body, list) else None
