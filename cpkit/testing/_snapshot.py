"""Remember what objects and containers hold, and put it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import is_
from typing import Any

Restore = Callable[[], None]
_CONTAINERS = (dict, list, set)
_MISSING = object()


def remember_contents(container: Any, depth: int = 1) -> Restore:
    """Return a call that puts back what a dict, list or set holds; *depth* levels below it too."""
    # NOTE: the plain methods of dict, for CherryPy's config acts on what is put in it.
    mapping = isinstance(container, dict)
    held = dict(dict.items(container)) if mapping else list(container)
    values = held.values() if isinstance(held, dict) else held
    inner = [each for each in values if isinstance(each, _CONTAINERS)] if depth else ()
    restores = [remember_contents(each, depth - 1) for each in inner]

    def restore() -> None:
        if mapping:
            dict.clear(container)
            dict.update(container, held)
        else:
            container.clear()
            (container.update if isinstance(container, set) else container.extend)(held)
        for each in restores:
            each()

    return restore


def remember_attributes(target: Any) -> Restore:
    """Return a call that puts back the attributes of *target* and what containers in them hold."""
    held = dict(vars(target))
    restores = [
        remember_contents(value)
        for name, value in held.items()
        if isinstance(value, _CONTAINERS) and not name.startswith("__")
    ]

    def restore() -> None:
        now = vars(target)
        # PERF: as a rule nothing has changed, which these three find out without a Python loop.
        same = len(now) == len(held) and now.keys() == held.keys()
        if not (same and all(map(is_, now.values(), held.values()))):
            _put_back(target, dict(now), held)
        for each in restores:
            each()

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
