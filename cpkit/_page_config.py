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
    return _has_exposed(thing) or any(
        _has_exposed(member) for written in _written(thing) for member in written.values()
    )


def _has_exposed(thing: object) -> bool:
    return any("exposed" in written for written in _written(thing))


def _members(thing: object) -> dict[str, Any]:
    """Return what is written on *thing* and on its classes; the nearest counts."""
    found: dict[str, Any] = {}
    for written in reversed(_written(thing)):
        found.update(written)
    return found


def _written(thing: object) -> list[Mapping[str, Any]]:
    """Return the dictionaries of *thing* and of its classes, the nearest first."""
    if isinstance(thing, FunctionType):
        return [vars(thing)]
    classes = (thing if isinstance(thing, type) else type(thing)).__mro__
    # PERF: Python's own classes have some hundred members, none of them a page.
    written: list[Mapping[str, Any]] = [
        vars(each) for each in classes if each.__module__ != "builtins"
    ]
    if isinstance(thing, type):
        return written
    own = next((each["__dict__"] for each in written if "__dict__" in each), None)
    # NOTE: a property of that name would run code.
    if isinstance(own, GetSetDescriptorType):
        written.insert(0, own.__get__(thing))
    return written


def _name(page: object) -> str:
    named = page if isinstance(page, FunctionType | type) else type(page)
    return named.__qualname__
