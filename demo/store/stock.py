"""What the superstore sells."""

from __future__ import annotations

from typing import NamedTuple


class Shelf(NamedTuple):
    """A kind of goods: its price in cents, how many stand on the shelf, how many fit."""

    item: str
    cents: int
    stock: int
    full: int


SHELVES = [
    Shelf("apples", 60, 40, 40),
    Shelf("bread", 320, 20, 20),
    Shelf("cheese", 540, 15, 15),
    Shelf("cherries", 450, 30, 30),
    Shelf("coffee", 790, 12, 12),
    Shelf("milk", 140, 24, 24),
    Shelf("pie", 980, 8, 8),
    Shelf("tea", 410, 16, 16),
]
