"""What a handler's signature says: read once, or refused at the start with what to write."""

import collections.abc
import enum
import functools
import sys
from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, List, NewType, Optional, TypeVar  # noqa: UP035
from uuid import UUID

import msgspec
import pytest
from msgspec import Meta

from cpkit.errors import AnnotationError
from cpkit.parameters.faults import Faults
from cpkit.parameters.signature import hint_of, plan_of

if TYPE_CHECKING:
    from nowhere import User

T = TypeVar("T")
Ids = NewType("Ids", set[int])


class Colour(enum.Enum):
    RED = "red"


class File:
    def __init__(self, filename="", file=None):
        self.filename, self.file, self.value = filename, file, b""


class Mistyped(msgspec.Struct):
    day: "datetime.dat"


def handler_of(annotation, *default):
    def handler(x): ...

    handler.__annotations__["x"] = annotation
    handler.__defaults__ = default or None
    return handler


def refused(handler):
    with pytest.raises(AnnotationError) as raised:
        plan_of(handler, file=File)
    return raised.value.parameter, raised.value.problem


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        ("datetime.dat", "'datetime.dat' is no type"),
        ("int |", "'int |' is no type"),
        ("int | 3", "'int | 3' is no type"),
        ("a whole number", "'a whole number' is no type"),
        (
            "list[Nowhere]",
            "name 'Nowhere' is not defined: it is misspelt, imported for type checkers only",
        ),
        (Mistyped, "no attribute 'dat'"),
        (T, "~T is a type variable: write the type"),
        (list[T], "~T is a type variable: write the type"),
        (Callable[[int], int], "nothing is known of Callable"),
        (complex, "nothing is known of complex"),
        (5, "is not supported"),
        (Annotated[Decimal, Meta(ge=1)], "Can only set `ge` on a numeric type"),
        (Annotated[int, Meta(le=2**70)], "don't fit in an int64 are currently not supported"),
    ],
    ids=repr,
)
def test_an_annotation_that_is_none_is_refused_by_its_name(annotation, said):
    name, problem = refused(handler_of(annotation))
    assert name == "x"
    assert said in problem
    assert "GitHub" not in problem  # where msgspec's own issues are


@pytest.mark.parametrize(
    ("annotation", "default"),
    [
        (Colour, "red"),
        (list[Colour], ["red"]),
        (date, "2026-11-29"),
        (date, datetime(2026, 11, 29, tzinfo=timezone.utc)),
        (datetime, datetime(2026, 11, 29)),
        (Annotated[datetime, Meta(tz=False)], datetime(2026, 11, 29, tzinfo=timezone.utc)),
        (UUID, "123e4567-e89b-12d3-a456-426614174000"),
        (Decimal, "1.5"),
        (Decimal, 1.5),
        (set[int], [1]),
        (list[int], {1}),
        (File, "a"),
        (File | None, 3),
    ],
    ids=repr,
)
def test_a_default_of_another_type_is_refused_since_nothing_converts_it(annotation, default):
    name, problem = refused(handler_of(annotation, default))
    assert name == "x"
    assert problem.startswith(f"its default {default!r} does not fit: ")


@pytest.mark.parametrize(
    ("annotation", "default"),
    [
        (Colour, Colour.RED),
        (list[Colour], (Colour.RED,)),
        (date, date(2026, 11, 29)),
        (datetime, datetime(2026, 11, 29, tzinfo=timezone.utc)),
        (Decimal, Decimal("1.5")),
        (float, 1),
        (float, float("inf")),
        (set[int], frozenset()),
        (collections.abc.Sequence[int], ()),
        (list[File], []),
        (list[File] | None, None),
        (int, None),
    ],
    ids=repr,
)
def test_a_default_of_the_type_is_taken(annotation, default):
    plan = plan_of(handler_of(annotation, default), file=File)
    assert plan.named["x"].default is default


@pytest.mark.parametrize(
    ("annotation", "values"),
    [
        (List, ["1"]),  # noqa: UP006
        (list, ["1"]),
        (list[Any], ["1"]),
        (list[int], [1]),
        (tuple[int, ...], (1,)),
        (set[int], {1}),
        (frozenset[int] | None, frozenset({1})),
        (collections.abc.Set[int], {1}),
        (Annotated[set[int], Meta(max_length=2)] | None, {1}),
        (Optional[Annotated[tuple[int, ...], Meta(max_length=2)]], (1,)),  # noqa: UP045
        (Ids, {1}),
    ],
    ids=repr,
)
def test_one_value_makes_a_list_a_set_or_a_tuple_however_that_is_written(annotation, values):
    plan, given, faults = plan_of(handler_of(annotation)), {"x": "1"}, Faults()
    plan.fill(given, "x", "query", faults)
    assert (faults, given) == ([], {"x": values})
    assert type(given["x"]) is type(values)


def test_the_rest_is_made_as_its_annotation_says():
    def handler(**rest: set[int]): ...

    plan, given = plan_of(handler), {"a": "1"}
    plan.fill(given, "a", "query", Faults())
    assert given == {"a": {1}}


@pytest.mark.parametrize(
    "annotation",
    [File, File | None, Annotated[File, "a"], list[File], list[File] | None, tuple[File, ...]],
    ids=repr,
)
def test_files_are_taken_however_they_are_written(annotation):
    plan, given, faults = plan_of(handler_of(annotation), file=File), {}, Faults()
    given["x"] = sent = File("a.png", file=object())
    plan.fill(given, "x", "form", faults)
    assert faults == []
    assert given["x"] in (sent, [sent], (sent,))


def test_what_is_imported_for_type_checkers_may_be_skipped_or_returned():
    def handler(user: "User", page: int = 1) -> "User": ...

    assert list(plan_of(handler, skip=["user"]).named) == ["page"]
    assert refused(handler)[0] == "user"
    with pytest.raises(AnnotationError, match="parameter return"):
        hint_of(handler, "return")


def test_annotations_of_a_module_that_postpones_them_are_resolved_where_they_stand():
    source = "from __future__ import annotations\nfrom datetime import date as Day\n"
    source += "def handler(day: Day | None = None, *, ids: list[int] = ()): ..."
    module = {"__name__": "elsewhere"}
    exec(source, module)
    plan = plan_of(functools.partial(module["handler"], day=None))
    given = {"day": "2026-11-29", "ids": "1"}
    for name in given:
        plan.fill(given, name, "query", Faults())
    assert given == {"day": date(2026, 11, 29), "ids": [1]}


def test_of_a_partial_the_function_is_named():
    def handler(day: "dat", page: int): ...  # noqa: F821

    with pytest.raises(AnnotationError, match=r"<locals>\.handler: the parameter day cannot"):
        plan_of(functools.partial(functools.partial(handler, page=1), page=2))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="its syntax is of Python 3.12")
def test_a_type_variable_of_the_function_itself_is_told_as_one():
    module = {}
    exec("from __future__ import annotations\ndef handler[T](x: T): ...", module)
    assert "is a type variable" in refused(module["handler"])[1]


def test_a_function_without_a_signature_is_refused():
    assert refused(dict.update)[0] is None
