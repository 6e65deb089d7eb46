"""The shelves in the database: look, take, fill up."""

from __future__ import annotations

from typing import Any, cast

import cherrypy
import sqlalchemy as sa

from ..schema import shelves
from .basket import Shelf

_TAKE = (
    sa.update(shelves)
    .where(shelves.c.item == sa.bindparam("taken"), shelves.c.stock >= sa.bindparam("number"))
    .values(stock=shelves.c.stock - sa.bindparam("number"))
)
_LOW = shelves.c.stock < shelves.c.full / 2


def all_shelves(db: Any) -> list[Shelf]:
    """List what stands on the shelves."""
    asked = sa.select(shelves).order_by(shelves.c.item)
    return [cast(Shelf, dict(row)) for row in db.execute(asked).mappings()]


def take(db: Any, item: str, number: int) -> None:
    """Take goods off a shelf; too few of them is a 409, and the whole basket stays unsold."""
    if db.execute(_TAKE, {"taken": item, "number": number}).rowcount == 0:
        raise cherrypy.HTTPError(409, f"There are not {number} {item} left; the staff is coming.")


def restock(db: Any) -> int:
    """Fill the shelves that are less than half full, and say how many there were."""
    return int(db.execute(sa.update(shelves).where(_LOW).values(stock=shelves.c.full)).rowcount)
