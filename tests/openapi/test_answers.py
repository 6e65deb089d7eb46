"""Decimals of answers: a handler computes with more digits than a client may send."""

from decimal import Decimal
from typing import Optional

import msgspec
import pytest
from jsonschema import Draft202012Validator
from msgspec import Struct

from tests.openapi.describing import described, only

JSON = {"cpkit.accept.on": True, "cpkit.accept.media": "application/json", "cpkit.body.on": True}


class Price(Struct):
    amount: Decimal


class Basket(Struct):
    prices: list[Price]
    inside: Optional["Basket"] = None


class Name(Struct):
    name: str


def told_of(answered, sent):
    """Return the components, and what an operation answers and is sent."""

    def handler(self, body): ...

    handler.__annotations__.update({"return": answered, "body": sent})
    told = described(handler=handler, config=JSON, methods=("PUT",))
    operation = only(told)
    contents = operation["responses"]["200"]["content"], operation["requestBody"]["content"]
    answer, request = (content["application/json"]["schema"] for content in contents)
    return told["components"], answer, request


@pytest.mark.parametrize("amount", ["0.1234567890123", "1E+20", "1E-28", "0.5", "-7", "NaN"])
@pytest.mark.parametrize("sent", [Name, Price, Basket])
def test_an_answers_decimal_has_any_digits(amount, sent):
    components, answer, _ = told_of(Basket, sent)
    value = Basket([Price(Decimal(amount))], Basket([]))
    as_text = msgspec.json.Encoder()
    as_number = msgspec.json.Encoder(decimal_format="number")
    validator = Draft202012Validator({**answer, "components": components})
    for encoder in (as_text, as_number) if amount != "NaN" else (as_text,):
        validator.validate(msgspec.json.decode(encoder.encode(value)))


def test_a_requests_decimal_has_nine_places():
    components, answer, request = told_of(Basket, Basket)
    validator = Draft202012Validator({**request, "components": components})
    assert validator.is_valid({"prices": [{"amount": "0.123456789"}]})
    assert not validator.is_valid({"prices": [{"amount": "0.1234567891"}]})
    assert answer != request


@pytest.mark.parametrize(
    ("answered", "sent", "names"),
    [
        (Name, Name, {"Name"}),
        (Basket, Name, {"Name", "Basket", "Price"}),
        (Price, Basket, {"Basket", "BasketAnswer", "Price", "PriceAnswer"}),
        (Basket, Price, {"Basket", "Price", "PriceAnswer"}),
        (list[Decimal], Name, {"Name"}),
    ],
)
def test_a_class_has_a_second_schema_only_where_it_is_sent_and_answered(answered, sent, names):
    components, *_ = told_of(answered, sent)
    assert components["schemas"].keys() - {"Problem"} == names
