"""The page handlers that a table of routes leads to, and the methods they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import MethodType
from typing import Any, NamedTuple

from .endpoint import NOTHING, Endpoint, Target, static
from .sections import Config
from .table import RouteTable

Handler = Callable[..., Any]


class Operation(NamedTuple):
    """A method of a route, what answers it, and the config of the code."""

    target: Target
    method: str | None  # None: all methods
    handler: Handler
    config: Config


def operations(table: RouteTable) -> Iterator[Operation]:
    """Yield the operations of the routes of *table* in declared order.

    Left out are redirections, and routes whose controller or action the URL names.
    """
    for route in table.mapper.matchlist:
        target = table.target(route)
        controller = table.controller_of(target)
        if route.redirect or controller is None or isinstance(controller, str):
            continue
        endpoint = table.built(target, controller, target.action)
        if endpoint is not None:
            yield from _of(target, endpoint)


def _of(target: Target, endpoint: Endpoint) -> Iterator[Operation]:
    named: list[str] | None = (target.route.conditions or {}).get("method")
    pages: dict[str | None, Endpoint] = {None: endpoint}
    if endpoint.methods is not None:
        pages = dict(endpoint.methods.items())
    for method in named or pages:
        page = pages.get(method) or pages.get(None)
        handler = page and bound(page.controller, page.attribute)
        if page and handler:
            yield Operation(target, method, handler, page.config)


def bound(controller: Any, attribute: str | None) -> Handler | None:
    """Return the handler as a request would call it; no controller is made for it.

    A method of a class whose controllers are made for each request is bound to the class.
    """
    name = "__call__" if attribute is None and isinstance(controller, type) else attribute
    if name is None:
        return controller if callable(controller) else None
    if not isinstance(controller, type):
        return getattr(controller, name, None)
    member = static(controller, name)
    if isinstance(member, staticmethod):
        return member.__func__
    if isinstance(member, classmethod):
        return MethodType(member.__func__, controller)
    return None if member is NOTHING or not callable(member) else MethodType(member, controller)
