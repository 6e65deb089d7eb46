"""A customer's basket, and what a till gives for it."""

from __future__ import annotations

from typing import TypedDict

import cherrypy
from msgspec import Struct, structs

from ..values import Number, Order
from .tills import BASKET, BASKET_LIMIT, Kind


class Basket(Struct, forbid_unknown_fields=True):
    """How many of each item are bought: the store sells nothing else."""

    apples: Number = 0
    bread: Number = 0
    cheese: Number = 0
    cherries: Number = 0
    coffee: Number = 0
    milk: Number = 0
    pie: Number = 0
    tea: Number = 0
    order: Order = ""  # of the form: one that is sent twice is paid once


class Shelf(TypedDict):
    """A kind of goods: its price in cents, how many stand on the shelf, how many fit."""

    item: str
    cents: int
    stock: int
    full: int


class Shop(TypedDict):
    """The goods, and the tills with what each is for."""

    shelves: list[Shelf]
    tills: dict[str, str]


class OpenTill(TypedDict):
    """A till, the discount in percent that it gives, the goods, and the number of an order."""

    kind: str
    text: str
    discount: int
    shelves: list[Shelf]
    order: str


class Receipt(TypedDict):
    """What was bought at a till, and its price in cents."""

    number: str
    kind: str
    text: str
    discount: int
    bought: dict[str, int]
    cents: int


def checked(basket: Basket | None, kind: Kind) -> dict[str, int]:
    """Return how many of each item are bought; a basket that the till cannot take is a 409."""
    asked = {**structs.asdict(basket or Basket()), "order": 0}
    bought = {item: number for item, number in asked.items() if number}
    if not bought:
        raise cherrypy.HTTPError(409, "The basket is empty.")
    if kind == BASKET and sum(bought.values()) >= BASKET_LIMIT:
        raise cherrypy.HTTPError(409, f"This till takes under {BASKET_LIMIT} items.")
    return bought
