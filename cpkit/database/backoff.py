"""How long to wait between attempts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator


def backoff(
    first: float = 0.05,
    most: float = 1.0,
    jitter: float = 0.5,
    chance: Callable[[], float] = random.random,
) -> Iterator[float]:
    """Yield pauses in seconds without end: from *first*, doubling, up to *most*.

    Each is shortened by up to the fraction *jitter*, so that those who failed together
    do not come back together.
    """
    pause = first
    while True:
        yield pause * (1 - jitter * chance())
        pause = min(pause * 2, most)
