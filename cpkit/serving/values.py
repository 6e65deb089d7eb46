"""Judge what CherryPy and the standard library are about to parse.

Some of their parsers take time that grows with the square of a field's length, or raise what
becomes a 500. What they would choke on is refused here, before them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.errors import MessageError
from email.header import decode_header
from typing import Any

from .charsets import known
from .head import is_host, malformed
from .limits import Limits, RefusedError

# The steps that a parser may take over one field, about: a millisecond's.
_STEPS = 100_000
_COOKIE_STEPS = 20_000
_COOKIES = 300
_ENCODED_WORDS = 16

_SEPARATORS = re.compile(r"[;\s]+")
_NOT_IN_COOKIE = re.compile(r"[^\w!#%&'~`><@,:/$*+\-.^|)(?}{=\[\]]", re.ASCII)
_IMAGE_MAP = re.compile(r"[0-9]+,[0-9]+")
_POINT = re.compile(r"[0-9]{1,9},[0-9]{1,9}(?:,.*)?", re.DOTALL)
# RFC 9110, 14.1.1; more than four ranges are nobody's need, and each is a copy of the file.
_RANGE = r"\s*(?:[0-9]{1,15}-[0-9]{0,15}|-[0-9]{1,15})\s*"
_RANGES = re.compile(rf"bytes={_RANGE}(?:,{_RANGE}){{0,3}}", re.IGNORECASE)
_PLAIN_HOST = re.compile(r"[0-9A-Za-z.-]{1,255}(?::[0-9]{1,5})?")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_WORD = re.compile(r"=\?[^?]*\?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NO_NUMBER = re.compile(r"[0-9]{19}|[^\x00-\x7f]")
# Wherever CherryPy may find such a parameter: also in quotes, and in elements that it passes over.
_CHARSET = re.compile(r"charset\s*=\s*\"?([^\s\";,]*)", re.IGNORECASE)
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = rf"\s*;\s*({_NAME})=(\"[^\"\\]*\"|[^\s\";,]+)"
_MULTIPART = re.compile(rf"\s*multipart/{_NAME}(?:{_PARAMETER})+\s*;?\s*", re.IGNORECASE)
_PARAMETERS = re.compile(_PARAMETER)
_BOUNDARY = re.compile(r"[ -~]{0,200}[!-~]")
_NUMBER = r"(?:[0-9]{1,9}\.?[0-9]{0,9}|\.[0-9]{1,9})"
_NO_WEIGHT = re.compile(rf";\s*q\s*=(?!\s*\"?{_NUMBER}\"?\s*(?:[,;]|$))", re.IGNORECASE)
_EXTENDED = re.compile(r"filename\*\s*=\s*\"?([^;,\"]*)", re.IGNORECASE)
_EXTENDED_VALUE = re.compile(r"([\w.-]+)'[\w-]*'[^']*", re.ASCII)  # RFC 8187, 3.2

Fields = Mapping[str, Any]
Judge = Callable[[str, Limits], None]


def check_path(environ: Fields, limits: Limits) -> None:
    """Raise RefusedError if the path of *environ* is too long or too deep."""
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    if len(path) > limits.max_path_bytes or path.count("/") > limits.max_path_segments:
        raise RefusedError(414, "The path of this URL is too long.")


def check_request(environ: Fields, limits: Limits) -> None:
    """Raise RefusedError if the query or a field of *environ* is not to be parsed."""
    query = environ.get("QUERY_STRING")
    if query:
        check_query(query, limits)
    longest = limits.max_field_bytes
    # PERF: all is looked at, since asking for the names of the fields first takes longer.
    for name, value in environ.items():
        if type(value) is str and (len(value) > longest or "=?" in value):
            _check_any(name, value, longest, limits)
    for name in environ.keys() & JUDGES.keys():
        if environ[name]:
            JUDGES[name](environ[name], limits)


def _check_any(name: str, value: str, longest: int, limits: Limits) -> None:
    if not name.startswith("HTTP_") and name != "CONTENT_TYPE":
        return
    if len(value) > longest:
        raise RefusedError(431, f"A header field is longer than {longest} bytes.")
    if "=?" in value and not _is_decodable(value):
        malformed("A header field cannot be decoded.")


def _is_decodable(value: str) -> bool:
    """Tell whether the encoded words of *value* (RFC 2047) are text, as CherryPy reads them."""
    if value.count("=?") > _ENCODED_WORDS:
        return False
    if not _WORD.search(value):
        return True
    try:
        atoms = decode_header(value)
        if all(charset is None for _, charset in atoms):
            return True
        # NOTE: an atom without a charset is bytes beside the others, and CherryPy fails to join.
        return all(
            charset is not None and known(charset) and not _CONTROL.search(atom.decode(charset))
            for atom, charset in atoms
        )
    except (MessageError, LookupError, ValueError):
        return False


def check_query(query: str, limits: Limits) -> None:
    """Raise RefusedError for a query of too many fields, or an image map's of too many digits."""
    if query.count("&") + query.count(";") >= limits.max_query_fields:
        malformed(f"The query has more than {limits.max_query_fields} fields.")
    if _IMAGE_MAP.match(query) and not _POINT.fullmatch(query):
        malformed("The point of the image map is malformed.")


def is_range(environ: Fields) -> bool:
    """Tell whether a Range is one that CherryPy can read; else none counts (RFC 9110, 14.2)."""
    return environ["REQUEST_METHOD"] == "GET" and bool(_RANGES.fullmatch(environ["HTTP_RANGE"]))


def _elements(value: str, limits: Limits) -> None:
    if (value.count(",") + value.count(";")) * (len(value) + 100) > _STEPS:
        raise RefusedError(431, "A header field has too many elements.")


def check_content_type(value: str, limits: Limits) -> None:
    """Raise RefusedError for a charset that is not known, or a multipart without a boundary."""
    _elements(value, limits)
    if not limits.checks_content_type:
        return
    if not all(known(charset) for charset in _CHARSET.findall(value)):
        malformed("The charset of the body is not known.")
    if "multipart/" not in value.lower():
        return
    if boundary_of(value) is None:
        malformed("The boundary of the body is malformed.")


def boundary_of(value: str) -> str | None:
    """Return the boundary of a multipart body, None where a Content-Type of *value* has none."""
    if not _MULTIPART.fullmatch(value):
        return None
    found = [text for name, text in _PARAMETERS.findall(value) if name.lower() == "boundary"]
    boundary = found[0].strip('"') if len(found) == 1 else ""
    return boundary if _BOUNDARY.fullmatch(boundary) else None


def check_content_disposition(value: str, limits: Limits) -> None:
    """Raise RefusedError for a file's name that cannot be decoded."""
    _elements(value, limits)
    for name in _EXTENDED.findall(value):
        found = _EXTENDED_VALUE.fullmatch(name.strip())
        if found is None or not known(found[1]):
            malformed("The file's name cannot be decoded.")


def _cookie(value: str, limits: Limits) -> None:
    if value.count(";") + value.count(" ") > 2 * _COOKIES:
        raise RefusedError(431, f"There are more than {_COOKIES} cookies.")
    if value.count("\\") * len(value) > _STEPS:
        malformed("The header field Cookie is malformed.")
    if value.count("=") * len(value) <= _COOKIE_STEPS:
        return
    # Where a value is followed by what cannot be in it, each equals sign is tried as the first.
    steps = sum(
        token.count("=") * len(token)
        for token in _SEPARATORS.split(value)
        if _NOT_IN_COOKIE.search(token)
    )
    if steps > _COOKIE_STEPS:
        malformed("The header field Cookie is malformed.")


def _accept_charset(value: str, limits: Limits) -> None:
    _elements(value, limits)
    for element in value.split(","):
        name = element.partition(";")[0].strip()
        if name not in ("", "*") and not known(name):
            malformed("The header field Accept-Charset names what is no charset.")


def _accept_encoding(value: str, limits: Limits) -> None:
    _elements(value, limits)
    if _NO_WEIGHT.search(value):
        malformed("The header field Accept-Encoding is malformed.")


def _cache_control(value: str, limits: Limits) -> None:
    _elements(value, limits)
    if _NO_NUMBER.search(value):
        malformed("The header field Cache-Control is malformed.")


def _hosts(value: str, limits: Limits) -> None:
    if _PLAIN_HOST.fullmatch(value):  # PERF: nearly all
        return
    _elements(value, limits)
    hosts = (_SCHEME.sub("", host.strip()) for host in value.split(","))
    if not all(is_host(host.encode("latin-1", "replace")) for host in hosts):
        malformed("A header field that names a host is malformed.")


JUDGES: dict[str, Judge] = {
    "CONTENT_TYPE": check_content_type,
    "HTTP_ACCEPT": _elements,
    "HTTP_ACCEPT_CHARSET": _accept_charset,
    "HTTP_ACCEPT_ENCODING": _accept_encoding,
    "HTTP_ACCEPT_LANGUAGE": _elements,
    "HTTP_ACCEPT_RANGES": _elements,
    "HTTP_AUTHORIZATION": _elements,
    "HTTP_CACHE_CONTROL": _cache_control,
    "HTTP_CONTENT_DISPOSITION": check_content_disposition,
    "HTTP_CONTENT_ENCODING": _elements,
    "HTTP_COOKIE": _cookie,
    "HTTP_HOST": _hosts,
    "HTTP_IF_MATCH": _elements,
    "HTTP_IF_NONE_MATCH": _elements,
    "HTTP_PRAGMA": _elements,
    "HTTP_TE": _elements,
    "HTTP_X_FORWARDED_HOST": _hosts,
}
"""How each field that is parsed is judged, by its name in WSGI's environment."""
