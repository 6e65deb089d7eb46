"""What cpkit promises of its speed (``promises.toml``), and what a run says of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.machine import read_toml
from tests.benchmarks.results import Readings
from tests.benchmarks.words import digits, duration

_UNITS = {"ns": 1.0, "µs": 1e3, "ms": 1e6, "%": 0.01, "×": 1.0, "": 1.0}


class Promise(NamedTuple):
    """A promise: its words, its goal as ``"≥ 30 ×"``, a reading of a run, what it is divided by."""

    words: str
    goal: str
    figure: Sequence[str]
    over: Sequence[str] = ()

    def reached(self, readings: Readings) -> float | None:
        """Return the figure of a run; None where it was not measured."""
        try:
            return readings(*self.figure) / (readings(*self.over) if self.over else 1)
        except KeyError:
            return None

    def holds(self, figure: float) -> bool:
        """Tell whether the *figure* keeps the promise."""
        side, bound, unit = f"{self.goal} ".split(" ")[:3]
        limit = float(bound.replace(",", "")) * _UNITS[unit]
        return figure >= limit if side == "≥" else figure <= limit

    def written(self, figure: float) -> str:
        unit = self.goal.split(" ")[-1]
        if unit in ("ns", "µs", "ms"):
            return duration(figure)
        return f"{figure:.1%}" if unit == "%" else f"{digits(figure)} {'×' * (unit == '×')}".strip()


def kept(readings: Readings) -> Iterator[tuple[Promise, float | None]]:
    """Yield each promise and the figure that a run reached; None: not measured."""
    for told in read_toml(Path(__file__).with_suffix(".toml"))["promise"]:
        yield (promise := Promise(**told)), promise.reached(readings)
