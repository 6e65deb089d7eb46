"""The grammar of decimal numbers: bounded, and with no exponent but those that Python writes."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

import msgspec

from .columns import Json
from .shapes import Ref, Scalar, Schema

_EXACT = r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?"
# As Python, and so an answer, writes what is less than a millionth; still 9 places at most.
_TINY = r"-?[0-9](E-[789]|\.[0-9]E-[78]|\.[0-9]{2}E-7)"
_is_rough = re.compile(r"e|\.[0-9]{10}").search


class Exact(Scalar):
    """The shape of ``Decimal``: 18 digits before the point at most, and 9 after it."""

    careful = True
    cost = 20  # of the defaults that could be filled in while one is made
    expects = "a decimal number of at most 18 digits, and 9 after the point"
    grammar = f"{_EXACT}|{_TINY}"
    _matches = staticmethod(re.compile(grammar).fullmatch)

    def read(self, text: str) -> Decimal:
        """Return the number that *text* writes."""
        if not self._matches(text):
            raise ValueError
        return Decimal(text)

    def take_all(self, values: list[Json]) -> list[Json] | None:
        """Return *values*, floats as text, rounded to 9 places; see :class:`Scalar`."""
        kinds: dict[type, list[Any]] = {int: [], float: [], str: []}
        try:
            for value in values:
                kinds[type(value)].append(value)
        except KeyError:
            return None
        ints, floats, texts = kinds.values()
        if not (all(map(self._matches, texts)) and _are_near(ints) and _are_near(floats)):
            return None
        if not floats:
            return values
        written = iter(_texts(floats))
        return [next(written) if type(value) is float else value for value in values]

    def schema(self, ref: Ref) -> Schema:
        """Return the schema of a number, or of its text, which keeps every digit."""
        bound: Schema = {"exclusiveMinimum": -(10**18), "exclusiveMaximum": 10**18}
        return {"anyOf": [{"type": "number", **bound}, self.text_schema()], **self.extra}

    def text_schema(self) -> Schema:
        """Return the schema of the number's text."""
        return {"type": "string", "format": "decimal", "pattern": f"^({_EXACT}|{_TINY})$"}


def _texts(values: list[float]) -> list[str]:
    """Return *values* as text without exponents, rounded to 9 places."""
    # PERF: msgspec writes them all in the time that Python takes for a quarter of them.
    written = msgspec.json.encode(values)[1:-1].decode()
    texts = written.split(",")
    if not _is_rough(written):
        return texts
    return [
        f"{value:.9f}".rstrip("0").rstrip(".") if "e" in text or _is_rough(text) else text
        for value, text in zip(values, texts, strict=True)
    ]


def _are_near(values: list[int] | list[float]) -> bool:
    """Tell whether all *values* have 18 digits before the point at most."""
    near = not values or (min(values) > -(10**18) and max(values) < 10**18)
    # NOTE: a parser of one's own may find NaN, which is neither the least nor the most.
    return near and not any(map(math.isnan, values))
