"""Columns: the values of a document that should have one shape are looked at together.

A body of 64 KiB may hold 20,000 lists. Each shape sees all of its values at once, so that C code
goes through them; only faults are looked for one by one.
"""

from __future__ import annotations

import math
import operator
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import accumulate, chain, compress, count, islice, repeat
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar, cast

from .faults import MOST_TOLD, Faults, pointer

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
BLOCK = 64  # values that are looked at together where one is wrong
Step = tuple[int, str]  # the place of a value among those beside it, and its name
V = TypeVar("V")
W = TypeVar("W")


class Finding(NamedTuple):
    """A fault: the column and the index of a value, the member of it that is meant, the words."""

    column: Column[Any]
    row: int
    member: str | None
    detail: str

    def path(self) -> list[Step]:
        """Return the steps that lead to the value from the top of the document."""
        column, index = self.column, self.row
        steps = [] if self.member is None else [_step(column.values[index], self.member)]
        while column.above is not None:
            index, step = column.origin(index)
            steps += [step] if step else []
            column = column.above
        return steps[::-1]


class TooCostlyError(ValueError):
    """Raised for a document of which more is to be made than is allowed."""


class Findings(list[Finding]):
    """The faults found so far; nobody looks for more when they are *full*.

    With *checks*, classes are asked as well: what a ``__post_init__`` says no schema does. A
    *brief* search is for what msgspec would let through. *most* is what may be spent.
    """

    def __init__(
        self, *, checks: bool = False, brief: bool = False, most: float = math.inf
    ) -> None:
        super().__init__()
        self.checks, self.brief, self._left = checks, brief, most

    def spend(self, steps: int) -> None:
        """Count what values cost that are about to be made. Raise TooCostlyError beyond *most*."""
        self._left -= steps
        if self._left < 0:
            raise TooCostlyError

    @property
    def wanted(self) -> int:
        """Return how many more are told; one ends a brief search."""
        return (1 if self.brief else MOST_TOLD) - len(self)

    @property
    def full(self) -> bool:
        """Tell whether there are as many as are told."""
        return self.wanted <= 0

    @property
    def decided(self) -> bool:
        """Tell whether there is a fault, so that nobody needs the values; checks of classes do."""
        return bool(self) and not self.checks

    def told(self) -> Faults:
        """Return the faults in the order of the document, each with its JSON Pointer."""
        faults = Faults()
        for path, detail in sorted(((it.path(), it.detail) for it in self), key=lambda it: it[0]):
            at = ""
            for _, name in path:
                at = pointer(at, name)
            faults.add("body", at, detail)
        return faults


class Column(Generic[V]):
    """Values that should have one shape: of a whole document, or a part of those *above*."""

    __slots__ = ("above", "findings", "values")

    def __init__(self, values: list[V], findings: Findings, above: Column[Any] | None = None):
        self.values, self.findings, self.above = values, findings, above

    def origin(self, index: int) -> tuple[int, Step | None]:
        """Return the index above of the value at *index*, and the step from there."""
        return index, None

    def wrong(self, index: int, detail: str, member: str | None = None) -> None:
        """Add a fault of the value at *index*, or of a member of it."""
        if not self.findings.full:
            self.findings.append(Finding(self, index, member, detail))

    def of(self, kind: type[W], detail: str) -> Column[W]:
        """Return the values of one *kind*; the others are faults."""
        if set(map(type, self.values)) <= {kind}:
            return cast("Column[W]", self)
        return cast("Column[W]", self.only(map(isinstance, self.values, repeat(kind)), detail))

    def only(self, right: Iterable[bool], detail: str) -> Column[V]:
        """Return the values that are right, as is told of each; the others are faults."""
        told = list(right)
        for index in islice(compress(count(), map(operator.not_, told)), MOST_TOLD):
            self.wrong(index, detail)
        return Picked(self, list(compress(count(), told)))


class Picked(Column[V]):
    """The values at some *indexes* of a column."""

    __slots__ = ("_indexes",)

    def __init__(self, above: Column[V], indexes: list[int]) -> None:
        super().__init__([above.values[index] for index in indexes], above.findings, above)
        self._indexes = indexes

    def origin(self, index: int) -> tuple[int, Step | None]:
        """Return the index above of the value at *index*."""
        return self._indexes[index], None


class Members(Column["Json"]):
    """The members of objects that have one shape, name by name; *rows* has each name's objects."""

    __slots__ = ("_rows",)

    def __init__(
        self, values: list[Json], above: Column[Any], rows: Mapping[str, Collection[int]]
    ) -> None:
        super().__init__(values, above.findings, above)
        self._rows = rows

    def origin(self, index: int) -> tuple[int, Step | None]:
        """Return the index of the object, and the step to its member."""
        for name, rows in self._rows.items():
            if index < len(rows):
                within = next(islice(rows, index, None))
                return within, _step(cast("Column[Any]", self.above).values[within], name)
            index -= len(rows)
        raise IndexError(index)


class Items(Column["Json"]):
    """All the items of the lists, or of the objects, of a column."""

    __slots__ = ("__dict__",)

    def __init__(self, above: Column[Any], items: Iterator[Json]) -> None:
        super().__init__(list(items), above.findings, above)

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(map(len, cast("Column[Any]", self.above).values)))

    def origin(self, index: int) -> tuple[int, Step | None]:
        """Return the index of the list, and the step to its item."""
        within = bisect_right(self._ends, index)
        whole = cast("Column[Any]", self.above).values[within]
        place = index - self._ends[within] + len(whole)
        return within, (place, str(place if isinstance(whole, list) else list(whole)[place]))


def flat(values: Iterable[Any]) -> Iterator[Any]:
    """Return the items of all lists, or the names of all objects."""
    return chain.from_iterable(values)


def _step(value: Any, name: str) -> Step:
    """Return the step to a member of *value*; what is missing comes after what is there."""
    if isinstance(value, list):
        return int(name), name
    return (list(value).index(name) if name in value else len(value)), name
