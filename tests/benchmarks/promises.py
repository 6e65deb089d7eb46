"""What cpkit promises of its speed (``promises.toml``), and what a run says of it."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks.machine import read_toml
from tests.benchmarks.results import Asked
from tests.benchmarks.words import digits, duration

_UNITS = {"ns": 1.0, "µs": 1e3, "ms": 1e6, "%": 0.01, "×": 1.0, "": 1.0}


class Promise(NamedTuple):
    """What is promised *of* a question or a load: in words, and the goal as ``"≥ 30 ×"``.

    The *figure* may be divided by what it is *over*, where that is *elsewhere* of another title.
    Each is a method of a question's with a variant, as ``"time | cpkit"``, or is of a *load*;
    *failures* are the errors and the lost writes of cpkit's programs under all loads.
    """

    of: str
    words: str
    goal: str
    figure: str
    over: str = ""
    elsewhere: str = ""

    def reached(self, published: Iterable[Asked], loads: Mapping[str, Any]) -> float | None:
        """Return the figure of a run; None where it was not measured."""
        run = {asked.title: asked for asked in published}, loads
        try:
            base = _read(*run, self.elsewhere or self.of, self.over) if self.over else 1
            return _read(*run, self.of, self.figure) / base
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


def _read(published: Mapping[str, Asked], loads: Any, title: str, figure: str) -> float:
    kind, *of = figure.split(" | ")
    if kind == "failures":
        programs = (each.items() for each in loads[title]["workloads"].values())
        ours = (made for every in programs for name, made in every if "cpkit" in name)
        return float(sum(made["errors"] + made["lost"] for made in ours))
    if kind == "load":
        workload, program, field = (*of, "ratio")[:3]
        return float(loads[title]["workloads"][workload][program][field])
    return float(getattr(published[title], kind)(*of))


def kept(
    published: Iterable[Asked], loads: Mapping[str, Any]
) -> Iterator[tuple[Promise, float | None]]:
    """Yield each promise and the figure that a run reached; None: not measured."""
    for title, rows in read_toml(Path(__file__).with_suffix(".toml")).items():
        for promise in (Promise(title, *row) for row in rows):
            yield promise, promise.reached(published, loads)
