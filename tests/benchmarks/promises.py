"""What cpkit promises of its speed (``promises.toml``), and what a run says of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.results import Readings
from tests.benchmarks.words import digits, duration

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_UNITS = {"ns": 1.0, "µs": 1e3, "ms": 1e6, "%": 0.01, "×": 1.0, "": 1.0}


class Promise(NamedTuple):
    """A promise: its words, its goal as ``"≥ 30 ×"``, and the reading of a run that it is about."""

    words: str
    goal: str
    read: str
    of: list[str]

    def reached(self, readings: Readings) -> float | None:
        """Return the figure of a run; None where it was not measured."""
        try:
            if self.read == "across":
                one, name, other, beside = self.of
                return readings.time(one, name) / readings.time(other, beside)
            if self.read == "loads":
                title, workload, one, other, *field = self.of
                of = (readings.load(title, workload, name, *field) for name in (one, other))
                return next(of) / next(of)
            return float(getattr(readings, self.read)(*self.of))
        except KeyError:
            return None

    def holds(self, figure: float) -> bool:
        """Tell whether the *figure* keeps the promise."""
        side, bound, unit = f"{self.goal} ".split(" ")[:3]
        limit = float(bound.replace(",", "")) * _UNITS[unit]
        return figure >= limit if side == "≥" else figure <= limit

    def written(self, figure: float) -> str:
        """Write a figure in the goal's unit."""
        unit = self.goal.split(" ")[-1]
        if unit in ("ns", "µs", "ms"):
            return duration(figure)
        return f"{figure:.1%}" if unit == "%" else f"{digits(figure)} {'×' * (unit == '×')}".strip()


def promises() -> list[Promise]:
    """Return all promises."""
    listed = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return [Promise(**one) for one in listed["promise"]]


def kept(readings: Readings) -> Iterator[tuple[Promise, float | None]]:
    """Yield each promise and the figure that a run reached; None: not measured."""
    for promise in promises():
        yield promise, promise.reached(readings)
