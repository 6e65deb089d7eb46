"""What an import registered for the rest of the process, so that no test may take it back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import cherrypy

Registration = tuple[dict[str, Any], str, Any]


def registered_since(modules: set[str]) -> list[Registration]:
    """Return the toolboxes and tools that came with modules imported since *modules* were.

    A module registers its tools when it is first imported, and only then: were they taken back
    after the test in which that happened to be, every later test would miss them.
    """
    new = sys.modules.keys() - modules
    return [entry for entry in _registrations() if _came_with(new, entry[2])] if new else []


def _registrations() -> Iterator[Registration]:
    boxes = cherrypy.Application.toolboxes
    for holder in (boxes, *map(vars, boxes.values())):
        yield from ((holder, name, value) for name, value in list(holder.items()))


def _came_with(modules: set[str], value: Any) -> bool:
    if isinstance(value, cherrypy.Tool):
        return getattr(value.callable, "__module__", None) in modules
    held = (vars(sys.modules[name]) for name in modules if name in sys.modules)
    return any(value is each for names in held for each in names.values())
