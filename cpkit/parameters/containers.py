"""The shapes of lists and objects in a body."""

from __future__ import annotations

import typing
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from itertools import compress, islice, repeat
from typing import Any, NamedTuple, cast

import msgspec

from .columns import BLOCK, Column, Items, Json, Members, Picked, flat
from .faults import MOST_TOLD, told_by
from .scalars import Choice, span
from .shapes import Ref, Scalar, Schema, Shape, sameness

# Members of objects: the indexes of the objects that have each, by its name; and the new values.
Change = tuple[Mapping[str, Collection[int]], list[Json]]
Make = type[list[Any]] | type[set[Any]] | type[frozenset[Any]] | type[tuple[Any, ...]]
_REFUSED: Any = object()  # in the place of what a class refused


class Listed:
    """The shape of lists, sets and tuples of any length; *make* makes one of its items.

    The items of a set that has a least size above one must differ, as a schema can tell no other
    way that there are enough.
    """

    def __init__(self, item: Shape, least: int | None, most: int | None, make: Make = list) -> None:
        self.item, self.least, self.most, self.make = item, least or 0, most, make
        self.extra: Mapping[str, Json] = {}
        self._is_set = issubclass(make, set | frozenset)
        self._differ = self._is_set and self.least > 1
        self.expects = "a list" + span(least, most, "item") + " that differ" * self._differ

    @property
    def careful(self) -> bool:
        """Tell whether its items are, or msgspec counts them when some are gone."""
        return self.item.careful or self._differ or (self._is_set and self.most is not None)

    def fits(self, items: list[Any]) -> bool:
        """Tell whether a list may have these items: so many, and none twice where they differ."""
        return self._may_have(len(items)) and (not self._differ or _are_sets([items])[0])

    def _may_have(self, count: int) -> bool:
        return self.least <= count and (self.most is None or count <= self.most)

    def take(self, column: Column[Json]) -> list[Json]:
        """Return the lists with what their items are; see :class:`Shape`."""
        detail = f"must be {self.expects}"
        lists = column.of(list, detail)
        if wrong := {size for size in set(map(len, lists.values)) if not self._may_have(size)}:
            lists = lists.only([len(it) not in wrong for it in lists.values], detail)
        if self._differ and not all(fit := _are_sets(lists.values)):
            lists = lists.only(fit, detail)
        items = Items(lists, flat(lists.values))
        if self._is_set and isinstance(self.item, Scalar):
            items.findings.spend(self.item.cost * len(items.values))  # its hash takes as long
        taken = self.item.take(items)
        if taken is items.values or items.findings.decided:
            return column.values
        each = iter(taken)
        return [list(islice(each, len(it))) for it in lists.values]

    def bounds(self) -> Schema:
        """Return how many items there may be, as members of a schema."""
        bounds: Schema = {"minItems": self.least} if self.least else {}
        if self._differ:
            bounds["uniqueItems"] = True
        return bounds if self.most is None else {**bounds, "maxItems": self.most}

    def schema(self, ref: Ref) -> Schema:
        """Return the schema of an array."""
        return {"type": "array", "items": self.item.schema(ref), **self.bounds(), **self.extra}


def _are_sets(lists: list[Any]) -> list[bool]:
    """Tell of each list whether its items differ."""
    try:
        return [len(set(items)) == len(items) for items in lists]
    except TypeError:  # of lists and objects, which may be items of a set once they are made
        encoded = ([msgspec.json.encode(it, order="sorted") for it in items] for items in lists)
        return [len(set(items)) == len(items) for items in encoded]


class Sequence:
    """The shape of a tuple, each place of which has a shape of its own."""

    def __init__(self, items: tuple[Shape, ...]) -> None:
        self.items = items
        self.extra: Mapping[str, Json] = {}

    @property
    def careful(self) -> bool:
        """Tell whether an item is."""
        return any(item.careful for item in self.items)

    def take(self, column: Column[Json]) -> list[Json]:
        """Return the lists with what their items are; see :class:`Shape`."""
        size = len(self.items)
        detail = f"must be a list of {size} items"
        lists = column.of(list, detail)
        if not set(map(len, lists.values)) <= {size}:
            lists = lists.only([len(it) == size for it in lists.values], detail)
        taken, changed = [], False
        rows = range(len(lists.values))
        for place, items in enumerate(zip(*lists.values, strict=True)):
            members = Members(list(items), lists, {str(place): rows})
            taken.append(self.items[place].take(members))
            changed = changed or taken[-1] is not members.values
        return list(map(list, zip(*taken, strict=False))) if changed else column.values

    def schema(self, ref: Ref) -> Schema:
        """Return the schema of a tuple."""
        shapes: list[Json] = [item.schema(ref) for item in self.items]
        size = len(shapes)
        bounds: Schema = {"minItems": size, "maxItems": size}
        return {"type": "array", "prefixItems": shapes, "items": False, **bounds, **self.extra}


class _Tag(Choice):
    """The shape of the member that tells Structs of a union apart."""

    def __init__(self, value: str | int) -> None:
        super().__init__([value], None)
        self.expects = str(value)


class Member(NamedTuple):
    """A member of an object: its name in a document, its shape, whether it must be there.

    *cost* is that of its default.
    """

    name: str
    shape: Shape
    required: bool
    default: Json = None
    cost: int = 0


class Record:
    """The shape of a Struct, a dataclass or a TypedDict: an object with known members.

    *members* are given once the shape exists, since a class may hold itself. *tag* is the member
    that tells Structs of a union apart, and its value.
    """

    def __init__(self, cls: type, *, closed: bool, tag: tuple[str, str | int] | None) -> None:
        self.cls, self.closed, self.tag = cls, closed, tag
        self.members: dict[str, Member] = {}
        self._tags = {tag[0]: Member(tag[0], _Tag(tag[1]), False)} if tag else {}
        self.careful = False
        self.extra: Mapping[str, Json] = {}

    def take(self, column: Column[Json]) -> list[Json]:
        """Return the objects with what their members are; see :class:`Shape`."""
        objects = column.of(dict, "must be an object")
        objects.findings.spend(self.cost * len(objects.values))
        found = _by_name(objects.values)
        changes = list(self._changes(found, objects))
        for name in self._required:
            _tell_missing(name, found.get(name, {}), objects)
        if self.closed:
            self._refuse_unknown(found, objects)
        if column.findings.decided:
            return column.values
        made = cast("list[Json]", _with(objects.values, changes))
        return self._asked(made, objects) if column.findings.checks else made

    def _changes(
        self, found: Mapping[str, dict[int, Json]], objects: Column[dict[str, Json]]
    ) -> Iterator[Change]:
        """Yield the members that are not as they were *found*; those of one shape at once."""
        for shape, names in self._unsure if objects.findings.brief else self._every:
            rows = {name: found[name] for name in names if name in found}
            if not rows:
                continue
            values = list(flat(map(dict.values, rows.values())))
            # PERF: most members are scalars, and right: these need no column.
            if not isinstance(shape, Scalar):
                taken = shape.take(Members(values, objects, rows))
            else:
                if shape.cost:
                    objects.findings.spend(shape.cost * len(values))
                right = shape.take_all(values)
                taken = shape.refuse(Members(values, objects, rows)) if right is None else right
            if taken is not values:
                yield rows, taken

    @cached_property
    def cost(self) -> int:
        """Return what the defaults cost that an object without members gets."""
        return sum(member.cost for member in self.members.values())

    @cached_property
    def _required(self) -> list[str]:
        return [name for name, member in self.members.items() if member.required]

    @cached_property
    def _every(self) -> list[tuple[Shape, list[str]]]:
        """Return the names of the members of each shape."""
        groups: defaultdict[object, list[str]] = defaultdict(list)
        shapes = {name: it.shape for name, it in {**self._tags, **self.members}.items()}
        for name, shape in shapes.items():
            groups[sameness(shape)].append(name)
        return [(shapes[names[0]], names) for names in groups.values()]

    @cached_property
    def _unsure(self) -> list[tuple[Shape, list[str]]]:
        """Return the members that msgspec may be too lax with."""
        return [each for each in self._every if each[0].careful]

    def _refuse_unknown(
        self, found: Mapping[str, Collection[int]], objects: Column[dict[str, Json]]
    ) -> None:
        for name, indexes in found.items():
            if name not in self.members and name not in self._tags:
                for index in islice(indexes, MOST_TOLD):
                    objects.wrong(index, "is unknown", name)

    def _asked(self, values: list[Json], objects: Column[dict[str, Json]]) -> list[Json]:
        """Return objects of the class itself; add what it says is wrong."""
        if typing.is_typeddict(typing.get_origin(self.cls) or self.cls):
            return values
        made: list[Any] = []
        for start in range(0, len(values), BLOCK):
            if objects.findings.full:
                break
            block = values[start : start + BLOCK]
            try:
                made += msgspec.convert(block, list[self.cls], str_keys=True)  # type: ignore[name-defined]
            except msgspec.ValidationError:
                made += map(self._ask, block, range(start, len(values)), repeat(objects))
        return made

    def _ask(self, value: Json, index: int, objects: Column[dict[str, Json]]) -> Any:
        try:
            return msgspec.convert(value, self.cls, str_keys=True)
        except msgspec.ValidationError as error:
            detail, below = told_by(error)
            if not below:  # else a member has said it
                objects.wrong(index, detail)
            return _REFUSED

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


def _by_name(values: list[dict[str, Json]]) -> dict[str, dict[int, Json]]:
    """Return the members of objects."""
    found: defaultdict[str, dict[int, Json]] = defaultdict(dict)
    for index, value in compress(enumerate(values), values):
        for name, item in value.items():
            found[name][index] = item
    return found


def _with(values: list[dict[str, Json]], changes: list[Change]) -> list[dict[str, Json]]:
    """Return objects with members that are changed: copies of them, if there are any."""
    made = list(map(dict, values)) if changes else values
    for rows, items in changes:
        each = iter(items)
        for name, indexes in rows.items():
            for index, item in zip(indexes, each, strict=False):
                made[index][name] = item
    return made


def _tell_missing(name: str, found: Collection[int], objects: Column[dict[str, Json]]) -> None:
    if len(found) < len(objects.values):
        without = (index for index in range(len(objects.values)) if index not in found)
        for index in islice(without, MOST_TOLD):
            objects.wrong(index, "is missing", name)


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
        self._by_tag: dict[object, Record] = {it.tag[1]: it for it in records if it.tag}
        self.extra: Mapping[str, Json] = {}

    @property
    def careful(self) -> bool:
        """Tell whether one of the objects is."""
        return any(record.careful for record in self._records)

    def take(self, column: Column[Json]) -> list[Json]:
        """Return the objects with what their members are; see :class:`Shape`."""
        objects = column.of(dict, "must be an object")
        known = f"must be one of {', '.join(map(str, self._by_tag))}"
        groups: defaultdict[Record, list[int]] = defaultdict(list)
        for index, value in enumerate(objects.values):
            tag = value.get(self.field)
            record = self._by_tag.get(tag if isinstance(tag, str) else _tag(tag))
            if record is None:
                objects.wrong(index, known, self.field)
                if objects.findings.full:
                    break
            else:
                groups[record].append(index)
        taken: list[Any] = list(objects.values)
        changed = False
        for record, indexes in groups.items():
            made = record.take(cast("Column[Json]", Picked(objects, indexes)))
            for index, each in zip(indexes, made, strict=False):
                changed = changed or taken[index] is not each
                taken[index] = each
        return taken if changed else column.values

    def schema(self, ref: Ref) -> Schema:
        """Return the schema of one of several objects."""
        each: list[Json] = []
        for record in self._records:
            each.append({"allOf": [record.schema(ref)], "required": [self.field]})
        return {"anyOf": each, **self.extra}
