"""A body that is made of another one while it is sent."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from inspect import GEN_CREATED, getgeneratorstate


class DerivedBody:
    """What the generator *made* yields of *source*, which it closes when it ends or is closed.

    Of a generator that was never begun nothing runs at its close: then *source* is closed here.
    It is so when a client goes before the first piece.
    """

    def __init__(self, made: Generator[bytes, None, None], source: Iterable[bytes]) -> None:
        self._made, self._source = made, source

    def __iter__(self) -> Iterator[bytes]:
        """Return itself."""
        return self

    def __next__(self) -> bytes:
        """Return the next piece."""
        return next(self._made)

    def close(self) -> None:
        """End it, wherever it is."""
        is_new = getgeneratorstate(self._made) == GEN_CREATED
        self._made.close()
        if is_new:
            close(self._source)


def close(body: Iterable[bytes]) -> None:
    """Close *body*, if it can be closed."""
    getattr(body, "close", lambda: None)()
