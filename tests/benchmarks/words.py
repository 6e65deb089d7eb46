"""How figures are written."""

import math


def duration(nanoseconds: float) -> str:
    """Write a duration with three digits and the unit that suits it."""
    units = (("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1.0))
    unit, size = next((one for one in units if nanoseconds >= one[1]), units[-1])
    return f"{digits(nanoseconds / size)} {unit}"


def signed(nanoseconds: float) -> str:
    """Write what is added to a duration, or taken from it."""
    return ("+" if nanoseconds >= 0 else "−") + duration(abs(nanoseconds))


def digits(value: float) -> str:
    """Write a number with three significant digits, never with an exponent."""
    places = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    written = f"{value:,.{places}f}"
    return written.rstrip("0").rstrip(".") if "." in written else written
