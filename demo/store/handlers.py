"""The superstore's resources: the shelves and the tills."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

import cherrypy

import cpkit.tools
from cpkit.dispatchers import route
from cpkit.openapi import operation

from ..pages import representations
from ..values import Order
from . import discount, receipts  # noqa: F401  discount registers the tool store.discount
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
        shelves = all_shelves(cherrypy.request.db)
        cherrypy.response.headers["Cache-Control"] = "no-store"  # an order is for one basket
        return {**_till(kind), "shelves": shelves, "order": new_order()}  # type: ignore[typeddict-item]

    @route("/store/till/{kind}", methods=["POST"], name="pay")
    @operation(
        responses={
            201: "The receipt, and where it is.",
            303: "To the receipt, for a form in a browser.",
            409: "The till cannot take this basket, or the goods have run out.",
        }
    )
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
        """Sell a basket: all of it, or nothing, and once, however often the form is sent."""
        db, till = cherrypy.request.db, _till(kind)
        number = (body and body.order) or new_order()
        prices = {shelf["item"]: shelf["cents"] for shelf in all_shelves(db)}
        bought = checked(body, kind)
        cents = price(sum(prices[item] * n for item, n in bought.items()), till["discount"])
        paper = {"number": number, "kind": kind, "discount": till["discount"]}
        if receipts.write(db, **paper, bought=bought, cents=cents):
            for item, n in bought.items():
                take(db, item, n)
        paid = receipts.receipt(db, number)
        if paid["bought"] != bought:
            cherrypy.request.corrected = {"order": new_order()}
            raise cherrypy.HTTPError(409, "This order is paid. Send again to buy these as well.")
        if cherrypy.request.accepted == "text/html":  # a reload of which must not pay again
            raise cherrypy.HTTPRedirect(f"/store/receipt/{number}", 303)
        cherrypy.response.status = 201
        cherrypy.response.headers["Location"] = f"/store/receipt/{number}"
        return paid


class Receipts:
    """What was bought."""

    @route("/store/receipt/{number}", methods=["GET"], name="receipt")
    @cpkit.tools.accept(media=representations("receipt"))
    @cpkit.tools.db()
    def GET(self, number: Order) -> Receipt:  # noqa: N802
        """Show a receipt."""
        return receipts.receipt(cherrypy.request.db, number)


def new_order() -> str:
    """Return a number that nobody guesses."""
    return secrets.token_hex(16)


def _till(kind: str) -> dict[str, Any]:
    return {"kind": kind, "text": KINDS[kind], "discount": cherrypy.request.discount}
