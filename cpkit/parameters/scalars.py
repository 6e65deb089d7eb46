"""The grammars of single values: stricter than Python's own constructors, and than msgspec's.

Digits are ASCII's, numbers have bounds, and what a database or JSON cannot hold is refused: NaN,
infinity, an integer of a million digits, a moment without an offset.
"""

from __future__ import annotations

import base64
import binascii
import enum
import math
import operator
import re
import sys
from collections.abc import Callable, Collection
from datetime import date, datetime, time
from decimal import Decimal
from typing import TypeGuard
from uuid import UUID

import msgspec

from .faults import Faults
from .patterns import ecma
from .shapes import Json, Ref, Scalar, Schema

LEAST, MOST = -(2**63), 2**63 - 1  # what a database's largest integer holds
_is_whole = re.compile(r"-?(?:0|[1-9][0-9]*)").fullmatch
# RFC 8259, 6.
_is_jsons = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
_LARGEST = sys.float_info.max
_LONGEST_NUMBER = 400  # characters: the largest float has 309 digits
_NINE_PLACES = Decimal("1e-9")
_EXACT = r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?"
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
# RFC 3339, 5.6.
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,30})?"
_OFFSET = r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
_MOMENTS = {date: _DAY, datetime: f"{_DAY}[Tt]{_CLOCK}", time: _CLOCK}
_FORMATS = {date: "date", datetime: "date-time", time: "time"}
_LONG_FRACTION = re.compile(r"(\.[0-9]{6})[0-9]+")
_TRUE = {"true": True, "1": True, "on": True, "false": False, "0": False}


class Text(Scalar):
    """The shape of ``str``."""

    def __init__(self, least: int | None, most: int | None, pattern: str | None) -> None:
        self.least, self.most, self.pattern = least or 0, most, pattern
        self._found = re.compile(pattern).search if pattern else None
        self.expects = f"text{span(least, most, 'character')}"
        if pattern:
            self.expects += f" that matches {pattern}"

    def read(self, text: str) -> str:
        """Return *text*."""
        if not self.fits(text):
            raise ValueError
        return text

    def fits(self, value: Json) -> bool:
        """Tell whether *value* is text of that length that the pattern is found in."""
        if not isinstance(value, str) or len(value) < self.least:
            return False
        if self.most is not None and len(value) > self.most:
            return False
        return self._found is None or self._found(value) is not None

    def text_schema(self) -> Schema:
        """Return the schema of a string."""
        bounds: Schema = {"minLength": self.least} if self.least else {}
        if self.most is not None:
            bounds["maxLength"] = self.most
        if self.pattern and (translated := ecma(self.pattern)):
            bounds["pattern"] = translated
        return {"type": "string", **bounds}


class Whole(Scalar):
    """The shape of ``int``: within 64 bits unless its bounds say otherwise."""

    def __init__(self, least: int | None, most: int | None, multiple_of: int | None) -> None:
        self.least = LEAST if least is None else least
        self.most = MOST if most is None else most
        self.multiple_of = multiple_of
        self._longest = max(len(str(self.least)), len(str(self.most)))
        self.expects = "a whole number" + _range(least, most)
        if multiple_of:
            self.expects += f", a multiple of {multiple_of}"

    def read(self, text: str) -> int:
        """Return the number that *text* writes in ASCII digits."""
        # NOTE: the length first; int() takes time with the square of it.
        if len(text) > self._longest or not _is_whole(text):
            raise ValueError
        number = int(text)
        if not self.least <= number <= self.most:
            raise ValueError
        if self.multiple_of and number % self.multiple_of:
            raise ValueError
        return number

    def fits(self, value: Json) -> bool:
        """Tell whether *value* is such a number; 1.0 is the integer 1 to JSON Schema."""
        if not _is_number(value) or (isinstance(value, float) and not value.is_integer()):
            return False
        if not self.least <= value <= self.most:
            return False
        return not self.multiple_of or value % self.multiple_of == 0

    def take(self, value: Json, at: str, faults: Faults) -> Json:
        """Return *value*, a float as an integer; see :class:`~cpkit.parameters.shapes.Shape`."""
        value = super().take(value, at, faults)
        return int(value) if isinstance(value, float) and value.is_integer() else value

    def text_schema(self) -> Schema:
        """Return the schema of an integer, its bounds always with it."""
        schema: Schema = {"type": "integer", "minimum": self.least, "maximum": self.most}
        return {**schema, "multipleOf": self.multiple_of} if self.multiple_of else schema


class Number(Scalar):
    """The shape of ``float``: JSON's grammar, finite."""

    def __init__(
        self,
        ge: float | None = None,
        gt: float | None = None,
        le: float | None = None,
        lt: float | None = None,
        multiple_of: float | None = None,
    ) -> None:
        named = {
            "minimum": ge,
            "exclusiveMinimum": gt,
            "maximum": le,
            "exclusiveMaximum": lt,
            "multipleOf": multiple_of,
        }
        self._bounds = {name: bound for name, bound in named.items() if bound is not None}
        words = ("at least", "more than", "at most", "less than", "a multiple of")
        said = [
            f" {word} {named[name]}"
            for word, name in zip(words, named, strict=True)
            if named[name] is not None
        ]
        self.expects = "a number" + ",".join(said)

    def read(self, text: str) -> float:
        """Return the number that *text* writes as JSON would."""
        if len(text) > _LONGEST_NUMBER or not _is_jsons(text):
            raise ValueError
        number = float(text)
        if not -_LARGEST <= number <= _LARGEST or (self._bounds and not self.fits(number)):
            raise ValueError
        return number

    def fits(self, value: Json) -> bool:
        """Tell whether *value* is such a number, and one that a float can hold."""
        if not _is_number(value) or not -_LARGEST <= value <= _LARGEST:
            return False
        return all(_KEPT[name](value, bound) for name, bound in self._bounds.items())

    def text_schema(self) -> Schema:
        """Return the schema of a number."""
        return {"type": "number", **self._bounds}


class Truth(Scalar):
    """The shape of ``bool``; ``on`` is what a browser sends for a checkbox."""

    expects = "true or false"

    def read(self, text: str) -> bool:
        """Return what *text* says: true, false, 1, 0 or on."""
        if text not in _TRUE:
            raise ValueError
        return _TRUE[text]

    def fits(self, value: Json) -> bool:
        """Tell whether *value* is true or false."""
        return isinstance(value, bool)

    def schema(self, ref: Ref) -> Schema:
        """Return the schema of a boolean."""
        return {"type": "boolean", **self.extra}

    def text_schema(self) -> Schema:
        """Return the schema of a boolean, with the words for it that forms send."""
        words: list[Json] = ["1", "0", "on"]
        return {"anyOf": [{"type": "boolean"}, {"type": "string", "enum": words}]}


class Choice(Scalar):
    """The shape of an Enum or a Literal: one of some texts, or of some whole numbers."""

    def __init__(self, values: Collection[str | int], enumeration: type[enum.Enum] | None) -> None:
        self.values, self._texts = list(values), {}
        for value in values:
            self._texts[str(value)] = enumeration(value) if enumeration else value
        self.expects = f"one of {', '.join(self._texts)}"

    def read(self, text: str) -> object:
        """Return the value, or the member of the Enum, that *text* writes."""
        if text not in self._texts:
            raise ValueError
        return self._texts[text]

    def fits(self, value: Json) -> bool:
        """Tell whether *value* is one of them; neither true nor 1.5 is a number here."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return any(value == each and type(value) is type(each) for each in self.values)

    def take(self, value: Json, at: str, faults: Faults) -> Json:
        """Return *value*, a float as an integer; see :class:`~cpkit.parameters.shapes.Shape`."""
        value = super().take(value, at, faults)
        return int(value) if isinstance(value, float) and value.is_integer() else value

    def text_schema(self) -> Schema:
        """Return the schema of an enumeration."""
        return {"enum": list(self.values)}


class Exact(Scalar):
    """The shape of ``Decimal``: 18 digits before the point at most, and 9 after it."""

    careful = True
    expects = "a decimal number of at most 18 digits, and 9 after the point"
    _grammar = re.compile(_EXACT)

    def read(self, text: str) -> Decimal:
        """Return the number that *text* writes, without an exponent."""
        if not self._grammar.fullmatch(text):
            raise ValueError
        return Decimal(text)

    def fits(self, value: Json) -> bool:
        """Tell whether *value* is such a number, or its text."""
        if _is_number(value):
            return abs(value) < 10**18
        return isinstance(value, str) and self._grammar.fullmatch(value) is not None

    def take(self, value: Json, at: str, faults: Faults) -> Json:
        """Return *value* as text, a number rounded to 9 places; see :class:`Scalar`."""
        value = super().take(value, at, faults)
        if not _is_number(value) or not self.fits(value):
            return value
        written = f"{Decimal(str(value)).quantize(_NINE_PLACES):f}"
        return written.rstrip("0").rstrip(".")

    def schema(self, ref: Ref) -> Schema:
        """Return the schema of a number, or of its text, which keeps every digit."""
        bound: Schema = {"exclusiveMinimum": -(10**18), "exclusiveMaximum": 10**18}
        return {"anyOf": [{"type": "number", **bound}, self.text_schema()], **self.extra}

    def text_schema(self) -> Schema:
        """Return the schema of the number's text."""
        return {"type": "string", "format": "decimal", "pattern": f"^{_EXACT}$"}


class Identifier(Scalar):
    """The shape of ``UUID`` (RFC 9562, 4): 32 digits and four hyphens."""

    careful = True
    expects = "a UUID"

    def read(self, text: str) -> UUID:
        """Return the UUID that *text* writes."""
        if not _UUID.fullmatch(text):
            raise ValueError
        return UUID(text)

    def fits(self, value: Json) -> bool:
        """Tell whether *value* writes a UUID."""
        return isinstance(value, str) and _UUID.fullmatch(value) is not None

    def text_schema(self) -> Schema:
        """Return the schema of a UUID."""
        return {"type": "string", "format": "uuid"}


class Moment(Scalar):
    """The shape of ``date``, ``datetime`` or ``time`` (RFC 3339, 5.6).

    The last two have an offset, unless ``Meta(tz=False)`` asks for one that has none.
    """

    careful = True

    def __init__(self, kind: type[date | time], *, offset: bool) -> None:
        self._kind, self._offset = kind, offset and kind is not date
        self._pattern = _MOMENTS[kind] + (_OFFSET if self._offset else "")
        self._grammar = re.compile(self._pattern)
        example = {date: "2026-11-29", datetime: "2026-11-29T18:30:00", time: "18:30:00"}[kind]
        self.expects = f"a {kind.__name__} as {example}" + ("Z" if self._offset else "")

    def read(self, text: str) -> object:
        """Return the moment that *text* writes; what is below a microsecond is cut off."""
        if not self._grammar.fullmatch(text):
            raise ValueError
        if self._kind is date:
            return date.fromisoformat(text)
        try:
            return msgspec.convert(self.take_text(text), self._kind)
        except msgspec.ValidationError as error:  # as of a 30th of February
            raise ValueError from error

    def suits(self, moment: date | time) -> bool:
        """Tell whether *moment* has an offset where clients send one, and none where not."""
        return (getattr(moment, "tzinfo", None) is not None) is self._offset

    def fits(self, value: Json) -> bool:
        """Tell whether *value* writes a moment that there is."""
        try:
            return isinstance(value, str) and self.read(value) is not None
        except ValueError:
            return False

    def take(self, value: Json, at: str, faults: Faults) -> Json:
        """Return *value*, its fraction cut to microseconds; see :class:`Scalar`."""
        value = super().take(value, at, faults)
        return self.take_text(value) if isinstance(value, str) else value

    @staticmethod
    def take_text(text: str) -> str:
        """Return *text* without what is below a microsecond, which would be rounded."""
        return _LONG_FRACTION.sub(r"\1", text) if len(text) > 15 else text

    def text_schema(self) -> Schema:
        """Return the schema of a moment; without an offset it has no format in JSON Schema."""
        if self._offset or self._kind is date:
            return {"type": "string", "format": _FORMATS[self._kind]}
        return {"type": "string", "pattern": f"^{self._pattern}$"}


class Binary(Scalar):
    """The shape of ``bytes`` in a body: text in base64 (RFC 4648, 4)."""

    careful = True
    expects = "bytes in base64"

    def fits(self, value: Json) -> bool:
        """Tell whether *value* is base64."""
        try:
            return isinstance(value, str) and base64.b64decode(value, validate=True) is not None
        except (binascii.Error, ValueError):
            return False

    def text_schema(self) -> Schema:
        """Return the schema of base64."""
        return {
            "type": "string",
            "contentEncoding": "base64",
            "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
        }


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


_KEPT: dict[str, Callable[[float, float], bool]] = {
    "minimum": operator.ge,
    "exclusiveMinimum": operator.gt,
    "maximum": operator.le,
    "exclusiveMaximum": operator.lt,
    "multipleOf": lambda value, bound: math.fmod(value, bound) == 0,
}


def _range(least: int | None, most: int | None) -> str:
    if least is not None and most is not None:
        return f" from {least} to {most}"
    return (
        f", {least} or more" if least is not None else "" if most is None else f", {most} or less"
    )


def span(least: int | None, most: int | None, unit: str) -> str:
    """Return how long a text or a list may be, in words."""
    if least and most is not None:
        return f" of {least} to {most} {unit}s"
    if most is not None:
        return f" of at most {most} {unit}" + "s" * (most != 1)
    return f" of at least {least} {unit}" + "s" * (least != 1) if least else ""
