"""The shelves in the database: look, take, fill up."""

from __future__ import annotations

from typing import Any

import cherrypy
import sqlalchemy as sa

from ..reading import whole_number
from ..schema import shelves
from .tills import BASKET, BASKET_LIMIT

_TAKE = (
    sa.update(shelves)
    .where(shelves.c.item == sa.bindparam("taken"), shelves.c.stock >= sa.bindparam("number"))
    .values(stock=shelves.c.stock - sa.bindparam("number"))
)
_LOW = shelves.c.stock < shelves.c.full / 2


def all_shelves(db: Any) -> list[dict[str, Any]]:
    """List what stands on the shelves."""
    return [dict(row) for row in db.execute(sa.select(shelves).order_by(shelves.c.item)).mappings()]


def checked_basket(kind: str, fields: dict[str, Any], prices: dict[str, int]) -> dict[str, int]:
    """Return how many of each item are bought; what the till cannot take is a 400."""
    unknown = sorted(set(fields) - set(prices))
    if unknown:
        raise cherrypy.HTTPError(400, f"The store sells {', '.join(sorted(prices))}.")
    basket = {item: whole_number(item, number or "0", 0, 20) for item, number in fields.items()}
    bought = {item: number for item, number in sorted(basket.items()) if number}
    if not bought:
        raise cherrypy.HTTPError(400, "The basket is empty.")
    if kind == BASKET and sum(bought.values()) >= BASKET_LIMIT:
        raise cherrypy.HTTPError(400, f"This till takes under {BASKET_LIMIT} items.")
    return bought


def take(db: Any, item: str, number: int) -> None:
    """Take goods off a shelf; too few of them is a 409, and the whole basket stays unsold."""
    if db.execute(_TAKE, {"taken": item, "number": number}).rowcount == 0:
        raise cherrypy.HTTPError(409, f"There are not {number} {item} left; the staff is coming.")


def restock(db: Any) -> int:
    """Fill the shelves that are less than half full, and say how many there were."""
    return int(db.execute(sa.update(shelves).where(_LOW).values(stock=shelves.c.full)).rowcount)
