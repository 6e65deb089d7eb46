"""The superstore's resources: the shelves and the tills."""

from __future__ import annotations

from typing import Any, ClassVar

import cherrypy

import cpkit.tools
from cpkit.dispatchers import route
from cpkit.openapi import operation

from ..pages import representations
from . import discount  # noqa: F401  registers the tool store.discount
from .basket import Basket, OpenTill, Receipt, Shop, checked
from .discount import price
from .shelves import all_shelves, take
from .tills import CARD, KINDS, Kind

FORMS_AND_JSON = ["application/json", "application/x-www-form-urlencoded"]


class Store:
    """The shelves."""

    @route("/store", methods=["GET"], name="store")
    @cpkit.tools.accept(media=representations("store"))
    @cpkit.tools.db()
    def GET(self) -> Shop:  # noqa: N802
        """Show the goods and the tills."""
        return {"shelves": all_shelves(cherrypy.request.db), "tills": KINDS}


class Till:
    """One till."""

    _cp_config: ClassVar = {
        "store.discount.on": True,
        "store.discount.percent": 10,
        "store.discount.customers": CARD,
    }

    @route("/store/till/{kind}", methods=["GET"], name="till")
    @cpkit.tools.accept(media=representations("till"))
    @cpkit.tools.db()
    def GET(  # noqa: N802
        self, kind: Kind, items: str = "", card: str = "", priority: str = ""
    ) -> OpenTill:
        """Show the till that the customer was sent to."""
        return {**_till(kind), "shelves": all_shelves(cherrypy.request.db)}  # type: ignore[typeddict-item]

    @route("/store/till/{kind}", methods=["POST"], name="pay")
    @operation(responses={409: "The till cannot take this basket, or the goods have run out."})
    @cpkit.tools.accept(media=representations("receipt"))
    @cpkit.tools.db()
    @cpkit.tools.body(media=FORMS_AND_JSON)
    def POST(  # noqa: N802
        self,
        kind: Kind,
        body: Basket | None = None,
        items: str = "",
        card: str = "",
        priority: str = "",
    ) -> Receipt:
        """Sell a basket: all of it, or nothing."""
        db, till = cherrypy.request.db, _till(kind)
        prices = {shelf["item"]: shelf["cents"] for shelf in all_shelves(db)}
        bought = checked(body, kind)
        for item, number in bought.items():
            take(db, item, number)
        total = sum(prices[item] * number for item, number in bought.items())
        cents = price(total, till["discount"])
        return {**till, "bought": bought, "cents": cents}  # type: ignore[typeddict-item]


def _till(kind: str) -> dict[str, Any]:
    return {"kind": kind, "text": KINDS[kind], "discount": cherrypy.request.discount}
