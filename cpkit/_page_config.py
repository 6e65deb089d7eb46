"""The ``_cp_config`` that code has put on controllers and page handlers, read without running any.

Only the dictionaries of objects and classes are looked at: no property and no ``__getattr__`` runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import FunctionType, GetSetDescriptorType
from typing import Any

Config = Mapping[str, Any]


def page_configs(page: object, seen: set[int]) -> Iterator[tuple[str, Config]]:
    """Yield name and config of *page* and of the pages below it, each once; adds to *seen*."""
    if id(page) in seen:
        return
    seen.add(id(page))
    members = _members(page)
    config = members.get("_cp_config")
    if isinstance(config, Mapping):
        yield _name(page), config
    for name, member in members.items():
        if not name.startswith("__") and _is_page(member):
            yield from page_configs(member, seen)


def _is_page(thing: object) -> bool:
    """Tell whether *thing* is a function, or is or has something that is exposed."""
    if isinstance(thing, FunctionType | type):
        return isinstance(thing, FunctionType)
    members = _members(thing)
    return "exposed" in members or any("exposed" in _members(each) for each in members.values())


def _members(thing: object) -> dict[str, Any]:
    """Return what is written on *thing* and on its classes; the nearest counts."""
    if isinstance(thing, FunctionType):
        return vars(thing)
    classes = (thing if isinstance(thing, type) else type(thing)).__mro__
    found: dict[str, Any] = {}
    for each in reversed(classes):
        found.update(vars(each))
    own = found.get("__dict__")
    if not isinstance(thing, type) and isinstance(own, GetSetDescriptorType):
        found.update(own.__get__(thing))
    return found


def _name(page: object) -> str:
    named = page if isinstance(page, FunctionType | type) else type(page)
    return named.__qualname__
