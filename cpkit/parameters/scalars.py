"""The grammars of single values: stricter than Python's own constructors, and than msgspec's.

Digits are ASCII's, numbers have bounds, and what a database or JSON cannot hold is refused: NaN,
infinity, an integer of a million digits.
"""

from __future__ import annotations

import enum
import itertools
import math
import operator
import re
import sys
import typing
from collections.abc import Callable, Collection, Iterator
from uuid import UUID

from .columns import Json
from .patterns import at_the_very_end, ecma
from .shapes import Ref, Scalar, Schema, are_all

LEAST, MOST = -(2**63), 2**63 - 1  # what a database's largest integer holds
_WHOLE = r"-?(?:0|[1-9][0-9]*)"
_JSONS = rf"{_WHOLE}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"  # RFC 8259, 6
_is_whole, _is_jsons = re.compile(_WHOLE).fullmatch, re.compile(_JSONS).fullmatch
_LARGEST = sys.float_info.max
_LONGEST_NUMBER = 400  # characters: the largest float has 309 digits
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_TRUE = {"true": True, "1": True, "on": True, "false": False, "0": False}


class Text(Scalar):
    """The shape of ``str``."""

    def __init__(self, least: int | None, most: int | None, pattern: str | None) -> None:
        self.least, self.most, self.pattern = least or 0, most, pattern
        ended = at_the_very_end(pattern) if pattern else None
        self._found = re.compile(ended).search if ended else None
        self.careful = ended != pattern
        self.expects = f"text{span(least, most, 'character')}"
        if pattern:
            self.expects += f" that matches {pattern}"

    def read(self, text: str) -> str:
        """Return *text*, if it has that length and the pattern is found in it."""
        if len(text) < self.least or (self.most is not None and len(text) > self.most):
            raise ValueError
        if self._found is not None and self._found(text) is None:
            raise ValueError
        return text

    def take_all(self, values: list[Json]) -> list[Json] | None:
        """Return *values* if all are such texts; see :class:`Scalar`."""
        if not are_all(values, str):
            return None
        texts = typing.cast("list[str]", values)
        if self.least or self.most is not None:
            lengths = set(map(len, texts))
            if min(lengths) < self.least or (self.most is not None and max(lengths) > self.most):
                return None
        return values if self._found is None or all(map(self._found, texts)) else None

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

    grammar = _WHOLE

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

    def take_all(self, values: list[Json]) -> list[Json] | None:
        """Return *values* as integers if all are; see :class:`Scalar`."""
        whole = _integers(values, self.least, self.most)
        if whole is None:
            return None
        if self.multiple_of and any(map(operator.mod, whole, itertools.repeat(self.multiple_of))):
            return None
        return typing.cast("list[Json]", whole)

    def text_schema(self) -> Schema:
        """Return the schema of an integer, its bounds always with it."""
        schema: Schema = {"type": "integer", "minimum": self.least, "maximum": self.most}
        return {**schema, "multipleOf": self.multiple_of} if self.multiple_of else schema


class Number(Scalar):
    """The shape of ``float``: JSON's grammar, finite."""

    grammar = _JSONS

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
        self.bounds = {name: bound for name, bound in named.items() if bound is not None}
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
        if not -_LARGEST <= number <= _LARGEST or (self.bounds and not self._is_within(number)):
            raise ValueError
        return number

    def _is_within(self, number: float) -> bool:
        """Tell whether a float can hold *number*, and the bounds are kept."""
        if not -_LARGEST <= number <= _LARGEST:
            return False
        return all(_KEPT[name](number, bound) for name, bound in self.bounds.items())

    def take_all(self, values: list[Json]) -> list[Json] | None:
        """Return *values* if all are such numbers; see :class:`Scalar`."""
        if not are_all(values, int, float):
            return None
        numbers = typing.cast("list[int | float]", values)
        if not (self._is_within(min(numbers)) and self._is_within(max(numbers))):
            return None
        step = self.bounds.get("multipleOf")
        if step and any(map(math.fmod, numbers, itertools.repeat(step))):
            return None
        # NOTE: a parser of one's own may find NaN, which is neither the least nor the most.
        return None if any(map(math.isnan, numbers)) else values

    def text_schema(self) -> Schema:
        """Return the schema of a number."""
        return {"type": "number", **self.bounds}


class Truth(Scalar):
    """The shape of ``bool``; ``on`` is what a browser sends for a checkbox."""

    expects = "true or false"
    grammar = "|".join(_TRUE)

    def read(self, text: str) -> bool:
        """Return what *text* says: true, false, 1, 0 or on."""
        if text not in _TRUE:
            raise ValueError
        return _TRUE[text]

    def take_all(self, values: list[Json]) -> list[Json] | None:
        """Return *values* if all are true or false."""
        return values if are_all(values, bool) else None

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
        self._known, self._kind = frozenset(values), type(self.values[0])
        for value in values:
            self._texts[str(value)] = enumeration(value) if enumeration else value
        self.expects = f"one of {', '.join(self._texts)}"
        self.grammar = "|".join(map(re.escape, self._texts))
        # msgspec asks an Enum's _missing_ for other values; a Flag's own makes sums of its members.
        classes = enumeration.__mro__ if enumeration else ()
        self.careful = any("_missing_" in vars(it) for it in classes if it is not enum.Enum)

    def read(self, text: str) -> object:
        """Return the value, or the member of the Enum, that *text* writes."""
        if text not in self._texts:
            raise ValueError
        return self._texts[text]

    def take_all(self, values: list[Json]) -> list[Json] | None:
        """Return *values* if each is one of them; see :class:`Scalar`."""
        if self._kind is int:
            known = typing.cast("frozenset[int]", self._known)
            values = typing.cast("list[Json]", _integers(values, min(known), max(known)) or [None])
        return values if are_all(values, self._kind) and self._known.issuperset(values) else None

    def text_schema(self) -> Schema:
        """Return the schema of an enumeration."""
        return {"enum": list(self.values)}


class Identifier(Scalar):
    """The shape of ``UUID`` (RFC 9562, 4): 32 digits and four hyphens."""

    careful = True
    expects = "a UUID"
    grammar = _UUID.pattern

    def read(self, text: str) -> UUID:
        """Return the UUID that *text* writes."""
        if not _UUID.fullmatch(text):
            raise ValueError
        return UUID(text)

    def take_all(self, values: list[Json]) -> list[Json] | None:
        """Return *values* if all write UUIDs; see :class:`Scalar`."""
        return values if are_all(values, str) and all(map(_UUID.fullmatch, values)) else None  # type: ignore[arg-type]

    def text_schema(self) -> Schema:
        """Return the schema of a UUID."""
        return {"type": "string", "format": "uuid"}


class Binary(Scalar):
    """The shape of ``bytes`` in a body: text in base64 (RFC 4648, 4)."""

    careful = True

    def __init__(self, least: int | None = None, most: int | None = None) -> None:
        self.least, self.most = least or 0, most
        self.expects = f"bytes in base64{span(least, most, 'byte')}"

    def take_all(self, values: list[Json]) -> list[Json] | None:
        """Return *values* if all are base64; see :class:`Scalar`."""
        if not are_all(values, str):
            return None
        texts = typing.cast("list[str]", values)
        whole = all(length % 4 == 0 for length in set(map(len, texts)))
        if not whole or not all(map(_BASE64.fullmatch, texts)):
            return None
        return values if self._is_bounded(texts) else None

    def _is_bounded(self, texts: list[str]) -> bool:
        if not self.least and self.most is None:
            return True
        sizes = {len(text) // 4 * 3 - text.count("=") for text in texts}
        return self.least <= min(sizes) and (self.most is None or max(sizes) <= self.most)

    def _times(self, left: int) -> Iterator[str]:
        """Yield how often three bytes may come before *left* last ones, if they may."""
        fewest = max(-(-(self.least - left) // 3), 0)
        if self.most is None:
            yield f"{{{fewest},}}" if fewest else "*"
        elif 3 * fewest + left <= self.most:
            yield f"{{{fewest},{(self.most - left) // 3}}}"

    def text_schema(self) -> Schema:
        """Return the schema of base64, which tells by its length how many bytes there are."""
        ends = enumerate(("", "[A-Za-z0-9+/]{2}==", "[A-Za-z0-9+/]{3}="))
        parts = [
            f"([A-Za-z0-9+/]{{4}}){times}{end}" for left, end in ends for times in self._times(left)
        ]
        return {"type": "string", "contentEncoding": "base64", "pattern": f"^({'|'.join(parts)})$"}


def _integers(values: list[Json], least: int, most: int) -> list[int] | None:
    """Return *values* as integers, if all are, within bounds: 1.0 is one to JSON Schema."""
    kinds = set(map(type, values))
    if not kinds.issubset({int, float}):
        return None
    numbers = typing.cast("list[int | float]", values)
    # NOTE: the bounds first: 1e300 is an integer of 300 digits.
    if min(numbers) < least or max(numbers) > most:
        return None
    if kinds == {int}:
        return typing.cast("list[int]", values)
    try:
        whole = list(map(int, numbers))
    except ValueError:  # NaN, of a parser of one's own, which is neither the least nor the most
        return None
    return whole if whole == numbers else None


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
