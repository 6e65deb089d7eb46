"""Which of the languages on offer an Accept-Language field likes best (RFC 4647, RFC 9110)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from cpkit.errors import InvalidOfferError, MalformedFieldError

from .fields import CACHED_FIELDS, elements, is_cacheable, weight

_TAG = r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*"
_OFFER = re.compile(_TAG)
_RANGE = re.compile(rf"({_TAG}|\*)(?:[ \t]*;[ \t;]*[qQ]=([0-9.]*))?[ \t;]*")

Weights = dict[str, int]


def negotiate_language(
    header: str | None, offers: Iterable[str], *, strict: bool = False
) -> str | None:
    """Return the language that *header* likes best, exactly as given; the first if none fits.

    Each range, by falling weight and then in the field's order, looks for its tag, then for that
    cut from the right (RFC 4647, 3.4: ``en-US`` finds ``en``), then for a longer one (``en``
    finds ``en-US``). ``q=0`` excludes. ``*`` finds the first offer that no other range names.
    Nothing fits: the first offer that is not excluded, or the first (RFC 9110, 12.5.4 advises
    against a 406). None only if *offers* is empty.

    Raise :class:`FieldTooLargeError` over the limits, :class:`InvalidOfferError` for an offer
    that is no language tag and, with *strict*, :class:`MalformedFieldError`.
    """
    offers = (offers,) if isinstance(offers, str) else tuple(offers)
    tags = parse_tags(offers)
    if header is None or not offers:
        return offers[0] if offers else None
    if is_cacheable(header):
        return offers[_remembered(header, tags, strict)]
    return offers[_choose(header, tags, strict)]


@lru_cache(CACHED_FIELDS)
def parse_tags(offers: tuple[str, ...]) -> tuple[str, ...]:
    """Return the language tags in lower case. Raise :class:`InvalidOfferError` for what is none."""
    for offer in offers:
        if not isinstance(offer, str) or not _OFFER.fullmatch(offer):
            raise InvalidOfferError(offer, "a language tag", "en-GB")
    return tuple(offer.lower() for offer in offers)


def _choose(header: str, tags: tuple[str, ...], strict: bool) -> int:
    """Return the place of the best tag among *tags*, all in lower case."""
    weights = _parse(header, strict)
    allowed = tags
    if 0 in weights.values():
        allowed = tuple(tag for tag in tags if _weight_of(tag, weights) != 0)
    for language in sorted(weights, key=weights.__getitem__, reverse=True):
        if weights[language] and (found := _find(language, allowed, weights)):
            return tags.index(found)
    return tags.index(allowed[0]) if allowed else 0


_remembered = lru_cache(CACHED_FIELDS)(_choose)


def _parse(header: str, strict: bool) -> Weights:
    weights: Weights = {}
    for element in elements(header):
        found = _RANGE.fullmatch(element)
        q = weight("1" if found[2] is None else found[2]) if found else None
        if found and q is not None:
            name = found[1].lower()
            weights[name] = max(q, weights.get(name, 0))
        elif strict:
            raise MalformedFieldError(element)
    return weights


def _weight_of(tag: str, weights: Weights) -> int | None:
    """Return the weight of the longest range that covers *tag*, None if none does."""
    for prefix in _shortened(tag):
        if prefix in weights:
            return weights[prefix]
    return weights.get("*")


def _shortened(tag: str) -> Iterable[str]:
    """Yield *tag* and what is left as subtags are cut from its right (RFC 4647, 3.4)."""
    while tag:
        yield tag
        tag = tag.rpartition("-")[0]
        if tag[-2:-1] == "-":  # a lone letter goes with the subtag it introduced
            tag = tag[:-2]


def _find(language: str, allowed: tuple[str, ...], weights: Weights) -> str | None:
    if language == "*":
        others = {name: q for name, q in weights.items() if name != "*"}
        return next((tag for tag in allowed if _weight_of(tag, others) is None), None)
    for shorter in _shortened(language):
        if shorter in allowed:
            return shorter
    return next((tag for tag in allowed if tag.startswith(language + "-")), None)
