"""Documents of bodies: every fault at once, and nothing that takes long."""

import dataclasses
import decimal
import enum
import json
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal, Optional, TypedDict
from uuid import UUID

import msgspec
import pytest
from msgspec import Meta

from cpkit.parameters.documents import Documents, MalformedDocumentError, WrongDocumentError
from cpkit.parameters.faults import pointer
from cpkit.parameters.reading import UnreadableError


class Note(msgspec.Struct, forbid_unknown_fields=True):
    text: Annotated[str, Meta(min_length=1, max_length=9)]
    copies: int = 1


class Shelf(msgspec.Struct):
    name: str
    notes: list[Note] = []
    inside: Optional["Shelf"] = None


@dataclasses.dataclass
class Price:
    amount: Decimal
    since: date | None = None


class Basket(TypedDict, total=False):
    apples: int


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    tricks: list[str]


class First(msgspec.Struct, tag=1):
    name: str


class Second(msgspec.Struct, tag=2):
    name: str


class Dotted(msgspec.Struct, rename={"even": "e.v/en"}):
    even: "Even"


@dataclasses.dataclass(frozen=True)
class Point:
    x: int


class Walk(msgspec.Struct):
    begin: Point
    end: Annotated[Point, Meta(description="where it ends")]
    then: Annotated["Walk", Meta(description="a walk after it")] | None = None


class Kind(enum.Enum):
    A = "a"


class Even(msgspec.Struct):
    number: int

    def __post_init__(self):
        if self.number % 2:
            raise ValueError("must be even")


def wrong(annotation, document):
    with pytest.raises(WrongDocumentError) as raised:
        Documents(annotation).from_json(document)
    return [(fault.name, fault.detail) for fault in raised.value.faults]


@pytest.mark.parametrize(
    ("annotation", "document", "value"),
    [
        (Note, b'{"text": "a"}', Note("a")),
        (Note, b'{"text": "a", "copies": 2.0}', Note("a", 2)),
        (Note, b'{"text": "a", "copies": 2e0}', Note("a", 2)),
        (Note, b'{"text": "a", "text": "b"}', Note("b")),
        (Shelf, b'{"name": "\\u0000", "other": 1}', Shelf("\0")),
        (Price, b'{"amount": 1.5}', Price(Decimal("1.5"))),
        (Price, b'{"amount": 9.99e17}', Price(Decimal("999000000000000000"))),
        (Price, b'{"amount": 0.00006103515625}', Price(Decimal("0.000061035"))),
        (Price, b'{"amount": -0.0}', Price(Decimal("-0"))),
        (Price, b'{"amount": "1.50", "since": null}', Price(Decimal("1.50"))),
        (Price, b'{"amount": 1, "since": "2026-11-29"}', Price(Decimal(1), date(2026, 11, 29))),
        (Basket, b'{"apples": 3, "pears": "x"}', {"apples": 3}),
        (list[int], b"[1, 2.0]", [1, 2]),
        (set[int], b"[1, 1]", {1}),
        (tuple[int, str], b'[1.0, "a"]', (1, "a")),
        (dict[int, float], b'{"1": 2.0}', {1: 2.0}),
        (float, b"1", 1.0),
        (Cat | Dog, b'{"type": "dog", "tricks": []}', Dog([])),
        (Cat | Dog | None, b"null", None),
        (Kind, b'"a"', Kind.A),
        (bytes, b'"aGk="', b"hi"),
        (datetime, b'"2026-11-29T18:30:00.1234567Z"',
         datetime(2026, 11, 29, 18, 30, 0, 123456, timezone.utc)),
        (Any, b'{"a": [1, 2.5]}', {"a": [1, 2.5]}),
        (dict, b'{"a": [1, 2.5]}', {"a": [1, 2.5]}),
        (int, str(2**63 - 1).encode(), 2**63 - 1),
        (First | Second, b'{"type": 2.0, "name": "a"}', Second("a")),
        (First, b'{"type": 1.0, "name": "a"}', First("a")),
        (dict[float, int], b'{"1.5": 1}', {1.5: 1}),
        (set[Point], b'[{"x": 1}, {"x": 1}]', {Point(1)}),
        (list[Decimal], b'[1, 1.5, "1.50", 1e-1]', list(map(Decimal, ("1", "1.5", "1.5", "0.1")))),
        (list[date], b'["2026-11-29"]', [date(2026, 11, 29)]),
        (list[Kind], b'["a", "a"]', [Kind.A, Kind.A]),
        (Annotated[list[float], Meta(max_length=9)], b"[1, 1.5]", [1.0, 1.5]),
    ],
)  # fmt: skip
def test_a_document_is_decoded_into_its_annotation(annotation, document, value):
    assert Documents(annotation).from_json(document) == value


@pytest.mark.parametrize(
    ("annotation", "document", "faults"),
    [
        (Note, b"[]", [("", "must be an object")]),
        (Note, b"{}", [("/text", "is missing")]),
        (
            Note,
            b'{"text": "", "copies": 1.5, "a/b~c": 1}',
            [
                ("/text", "must be text of 1 to 9 characters"),
                ("/copies", "must be a whole number"),
                ("/a~1b~0c", "is unknown"),
            ],
        ),
        (Note, b'{"text": "a", "copies": true}', [("/copies", "must be a whole number")]),
        (Note, b'{"text": "a", "copies": "1"}', [("/copies", "must be a whole number")]),
        (Note, b'{"text": "a", "copies": null}', [("/copies", "must be a whole number")]),
        (
            Note,
            b'{"text": "a", "copies": 9223372036854775808}',
            [("/copies", "must be a whole number")],
        ),
        (Note, b'{"text": "a", "copies": 1e30}', [("/copies", "must be a whole number")]),
        (
            Shelf,
            b'{"name": "a", "inside": {"name": 1, "notes": [{"text": "x"}, {}]}}',
            [("/inside/name", "must be text"), ("/inside/notes/1/text", "is missing")],
        ),
        (Price, b'{"amount": "NaN"}', [("/amount", Documents(Decimal).shape.expects)]),
        (Price, b'{"amount": 1e18}', [("/amount", Documents(Decimal).shape.expects)]),
        (
            dict[int, float],
            b'{"x/y": "1"}',
            [("/x~1y", "its name must be a whole number"), ("/x~1y", "must be a number")],
        ),
        (tuple[int, str], b"[1]", [("", "must be a list of 2 items")]),
        (tuple[int, str], b'["1", 1]', [("/0", "must be a whole number"), ("/1", "must be text")]),
        (Annotated[list[int], Meta(max_length=1)], b"[1, 2]",
         [("", "must be a list of at most 1 item")]),
        (Cat | Dog, b'{"type": "cow"}', [("/type", "must be one of cat, dog")]),
        (Cat | Dog, b'{"type": []}', [("/type", "must be one of cat, dog")]),
        (Cat | Dog, b'{"lives": 9}', [("/type", "must be one of cat, dog")]),
        (Cat, b'{"type": "dog", "lives": 9}', [("/type", "must be cat")]),
        (Kind, b'"b"', [("", "must be one of a")]),
        (bytes, b'"a"', [("", "must be bytes in base64")]),
        (Even, b'{"number": 3}', [("", "must be even")]),
        (list[Even], b'[{"number": 2}, {"number": 3}]', [("/1", "must be even")]),
        (
            dict[str, list[Even]],
            b'{"a/b": [{"number": 1}, {"number": 3.0}], "c": [{"number": 5}]}',
            [("/a~1b/0", "must be even"), ("/a~1b/1", "must be even"), ("/c/0", "must be even")],
        ),
        (Dotted, b'{"e.v/en": {"number": 1}}', [("/e.v~1en", "must be even")]),
        (First | Second, b'{"type": true, "name": "a"}', [("/type", "must be one of 1, 2")]),
        (First, b'{"type": true, "name": "a"}', [("/type", "must be 1")]),
        (dict[float, int], b'{"nan": 1, "inf": 1}',
         [("/nan", "its name must be a number"), ("/inf", "its name must be a number")]),
        (set[Any], b"[1, []]", [("/1", "Expected a hashable value, got `list`")]),
        (datetime, b'"0001-01-01T00:00:00+23:59"', [("", Documents(datetime).shape.expects)]),
        (datetime, b'"9999-12-31T23:59:59-00:01"', [("", Documents(datetime).shape.expects)]),
    ],
)  # fmt: skip
def test_a_wrong_document_is_told_fault_by_fault(annotation, document, faults):
    told = wrong(annotation, document)
    assert [(name, detail.removeprefix("must be ")) for name, detail in told] == [
        (name, detail.removeprefix("must be ")) for name, detail in faults
    ]


def test_at_most_20_faults_are_told():
    assert len(wrong(list[int], json.dumps(["x"] * 1000).encode())) == 20


@pytest.mark.parametrize(
    "document",
    [b"", b" ", b"{", b'{"text": "a"', b'{"text": 1, ', b"nul", b"1 2", b"\xef\xbb\xbf{}", b"NaN",
     b'{"text": "\xff"}', b'{"text": "\\ud800"}', b'{"text": "\\udc00\\ud800"}', b"{'text': 1}",
     b'{"text": "a",}', b"[" * 60_001, b"[" * 30_000 + b"]" * 30_000, b'{"a":' * 12_000],
    ids=lambda document: f"{document[:16]!r}, {len(document)}",
)  # fmt: skip
def test_a_malformed_document_is_told_apart(document):
    with pytest.raises(MalformedDocumentError):
        Documents(Note).from_json(document)


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        (int, "1", '"x"'),
        (int, "1.0", "1.5"),
        (int, "1", "9223372036854775808"),
        (Annotated[int, Meta(ge=1, multiple_of=2)], "2", "1"),
        (float, "1.5", "true"),
        (Annotated[float, Meta(lt=2)], "1.5", "2"),
        (Annotated[str, Meta(max_length=2, pattern="^a")], '"ab"', '"abc"'),
        (Annotated[str, Meta(max_length=2, pattern="^a")], '"ab"', '"ba"'),
        (bool, "true", "1"),
        (Kind, '"a"', '"b"'),
        (Literal[1, 2], "1", "true"),
        (Literal[None], "null", "1"),
        (Literal[1, 2], "2.0", "[]"),
        (Decimal, "1.5", '"NaN"'),
        (Decimal, "1", "true"),
        (date, '"2026-02-28"', '"2026-02-30"'),
        (datetime, '"2026-11-29T18:30:00.1234567Z"', '"2026-11-29T18:30:00"'),
        (time, '"18:30:00Z"', "1830"),
        (UUID, f'"{UUID(int=7)}"', '"7"'),
        (bytes, '"aGk="', '"a"'),
        (int | None, "null", '"x"'),
    ],
    ids=repr,
)
def test_each_wrong_item_of_a_long_list_is_told_by_its_index(annotation, good, bad):
    items = [good] * 1000
    documents = Documents(list[annotation])
    value = documents.from_json(f"[{','.join(items)}]".encode())
    assert value == [Documents(annotation).from_json(good.encode())] * 1000
    items[300] = items[700] = items[999] = bad
    told = wrong(list[annotation], f"[{','.join(items)}]".encode())
    assert [pointer for pointer, _ in told] == ["/300", "/700", "/999"]


@pytest.mark.parametrize(
    ("annotation", "document"),
    [
        (Decimal, b"5.96e-08"),
        (Decimal, b'"0.000000001"'),
        (Decimal, b'"-0.000000999"'),
        (Decimal, b'"0.00000010"'),
        (Decimal, b'"0.000000000"'),
        (Decimal, b'"999999999999999999.999999999"'),
        (dict[Decimal, int], b'{"0.0000001":1}'),
        (dict[float, int], b'{"1E+22":1}'),
        (datetime, b'"2026-01-01T00:00:00.123456789-00:00"'),
        (time, b'"00:00:00.1z"'),
        (bytes, b'"YWI="'),
    ],
    ids=repr,
)
def test_what_was_read_can_be_sent_back_as_it_is_answered(annotation, document):
    documents = Documents(annotation)
    value = documents.from_json(document)
    assert documents.from_json(msgspec.json.encode(value)) == value


def test_a_decimal_does_not_depend_on_the_context_of_the_application():
    with decimal.localcontext() as context:
        context.prec, context.traps[decimal.Inexact] = 3, True
        value = Documents(list[Decimal]).from_json(b"[12345.678, 0.12345678912]")
    assert value == [Decimal("12345.678"), Decimal("0.123456789")]


@pytest.mark.parametrize("name", [bytes, None, bool, int | None, tuple[int, int]], ids=repr)
def test_names_that_no_text_is_are_refused_at_once(name):
    """The first two were a 500, and nothing was a bool."""
    with pytest.raises(UnreadableError, match="the names of a dict must be"):
        Documents(dict[name, int])


@pytest.mark.parametrize(
    "name",
    [
        Annotated[int, Meta(multiple_of=3)],
        Annotated[float, Meta(multiple_of=0.5)],
        Annotated[float, Meta(ge=0)],
    ],
    ids=["a step", "a step of floats", "a bound of floats"],
)
def test_names_that_no_schema_tells_are_refused_at_once(name):
    with pytest.raises(UnreadableError, match="no schema tells such names"):
        Documents(dict[name, int])


@pytest.mark.parametrize(
    "annotation",
    [set[list[int]], set[dict], set[Basket], set[Note], set[Price], frozenset[Note | None]],
    ids=repr,
)
def test_a_set_of_what_has_no_hash_is_refused_at_once(annotation):
    with pytest.raises(UnreadableError, match="the items of a set must be frozen: take a list"):
        Documents(annotation)


def test_faults_are_told_in_the_order_of_the_document():
    document = b'[{"copies": "x", "text": ""}, {"other": 1}, {"text": 1, "copies": 0.5}]'
    assert [place for place, _ in wrong(list[Note], document)] == [
        "/0/copies", "/0/text", "/1/other", "/1/text", "/2/text", "/2/copies",
    ]  # fmt: skip


def test_a_class_is_asked_once_for_each_object_however_deep():
    asked = []

    class Asked(msgspec.Struct):
        inside: Optional["Asked"] = None

        def __post_init__(self):
            asked.append(self)
            if self.inside is None:
                raise ValueError("must hold one")

    globals()["Asked"] = Asked
    depth = 100
    told = wrong(Asked, b'{"inside":' * depth + b"{}" + b"}" * depth)
    assert told == [("/inside" * depth, "must hold one")]
    assert len(asked) < 6 * depth


def test_what_is_said_of_one_member_is_not_said_of_others_of_its_class():
    documents = Documents(Walk)
    members = documents.shape.members
    described = {name: it.shape.schema(lambda cls, make: {}) for name, it in members.items()}
    assert described["begin"] == {}
    assert described["end"] == {"description": "where it ends"}
    assert documents.from_json(b'{"begin": {"x": 1.0}, "end": {"x": 2}}').end == Point(2)


def test_what_is_malformed_says_why():
    with pytest.raises(MalformedDocumentError, match="truncated"):
        Documents(Note).from_json(b"{")


def test_a_parser_of_ones_own_is_converted_and_its_valueerror_is_malformed():
    documents = Documents(Note)
    assert documents.parsed_by(lambda raw: {"text": raw.decode()}, b"a") == Note("a")
    with pytest.raises(MalformedDocumentError):
        documents.parsed_by(lambda raw: raw.decode(), b"\xff")
    with pytest.raises(ZeroDivisionError):
        documents.parsed_by(lambda raw: 1 / 0, b"")


@pytest.mark.parametrize("item", [int, float, Decimal, Literal[1]], ids=repr)
@pytest.mark.parametrize("document", [b"[NaN]", b"[1, NaN]", b"[1, Infinity]"])
def test_what_only_a_parser_of_ones_own_takes_for_a_number_is_none(item, document):
    with pytest.raises(WrongDocumentError) as raised:
        Documents(list[item]).parsed_by(json.loads, document)
    assert len(raised.value.faults) == 1


class Twig(msgspec.Struct):
    on: Optional["Branch"] = None
    length: int = 0


class Branch(msgspec.Struct):
    twigs: list[Twig] = []
    id: UUID | None = None


@pytest.mark.parametrize("annotation", [Branch, Twig])
def test_classes_that_hold_each_other_are_read_with_equal_care(annotation):
    lax = b'{"on": {"twigs": [{"on": {"id": "00000000000000000000000000000007"}}]}}'
    if annotation is Branch:
        lax = b'{"twigs": [' + lax + b"]}"
    (told,) = wrong(annotation, lax)
    assert told[0].endswith("/on/twigs/0/on/id")


def test_a_pointer_escapes_as_rfc_6901_has_it():
    assert pointer("/a", "b/~1") == "/a/b~1~01"
