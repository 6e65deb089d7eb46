"""Documents of bodies: every fault at once, and nothing that takes long."""

import contextlib
import dataclasses
import enum
import json
import time
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Annotated, Any, Optional, TypedDict

import msgspec
import pytest
from msgspec import Meta

from cpkit.parameters.documents import Documents, MalformedDocumentError, WrongDocumentError
from cpkit.parameters.faults import pointer


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


HOSTILE = {
    "depth": b"[" * 65_536,
    "depth in a member": b'{"inside":' * 6_553,
    "a number": b'{"name": ' + b"9" * 65_000 + b"}",
    "a number as text": b'{"name": "' + b"9" * 65_000 + b'", "notes": 1}',
    "an exponent": b'{"name": 1e' + b"9" * 65_000 + b"}",
    "numbers": b"[" + b",".join([b"9" * 4000] * 16) + b"]",
    "one name": b'{"name": "a"' + b', "name": 1' * 5_900 + b"}",
    "many names": b"{" + b",".join(b'"%d":1' % number for number in range(7_000)) + b"}",
    "surrogates": b'{"name": "' + b"\\ud800" * 10_000 + b'"}',
    "notes": b'{"name": "a", "notes": [' + b"{}," * 21_000 + b"{}]}",
}


@pytest.mark.parametrize("document", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("annotation", [Shelf, Price, Any])
def test_a_hostile_document_costs_little(annotation, document):
    documents = Documents(annotation)
    begun = time.process_time()
    with contextlib.suppress(MalformedDocumentError, WrongDocumentError):
        documents.from_json(document)
    # Some 3 ms of processor time; what takes the square of it would take minutes.
    assert time.process_time() - begun < 0.5


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


def test_a_pointer_escapes_as_rfc_6901_has_it():
    assert pointer("/a", "b/~1") == "/a/b~1~01"
