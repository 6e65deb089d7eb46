"""What a handler takes, and its values made from what a client sent."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from typing import Any

from .containers import Listed
from .faults import Faults
from .shapes import Nullable, Scalar, Shape, Upload

Value = Any  # what a client sent (text, a file, a list of these), or what a tool made of it
ABSENT = object()
_FRESH = (list, set, dict)  # defaults that a handler could change for the next request


def shape_in(shape: Shape | None) -> Shape | None:
    """Return the shape of one value: of an item of a list, and of what is not null."""
    inner = shape.inner if isinstance(shape, Nullable) else shape
    return inner.item if isinstance(inner, Listed) else inner


class Parameter:
    """A parameter of a handler: its name, the scalar that reads it, and its default."""

    __slots__ = ("default", "fresh", "listed", "name", "optional", "scalar", "shape")

    def __init__(self, name: str, shape: Shape | None, default: object) -> None:
        self.name, self.shape, self.default = name, shape, default
        self.optional = default is not ABSENT
        self.fresh = isinstance(default, _FRESH)
        inner = shape.inner if isinstance(shape, Nullable) else shape
        self.listed = inner if isinstance(inner, Listed) else None
        item = shape_in(shape)
        self.scalar = item if isinstance(item, Scalar | Upload) else None

    @property
    def grammar(self) -> str:
        """Return a regex of all the texts that it reads, and maybe of others."""
        return self.scalar.grammar if isinstance(self.scalar, Scalar) else "(?s:.*)"

    def value(self, raw: Value, place: str, faults: Faults) -> object:
        """Return the value that *raw* writes; add what is wrong with it to *faults*.

        ABSENT: there is none. What is no text, list or file was made by another tool, and stands.
        """
        if self.scalar is None and self.listed is None:
            return raw
        if raw.__class__ is not str and not isinstance(raw, list) and not is_file(raw):
            return raw
        if self.listed is not None:
            return self._several(raw if isinstance(raw, list) else [raw], place, faults)
        if isinstance(raw, list):
            faults.add(place, self.name, "must be given once")
            return raw
        if place == "form" and _is_left_empty(raw):
            return ABSENT
        return self._one(raw, self.name, place, faults)

    def _one(self, raw: Value, name: str, place: str, faults: Faults) -> object:
        scalar = self.scalar
        if scalar is None:
            return raw
        if isinstance(scalar, Upload):
            if getattr(raw, "file", None) is None:
                faults.add(place, name, "must be a file")
            return raw
        if not isinstance(raw, str):
            faults.add(place, name, "must be text, not a file")
            return raw
        try:
            return scalar.read(raw)
        except ValueError:
            faults.add(place, name, f"must be {scalar.expects}")
            return raw

    def _several(self, raw: list[Value], place: str, faults: Faults) -> object:
        if place == "form" and len(raw) == 1 and _is_left_empty(raw[0]):
            return ABSENT
        if self.listed and not self.listed.fits(raw):
            faults.add(place, self.name, f"must be {self.listed.expects}")
            return raw
        values = []
        for index, each in enumerate(raw):
            name = f"{self.name}/{index}" if len(raw) > 1 else self.name
            values.append(self._one(each, name, place, faults))
            if faults.full:
                break
        return self.listed.make(values) if self.listed else values


class Plan:
    """What a handler takes: *named* parameters, those that a path may fill, and all others.

    *rest* reads what ``*args`` takes and *others* what ``**kwargs`` takes; None: there is none.
    Nobody may fill the *receiver*, a method's ``self``.
    """

    def __init__(self, receiver: str | None = None) -> None:
        self.named: dict[str, Parameter] = {}
        self.positional: list[Parameter] = []
        self.only_positional: list[str] = []
        self.rest: Parameter | None = None
        self.others: Parameter | None = None
        self.skipped: frozenset[str] = frozenset()
        self.refused = frozenset([] if receiver is None else [receiver])
        # PERF: what reads a text that is one scalar, by name; and what complete() has to do.
        self.readers: dict[str, Callable[[str], object]] = {}
        self.required: frozenset[str] = frozenset()
        self._fresh: list[Parameter] = []
        self.changeable = False  # whether a handler may change what it gets

    def finish(self) -> None:
        """Work out what each request needs, once all parameters are there."""
        for name, each in self.named.items():
            if each.listed is None and isinstance(each.scalar, Scalar):
                self.readers[name] = each.scalar.read
        self.required = frozenset(name for name, it in self.named.items() if not it.optional)
        self._fresh = [each for each in self.named.values() if each.fresh]
        taken = [*self.named.values(), *filter(None, [self.others])]
        self.changeable = bool(self._fresh) or any(
            each.listed or isinstance(each.scalar, Upload) or not each.shape for each in taken
        )

    def fill(self, given: dict[str, Value], name: str, place: str, faults: Faults) -> None:
        """Put the typed value of *name* into *given*, in the place of the one there."""
        raw = given[name]
        reader = self.readers.get(name)
        if reader is not None and raw.__class__ is str and (raw or place != "form"):
            try:
                given[name] = reader(raw)
                return
            except ValueError:
                pass
        parameter = self.named.get(name)
        if parameter is None:
            if name in self.skipped:
                return
            if self.others is None or name in self.refused:
                faults.add(place, name, "is unknown")
                return
            parameter = Parameter(name, self.others.shape, ABSENT)
        value = parameter.value(raw, place, faults)
        if value is ABSENT:
            del given[name]
        elif value is not raw:
            given[name] = value

    def complete(
        self, given: dict[str, Value], filled: Collection[str], place: str, faults: Faults
    ) -> None:
        """Add a fault for each parameter that is missing, and the defaults that may be changed.

        *filled* are those that a path fills by their position.
        """
        if not self.required.issubset(given):
            for name in self.named:
                if name in self.required and name not in given and name not in filled:
                    faults.add(place, name, "is missing")
        for each in self._fresh:
            if each.name not in given and each.name not in filled:
                given[each.name] = copy.deepcopy(each.default)

    def takes_more_than(self, names: Collection[str]) -> bool:
        """Tell whether anything but *names* is taken."""
        return self.others is not None or not self.named.keys() <= set(names)

    def unsent(self, path: Collection[str], *, files: bool) -> str | None:
        """Return the name of a file that must be there and cannot be sent, if there is one.

        *path* are the variables of a path, and *files* tells whether requests have a form.
        """
        wanted = (name for name in self.required if isinstance(self.named[name].scalar, Upload))
        return next((name for name in sorted(wanted) if name in path or not files), None)

    def in_path(self, name: str) -> Parameter | None:
        """Return what takes the variable *name* of a path, if it is typed."""
        return self.named.get(name) or (None if name in self.refused else self.others)

    def unnamed(self) -> str | None:
        """Return the name of a parameter that nothing passed by name can fill, if there is one."""
        return self.rest.name if self.rest else next(iter(self.only_positional), None)


def _is_left_empty(raw: Value) -> bool:
    """Tell whether a field of a form was not filled in; one for a file has no name then."""
    return raw == "" or (is_file(raw) and not (raw.filename or raw.file or raw.value))


def is_file(value: object) -> bool:
    """Tell whether *value* is an uploaded file, or a part of a form as it came."""
    return hasattr(value, "filename")
