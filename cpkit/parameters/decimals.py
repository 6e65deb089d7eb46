"""The grammar of decimal numbers: bounded, and with no exponent but those that Python writes."""

from __future__ import annotations

import math
import re
import typing
from decimal import Decimal

import msgspec

from .columns import Json
from .shapes import Ref, Scalar, Schema, are_all

_EXACT = r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?"
# As Python, and so an answer, writes what is less than a millionth; still 9 places at most.
_TINY = r"-?[0-9](E-[789]|\.[0-9]E-[78]|\.[0-9]{2}E-7)"
_is_rough = re.compile(r"e|\.[0-9]{10}").search


class Exact(Scalar):
    """The shape of ``Decimal``: 18 digits before the point at most, and 9 after it."""

    careful = True
    expects = "a decimal number of at most 18 digits, and 9 after the point"
    _grammar = re.compile(f"{_EXACT}|{_TINY}")

    def read(self, text: str) -> Decimal:
        """Return the number that *text* writes."""
        if not self._grammar.fullmatch(text):
            raise ValueError
        return Decimal(text)

    def fits(self, value: Json) -> bool:
        """Tell whether *value* is such a number, or its text."""
        return self.take_all([value]) is not None

    def take_all(self, values: list[Json]) -> list[Json] | None:
        """Return *values*, floats as text, rounded to 9 places; see :class:`Scalar`."""
        if not are_all(values, int, float, str):
            return None
        strings = [value for value in values if isinstance(value, str)]
        numbers = [value for value in values if not isinstance(value, str)]
        if not _within(numbers, 10**18) or not all(map(self._grammar.fullmatch, strings)):
            return None
        floats = [value for value in numbers if isinstance(value, float)]
        if not floats:
            return values
        texts = iter(_texts(floats))
        return [next(texts) if isinstance(value, float) else value for value in values]

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
    texts = msgspec.json.encode(values)[1:-1].decode().split(",")
    return [
        f"{value:.9f}".rstrip("0").rstrip(".") if _is_rough(text) else text
        for value, text in zip(values, texts, strict=True)
    ]


def _within(values: list[Json], most: int) -> bool:
    """Tell whether all *values*, which are numbers, are nearer to 0 than *most*."""
    numbers = typing.cast("list[int | float]", values)
    # NOTE: a parser of one's own may find NaN, which is neither the least nor the most.
    near = not numbers or (-most < min(numbers) and max(numbers) < most)
    return near and not any(map(math.isnan, numbers))
