"""The config of a request, told to those who have it: tools, hooks, request, response."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cherrypy.lib.reprconf import NamespaceSet

_NONE: tuple[tuple[str, str], ...] = ()


class Namespaces(NamespaceSet):
    """What CherryPy's class of this name does, without taking each key apart at each request.

    PERF: most keys of a config are the server's and the engine's, and nobody's at a request.
    """

    def __call__(self, config: Mapping[str, Any]) -> None:
        """Tell each namespace what the *config* says under its name."""
        keys = _by_namespace(tuple(config))
        for namespace, handler in self.items():
            own = keys.get(namespace, _NONE)
            if hasattr(handler, "__exit__"):
                with handler as take:
                    for key, name in own:
                        take(name, config[key])
            else:
                for key, name in own:
                    handler(name, config[key])


@lru_cache(512)  # of which an application has as many as it has handlers
def _by_namespace(keys: tuple[str, ...]) -> dict[str, list[tuple[str, str]]]:
    """Return, by namespace, the *keys* and what each says after the name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for key in keys:
        namespace, dot, name = key.partition(".")
        if dot:
            found.setdefault(namespace, []).append((key, name))
    return found
