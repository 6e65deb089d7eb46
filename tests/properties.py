"""Hypothesis for tests of properties: the same examples in each run, however slow the machine is.

By itself it makes up others each time, and fails what takes longer than usual. Where CPKIT_FUZZ is
set, as ``make fuzz`` does, it makes up others, and more of them.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

__all__ = ["assume", "example", "given", "settings", "st"]

_FUZZ = "CPKIT_FUZZ" in os.environ

settings.register_profile(
    "steady",
    deadline=None,
    derandomize=not _FUZZ,
    database=None,
    max_examples=1000 if _FUZZ else 100,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("steady")
