"""The clock of what cuts statements off: tests wait for no limit, and none ends too early."""

import contextlib
import time
from collections.abc import Iterator

import pytest

from cpkit.database import sockets


class Clock:
    """The watchdog's clock: while it is hurried, a minute has passed at each look."""

    def __init__(self) -> None:
        self._ahead, self._is_hurried = 0.0, False

    def monotonic(self) -> float:
        self._ahead += 60 * self._is_hurried
        return time.monotonic() + self._ahead

    @contextlib.contextmanager
    def hurried(self) -> Iterator[None]:
        """Hurry for as long as the block lasts."""
        self._is_hurried = True
        try:
            yield
        finally:
            self._ahead, self._is_hurried = 0.0, False


def watchdogs_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock by which the watchdog looks from now on."""
    clock = Clock()
    monkeypatch.setattr(sockets, "time", clock)
    monkeypatch.setattr(sockets, "GRACE", 0.2)  # at a quarter of which it looks
    return clock
