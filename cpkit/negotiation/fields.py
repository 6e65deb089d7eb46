"""The grammar that the Accept fields share, a list of weighted elements; and the Vary field."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cpkit.errors import FieldTooLargeError

MAX_CHARACTERS = 8192
MAX_ELEMENTS = 128
CACHED_FIELDS = 256
CACHED_CHARACTERS = 384

TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 (no password)
QUOTED = r'"[^"\\]*(?:\\.[^"\\]*)*"'

# A quoted string that never closes runs to the end of the field, so that time stays linear.
_ELEMENT = re.compile(rf'(?:[^",]+|{QUOTED}?)+', re.DOTALL)
# PERF: those that browsers send.
_COMMON_WEIGHTS = {"1": 1000, **{f"0.{tenth}": 100 * tenth for tenth in range(10)}}
_WEIGHT = re.compile(r"0(?:\.([0-9]*))?|\.([0-9]+)|1(?:\.0*)?")


def elements(field: str) -> list[str]:
    """Split *field* at its commas, those in quoted strings excepted; drop the empty elements.

    Raise :class:`FieldTooLargeError` over 8,192 characters or 128 elements. Source: RFC 9110,
    5.6.1.
    """
    if len(field) > MAX_CHARACTERS:
        raise FieldTooLargeError("characters", len(field), MAX_CHARACTERS)
    parts = _ELEMENT.findall(field) if '"' in field else field.split(",")
    found = [stripped for part in parts if (stripped := part.strip(" \t"))]
    if len(found) > MAX_ELEMENTS:
        raise FieldTooLargeError("elements", len(found), MAX_ELEMENTS)
    return found


def weight(text: str) -> int | None:
    """Return a qvalue in thousandths, or None for what is none. Source: RFC 9110, 12.4.2.

    More lenient than the grammar: ``.5`` is read, and more than three decimals are cut.
    """
    if text in _COMMON_WEIGHTS:
        return _COMMON_WEIGHTS[text]
    # NOTE: never float(): it takes "nan", "inf", "1e9" and digits of other scripts.
    if not (found := _WEIGHT.fullmatch(text)):
        return None
    if text[0] == "1":
        return 1000
    return int(((found[1] or found[2] or "") + "000")[:3])


def is_cacheable(field: str) -> bool:
    """Tell whether *field* may be a cache's key, so that clients cannot fill the memory."""
    # NOTE: beyond ASCII a character takes up to four bytes.
    return len(field) <= CACHED_CHARACTERS and field.isascii()


def vary(existing: str | None, names: Iterable[str]) -> str:
    """Return the Vary field *existing* with *names* added, each once; ``*`` stays alone.

    Source: RFC 9110, 12.5.5.
    """
    found: dict[str, str] = {}
    for part in (existing or "").split(","):
        if name := part.strip():
            found.setdefault(name.lower(), name)
    for name in names:
        found.setdefault(name.lower(), name)
    return "*" if "*" in found else ", ".join(found.values())
