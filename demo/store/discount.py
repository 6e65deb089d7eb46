"""Chapter 11's tool: a discount for one category of customers only."""

from __future__ import annotations

import cherrypy

toolbox = cherrypy._cptools.Toolbox("store")
cherrypy.Application.toolboxes["store"] = toolbox


@toolbox.register("before_handler", name="discount", priority=60)
def discount(percent: int = 0, customers: str = "") -> None:
    """Leave the percentage that this customer saves in ``cherrypy.request.discount``.

    Config: ``store.discount.percent``, and ``store.discount.customers``, the kind of till whose
    customers get it; nobody else does.
    """
    request = cherrypy.serving.request
    request.discount = percent if request.params.get("kind") == customers else 0


def price(cents: int, percent: int) -> int:
    """Return a sum after the discount, in cents, rounded in the customer's favour."""
    return cents * (100 - percent) // 100
