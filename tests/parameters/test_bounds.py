"""What bounds a value: the same in the description as in what is taken."""

import enum
import json
from datetime import date
from typing import Annotated

import jsonschema
import msgspec
import pytest
from msgspec import Meta

from cpkit.parameters.documents import Documents, WrongDocumentError
from cpkit.parameters.reading import UnreadableError


def wrong(annotation, document):
    """Return where a document is wrong, and how."""
    with pytest.raises(WrongDocumentError) as refused:
        Documents(annotation).from_json(document)
    return [(fault.name, fault.detail) for fault in refused.value.faults]


class Lenient(enum.Enum):
    RED = "red"

    @classmethod
    def _missing_(cls, value):
        return cls.RED


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


@pytest.mark.parametrize(
    ("kind", "member", "no_member"), [(Lenient, b'"red"', b'"RED"'), (Rights, b"1", b"3")]
)
def test_of_an_enum_only_the_values_that_its_schema_names_are_taken(kind, member, no_member):
    for annotation, around in (
        (kind, b"%s"),
        (list[kind], b"[%s]"),
        (dict[str, kind], b'{"a":%s}'),
    ):
        documents = Documents(annotation)
        documents.from_json(around % member)
        with pytest.raises(WrongDocumentError):
            documents.from_json(around % no_member)


TWO_OR_THREE = Meta(min_length=2, max_length=3)


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        (Annotated[dict[str, int], TWO_OR_THREE], [{"a": 1, "b": 2}], [{}, {"a": 1}]),
        (Annotated[dict[str, date], TWO_OR_THREE], [], [{}, {"a": "2026-01-01"}]),
        (Annotated[dict[str, int], Meta(max_length=1)], [{}, {"a": 1}], [{"a": 1, "b": 2}]),
        (Annotated[bytes, TWO_OR_THREE], ["YWI=", "YWJj"], ["", "YQ==", "YWJjZA=="]),
        (Annotated[bytes, Meta(min_length=4)], ["YWJjZA==", "YWJjZGVmZ2g="], ["", "YWJj"]),
        (Annotated[bytes, Meta(max_length=1)], ["", "YQ=="], ["YWI=", "YWJj", "YWJjZA=="]),
        (Annotated[bytes, Meta(max_length=0)], [""], ["YQ=="]),
        (Annotated[set[int], TWO_OR_THREE], [[1, 2]], [[1], [1, 1], [1, 1, 2], [1, 2, 3, 4]]),
        (Annotated[set[str], Meta(max_length=1)], [[], ["a"]], [["a", "a"]]),
        (Annotated[set[str], Meta(min_length=1)], [["a"], ["a", "a"]], [[]]),
        (Annotated[frozenset[tuple[int, ...]], TWO_OR_THREE], [[[1], [2]]], [[[1], [1]], [[1]]]),
    ],
    ids=repr,
)
def test_what_a_meta_bounds_is_taken_as_its_schema_says(annotation, good, bad):
    documents = Documents(annotation)
    schema = jsonschema.Draft202012Validator(documents.shape.schema(None))
    for value in good:
        assert schema.is_valid(value)
        documents.from_json(msgspec.json.encode(value))
    for value in bad:
        assert not schema.is_valid(value)
        [(pointer, detail)] = wrong(annotation, msgspec.json.encode(value))
        assert (pointer, detail[:7]) == ("", "must be")


@pytest.mark.parametrize(
    "annotation",
    [
        Annotated[int, Meta(ge=5, lt=5)],
        Annotated[float, Meta(gt=2, le=1)],
        Annotated[str, Meta(min_length=2, max_length=1)],
        Annotated[bytes, Meta(min_length=2, max_length=1)],
        Annotated[list[int], Meta(min_length=2, max_length=1)],
        Annotated[dict[str, int], Meta(min_length=2, max_length=1)],
    ],
    ids=repr,
)
def test_bounds_that_nothing_keeps_are_refused_at_once(annotation):
    with pytest.raises(UnreadableError, match=r"nothing is from .* to .*: correct the bounds"):
        Documents(annotation)


def test_a_step_that_no_float_is_exactly_a_multiple_of_is_refused_at_once():
    with pytest.raises(
        UnreadableError, match=r"few floats are a multiple of 0\.01: take a Decimal"
    ):
        Documents(Annotated[float, Meta(multiple_of=0.01)])
    Documents(Annotated[float, Meta(multiple_of=0.25)])


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("^[a-z$]+$", ["a", "a$"], ["a\n", "$\n", ""]),
        (r"^[^\]$]$", ["a"], ["a\n", "$"]),
        ("a$|^b", ["a", "b\n"], ["a\n"]),
        (r"^\$$", ["$"], ["$\n"]),
        (r"^a\Z", ["a"], ["a\n"]),
        ("(?m:^a$)", ["a", "a\n", "a\nb"], ["ab"]),
    ],
)
def test_the_end_of_a_pattern_is_the_end_of_the_text_as_in_json_schema(pattern, good, bad):
    annotation = Annotated[str, Meta(pattern=pattern)]
    for value in good:
        assert Documents(annotation).from_json(json.dumps(value).encode()) == value
    for value in bad:
        [(pointer, _)] = wrong(annotation, json.dumps(value).encode())
        assert pointer == ""
        assert wrong(dict[str, annotation], json.dumps({"x": value}).encode())
