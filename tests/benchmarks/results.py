"""The results of a run as pytest-benchmark writes them, and what a question's part says.

``pytest-benchmark compare tests/benchmarks/results/latest.json`` shows the published run, beside
a run of one's own. What turns add (the ratio and its interval, the noise, instructions) is in
each benchmark's ``extra_info``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.benchmarks import icount
from tests.benchmarks.turns import ALIKE, NOISE_LIMIT, Answer
from tests.benchmarks.words import digits

Result = dict[str, Any]

FOLDER = Path(__file__).with_name("results")
LATEST = FOLDER / "latest.json"


def benchmarks(answer: Answer, counts: icount.Counts) -> Iterator[Any]:
    """Yield pytest-benchmark's account of each variant; *counts* are the recorded instructions."""
    from pytest_benchmark.stats import Metadata

    asked, case = answer.question, answer.case
    for name, taken in answer.rounds.items():
        fixture = SimpleNamespace(cprofile_stats=None, has_error=False, param=name)
        fixture.group, fixture.name = f"{asked.piece}: {asked.title}", f"{asked.title} [{name}]"
        fixture.fullname = f"tests/benchmarks/test_benchmarks.py::{fixture.name}"
        fixture.params = {"question": asked.title, "variant": name}
        fixture.extra_info = {
            **{at: getattr(asked, at) for at in ("piece", "why", "curve", "size")},
            "baseline": case.baseline,
            "without": list(case.without),
            "ours": case.default,
            "noise": answer.noise,
            "time": answer.low(name),
            "ratio": answer.low(name) / answer.low(case.baseline),
            "interval": answer.intervals[name],
            "instructions": counts.get(icount.key(asked, name)),
        }
        found = Metadata(fixture, 1, {"timer": "perf_counter_ns", "in turns": True})
        for nanoseconds in taken:
            found.update(nanoseconds / 1e9)
        yield found


def loads() -> dict[str, Result]:
    """Return what was kept of the comparisons under load, by title."""
    kept = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("load-*.json"))]
    return {load["title"]: load for load in kept}


class Asked:
    """A question's part of the results: what is said of it, and its variants by name.

    Where it *is_cost*, what counts is what a variant adds to the baseline; it *is_published* where
    the machine was quiet enough. *rivals* do the same work, and are not cpkit's; the quickest is
    the *rival* that *ours*, the default, is a *factor* better than.
    """

    def __init__(self, benchmarks: Sequence[Result]) -> None:
        self.title: str = benchmarks[0]["params"]["question"]
        self.about: Result = benchmarks[0]["extra_info"]
        self.variants: dict[str, Result] = {b["param"]: b["extra_info"] for b in benchmarks}
        self.by_time = sorted(self.variants.items(), key=lambda one: float(one[1]["time"]))
        self.baseline: str = self.about["baseline"]
        self.is_cost = self.baseline in self.about["without"]
        self.is_published = self.about["noise"] <= NOISE_LIMIT
        self.alike = max(self.about["noise"], ALIKE)  # so far apart may two identical variants be
        peers = (name for name in self.variants if not name.startswith("cpkit"))
        self.rivals = [name for name in peers if name not in self.about["without"]]
        self.ours: str = self.about["ours"]
        self.is_comparison = bool(self.rivals and self.ours)
        if self.is_comparison:
            self._compare()

    def _compare(self) -> None:
        self.rival = min(self.rivals, key=self.time)
        self.lost = self.is_beaten(self.ours, self.rival)
        self.won = all(self.is_beaten(other, self.ours) for other in self.rivals)
        rival, ours, how = self.time(self.rival), self.time(self.ours), "as fast"
        # A rival of another framework may take less than the baseline: then whole times compare.
        if self.is_cost and self.added(self.rival) > 0:
            least, how = self.alike * self.time(self.baseline), "cheaper"
            rival, ours = (max(self.added(name), least) for name in (self.rival, self.ours))
        self.factor = rival / ours
        self.words = f"{digits(self.factor)} × {how}" if self.won or self.lost else "even"

    def time(self, name: str) -> float:
        """Return the nanoseconds of a variant."""
        return float(self.variants[name]["time"])

    def added(self, name: str) -> float:
        """Return the nanoseconds that a variant adds to the baseline."""
        return self.time(name) - self.time(self.baseline)

    def share_of_instructions(self, name: str) -> float:
        """Return what a variant adds as a share of the baseline's instructions."""
        ours, base = (self.variants[each]["instructions"] for each in (name, self.baseline))
        if not ours or not base:
            raise KeyError(name)
        return float(ours / base - 1)

    def is_beaten(self, name: str, by: str) -> bool:
        """Tell whether a variant takes longer than another one, beyond all doubt."""
        slow, quick = self.variants[name], self.variants[by]
        apart = slow["time"] > quick["time"] * (1 + self.alike)
        return bool(apart and quick["interval"][1] < slow["interval"][0])


def questions(results: Mapping[str, Any]) -> list[Asked]:
    """Return the questions of a run, in its order."""
    groups: dict[str, list[Result]] = {}
    for one in results["benchmarks"]:
        groups.setdefault(one["group"], []).append(one)
    return [Asked(group) for group in groups.values()]
