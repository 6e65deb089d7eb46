"""Documents that are made to take long: 64 KiB are read with few calls, whatever they hold."""

import contextlib
import gc
import json
import sys
import time
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal, Optional
from uuid import UUID

import msgspec
import pytest
from msgspec import Meta

from cpkit.parameters.columns import TooCostlyError
from cpkit.parameters.documents import Documents, MalformedDocumentError, WrongDocumentError
from tests.parameters.test_documents import Basket, Cat, Dog, Even, Price, Shelf, Walk, wrong

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
def test_a_hostile_document_costs_a_few_calls(annotation, document):
    assert calls_for(annotation, document) < 500


def calls_for(annotation, document):
    """Return how many Python functions are called to read a document; what C does is cheap."""
    documents, calls = Documents(annotation), 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event == "call"

    gc.disable()  # it would end what other tests have left, by functions of theirs
    sys.setprofile(count)
    try:
        with contextlib.suppress(MalformedDocumentError, WrongDocumentError):
            documents.from_json(document)
    finally:
        sys.setprofile(None)
        gc.enable()
    return calls


@pytest.mark.parametrize(
    ("annotation", "item"),
    [
        (list[date], "[]"),
        (list[list[date]], "[[],[]]"),
        (dict[str, date], "{}"),
        (dict[str, list[date]], '{"a":[]}'),
        (tuple[Decimal, int | None], "[1.5,null]"),
        (Annotated[list[int], Meta(max_length=2)], "[1.0]"),
        (Basket, "{}"),
        (Basket, '{"apples":2.0}'),
        (Basket, '{"pears":1}'),
        (Price, '{"amount":1e-7}'),
        (Shelf, '{"name":"a","notes":[{"text":"b"}]}'),
        (Cat | Dog, '{"type":"cat","lives":9},{"type":"dog","tricks":[]}'),
        (int, "1.0"),
        (Annotated[int, Meta(multiple_of=2)], "2"),
        (Annotated[float, Meta(multiple_of=0.5)], "1"),
        (Annotated[str, Meta(max_length=3, pattern="a")], '"a"'),
        (Decimal, '"1"'),
        (UUID, f'"{UUID(int=7)}"'),
        (bytes, '"aGk="'),
        (Literal[1, 2], "1.0"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("wrong", ["", "0.5e-20", ",".join(["[[0.1]]"] * 30)], ids=len)
def test_many_small_values_are_looked_at_together(annotation, item, wrong):
    """64 KiB hold 20,000 of them: a call for each is far more than 5 ms."""
    items = [item] * (65_000 // (len(item) + 1))
    document = f"[{','.join([*items, wrong] if wrong else items)}]".encode()
    named = ",".join(f'"{index}":{each}' for index, each in enumerate(items[:5_000]))
    assert calls_for(list[annotation], document) < 1_500 + len(items) / 4
    assert "," in item or calls_for(dict[str, annotation], f"{{{named}}}".encode()) < 1_500


@pytest.mark.parametrize(
    ("annotation", "head", "tail"),
    [(Shelf, '{"name":"a","inside":', "}"), (Walk, '{"begin":{"x":1.0},"end":{},"then":', "}")],
)
def test_depth_costs_no_more_than_width(annotation, head, tail):
    """What is below a value is looked at once, however many values it is within."""
    once, twice = (
        calls_for(annotation, (head * depth + "7" + tail * depth).encode()) for depth in (100, 200)
    )
    assert twice < 2 * once + 100


class Tree(msgspec.Struct):
    left: Optional["Tree"] = None
    right: Optional["Tree"] = None
    size: int = 0


@pytest.mark.parametrize("leaf", ['{"size":1.0}', '{"size":1.5}'])
def test_branches_of_one_shape_are_looked_at_together(leaf):
    """Each level of a tree has twice as many as the one above."""
    trees = [leaf]
    while len(trees[-1]) < 30_000:
        trees.append(f'{{"left":{trees[-1]},"right":{trees[-1]}}}')
    less, more = (calls_for(Tree, tree.encode()) for tree in trees[-2:])
    assert more < less + 200


Wide = msgspec.defstruct(
    "Wide",
    [
        *((f"plain{each}", int, 0) for each in range(20)),
        *((f"told{each}", Annotated[int, Meta(description=str(each))], 0) for each in range(20)),
        ("inside", Optional["Wide"], None),
    ],
    module=__name__,
)  # fmt: skip


def test_members_of_one_shape_are_looked_at_together():
    names = [f'"{kind}{number}":1.0' for kind in ("plain", "told") for number in range(20)]
    few, many = (
        f'{{{",".join(names[::step])},"inside":'.encode() * 50 + b"null" + b"}" * 50
        for step in (10, 1)
    )
    assert calls_for(Wide, many) < calls_for(Wide, few) + 50 * (36 + 10)  # one, to copy a member


def test_a_long_exponent_takes_no_longer_than_in_python():
    """msgspec takes a hundred times as long for 1e300 as for 1e-300."""
    document = b"[" + b",".join([b"1e300"] * 10_000) + b"]"
    documents = Documents(list[float])
    assert best(lambda: documents.from_json(document)) < 10 * best(lambda: json.loads(document))


def best(call):
    """Return the least processor time that *call* took of five times."""
    times = []
    for _ in range(5):
        begin = time.thread_time()
        call()
        times.append(time.thread_time() - begin)
    return min(times)


@pytest.mark.parametrize(
    ("annotation", "document", "value"),
    [
        (list[float], b"[1e300, -1E+23, 1.5]", [1e300, -1e23, 1.5]),
        (list[Any], b"[1e300, 1e-300, 9999999999999999999]", [1e300, 1e-300, 9999999999999999999]),
        (list[str], b'["7e23", "%s"]' % (b"9" * 5000), ["7e23", "9" * 5000]),
        (list[Decimal], b"[0.1, 1e10]", [Decimal("0.1"), Decimal(10**10)]),
        (list[int], b"[1e10]", [10**10]),
    ],
)  # fmt: skip
def test_large_numbers_are_read_as_others_are(annotation, document, value):
    assert Documents(annotation).from_json(document) == value


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 5000, b"9" * 400 + b".5"])
@pytest.mark.parametrize(
    ("annotation", "document", "places"),
    [
        (dict[str, float], b'{"a": 1, "b": %s}', ["/b"]),
        (dict[str, int], b'{"a": %s, "b": %s}', ["/a", "/b"]),
        (list[Decimal], b"[%s]", ["/0"]),
        (list[Literal[1, 2]], b"[%s]", ["/0"]),
        (list[date | None], b"[%s]", ["/0"]),
        (Any, b'{"a": [%s]}', [""]),
        (dict[str, Any], b'{"a": [%s]}', [""]),
        (Basket, b'{"pears": %s}', [""]),
    ],
)
def test_what_no_float_holds_is_wrong_wherever_it_is(annotation, document, places, number):
    document = document.replace(b"%s", number)
    assert [place for place, _ in wrong(annotation, document)] == places


made = []


class Listing(msgspec.Struct):
    titles: list[str] = msgspec.field(default_factory=lambda: made.append("titles") or [])
    sizes: dict[str, int] = {}
    about: str | None = None


class Pair(msgspec.Struct, tag="pair"):
    left: Listing = msgspec.field(default_factory=Listing)
    right: Listing = msgspec.field(default_factory=Listing)


@dataclass
class Named:
    name: str
    titles: list[str] = field(default_factory=list)


@pytest.mark.parametrize(
    ("annotation", "item", "cost"),
    [
        (Decimal, "1.5", 20),
        (Decimal | None, '"1.5"', 20),
        (set[Decimal], "[1.5]", 40),
        (dict[str, Decimal], '{"a":1}', 20),
        (dict[Decimal, int], '{"1":1}', 40),
        (tuple[Decimal, int], "[1,1]", 20),
        (Annotated[Decimal, Meta(description="a price")], "1", 20),
        (Listing, "{}", 21),
        (Listing | None, "{}", 21),
        (Annotated[Listing, Meta(description="a list")], "{}", 21),
        (list[Listing], "[{}]", 21),
        (dict[str, Listing], '{"a":{}}', 21),
        (Pair, "{}", 62),
        (Pair | Cat, '{"type":"pair"}', 62),
        (Named, '{"name":"a"}', 10),
    ],
    ids=repr,
)  # fmt: skip
def test_what_costs_more_than_its_bytes_is_counted_before_it_is_made(annotation, item, cost):
    documents, document = Documents(list[annotation], 100 * cost), "[" + ",".join([item] * 100)
    assert len(documents.from_json(f"{document}]".encode())) == 100
    made.clear()
    for one_more in (f"{document},{item}]", f"{document},{item},[[]]]"):
        with pytest.raises(TooCostlyError):
            documents.from_json(one_more.encode())
        with pytest.raises(TooCostlyError):
            documents.parsed_by(json.loads, one_more.encode())
    assert not made


@pytest.mark.parametrize(
    ("annotation", "item"),
    [(float, "1.5"), (date, '"2026-12-01"'), (list[int], "[1]"), (Even, '{"number":2}')],
)
def test_what_its_bytes_bound_costs_nothing_more(annotation, item):
    documents = Documents(list[annotation], 100)
    assert len(documents.from_json(f"[{','.join([item] * 90)}]".encode())) == 90


@pytest.mark.parametrize("key", [int, float, Decimal, date, UUID])
def test_names_are_read_no_further_than_faults_are_told(key):
    document = "{" + ",".join(f'"x{number}":1' for number in range(5_000)) + "}"
    assert calls_for(dict[key, int], document.encode()) < 500


def test_wrong_names_are_told_in_the_order_of_the_document():
    told = wrong(list[dict[int, str]], b'[{"1": "", "b": "", "a": 1}, {}, {"2": "", "b": ""}]')
    assert [place for place, _ in told] == ["/0/b", "/0/a", "/0/a", "/2/b"]


def test_a_class_is_asked_no_further_than_faults_are_told():
    assert calls_for(list[Even], b"[" + b",".join([b'{"number":3}'] * 4_000) + b"]") < 1_000


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("offset", ["Z", "+00:00", "-00:00", "+01:00", "-01:00"])
def test_a_moment_that_was_read_has_a_time_in_utc(day, offset):
    documents = Documents(datetime)
    for clock in ("00:00:00", "12:00:00", "23:59:59.9999999"):
        with contextlib.suppress(WrongDocumentError):
            read = documents.from_json(f'"{day}T{clock}{offset}"'.encode())
            assert read.astimezone(timezone.utc).year in (1, 9999)
    if offset in ("Z", "+00:00", "-00:00"):
        assert documents.from_json(f'"{day}T12:00:00{offset}"'.encode()).hour == 12
