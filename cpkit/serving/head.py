"""The head of a request, read strictly: request line and fields (RFC 9112, 2 to 6)."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from typing import NoReturn

from .escapes import has_too_many_bad_escapes, unquoted
from .limits import Limits, RefusedError

CRLF = b"\r\n"
# What bytes.translate() takes away of a head, or of a field name, that is well-formed.
_TEXT = bytes({*b"\t\r\n", *range(0x20, 0x7F), *range(0x80, 0x100)})
_TOKEN = f"!#$%&'*+-.^_`|~{string.ascii_letters}{string.digits}".encode()
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP/([0-9])\.([0-9])")
_ABSOLUTE = re.compile(rb"https?://([^/?]*)(.*)", re.IGNORECASE)
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*(?::[0-9]{0,5})?")
_ADDRESS = re.compile(rb"\[([0-9A-Fa-f:.]{2,45})\](?::[0-9]{0,5})?")
_SLASH = re.compile(rb"%2F", re.IGNORECASE)

# Fields that are lists: their lines are joined (RFC 9110, 5.3). Of others the last line counts,
# as with CherryPy's own server: it is the one that a proxy has added.
_LISTS = {
    b"Accept", b"Accept-Charset", b"Accept-Encoding", b"Accept-Language", b"Accept-Ranges",
    b"Allow", b"Cache-Control", b"Connection", b"Content-Encoding", b"Content-Language", b"Expect",
    b"If-Match", b"If-None-Match", b"Pragma", b"Te", b"Trailer", b"Transfer-Encoding", b"Upgrade",
    b"Vary", b"Via", b"Warning",
}  # fmt: skip
# Fields of which two would be read one way here and another way elsewhere.
_ONCE = {b"Authorization", b"Content-Length", b"Content-Type", b"Host", b"Origin", b"Range"}


@dataclass
class Head:
    """The request line and the fields of a request, and where the request ends.

    *path* is decoded except for ``%2F``, as CherryPy's server hands it on; names of *fields* are
    in title case. *length* is that of the body in bytes, unless it is *chunked*. *persistent*
    tells whether the client would like to send another request.
    """

    method: bytes
    target: bytes
    authority: bytes
    path: bytes
    query: bytes
    version: tuple[int, int]
    fields: dict[bytes, bytes]
    length: int = 0
    chunked: bool = False
    persistent: bool = True


def parse_head(head: bytes, limits: Limits) -> Head:
    """Return what *head*, which ends with its empty line, says; raise RefusedError if it is none.

    Names that hold an underscore are left out: WSGI could not tell them from those with a hyphen.
    """
    lines = head[:-4].split(CRLF)
    if len(lines) > limits.max_fields + 1:
        raise RefusedError(431, f"More than {limits.max_fields} header fields.")
    if head.translate(None, _TEXT) or not len(lines) + 1 == head.count(b"\r") == head.count(b"\n"):
        malformed("The head of the request holds a control character.")
    parsed = _request_line(lines[0], limits)
    parsed.fields = _fields(lines[1:], limits.max_field_bytes)
    _check_host(parsed)
    if parsed.authority:
        parsed.fields[b"Host"] = parsed.authority  # RFC 9112, 3.2.2
    _frame(parsed)
    return parsed


def malformed(reason: str) -> NoReturn:
    """Raise the refusal of a request that breaks the grammar."""
    raise RefusedError(400, reason)


def _request_line(line: bytes, limits: Limits) -> Head:
    found = _LINE.fullmatch(line)
    if found is None:
        malformed("The request line is malformed.")
    method, target, major, minor = found.groups()
    if len(target) > limits.max_target_bytes:
        raise RefusedError(414, "The URI is too long.")
    version = int(major), int(minor)
    if version not in ((1, 0), (1, 1)):
        raise RefusedError(505, "This server speaks HTTP/1.0 and HTTP/1.1.")
    if method.upper() != method or len(method) > 64:
        malformed("The method is malformed: methods are in capitals.")
    if method == b"CONNECT":
        malformed("This server is no proxy.")
    authority, origin = b"", target
    if target[:1] != b"/":
        authority, origin = _absolute(method, target)
    raw, _, query = origin.partition(b"?")
    if b"#" in target:
        malformed("A request has no fragment.")
    return Head(method, target, authority, _decoded(raw), query, version, {})


def _absolute(method: bytes, target: bytes) -> tuple[bytes, bytes]:
    """Return authority and origin of a *target* that is no path (RFC 9112, 3.2.2 and 3.2.4)."""
    if target == b"*" and method == b"OPTIONS":
        return b"", b"/*"
    found = _ABSOLUTE.fullmatch(target)
    if found is None or not found[1] or not is_host(found[1]):
        malformed("The target of the request is malformed.")
    return found[1], found[2] if found[2][:1] == b"/" else b"/" + found[2]


def _decoded(path: bytes) -> bytes:
    if b"%" not in path:
        return path
    if has_too_many_bad_escapes(path):
        malformed("The path of this URL is malformed.")
    return b"%2F".join(unquoted(part) for part in _SLASH.split(path))


def _fields(lines: list[bytes], longest: int) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for line in lines:
        if len(line) > longest:
            raise RefusedError(431, f"A header field is longer than {longest} bytes.")
        name, colon, value = line.partition(b":")
        # NOTE: this is where white space before the colon, and a folded line, fail.
        if not name or not colon or name.translate(None, _TOKEN):
            malformed("A header field is malformed.")
        if b"_" in name:
            continue
        name, value = name.title(), value.strip(b" \t")
        if name in fields:
            value = _joined(name, fields[name], value)
        fields[name] = value
    return fields


def _joined(name: bytes, first: bytes, second: bytes) -> bytes:
    if name in _ONCE:
        malformed(f"The header field {name.decode()} is there twice.")
    if name == b"Cookie":  # RFC 6265, 5.4
        return first + b"; " + second
    return first + b", " + second if name in _LISTS and first else second


def is_host(value: bytes) -> bool:
    """Tell whether *value* is a host, with or without a port (RFC 9110, 4.2 and 7.2)."""
    if value[:1] != b"[":
        return _HOST.fullmatch(value) is not None
    found = _ADDRESS.fullmatch(value)
    try:
        return found is not None and bool(IPv6Address(found[1].decode()))
    except AddressValueError:
        return False


def _check_host(head: Head) -> None:
    host = head.fields.get(b"Host")
    if host is None and head.version == (1, 1):
        malformed("HTTP/1.1 requires a Host header field.")
    if host and not is_host(host):
        malformed("The header field Host is malformed.")


def _frame(head: Head) -> None:
    """Find out where the body ends, and whether another request may follow (RFC 9112, 6 and 9)."""
    fields = head.fields
    coding, length = fields.get(b"Transfer-Encoding"), fields.get(b"Content-Length")
    if coding is not None:
        if length is not None or head.version == (1, 0):
            malformed("The length of the body is unclear.")
        if coding.lower() != b"chunked":
            # A coding that is not known is a 501; one that is nowhere or not last, a 400.
            known = coding.lower().replace(b"chunked", b"").strip(b" \t,")
            raise RefusedError(501 if known else 400, "The body may be chunked, and nothing else.")
        head.chunked = True
    elif length is not None:
        if not length.isdigit():
            malformed("The length of the body is unclear.")
        if len(length) > 18:
            raise RefusedError(413, "The body is too large.")
        head.length = int(length)
    head.persistent = head.version == (1, 1)
    if b"Connection" in fields:
        options = [option.strip() for option in fields[b"Connection"].lower().split(b",")]
        head.persistent = b"close" not in options and (head.persistent or b"keep-alive" in options)
