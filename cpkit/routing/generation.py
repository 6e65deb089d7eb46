"""Which routes can generate a URL for a controller and an action, worked out when it is asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

ANY = "*"
Choice = tuple[list[Any], dict[str, Any]]


class GenerationTable:
    """Stand in for Routes' two-deep dict of controllers and actions, without building it.

    Routes fills in every pair of a controller and an action: 2,000 routes and 20 that fix
    neither made four million entries, in half a minute, at the first ``generate()``.
    """

    def __init__(self, routes: Iterable[Any]) -> None:
        self.controllers, self.actions = {ANY}, {ANY}
        self.groups: dict[tuple[Any, Any], list[tuple[int, Any]]] = {}
        for order, route in enumerate(routes):
            self.controllers |= {route.defaults.get("controller", ANY)}
            self.actions |= {route.defaults.get("action", ANY)}
            key = _fixed(route, "controller"), _fixed(route, "action")
            self.groups.setdefault(key, []).append((order, route))
        self.rows: dict[Any, Actions] = {}

    def get(self, controller: Any, default: Any = None) -> Any:
        """Return the actions of *controller*, or *default* if no route knows it."""
        if controller not in self.controllers:
            return default
        return self.rows.setdefault(controller, Actions(self, controller))


class Actions:
    """Stand in for the dict of one controller's actions."""

    def __init__(self, table: GenerationTable, controller: Any) -> None:
        self.table, self.controller = table, controller
        self.choices: dict[Any, Choice] = {}

    def get(self, action: Any, default: Any = None) -> Any:
        """Return (routes in declared order, a cache for their sorting), or *default*."""
        if action not in self.table.actions:
            return default
        if action not in self.choices:
            self.choices[action] = self._routes(action), {}
        choice = self.choices[action]
        return choice if choice[0] else default

    def _routes(self, action: Any) -> list[Any]:
        groups = self.table.groups
        keys = {(c, a) for c in (self.controller, ANY) for a in (action, ANY)}
        found = [pair for key in keys for pair in groups.get(key, ())]
        return [route for _, route in sorted(found, key=lambda pair: pair[0])]


def _fixed(route: Any, name: str) -> Any:
    return route.defaults[name] if name in route.hardcoded else ANY
