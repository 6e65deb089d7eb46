"""Processor time in the units of the machine that it is measured on, now.

A loaded or a slow machine takes longer for the same instructions: caches are shared, clocks are
turned down, virtual processors are stolen from. So a limit is held against known pieces of work,
done right after: one that computes, and one that goes through memory, which may be the slower.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from time import process_time

STEPS = 20_000
PIECES = b"%41" * 100_000
# What they take on the machine of which the limits are promised.
STEPS_SECONDS, PIECES_SECONDS = 0.0008, 0.004
ATTEMPTS = 30
HOPELESS = 10  # so many times the limit is no load: no further attempt is needed
# Coverage runs a few lines of Python for each line that it watches.
WATCHED = 10 if sys.gettrace() or "coverage" in sys.modules else 1


def seconds(call: Callable[[], object]) -> float:
    """Return the processor time of this process that *call* takes, the collector's apart."""
    collecting = gc.isenabled()
    gc.disable()
    started = process_time()
    try:
        call()
        return process_time() - started
    finally:
        if collecting:
            gc.enable()


def slowness() -> float:
    """Return how many times as long as promised this machine takes now, at least 1."""
    return max(1.0, seconds(_steps) / STEPS_SECONDS, seconds(_pieces) / PIECES_SECONDS)


def _steps() -> int:
    total = 0
    for step in range(STEPS):
        total += step
    return total


def _pieces() -> bytes:
    return b"".join(PIECES.split(b"%"))


def takes_at_most(limit: float, call: Callable[[], object]) -> bool:
    """Tell whether *call* takes at most *limit* seconds of processor time, once in some attempts.

    Other threads and processes can only add to it; what grows with the square of its input takes
    more than all that they add.
    """
    for _ in range(ATTEMPTS):
        taken = seconds(call) / WATCHED
        allowed = limit if taken <= limit else limit * slowness()
        if taken <= allowed or taken > HOPELESS * allowed:
            return taken <= allowed
    return False
