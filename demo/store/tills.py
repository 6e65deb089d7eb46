"""Chapter 11's dispatcher: which till a customer is sent to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl

import cherrypy

Kind = Literal["basket", "priority", "store-card", "regular"]
BASKET, PRIORITY, CARD, REGULAR = "basket", "priority", "store-card", "regular"
KINDS = {
    BASKET: "under ten items",
    PRIORITY: "for those who cannot stand for long",
    CARD: "for holders of our card, at a discount",
    REGULAR: "for everybody",
}
BASKET_LIMIT = 10


def choose_till(customer: Mapping[str, Any]) -> str:
    """Return the kind of till for a customer who says *priority*, *card* or a number of *items*."""
    if customer.get("priority"):
        return PRIORITY
    if customer.get("card"):
        return CARD
    items = str(customer.get("items", ""))
    small = items.isascii() and items.isdigit() and len(items) < 3 and int(items) < BASKET_LIMIT
    return BASKET if small else REGULAR


class TillDispatcher:
    """Show a customer who comes to /store/till the till that suits, then dispatch as usual."""

    def __init__(self, dispatch: Callable[[str], Any], entrance: str = "/store/till") -> None:
        self.dispatch = dispatch
        self.entrance = entrance

    def __call__(self, path_info: str) -> Any:
        """Dispatch one request; at the entrance the query string chooses the path."""
        if path_info.rstrip("/") == self.entrance:
            # NOTE: CherryPy dispatches before it puts the query into request.params.
            customer = dict(parse_qsl(cherrypy.serving.request.query_string))
            path_info = f"{self.entrance}/{choose_till(customer)}"
        return self.dispatch(path_info)
