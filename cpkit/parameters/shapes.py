"""What every shape of a value can do, and the smallest ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Protocol, cast

import msgspec

from .columns import BLOCK, Column, Json, Picked

Schema = dict[str, Json]
Ref = Callable[[type, Callable[[], Schema]], Schema]  # names a class's schema, and refers to it


def plain(value: object) -> Json:
    """Return *value* as JSON writes it, always in one order; None for what it cannot write."""
    try:
        built = msgspec.to_builtins(value, order="deterministic")
        return cast(Json, json.loads(json.dumps(built, allow_nan=False)))
    except (TypeError, ValueError):  # infinity, and objects that only Python has
        return None


class Shape(Protocol):
    """The shape that a value of an annotation has in a document."""

    extra: Mapping[str, Json]

    @property
    def careful(self) -> bool:
        """Tell whether it demands more than msgspec checks when it decodes."""
        ...

    def take(self, column: Column[Json]) -> list[Json]:
        """Return the values in the form that msgspec converts; tell the column which are wrong.

        It is the column's own list where nothing changes, and of no use where some are wrong.
        """
        ...

    def schema(self, ref: Ref) -> Schema:
        """Return the JSON Schema (2020-12) of what a body may hold."""
        ...


class Scalar:
    """A value that is text in a path, a query or a form, and no container in a body."""

    careful = False
    cost = 0  # of one value, where it is no matter of bytes: see Findings.spend()
    extra: Mapping[str, Json] = {}
    expects = "a value"
    grammar = "(?s:.*)"  # a regex of all the texts that it reads, and maybe of others

    def read(self, text: str) -> object:
        """Return the value that *text* writes. Raise ValueError for what is none."""
        raise NotImplementedError

    def take(self, column: Column[Json]) -> list[Json]:
        """Return the values; see :class:`Shape`."""
        if not column.values:
            return column.values
        if self.cost:
            column.findings.spend(self.cost * len(column.values))
        taken = self.take_all(column.values)
        return self.refuse(column) if taken is None else taken

    def refuse(self, column: Column[Json]) -> list[Json]:
        """Tell *column* which of its values are wrong, and return them."""
        for start in range(0, len(column.values), BLOCK):
            self._tell(column.values[start : start + BLOCK], start, column)
        return column.values

    def _tell(self, values: list[Json], start: int, column: Column[Json]) -> None:
        """Tell the column which of some values, of which *start* is the first, are wrong."""
        if column.findings.full or self.take_all(values) is not None:
            return
        if len(values) == 1:
            column.wrong(start, f"must be {self.expects}")
        else:
            half = len(values) // 2
            self._tell(values[:half], start, column)
            self._tell(values[half:], start + half, column)

    def take_all(self, values: list[Json]) -> list[Json] | None:
        """Return *values*, one or more, in the form that msgspec converts; None if one is wrong."""
        raise NotImplementedError

    def schema(self, ref: Ref) -> Schema:
        """Return the JSON Schema of the value in a body."""
        return {**self.text_schema(), **self.extra}

    def text_schema(self) -> Schema:
        """Return the JSON Schema of the value in a parameter."""
        raise NotImplementedError


class Anything:
    """The shape of what has no annotation, or ``Any``: all that JSON can hold."""

    careful = False
    extra: Mapping[str, Json] = {}

    def take(self, column: Column[Json]) -> list[Json]:
        """Return the values."""
        return column.values

    def schema(self, ref: Ref) -> Schema:
        """Return the schema that allows everything."""
        return dict(self.extra)


class Upload(Anything):
    """The shape of an uploaded file, which a handler gets as it is."""

    def schema(self, ref: Ref) -> Schema:
        """Return the schema of bytes in a form."""
        return {"type": "string", "format": "binary"}


class Nothing(Scalar):
    """The shape of ``None`` alone."""

    expects = "null"

    def take_all(self, values: list[Json]) -> list[Json] | None:
        """Return *values* if all are null."""
        return values if are_all(values, type(None)) else None

    def text_schema(self) -> Schema:
        """Return the schema of null."""
        return {"type": "null"}


class Nullable:
    """The shape of ``X | None``: in a body null, in a parameter no text at all."""

    def __init__(self, inner: Shape) -> None:
        self.inner = inner
        self.extra: Mapping[str, Json] = {}

    @property
    def careful(self) -> bool:
        """Tell whether what it is if not null is."""
        return self.inner.careful

    def take(self, column: Column[Json]) -> list[Json]:
        """Return the values, null or what *inner* takes; see :class:`Shape`."""
        kept = [index for index, value in enumerate(column.values) if value is not None]
        if len(kept) == len(column.values):
            return self.inner.take(column)
        some = Picked(column, kept)
        taken = self.inner.take(some)
        if taken is some.values:
            return column.values
        every: dict[int, Json] = dict(zip(kept, taken, strict=False))
        return [every.get(index) for index in range(len(column.values))]

    def schema(self, ref: Ref) -> Schema:
        """Return the schema of *inner*, with null beside it."""
        return {"anyOf": [self.inner.schema(ref), {"type": "null"}], **self.extra}


def are_all(values: list[Json], *kinds: type) -> bool:
    """Tell whether all *values* are of these *kinds*; a bool is no int here."""
    return set(map(type, values)).issubset(kinds)


def sameness(shape: Shape) -> object:
    """Return what is equal of shapes that take the same values, whatever is said of them."""
    return type(shape), repr({name: it for name, it in vars(shape).items() if name != "extra"})
