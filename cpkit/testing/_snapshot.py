"""Remember what objects and containers hold, and put it back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import compress
from types import ModuleType
from typing import Any

_MISSING = object()


class _Containers(dict[type, Any]):
    """Tell by the class of a value whether it is a container. PERF: a look-up each, no call."""

    def __missing__(self, kind: type) -> Any:
        """Return the one of dict, list and set that *kind* is, or None."""
        self[kind] = found = next((c for c in (dict, list, set) if issubclass(kind, c)), None)
        return found


_KIND = _Containers()
_kind_of = _KIND.__getitem__


def _containers(values: Iterable[Any]) -> Iterable[bool]:
    """Yield whether each is a container. PERF: most are not, and are passed without a Python loop.

    It is meant for compress().
    """
    return map(_kind_of, map(type, values))


class Remembered:
    """The attributes of *target*, and what containers in them hold, as they were."""

    def __init__(self, target: Any) -> None:
        self.target = target
        self._held = vars(target).copy()
        containers = compress(self._held.items(), _containers(self._held.values()))
        self._contents = [
            content
            for name, container in containers
            if not name.startswith("__")
            for content in _contents_of(container, depth=1)
        ]

    def is_unchanged(self) -> bool:
        """Tell whether all is as it was. PERF: dict's own comparison begins with identity."""
        try:
            if vars(self.target) != self._held:
                return False
            for kind, container, held in self._contents:
                if not kind.__eq__(container, held):
                    return False
        except Exception:  # of a value that cannot be compared, so it's another one
            return False
        return True

    def put_back(self) -> None:
        """Make everything as it was."""
        if self.is_unchanged():
            return
        _put_back(self.target, dict(vars(self.target)), self._held)
        for kind, container, held in self._contents:
            # NOTE: the plain methods, for CherryPy's config acts on what is put in it.
            kind.clear(container)
            (list.extend if kind is list else kind.update)(container, held)


def remember_format(handler: logging.Handler) -> Callable[[], None]:
    """Return a call that puts back what *handler* writes, and how; not the file it writes to."""
    formatter, level, filters = handler.formatter, handler.level, list(handler.filters)

    def restore() -> None:
        handler.formatter, handler.level, handler.filters[:] = formatter, level, filters

    return restore


def _contents_of(container: Any, depth: int) -> Iterator[tuple[Any, Any, Any]]:
    """Yield a container's kind, it and what it holds; the same for those *depth* levels below."""
    kind = _KIND[type(container)]
    held = dict.copy(container) if kind is dict else kind(container)
    yield kind, container, held
    if held and depth:
        values = held.values() if kind is dict else held
        for each in compress(values, _containers(values)):
            yield from _contents_of(each, depth - 1)


def _put_back(target: Any, now: Mapping[str, Any], held: Mapping[str, Any]) -> None:
    for name in now.keys() - held.keys():
        # NOTE: a module that was imported meanwhile is not imported again: it must be found.
        if not isinstance(now[name], ModuleType):
            _delete(target, name)
    for name, value in held.items():
        if now.get(name, _MISSING) is not value:
            _set(target, name, value)


# NOTE: an instance's dict is written directly, past a __setattr__ or a property that would act.
def _set(target: Any, name: str, value: Any) -> None:
    if isinstance(target, type):
        setattr(target, name, value)
    else:
        vars(target)[name] = value


def _delete(target: Any, name: str) -> None:
    if isinstance(target, type):
        delattr(target, name)
    else:
        del vars(target)[name]
