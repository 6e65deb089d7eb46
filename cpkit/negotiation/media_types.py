"""Which of the media types on offer an Accept field likes best (RFC 9110, 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from cpkit.errors import InvalidOfferError, MalformedFieldError

from .fields import CACHED_FIELDS, QUOTED, TOKEN, elements, is_cacheable, weight

Parameters = Mapping[str, str]

_TYPE = re.compile(rf"({TOKEN}/{TOKEN}|\*)")
# PERF: nearly every element of a real field is a type with or without a weight: one match.
_PLAIN = re.compile(rf"({TOKEN}/{TOKEN}|\*)(?:[ \t]*;[ \t]*[qQ]=([0-9.]*))?")
_PARAMETER = re.compile(rf"[ \t]*;[ \t;]*(?:({TOKEN})=({TOKEN}|{QUOTED}))?", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Offer(NamedTuple):
    """Hold a media type that a server can make; *text* is the offer as the server wrote it."""

    text: str
    kind: str
    family: str
    parameters: Parameters


class Ranges(NamedTuple):
    """Hold the media ranges of a field: weights by type, and those that name parameters."""

    plain: dict[str, int]
    detailed: dict[str, list[tuple[Parameters, int]]]


Rank = tuple[int, int, int]
UNACCEPTABLE: Rank = (0, 0, 0)


def negotiate(header: str | None, offers: Iterable[str], *, strict: bool = False) -> str | None:
    """Return the offer that *header* likes best, exactly as given, or None if it likes none.

    *header* is the value of the Accept field (several lines joined by commas), None when there
    is none; *offers* are media types in the server's order of preference. Source: RFC 9110,
    12.4.2 and 12.5.1. Where it leaves the choice open:

    - Equal weights: the more specific range wins, then the earlier offer.
    - An empty field, or one without any valid element, counts as absent: the first offer.
    - A malformed element is dropped; with *strict* it raises :class:`MalformedFieldError`.
    - ``q=.5`` and more than three decimals are read; ``*`` is ``*/*``.
    - A charset in a range is ignored where the offer has none; other parameters must be there.
    - The same range twice: its highest weight.

    Raise :class:`FieldTooLargeError` over 8,192 characters or 128 elements and
    :class:`InvalidOfferError` for an offer that is no media type.
    """
    offers = (offers,) if isinstance(offers, str) else tuple(offers)
    if header is None:
        parsed = parse_offers(offers)
        return parsed[0].text if parsed else None
    if is_cacheable(header):
        return _remembered(header, offers, strict)
    return _choose(header, offers, strict)


@lru_cache(CACHED_FIELDS)
def parse_offers(offers: tuple[str, ...]) -> tuple[Offer, ...]:
    """Parse the media types on offer. Raise :class:`InvalidOfferError` for one that is none."""
    return tuple(_offer(text) for text in offers)


def _choose(header: str, offers: tuple[str, ...], strict: bool) -> str | None:
    parsed = parse_offers(offers)
    ranges = _parse(header, strict)
    best, chosen = UNACCEPTABLE, None
    for offer in parsed:
        rank = _rank(offer, ranges)
        if rank[0] and rank > best:
            best, chosen = rank, offer.text
    if chosen is None and parsed and not (ranges.plain or ranges.detailed):
        return parsed[0].text
    return chosen


_remembered = lru_cache(CACHED_FIELDS)(_choose)


def _rank(offer: Offer, ranges: Ranges) -> Rank:
    """Return the weight of the most specific range that covers *offer*, and how specific it is."""
    plain, detailed = ranges
    for specificity, key in ((3, offer.kind), (2, offer.family), (1, "*/*")):
        if key in detailed and (found := _detailed_rank(offer, detailed[key], specificity)):
            return found
        if key in plain:
            return plain[key], specificity, 0
    return UNACCEPTABLE


def _detailed_rank(
    offer: Offer, candidates: list[tuple[Parameters, int]], specificity: int
) -> Rank | None:
    covering = []
    for parameters, q in candidates:
        if "charset" in parameters and "charset" not in offer.parameters:
            parameters = {key: parameters[key] for key in parameters if key != "charset"}
        if parameters.items() <= offer.parameters.items():
            covering.append((len(parameters), q))
    if not covering:
        return None
    count, q = max(covering)
    return q, specificity, count


def _parse(header: str, strict: bool) -> Ranges:
    ranges = Ranges({}, {})
    for element in elements(header):
        if simple := _PLAIN.fullmatch(element):
            kind, text = simple.groups()
            q, parameters = (1000 if text is None else weight(text)), None
        else:
            kind, parameters, q = _detail(element)
        if q is None:
            if strict:
                raise MalformedFieldError(element)
            continue
        _add(ranges, "*/*" if kind == "*" else kind.lower(), parameters, q)
    return ranges


def _add(ranges: Ranges, kind: str, parameters: Parameters | None, q: int) -> None:
    if parameters:
        ranges.detailed.setdefault(kind, []).append((parameters, q))
    elif q > ranges.plain.get(kind, -1):
        ranges.plain[kind] = q


def _detail(element: str) -> tuple[str, Parameters, int | None]:
    """Split a media range into type, parameters and weight (None: the element is malformed)."""
    found = _TYPE.match(element)
    parameters = _parameters(element, found.end()) if found else None
    if found is None or parameters is None:
        return "", {}, None
    # RFC 9110, 12.5.1: a parameter named q is the weight, wherever it stands.
    return found[0], parameters, weight(parameters.pop("q", "1"))


def _parameters(text: str, start: int) -> dict[str, str] | None:
    """Parse ``;name=value`` from *start* to the end; empty ones are allowed (RFC 9110, 5.6.6)."""
    parameters: dict[str, str] = {}
    while start < len(text):
        found = _PARAMETER.match(text, start)
        if not found:
            return None
        start = found.end()
        if name := found[1]:
            parameters.setdefault(name.lower(), _value(name.lower(), found[2]))
    return parameters


def _value(name: str, text: str) -> str:
    if name == "charset":
        text = text.lower()
    if text[0] == '"' and name != "q":
        return _ESCAPED.sub(r"\1", text[1:-1])
    return text


def _offer(text: str) -> Offer:
    found = _TYPE.match(text) if isinstance(text, str) else None
    parameters = _parameters(text, found.end()) if found else None
    if found is None or parameters is None or "*" in found[0] or "q" in parameters:
        raise InvalidOfferError(text, "a media type without wildcard and q", "text/html")
    kind = found[0].lower()
    return Offer(text, kind, kind.partition("/")[0] + "/*", parameters)
