"""Values that a description shows: what JSON can hold, and what a form may leave empty."""

import json
import math
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from msgspec import Meta, Struct

from cpkit import openapi
from cpkit.errors import SettingError
from cpkit.openapi import reference
from tests.openapi.describing import described, only

PARAMS = {"cpkit.params.on": True}
EMPTY = {"enum": [""]}
EMPTY_LIST = {"enum": ["", [""]]}  # "b=" is what a client makes of either


def schema_of(annotation, default=None, methods=("GET",)):
    """Return the schema of a parameter; without a default it is required."""

    def handler(self, it=default): ...

    if default is None:

        def handler(self, it): ...

    handler.__annotations__["it"] = annotation
    told = described(handler=handler, config=PARAMS, methods=methods)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    if methods == ("GET",):
        return only(told)["parameters"][0]["schema"]
    (content,) = only(told)["requestBody"]["content"].values()
    return content["schema"]["properties"]["it"]


@pytest.mark.parametrize(
    ("annotation", "default", "told"),
    [
        (float, math.inf, None),
        (float, math.nan, None),
        (list[float], [1.0, -math.inf], None),
        (tuple[date, ...], (date(2026, 1, 2),), ["2026-01-02"]),
        (set[str], frozenset("cab"), ["a", "b", "c"]),
        (set[int], frozenset(), None),
        (int, 0, 0),
        (bool, False, False),
    ],
    ids=["inf", "nan", "in-list", "tuple", "set", "empty", "zero", "false"],
)
def test_a_default_is_told_if_json_can_hold_it_and_always_in_one_order(annotation, default, told):
    assert schema_of(annotation, default).get("default") == told


def test_what_a_class_holds_has_the_same_defaults():
    class Thing(Struct):
        most: float = math.inf
        days: tuple[date, ...] = (date(2026, 1, 2),)

    def handler(self, body: Thing): ...

    told = described(handler=handler, methods=["PUT"], config={"cpkit.body.on": True})
    json.dumps(told, allow_nan=False)
    members = told["components"]["schemas"]["Thing"]["properties"]
    assert "default" not in members["most"]
    assert members["days"]["default"] == ["2026-01-02"]


@pytest.mark.parametrize(
    ("annotation", "empty"),
    [
        (date | None, EMPTY),
        (UUID | None, EMPTY),
        (Annotated[str, Meta(min_length=2)] | None, EMPTY),
        (list[date], EMPTY_LIST),
        (Literal["a"], EMPTY),
    ],
    ids=["date", "uuid", "long-text", "list", "choice"],
)
def test_a_field_that_may_be_missing_may_be_empty(annotation, empty):
    default = [] if annotation == list[date] else "a"
    if default == "a" and annotation != Literal["a"]:

        def handler(self, it=None): ...

        handler.__annotations__["it"] = annotation
        told = described(handler=handler, config=PARAMS, methods=["POST"])
        (content,) = only(told)["requestBody"]["content"].values()
        schema = content["schema"]["properties"]["it"]
    else:
        schema = schema_of(annotation, default, methods=("POST",))
    assert schema["anyOf"][-1] == empty


def test_a_field_that_must_be_there_is_not_empty():
    allowed = schema_of(list[date], methods=("POST",))["anyOf"]
    assert EMPTY not in allowed
    assert EMPTY_LIST not in allowed
    several, one_in_list, one = schema_of(list[str], methods=("POST",))["anyOf"]
    assert several == {"type": "array", "items": {"type": "string"}, "minItems": 2}
    assert one == {"type": "string", "minLength": 1}
    assert one_in_list == {"type": "array", "items": one, "minItems": 1}


@pytest.mark.parametrize(
    ("default", "told"), [(None, {}), (7, {}), ("", {}), ("a", {"default": "a"})], ids=str
)
def test_a_parameter_without_an_annotation_is_a_text_or_several(default, told):
    text = {"type": "string"}
    several = {"type": "array", "items": text, "minItems": 1}
    assert schema_of(Any, default) == {"anyOf": [text, several], **told}


def test_a_list_that_must_be_there_has_an_item():
    assert schema_of(list[int])["minItems"] == 1
    assert "minItems" not in schema_of(list[int], [])


def test_a_handler_that_returns_nothing_has_no_content():
    def handler(self) -> None: ...

    assert only(described(handler=handler))["responses"]["200"] == {"description": "The answer."}


def test_an_error_may_have_a_type_of_its_own():
    class Clash(Struct):
        why: str

    @openapi.operation(responses={409: ("Taken.", Clash), 299: Clash, 404: "Gone."})
    def handler(self): ...

    config = {"cpkit.accept.on": True, "cpkit.accept.media": "application/json"}
    answers = only(told := described(handler=handler, config=config))["responses"]
    for status in ("409", "299"):
        schema = answers[status]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Clash"}
    assert "application/problem+json" in answers["404"]["content"]
    assert "Taken." in reference.page(told)


@pytest.mark.parametrize(
    "responses",
    [{"default": "x"}, {True: "x"}, {99: "x"}, {404: (Struct,)}, {404: (Struct, "x")}],
    ids=["text", "bool", "small", "single", "turned"],
)
def test_what_is_no_response_is_refused_at_once(responses):
    with pytest.raises(SettingError):
        openapi.operation(responses=responses)


@pytest.mark.parametrize(
    ("key", "names"),
    [
        (Literal["a", "b"], {"enum": ["a", "b"]}),
        (Literal[1, 2], {"enum": ["1", "2"]}),
        (Annotated[int, Meta(ge=0, lt=3)], {"pattern": "^(?:(?:[1-1][0-9]{0}|2)|-?0)$"}),
    ],
    ids=["texts", "numbers", "any number"],
)
def test_the_names_of_an_object_are_told(key, names):
    def handler(self, body): ...

    handler.__annotations__["body"] = dict[key, str]
    told = described(handler=handler, methods=["PUT"], config={"cpkit.body.on": True})
    body = only(told)["requestBody"]["content"]["application/json"]["schema"]
    assert body["propertyNames"] == names
