"""The superstore's resources: the shelves and the tills."""

from __future__ import annotations

from typing import Any, ClassVar

import cherrypy

import cpkit.tools

from ..pages import representations
from . import discount  # noqa: F401  registers the tool store.discount
from .discount import price
from .shelves import all_shelves, checked_basket, take
from .tills import CARD, KINDS


class Store:
    """The shelves."""

    exposed = True

    @cpkit.tools.accept(media=representations("store"))
    @cpkit.tools.db()
    def GET(self) -> dict[str, Any]:  # noqa: N802
        """Show the goods and the tills."""
        return {"shelves": all_shelves(cherrypy.request.db), "tills": KINDS}


class Till:
    """One till."""

    exposed = True
    _cp_config: ClassVar = {
        "store.discount.on": True,
        "store.discount.percent": 10,
        "store.discount.customers": CARD,
    }

    @cpkit.tools.accept(media=representations("till"))
    @cpkit.tools.db()
    def GET(self, kind: str, **customer: str) -> dict[str, Any]:  # noqa: N802
        """Show the till that the customer was sent to."""
        return {**self._till(kind), "shelves": all_shelves(cherrypy.request.db)}

    @cpkit.tools.accept(media=representations("receipt"))
    @cpkit.tools.db()
    def POST(self, kind: str, **basket: str) -> dict[str, Any]:  # noqa: N802
        """Sell a basket: all of it, or nothing."""
        db, till = cherrypy.request.db, self._till(kind)
        prices = {shelf["item"]: shelf["cents"] for shelf in all_shelves(db)}
        bought = checked_basket(kind, basket, prices)
        for item, number in bought.items():
            take(db, item, number)
        total = sum(prices[item] * number for item, number in bought.items())
        return {**till, "bought": bought, "cents": price(total, till["discount"])}

    def _till(self, kind: str) -> dict[str, Any]:
        if kind not in KINDS:
            raise cherrypy.HTTPError(404, f"There is no till {kind}; there is {', '.join(KINDS)}.")
        return {"kind": kind, "text": KINDS[kind], "discount": cherrypy.request.discount}
