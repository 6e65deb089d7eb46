"""What a request for metrics asks of prometheus_client, as far as that can read it."""

from __future__ import annotations

import re
from typing import Any

from cpkit.errors import FieldTooLargeError
from cpkit.negotiation.codings import negotiate_coding
from cpkit.negotiation.fields import TOKEN, elements, weight

ALLOWED = "GET", "HEAD", "OPTIONS"
VARY = "Accept", "Accept-Encoding"

# Of what a scraper asks for; a version that is none is a 500 there, and any is sent back.
_FORMAT = re.compile(
    rf"(?:text/plain|application/openmetrics-text)((?:[ \t]*;[ \t]*{TOKEN}={TOKEN})*)"
)
_PARAMETER = re.compile(rf"({TOKEN})=({TOKEN})")
_VERSION = re.compile(r"[0-9]\.[0-9]{1,2}\.[0-9]{1,2}")


def readable(environ: dict[str, Any]) -> dict[str, Any]:
    """Return *environ* with what prometheus_client reads as RFC 9110 has it.

    It is left with the formats of Accept whose version and weight are one, and with "gzip" if the
    client likes that best: it takes ``gzip;q=0`` for a wish, and fails at a version such as ``x``.
    """
    read = {**environ, "HTTP_ACCEPT": _formats(environ.get("HTTP_ACCEPT", ""))}
    packed = _likes_gzip(environ.get("HTTP_ACCEPT_ENCODING"))
    read["HTTP_ACCEPT_ENCODING"] = "gzip" if packed else ""
    return read


def _formats(accept: str) -> str:
    try:
        return ",".join(element for element in elements(accept) if _is_format(element))
    except FieldTooLargeError:
        return ""


def _is_format(element: str) -> bool:
    found = _FORMAT.fullmatch(element)
    if found is None:
        return False
    told = dict(_PARAMETER.findall(found[1]))
    version = told.get("version")
    return bool(weight(told.get("q", "1"))) and (
        version is None or bool(_VERSION.fullmatch(version))
    )


def _likes_gzip(accept_encoding: str | None) -> bool:
    try:
        return negotiate_coding(accept_encoding, ("gzip",)) == "gzip"
    except FieldTooLargeError:
        return False
