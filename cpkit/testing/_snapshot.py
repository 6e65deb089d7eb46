"""Remember what objects and containers hold, and put it back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import compress
from operator import is_
from typing import Any

Restore = Callable[[], None]
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


def remember_contents(container: Any, depth: int = 1) -> Restore:
    """Return a call that puts back what a dict, list or set holds; *depth* levels below it too."""
    kind = _KIND[type(container)]
    if not container:
        return partial(kind.clear, container)
    # NOTE: the plain methods of dict, for CherryPy's config acts on what is put in it.
    held = dict.copy(container) if kind is dict else list(container)
    values = held.values() if isinstance(held, dict) else held
    inner = compress(values, _containers(values)) if depth else ()
    restores = [remember_contents(each, depth - 1) for each in inner]
    refill = list.extend if kind is list else kind.update

    def restore() -> None:
        kind.clear(container)
        refill(container, held)
        for each in restores:
            each()

    return restore


def remember_attributes(target: Any) -> Restore:
    """Return a call that puts back the attributes of *target* and what containers in them hold."""
    held = vars(target).copy()
    names = list(held)
    containers = compress(held.items(), _containers(held.values()))
    restores = [remember_contents(it) for name, it in containers if not name.startswith("__")]

    def restore() -> None:
        now = vars(target)
        # PERF: as a rule nothing has changed, which this finds out without a Python loop.
        if not (list(now) == names and all(map(is_, now.values(), held.values()))):
            _put_back(target, dict(now), held)
        for each in restores:
            each()

    return restore


def remember_format(handler: logging.Handler) -> Restore:
    """Return a call that puts back what *handler* writes, and how; not the file it writes to."""
    formatter, level, filters = handler.formatter, handler.level, list(handler.filters)

    def restore() -> None:
        handler.formatter, handler.level, handler.filters[:] = formatter, level, filters

    return restore


def _put_back(target: Any, now: Mapping[str, Any], held: Mapping[str, Any]) -> None:
    for name in now.keys() - held.keys():
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
