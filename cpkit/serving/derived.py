"""A body that is made of another one while it is sent."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from inspect import GEN_CREATED, getgeneratorstate
from typing import Any, Generic, TypeVar

Chunk = TypeVar("Chunk", bound="bytes | bytearray | memoryview")  # what a server can send


class DerivedBody(Generic[Chunk]):
    """What the generator *made* yields of *source*, which it closes when it ends or is closed.

    Of a generator that was never begun nothing runs at its close: then *source* is closed here.
    It is so when a client goes before the first piece.
    """

    def __init__(self, made: Generator[Chunk, None, None], source: Iterable[Any]) -> None:
        self._made, self._source = made, source

    def __iter__(self) -> Iterator[Chunk]:
        """Return itself."""
        return self

    def __next__(self) -> Chunk:
        """Return the next piece."""
        return next(self._made)

    def close(self) -> None:
        """End it, wherever it is."""
        is_new = getgeneratorstate(self._made) == GEN_CREATED
        self._made.close()
        if is_new:
            close(self._source)


def close(body: Iterable[Any]) -> None:
    """Close *body*, if it can be closed."""
    getattr(body, "close", lambda: None)()
