"""The shape of mappings in a body: objects whose names are values, too."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping
from itertools import compress, count, islice
from typing import Any

from .columns import BLOCK, Column, Items, Json, flat
from .faults import MOST_TOLD
from .patterns import whole_numbers
from .scalars import Number, Whole, span
from .shapes import Ref, Scalar, Schema, Shape


class Keyed:
    """The shape of a dict: names that are read as text, and values of one shape."""

    def __init__(
        self, key: Scalar | None, value: Shape, least: int | None = None, most: int | None = None
    ) -> None:
        self.key, self.value = key, value
        self.least, self.most = least or 0, most
        self._detail = "must be an object" + span(least, most, "member")
        self.extra: Mapping[str, Json] = {}

    @property
    def careful(self) -> bool:
        """Tell whether its names or members are; msgspec reads the names nan and inf as floats."""
        key = self.key
        return self.value.careful or isinstance(key, Number) or bool(key and key.careful)

    def take(self, column: Column[Json]) -> list[Json]:
        """Return the objects with what their members are; see :class:`Shape`."""
        objects = column.of(dict, self._detail)
        if self.least or self.most is not None:
            most = math.inf if self.most is None else self.most
            fit = [self.least <= len(it) <= most for it in objects.values]
            objects = objects if all(fit) else objects.only(fit, self._detail)
        if self.key:
            self._check_names(self.key, objects)
        members = Items(objects, flat(map(dict.values, objects.values)))
        taken = self.value.take(members)
        if taken is members.values or members.findings.decided:
            return column.values
        each = iter(taken)
        return [dict(zip(it, each, strict=False)) for it in objects.values]

    def _check_names(self, key: Scalar, objects: Column[dict[str, Json]]) -> None:
        names = list(dict.fromkeys(flat(objects.values)))
        if key.cost:  # its hash takes as long
            objects.findings.spend(2 * key.cost * sum(map(len, objects.values)))
        wrong = set(islice(_unread(key, names), objects.findings.wanted))
        concerned = map(operator.not_, map(wrong.isdisjoint, objects.values))
        for index in islice(compress(count(), concerned), MOST_TOLD if wrong else 0):
            for name in filter(wrong.__contains__, objects.values[index]):
                objects.wrong(index, f"its name must be {key.expects}", name)

    def schema(self, ref: Ref) -> Schema:
        """Return the schema of an object with members of one kind."""
        names: Schema = {"propertyNames": _names(self.key)} if self.key else {}
        bounds: Schema = {"minProperties": self.least} if self.least else {}
        if self.most is not None:
            bounds["maxProperties"] = self.most
        values = self.value.schema(ref)
        return {"type": "object", "additionalProperties": values, **names, **bounds, **self.extra}


def _unread(key: Scalar, names: list[Any]) -> Iterator[str]:
    """Yield those of *names* that *key* does not read."""
    for start in range(0, len(names), BLOCK):
        block = names[start : start + BLOCK]
        if key.take_all(block) is None:  # PERF: numbers alone are no text as values
            yield from (name for name in block if not _is_read(key, name))


def _is_read(scalar: Scalar, text: str) -> bool:
    try:
        scalar.read(text)
    except ValueError:
        return False
    return True


# Numbers of JSON (RFC 8259, 6) that a float can hold; it can hold some more.
_FLOATS = r"^-?(0|[1-9][0-9]{0,99})(\.[0-9]{1,99})?([eE][+-]?[0-9]{1,2})?$"


def _names(key: Scalar) -> Schema:
    """Return the schema of an object's names, which are text where the key is a number, too."""
    if isinstance(key, Whole):
        return {"pattern": f"^(?:{whole_numbers(key.least, key.most)})$"}
    if isinstance(key, Number):
        return {"pattern": _FLOATS}
    schema = key.text_schema()
    if isinstance(choices := schema.get("enum"), list):
        return {"enum": [str(each) for each in choices]}
    return schema if schema.get("type") == "string" else {}
