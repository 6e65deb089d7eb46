"""The receipts in the database: an order that is sent twice is paid once."""

from __future__ import annotations

import time
from typing import Any, cast

import cherrypy
import sqlalchemy as sa

from ..schema import receipts
from .basket import Receipt
from .tills import KINDS

# NOTE: SQLite and PostgreSQL share this statement, which SQLAlchemy has once for each of them.
_WRITE = sa.text(
    "INSERT INTO receipts VALUES (:number, :kind, :discount, :bought, :cents, :written) "
    "ON CONFLICT (number) DO NOTHING"
).bindparams(sa.bindparam("bought", type_=sa.JSON))


def write(db: Any, **receipt: Any) -> bool:
    """Write a receipt; False if there is one of this number, whose order was paid."""
    return bool(db.execute(_WRITE, {**receipt, "written": time.time()}).rowcount)


def receipt(db: Any, number: str) -> Receipt:
    """Return the receipt of a number; there being none is a 404."""
    row = db.execute(sa.select(receipts).where(receipts.c.number == number)).mappings().first()
    if row is None:
        raise cherrypy.HTTPError(404, "There is no such receipt; they are kept for a day.")
    told = {name: row[name] for name in ("number", "kind", "discount", "bought", "cents")}
    return cast(Receipt, {**told, "text": KINDS[row["kind"]]})


def forget_older(db: Any, moment: float) -> int:
    """Drop the receipts written before *moment* (seconds of the epoch), and say how many."""
    return int(db.execute(sa.delete(receipts).where(receipts.c.written < moment)).rowcount)
