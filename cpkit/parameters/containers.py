"""The shapes of lists, objects and mappings in a body."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from .faults import Faults, pointer, told_by
from .scalars import Number, span
from .shapes import Json, Ref, Scalar, Schema, Shape

Make = type[list[Any]] | type[set[Any]] | type[frozenset[Any]] | type[tuple[Any, ...]]


_BLOCK = 256  # items that are looked at together


class Listed:
    """The shape of lists, sets and tuples of any length; *make* makes one of its items."""

    def __init__(self, item: Shape, least: int | None, most: int | None, make: Make = list) -> None:
        self.item, self.least, self.most, self.make = item, least or 0, most, make
        self.careful = item.careful
        self.extra: Mapping[str, Json] = {}
        self.expects = "a list" + span(least, most, "item")

    def fits(self, count: int) -> bool:
        """Tell whether a list may have so many items."""
        return self.least <= count and (self.most is None or count <= self.most)

    def take(self, value: Json, at: str, faults: Faults) -> Json:
        """Return the items that *value* has; see :class:`~cpkit.parameters.shapes.Shape`."""
        if not isinstance(value, list) or not self.fits(len(value)):
            faults.add("body", at, f"must be {self.expects}")
            return value
        taken: list[Json] = []
        for start in range(0, len(value), _BLOCK):
            block = value[start : start + _BLOCK]
            whole = self.item.take_all(block) if isinstance(self.item, Scalar) else None
            if whole is not None:
                taken += whole
                continue
            for index, item in enumerate(block, start):
                taken.append(self.item.take(item, f"{at}/{index}", faults))
            if faults.full:
                break
        return taken

    def bounds(self) -> Schema:
        """Return how many items there may be, as members of a schema."""
        bounds: Schema = {"minItems": self.least} if self.least else {}
        return bounds if self.most is None else {**bounds, "maxItems": self.most}

    def schema(self, ref: Ref) -> Schema:
        """Return the schema of an array."""
        return {"type": "array", "items": self.item.schema(ref), **self.bounds(), **self.extra}


class Sequence:
    """The shape of a tuple, each place of which has a shape of its own."""

    def __init__(self, items: tuple[Shape, ...]) -> None:
        self.items, self.careful = items, any(item.careful for item in items)
        self.extra: Mapping[str, Json] = {}

    def take(self, value: Json, at: str, faults: Faults) -> Json:
        """Return the items that *value* has; see :class:`~cpkit.parameters.shapes.Shape`."""
        if not isinstance(value, list) or len(value) != len(self.items):
            faults.add("body", at, f"must be a list of {len(self.items)} items")
            return value
        pairs = enumerate(zip(self.items, value, strict=True))
        return [shape.take(item, f"{at}/{index}", faults) for index, (shape, item) in pairs]

    def schema(self, ref: Ref) -> Schema:
        """Return the schema of a tuple."""
        shapes: list[Json] = [item.schema(ref) for item in self.items]
        size = len(shapes)
        bounds: Schema = {"minItems": size, "maxItems": size}
        return {"type": "array", "prefixItems": shapes, "items": False, **bounds, **self.extra}


class Keyed:
    """The shape of a dict: names that are read as text, and values of one shape."""

    def __init__(self, key: Scalar | None, value: Shape) -> None:
        self.key, self.value = key, value
        # NOTE: msgspec reads the names nan and inf as floats.
        self.careful = value.careful or isinstance(key, Number) or bool(key and key.careful)
        self.extra: Mapping[str, Json] = {}

    def take(self, value: Json, at: str, faults: Faults) -> Json:
        """Return the members that *value* has; see :class:`~cpkit.parameters.shapes.Shape`."""
        if not isinstance(value, dict):
            faults.add("body", at, "must be an object")
            return value
        taken: dict[str, Json] = {}
        for name, member in value.items():
            if self.key and not _is_read(self.key, name):
                faults.add("body", pointer(at, name), f"its name must be {self.key.expects}")
            taken[name] = self.value.take(member, pointer(at, name), faults)
            if faults.full:
                break
        return taken

    def schema(self, ref: Ref) -> Schema:
        """Return the schema of an object with members of one kind."""
        names: Schema = {"propertyNames": _names(self.key)} if self.key else {}
        values = self.value.schema(ref)
        return {"type": "object", "additionalProperties": values, **names, **self.extra}


def _is_read(scalar: Scalar, text: str) -> bool:
    try:
        scalar.read(text)
    except ValueError:
        return False
    return True


def _names(key: Scalar) -> Schema:
    """Return the schema of an object's names, which are text where the key is a number, too."""
    schema = key.text_schema()
    if schema.get("type") == "integer":
        return {"pattern": "^-?(0|[1-9][0-9]*)$"}
    if isinstance(choices := schema.get("enum"), list):
        return {"enum": [str(each) for each in choices]}
    return schema if schema.get("type") == "string" else {}


class Member(NamedTuple):
    """A member of an object: its name in a document, its shape, whether it must be there."""

    name: str
    shape: Shape
    required: bool
    default: Json = None


class Record:
    """The shape of a Struct, a dataclass or a TypedDict: an object with known members.

    *members* are given once the shape exists, since a class may hold itself. *tag* is the member
    that tells Structs of a union apart, and its value.
    """

    def __init__(self, cls: type, *, closed: bool, tag: tuple[str, str | int] | None) -> None:
        self.cls, self.closed, self.tag = cls, closed, tag
        self.members: dict[str, Member] = {}
        self.careful = False
        self.extra: Mapping[str, Json] = {}

    def take(self, value: Json, at: str, faults: Faults) -> Json:
        """Return the members that *value* has; see :class:`~cpkit.parameters.shapes.Shape`."""
        if not isinstance(value, dict):
            faults.add("body", at, "must be an object")
            return value
        taken, before = dict(value), len(faults)
        for name, member in self.members.items():
            if name in value:
                taken[name] = member.shape.take(value[name], pointer(at, name), faults)
            elif member.required:
                faults.add("body", pointer(at, name), "is missing")
        if self.tag and self.tag[0] in value:
            taken[self.tag[0]] = tag = _tag(value[self.tag[0]])
            if tag != self.tag[1]:
                faults.add("body", pointer(at, self.tag[0]), f"must be {self.tag[1]}")
        if self.closed:
            self._refuse_unknown(value, at, faults)
        if faults.checks and len(faults) == before:
            self._ask(taken, at, faults)
        return taken

    def _ask(self, taken: Json, at: str, faults: Faults) -> None:
        """Add what the class itself says is wrong."""
        try:
            msgspec.convert(taken, self.cls, str_keys=True)
        except msgspec.ValidationError as error:
            detail, below = told_by(error)
            faults.add("body", at + below, detail)

    def _refuse_unknown(self, value: Iterable[str], at: str, faults: Faults) -> None:
        for name in value:
            if name not in self.members and not (self.tag and name == self.tag[0]):
                faults.add("body", pointer(at, name), "is unknown")

    def schema(self, ref: Ref) -> Schema:
        """Return a reference to the schema of the class."""
        return {**ref(self.cls, lambda: self._schema(ref)), **self.extra}

    def _schema(self, ref: Ref) -> Schema:
        members = self.members.values()
        properties: dict[str, Json] = {}
        for member in members:
            default: Schema = {} if member.default is None else {"default": member.default}
            properties[member.name] = {**member.shape.schema(ref), **default}
        required: list[Json] = [member.name for member in members if member.required]
        if self.tag:
            properties = {self.tag[0]: {"enum": [self.tag[1]]}, **properties}
        schema: Schema = {"title": self.cls.__name__, "type": "object", "properties": properties}
        doc = _own_doc(self.cls)
        if doc:
            schema["description"] = doc
        if required:
            schema["required"] = required
        return {**schema, "additionalProperties": False} if self.closed else schema


def _own_doc(cls: type) -> str:
    """Return the docstring that was written for *cls*, not the one a dataclass makes."""
    cls = typing.get_origin(cls) or cls
    doc = vars(cls).get("__doc__") or ""
    return "" if doc.startswith(f"{cls.__name__}(") else " ".join(doc.split())


def _tag(value: Json) -> str | int | None:
    """Return what may be a tag: 1.0 is the integer 1 to JSON Schema, and true is none."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None


class Tagged:
    """The shape of a union of Structs, told apart by the member *field*."""

    def __init__(self, field: str, records: tuple[Record, ...]) -> None:
        self.field, self._records = field, records
        self._by_tag = {record.tag[1]: record for record in records if record.tag}
        self.careful = any(record.careful for record in records)
        self.extra: Mapping[str, Json] = {}

    def take(self, value: Json, at: str, faults: Faults) -> Json:
        """Return the members that *value* has; see :class:`~cpkit.parameters.shapes.Shape`."""
        if not isinstance(value, dict):
            faults.add("body", at, "must be an object")
            return value
        tag = _tag(value.get(self.field))
        record = None if tag is None else self._by_tag.get(tag)
        if record is None:
            known = ", ".join(map(str, self._by_tag))
            faults.add("body", pointer(at, self.field), f"must be one of {known}")
            return value
        return record.take(value, at, faults)

    def schema(self, ref: Ref) -> Schema:
        """Return the schema of one of several objects."""
        each: list[Json] = []
        for record in self._records:
            each.append({"allOf": [record.schema(ref)], "required": [self.field]})
        return {"anyOf": each, **self.extra}
