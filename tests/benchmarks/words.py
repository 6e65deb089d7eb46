"""How figures are written."""

from __future__ import annotations

import math


def duration(nanoseconds: float) -> str:
    """Write a duration with three digits and the unit that suits it."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= size:
            return f"{digits(nanoseconds / size)} {unit}"
    return f"{digits(nanoseconds)} ns"


def signed(nanoseconds: float) -> str:
    """Write what is added to a duration, or taken from it."""
    return ("+" if nanoseconds >= 0 else "−") + duration(abs(nanoseconds))


def digits(value: float) -> str:
    """Write a number with three significant digits, never with an exponent."""
    if value == 0:
        return "0"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    written = f"{value:,.{places}f}"
    return written.rstrip("0").rstrip(".") if "." in written else written
