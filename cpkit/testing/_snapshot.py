"""Remember what objects and containers hold, and put it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Restore = Callable[[], None]
_MISSING = object()


def remember_contents(container: Any, depth: int = 1) -> Restore:
    """Return a call that puts back what a dict, list or set holds; *depth* levels below it too."""
    held = list(dict.items(container) if isinstance(container, dict) else container)
    inner = _inner(container) if depth else []
    restores = [remember_contents(each, depth - 1) for each in inner]

    def restore() -> None:
        # NOTE: the plain methods of dict, for CherryPy's config acts on what is put in it.
        if isinstance(container, dict):
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
    held = {name: value for name, value in vars(target).items() if not name.startswith("__")}
    restores = [remember_contents(each) for each in held.values() if _is_container(each)]

    def restore() -> None:
        now = {name: value for name, value in vars(target).items() if not name.startswith("__")}
        for name in now.keys() - held.keys():
            _delete(target, name)
        for name, value in held.items():
            if now.get(name, _MISSING) is not value:
                _set(target, name, value)
        for each in restores:
            each()

    return restore


def _inner(container: Any) -> list[Any]:
    values = dict.values(container) if isinstance(container, dict) else container
    return [each for each in values if _is_container(each)]


def _is_container(value: Any) -> bool:
    return isinstance(value, (dict, list, set))


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
        vars(target).pop(name, None)
