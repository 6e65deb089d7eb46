"""Which of the media types on offer an Accept field likes best (RFC 9110, 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from cpkit.errors import InvalidOfferError, MalformedFieldError

from .fields import CACHED_FIELDS, QUOTED, TOKEN, elements, is_cacheable, weight

Parameters = Mapping[str, str]
Detailed = list[tuple[Parameters, int]]

_TYPE = re.compile(rf"{TOKEN}/{TOKEN}")
_TYPE_OR_STAR = re.compile(rf"{TOKEN}/{TOKEN}|\*")
_PARAMETER = re.compile(rf"[ \t]*;[ \t;]*(?:({TOKEN})=({TOKEN}|{QUOTED}))?", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

# PERF: what follows the type in nearly every element of a real field: nothing, or a weight.
_COMMON_WEIGHTS = {"": 1000, "q=0": 0, "q=1": 1000, "q=1.0": 1000}
_COMMON_WEIGHTS.update({f"q=0.{tenth}": 100 * tenth for tenth in range(10)})


class Offer(NamedTuple):
    """Hold a media type that a server can make; *text* is the offer as the server wrote it.

    *keys* are the ranges without parameters that cover it, each after how specific it is.
    """

    text: str
    kind: str
    keys: tuple[tuple[int, str], ...]
    parameters: Parameters


class Menu(NamedTuple):
    """Hold the offers, and the ranges that concern them, each under the names it may have."""

    offers: tuple[Offer, ...]
    keys: Mapping[str, str]


class Ranges(NamedTuple):
    """Hold the media ranges of a field: weights by type, and those that name parameters."""

    plain: dict[str, int]
    detailed: dict[str, Detailed]


_CHOSEN: dict[tuple[str | None, tuple[str, ...], bool], str | None] = {}

Rank = tuple[int, int, int]
UNCOVERED = -1
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
    if offers.__class__ is not tuple:  # PERF: nothing is called for what the tool gives
        offers = (offers,) if isinstance(offers, str) else tuple(offers)
    # PERF: a dictionary, since functools.lru_cache would take half as long again.
    try:
        return _CHOSEN[header, offers, strict]
    except KeyError:
        pass
    chosen = _choose(header, offers, strict)
    if header is None or is_cacheable(header):
        if len(_CHOSEN) >= CACHED_FIELDS:
            _CHOSEN.clear()
        _CHOSEN[header, offers, strict] = chosen
    return chosen


def parse_offers(offers: tuple[str, ...]) -> tuple[Offer, ...]:
    """Parse the media types on offer. Raise :class:`InvalidOfferError` for one that is none."""
    return _menu(offers).offers


@lru_cache(CACHED_FIELDS)
def _menu(offers: tuple[str, ...]) -> Menu:
    parsed = tuple(_offer(text) for text in offers)
    keys = {key: key for offer in parsed for _, key in offer.keys}
    return Menu(parsed, {**keys, "*": "*/*"})


def _choose(header: str | None, offers: tuple[str, ...], strict: bool) -> str | None:
    if header is None:
        return parse_offers(offers)[0].text if offers else None
    menu, found = _menu(offers), elements(header)
    if strict:
        _refuse_malformed(found)
    ranges = _relevant(found, menu.keys)
    best, chosen = UNACCEPTABLE, None
    for offer in menu.offers:
        rank = _rank(offer, ranges)
        if rank[0] and rank > best:
            best, chosen = rank, offer.text
    if chosen is None and offers and not any(map(_parse, found)):
        return offers[0]
    return chosen


def _refuse_malformed(found: list[str]) -> None:
    for element in found:
        if not _parse(element):
            raise MalformedFieldError(element)


def _rank(offer: Offer, ranges: Ranges) -> Rank:
    """Return the weight of the most specific range that covers *offer*, and how specific it is."""
    plain, detailed = ranges
    for specificity, key in offer.keys:
        q, count = plain.get(key, UNCOVERED), 0
        if key in detailed:
            count, q = max([(count, q), *_covering(offer, detailed[key])])
        if q != UNCOVERED:
            return q, specificity, count
    return UNACCEPTABLE


def _covering(offer: Offer, candidates: Detailed) -> Iterator[tuple[int, int]]:
    """Yield the number of parameters and the weight of each range that covers *offer*."""
    for parameters, q in candidates:
        if "charset" in parameters and "charset" not in offer.parameters:
            parameters = {name: parameters[name] for name in parameters if name != "charset"}
        if parameters.items() <= offer.parameters.items():
            yield len(parameters), q


def _relevant(found: list[str], keys: Mapping[str, str]) -> Ranges:
    """Parse those of the elements *found* that name one of *keys*."""
    ranges = Ranges({}, {})
    for element in found:
        kind, _, rest = element.partition(";")
        # PERF: most elements of a browser's field concern no offer, and are not parsed further.
        key = keys.get(kind.rstrip(" \t").lower())
        if key is None:
            continue
        q = _COMMON_WEIGHTS.get(rest)
        if q is not None and kind.isascii():
            _add(ranges, key, {}, q)
        elif parsed := _parse(element):
            _add(ranges, key, *parsed)
    return ranges


def _add(ranges: Ranges, key: str, parameters: Parameters, q: int) -> None:
    if parameters:
        ranges.detailed.setdefault(key, []).append((parameters, q))
    elif q > ranges.plain.get(key, UNCOVERED):
        ranges.plain[key] = q


def _parse(element: str) -> tuple[Parameters, int] | None:
    """Return the parameters and the weight of a media range; None if it is malformed."""
    found = _TYPE_OR_STAR.match(element)
    parameters = _parameters(element, found.end()) if found else None
    if parameters is None:
        return None
    # RFC 9110, 12.5.1: a parameter named q is the weight, wherever it stands.
    q = weight(parameters.pop("q", "1"))
    return None if q is None else (parameters, q)


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
    # NOTE: a line break in a quoted string would end the field that the offer is sent in.
    found = _TYPE.match(text) if isinstance(text, str) and text.isprintable() else None
    parameters = _parameters(text, found.end()) if found else None
    if found is None or parameters is None or "*" in found[0] or "q" in parameters:
        raise InvalidOfferError(text, "a media type without wildcard and q", "text/html")
    kind = found[0].lower()
    family = kind.partition("/")[0] + "/*"
    return Offer(text, kind, ((3, kind), (2, family), (1, "*/*")), parameters)
