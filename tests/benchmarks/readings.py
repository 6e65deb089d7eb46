"""Pure: single figures, read from the results of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Readings:
    """Read single figures from results; KeyError where one was not measured or was too noisy."""

    def __init__(self, published: Sequence[Mapping[str, Any]], loads: Mapping[str, Any]) -> None:
        self._questions = {asked["title"]: asked for asked in published}
        self._loads = loads

    def time(self, title: str, name: str) -> float:
        """Return the nanoseconds of a variant."""
        return float(self._questions[title]["variants"][name]["p10"])

    def times(self, title: str, slow: str, fast: str) -> float:
        """Return how many times as long one variant takes as another."""
        return self.time(title, slow) / self.time(title, fast)

    def added(self, title: str, name: str) -> float:
        """Return the nanoseconds that a variant adds to the baseline."""
        return self.time(title, name) - self.time(title, self._questions[title]["baseline"])

    def share(self, title: str, name: str) -> float:
        """Return what a variant adds as a share of the baseline's time."""
        return self.added(title, name) / self.time(title, self._questions[title]["baseline"])

    def share_of_instructions(self, title: str, name: str) -> float:
        """Return what a variant adds as a share of the baseline's instructions."""
        asked = self._questions[title]
        counts = [asked["variants"][each]["instructions"] for each in (name, asked["baseline"])]
        if None in counts:
            raise KeyError(title)
        return float(counts[0] / counts[1] - 1)

    def load(self, title: str, workload: str, program: str, field: str) -> float:
        """Return a figure of a program under load."""
        return float(self._loads[title]["workloads"][workload][program][field])

    def loads(self, title: str, workload: str, one: str, other: str, field: str = "ratio") -> float:
        """Return how many times a program's figure is that of another."""
        found = [self.load(title, workload, program, field) for program in (one, other)]
        return found[0] / found[1]

    def failures(self, title: str) -> float:
        """Return the errors and the lost writes of cpkit's programs under all loads."""
        of = self._loads[title]["workloads"].values()
        ours = [made for programs in of for name, made in programs.items() if "cpkit" in name]
        return float(sum(made["errors"] + made["lost"] for made in ours))
