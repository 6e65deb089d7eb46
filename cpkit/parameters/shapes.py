"""What every shape of a value can do, and the smallest ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias, cast

import msgspec

from .faults import Faults

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
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
    """The shape that a value of an annotation has in a document.

    What a *careful* one demands goes beyond what msgspec checks when it decodes.
    """

    careful: bool
    extra: Mapping[str, Json]

    def take(self, value: Json, at: str, faults: Faults) -> Json:
        """Return *value* in the form that msgspec converts; add what is wrong with it to *faults*.

        *at* is the JSON Pointer of the value.
        """
        ...

    def schema(self, ref: Ref) -> Schema:
        """Return the JSON Schema (2020-12) of what a body may hold."""
        ...


class Scalar:
    """A value that is text in a path, a query or a form, and no container in a body."""

    careful = False
    extra: Mapping[str, Json] = {}
    expects = "a value"

    def read(self, text: str) -> object:
        """Return the value that *text* writes. Raise ValueError for what is none."""
        raise NotImplementedError

    def fits(self, value: Json) -> bool:
        """Tell whether the value of a JSON document is one."""
        raise NotImplementedError

    def take(self, value: Json, at: str, faults: Faults) -> Json:
        """Return *value*; see :class:`Shape`."""
        if not self.fits(value):
            faults.add("body", at, f"must be {self.expects}")
        return value

    def take_all(self, values: list[Json]) -> list[Json] | None:
        """Return what :meth:`take` makes of *values*, if that is told at once and none is wrong."""
        return None

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

    def take(self, value: Json, at: str, faults: Faults) -> Json:
        """Return *value*."""
        return value

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

    def fits(self, value: Json) -> bool:
        """Tell whether *value* is null."""
        return value is None

    def text_schema(self) -> Schema:
        """Return the schema of null."""
        return {"type": "null"}


class Nullable:
    """The shape of ``X | None``: in a body null, in a parameter no text at all."""

    def __init__(self, inner: Shape) -> None:
        self.inner, self.careful = inner, inner.careful
        self.extra: Mapping[str, Json] = {}

    def take(self, value: Json, at: str, faults: Faults) -> Json:
        """Return *value*, null or what *inner* takes."""
        return None if value is None else self.inner.take(value, at, faults)

    def schema(self, ref: Ref) -> Schema:
        """Return the schema of *inner*, with null beside it."""
        return {"anyOf": [self.inner.schema(ref), {"type": "null"}], **self.extra}


def are_all(values: list[Json], *kinds: type) -> bool:
    """Tell whether all *values* are of these *kinds*; a bool is no int here."""
    return set(map(type, values)).issubset(kinds)
