"""A route as the dispatcher sees it, worked out once."""

from __future__ import annotations

from typing import Any

from .endpoint import Endpoint
from .sections import Config, prefixes


class Target:
    """Hold a route, the controller that it was connected to, and what both lead to.

    *controller* is None when the route names its controller: by a default, or in the URL.
    """

    def __init__(self, route: Any, controller: Any = None, config: Config | None = None) -> None:
        self.route, self.controller, self.config = route, controller, config or {}
        path = route.routepath
        self.template: str = path if path.startswith("/") else "/" + path
        self.prefixes = tuple(prefixes(self.template))
        self.section = _static_part(self.template)
        self.name = route.defaults.get("controller")
        self.action = route.defaults.get("action")
        self.heads = "HEAD" in ((route.conditions or {}).get("method") or ())
        self.endpoints: dict[Any, Endpoint] = {}
        self.fixed: Endpoint | None = None  # what every URL of this route leads to, if one does
        parts = [part for part in route.routelist if isinstance(part, dict)]
        self.variables = {part["name"] for part in parts}
        plain = {part["name"] for part in parts if part["type"] != "*"}
        self._decoded = plain - route.reqs.keys()

    def decode_slashes(self, variables: dict[str, Any]) -> None:
        """Decode ``%2F`` where it can't be taken for a separator: in one plain segment.

        A wildcard or a variable with a regex keeps it as the server gave it, so that a real
        slash and an encoded one stay different.
        """
        for name in self._decoded:
            value = variables.get(name)
            if isinstance(value, str):
                variables[name] = value.replace("%2F", "/")


def _static_part(template: str) -> str:
    """Return the whole segments before the first variable: ``/a`` for ``/a/{b}``."""
    for char in "{:*":
        template = template.partition(char)[0]
    return template.rpartition("/")[0] or "/"
