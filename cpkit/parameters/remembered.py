"""What is worked out once for a handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from cpkit.cherry import Handler

N = TypeVar("N")
T = TypeVar("T")
_MOST = 1024  # handlers that are remembered: they may be made for each request


class Remembered(Generic[N, T]):
    """What *read* returns of a handler, and of the name that goes with it."""

    def __init__(self, read: Callable[[Handler, N], T]) -> None:
        self._read = read
        self._known: dict[tuple[object, N], T] = {}

    def of(self, handler: Handler, name: N) -> T:
        """Return it; raises as *read* does."""
        key = getattr(handler, "__func__", handler), name
        try:
            return self._known[key]
        except KeyError:
            known = self._read(handler, name)
        except TypeError:  # an object that has no hash is read at each request
            return self._read(handler, name)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key] = known
        return known
