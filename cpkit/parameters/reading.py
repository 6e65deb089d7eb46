"""Read annotations: which shape each has, and why some have none."""

from __future__ import annotations

import copy
import enum
import math
import typing
from collections.abc import Callable, Collection, Iterator
from datetime import date, datetime, time
from typing import TypeVar

from msgspec import NODEFAULT
from msgspec import inspect as types

from .containers import Listed, Make, Member, Record, Sequence, Tagged
from .decimals import Exact
from .mappings import Keyed
from .moments import Moment
from .scalars import Binary, Choice, Identifier, Number, Text, Truth, Whole
from .shapes import Anything, Nothing, Nullable, Scalar, Shape, Upload, plain, sameness

# The finest step of which floats are multiples, as 0.25 is: 0.01 has no exact float.
_FINEST = 2**20
_MADE = 10  # what a default costs that is made anew, where one that is there already costs 1
LOCAL = "it is misspelt, imported for type checkers only, or local to a function"
EXPECTS = "expects"  # in the extra of a Meta: what a value must be, in words of one's own


class UnreadableError(Exception):
    """Raised for an annotation that has no shape; its text says why, and what to write."""


def shape_of(annotation: object, *, file: type | None = None) -> Shape:
    """Return the shape of what *annotation* stands for. Raise UnreadableError for none.

    *file* is the class of an uploaded file, where there may be some.
    """
    return reading_of(annotation, file=file)[0]


def reading_of(annotation: object, *, file: type | None = None) -> tuple[Shape, int]:
    """Return the shape of *annotation*, and the most that the defaults of one object cost.

    Raises as :func:`shape_of` does.
    """
    for part in _parts(annotation):
        if isinstance(part, TypeVar):
            raise UnreadableError(f"{part} is a type variable: write the type")
        if typing.get_origin(part) is typing.Literal:
            _check_alike([value for value in typing.get_args(part) if value is not None])
    try:
        info = types.type_info(annotation)
    except NameError as error:
        raise UnreadableError(f"{error}: {LOCAL}") from error
    except Exception as error:  # a class's annotations are evaluated, which may raise anything
        # NOTE: msgspec may ask for an issue of its own, which this is none of.
        said = str(error).partition("\n")[0].partition(" If you need this feature")[0]
        raise UnreadableError(said.rstrip(".")) from error
    reader = _Reader(file)
    shape = reader.read(info)
    reader.settle()
    return shape, reader.costliest()


def _parts(annotation: object) -> Iterator[object]:
    """Yield *annotation* and what it is made of."""
    yield annotation
    if typing.get_origin(annotation) is not typing.Literal:
        for part in typing.get_args(annotation):
            yield from _parts(part)


def _check_alike(values: Collection[object]) -> None:
    """Raise UnreadableError for values that are neither all texts nor all whole numbers."""
    if not (all(type(it) is str for it in values) or all(type(it) is int for it in values)):
        raise UnreadableError("its values are neither all texts nor all whole numbers")


class _Reader:
    """One reading, which knows the classes that it has met: they may hold themselves."""

    def __init__(self, file: type | None) -> None:
        self._file = file
        self._met: dict[type, Record] = {}
        self._records: list[Record] = []
        # PERF: members that have the very same shape are looked at together.
        self._shapes: dict[object, Shape] = {}

    def settle(self) -> None:
        """Make each class as careful as its members, which may hold the class."""
        unsettled = True
        while unsettled:
            unsettled = False
            for record in self._records:
                if not record.careful and any(it.shape.careful for it in record.members.values()):
                    record.careful = unsettled = True

    def costliest(self) -> int:
        """Return the most that the defaults of an object cost."""
        return max((record.cost for record in self._records), default=0)

    def read(self, info: types.Type) -> Shape:
        if isinstance(info, types.Metadata):
            # NOTE: a class's shape stands for all members of that class, and these words for one.
            shape = copy.copy(self.read(info.type))
            shape.extra = info.extra_json_schema or {}
            self._records += [shape] if isinstance(shape, Record) else []
            if info.extra and EXPECTS in info.extra and isinstance(shape, Scalar):
                shape.expects = str(info.extra[EXPECTS])
            return shape
        if isinstance(info, types.CustomType) and info.cls is self._file:
            return Upload()
        for kind, make in _MAKERS.items():
            if isinstance(info, kind):
                shape = make(self, info)
                return self._shapes.setdefault(sameness(shape), shape)
        raise UnreadableError(_WHY.get(type(info)) or f"nothing is known of {_named(info)}")

    def record(self, info: _RecordType) -> Shape:
        if info.cls in self._met:
            return self._met[info.cls]
        if getattr(info, "array_like", False):
            raise UnreadableError(f"{info.cls.__name__} is array_like: leave that out")
        tag, closed = None, False
        if isinstance(info, types.StructType):
            closed = info.forbid_unknown_fields
            if info.tag_field is not None and info.tag is not None:
                tag = info.tag_field, info.tag
        made = Record(info.cls, closed=closed, tag=tag)
        self._met[info.cls] = made
        self._records.append(made)
        for field in info.fields:
            shape = self.read(field.type)
            default = plain(getattr(field, "default", None))
            made.members[field.encode_name] = Member(
                field.encode_name, shape, field.required, default, self._cost(field)
            )
        return made

    def _cost(self, field: types.Field) -> int:
        """Return what the default of a member costs, with those of a class that it makes."""
        if field.default is not NODEFAULT:
            return 1
        made = self._met.get(field.default_factory)
        return 0 if field.default_factory is NODEFAULT else _MADE + (made.cost if made else 0)

    def union(self, info: types.UnionType) -> Shape:
        others = [each for each in info.types if not isinstance(each, types.NoneType)]
        shape = self.read(others[0]) if len(others) == 1 else self._tagged(others)
        return shape if len(others) == len(info.types) else Nullable(shape)

    def _tagged(self, infos: list[types.Type]) -> Shape:
        records = [self.read(info) for info in infos if isinstance(info, types.StructType)]
        tagged = tuple(each for each in records if isinstance(each, Record) and each.tag)
        if len(tagged) < len(infos):
            names = " | ".join(map(_named, infos))
            raise UnreadableError(
                f"{names} cannot be told apart: take one of them, or Structs with a tag"
            )
        field = tagged[0].tag[0] if tagged[0].tag else ""
        return Tagged(field, tagged)

    def keyed(self, info: types.DictType) -> Shape:
        key = self.read(info.key_type)
        if not isinstance(key, Scalar | Anything) or isinstance(key, Truth | Binary | Nothing):
            raise UnreadableError("the names of a dict must be text, numbers or an Enum")
        if (isinstance(key, Whole) and key.multiple_of) or (isinstance(key, Number) and key.bounds):
            raise UnreadableError("no schema tells such names of a dict: check them yourself")
        untyped = isinstance(key, Anything) or (type(key) is Text and key.expects == "text")
        name = None if untyped else typing.cast(Scalar, key)
        _check_bounds(info.min_length, info.max_length)
        return Keyed(name, self.read(info.value_type), info.min_length, info.max_length)


_RecordType = types.StructType | types.DataclassType | types.TypedDictType
_WHY: dict[type, str] = {
    types.TimeDeltaType: "a timedelta has no form that all clients write: take a float of seconds",
    types.NamedTupleType: "a NamedTuple is told by places: take a Struct or a dataclass",
}


def _named(info: types.Type) -> str:
    cls = getattr(info, "cls", None)
    return (
        cls.__qualname__
        if isinstance(cls, type)
        else type(info).__name__.removesuffix("Type").lower()
    )


def _whole(_: _Reader, info: types.IntType) -> Shape:
    least = [
        each
        for each in (info.ge, None if info.gt is None else math.floor(info.gt) + 1)
        if each is not None
    ]
    most = [
        each
        for each in (info.le, None if info.lt is None else math.ceil(info.lt) - 1)
        if each is not None
    ]
    bounds = (
        max(map(math.ceil, least), default=None),
        min(map(math.floor, most), default=None),
    )
    _check_bounds(*bounds)
    return Whole(*bounds, info.multiple_of)


def _number(_: _Reader, info: types.FloatType) -> Shape:
    _check_bounds(
        max((it for it in (info.ge, info.gt) if it is not None), default=None),
        min((it for it in (info.le, info.lt) if it is not None), default=None),
    )
    step = info.multiple_of
    if step and step.as_integer_ratio()[1] > _FINEST:
        raise UnreadableError(f"few floats are a multiple of {step}: take a Decimal, or an int")
    return Number(ge=info.ge, gt=info.gt, le=info.le, lt=info.lt, multiple_of=step)


def _text(_: _Reader, info: types.StrType) -> Shape:
    _check_bounds(info.min_length, info.max_length)
    return Text(info.min_length, info.max_length, info.pattern)


def _binary(_: _Reader, info: types.BytesType) -> Shape:
    _check_bounds(info.min_length, info.max_length)
    return Binary(info.min_length, info.max_length)


def _check_bounds(least: float | None, most: float | None) -> None:
    """Raise UnreadableError for bounds that nothing keeps."""
    if least is not None and most is not None and least > most:
        raise UnreadableError(f"nothing is from {least} to {most}: correct the bounds")


def _literal(_: _Reader, info: types.LiteralType) -> Shape:
    values = [value for value in info.values if value is not None]
    if not values:
        return Nothing()
    shape = _choice(values, None)
    return shape if len(values) == len(info.values) else Nullable(shape)


def _enum(_: _Reader, info: types.EnumType) -> Shape:
    return _choice([member.value for member in info.cls], info.cls)


def _choice(values: Collection[object], enumeration: type[enum.Enum] | None) -> Shape:
    _check_alike(values)
    return Choice(typing.cast("list[str | int]", values), enumeration)


def _moment(kind: type[date | time]) -> Callable[[_Reader, types.DateTimeType], Shape]:
    return lambda _, info: Moment(kind, offset=getattr(info, "tz", None) is not False)


def _listed(make: Make) -> Callable[[_Reader, types.ListType], Shape]:
    def made(reader: _Reader, info: types.ListType) -> Shape:
        item = reader.read(info.item_type)
        _check_bounds(info.min_length, info.max_length)
        if issubclass(make, set | frozenset) and not _is_hashable(item):
            raise UnreadableError("the items of a set must be frozen: take a list")
        return Listed(item, info.min_length, info.max_length, make)

    return made


def _is_hashable(shape: Shape) -> bool:
    """Tell whether values of *shape* may be items of a set; of Any, that shows later."""
    if isinstance(shape, Nullable):
        return _is_hashable(shape.inner)
    if isinstance(shape, Listed):
        return issubclass(shape.make, tuple | frozenset) and _is_hashable(shape.item)
    if isinstance(shape, Sequence):
        return all(map(_is_hashable, shape.items))
    if isinstance(shape, Record):
        struct = getattr(shape.cls, "__struct_config__", None)  # whose hash may raise, and is there
        return shape.cls.__hash__ is not None if struct is None else struct.frozen or not struct.eq
    return isinstance(shape, Scalar | Anything)


_MAKERS: dict[type, Callable[[_Reader, typing.Any], Shape]] = {
    types.StrType: _text,
    types.IntType: _whole,
    types.FloatType: _number,
    types.BoolType: lambda _, info: Truth(),
    types.NoneType: lambda _, info: Nothing(),
    types.AnyType: lambda _, info: Anything(),
    types.DecimalType: lambda _, info: Exact(),
    types.UUIDType: lambda _, info: Identifier(),
    types.DateType: _moment(date),
    types.DateTimeType: _moment(datetime),
    types.TimeType: _moment(time),
    types.BytesType: _binary,
    types.EnumType: _enum,
    types.LiteralType: _literal,
    types.UnionType: _Reader.union,
    types.ListType: _listed(list),
    types.SetType: _listed(set),
    types.FrozenSetType: _listed(frozenset),
    types.VarTupleType: _listed(tuple),
    types.TupleType: lambda reader, info: Sequence(tuple(map(reader.read, info.item_types))),
    types.DictType: _Reader.keyed,
    types.StructType: _Reader.record,
    types.DataclassType: _Reader.record,
    types.TypedDictType: _Reader.record,
}
