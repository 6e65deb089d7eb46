"""Pure: what many noisy, paired timings say about the cost of each variant."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

QUANTILES = (0.02, 0.10, 0.50)
LOW = 0.10  # the published quantile: other processes only ever add time
NOISE_LIMIT = 0.01
BLOCKS = 40

Rounds = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Estimate:
    """Tell what one variant costs: nanoseconds at three quantiles, the ratio to the baseline
    at the low one, and the interval that holds this ratio in 95 of 100 resamplings."""

    p02: float
    p10: float
    p50: float
    ratio: float
    low: float
    high: float


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least *share* of the *values* don't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def ratio_intervals(
    rounds: Rounds, baseline: str, resamples: int = 200, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return, for each variant, the 95 % bootstrap interval of its ratio to *baseline*.

    *rounds* holds one timing a round of every variant, in the order they were taken. Blocks of
    neighbouring rounds are drawn together: a slow second slows all variants of its rounds.
    """
    drawn = random.Random(seed)
    blocks = _blocks(len(rounds[baseline]))
    ratios: dict[str, list[float]] = {name: [] for name in rounds}
    for _ in range(resamples):
        chosen = [place for block in drawn.choices(blocks, k=len(blocks)) for place in block]
        lows = {name: quantile([taken[i] for i in chosen], LOW) for name, taken in rounds.items()}
        for name, low in lows.items():
            ratios[name].append(low / lows[baseline])
    return {name: (quantile(of, 0.025), quantile(of, 0.975)) for name, of in ratios.items()}


def estimate(rounds: Rounds, baseline: str, resamples: int = 200) -> dict[str, Estimate]:
    """Return the estimate of every variant in *rounds*, compared with *baseline*."""
    intervals = ratio_intervals(rounds, baseline, resamples)
    base = quantile(rounds[baseline], LOW)
    return {
        name: Estimate(
            *(quantile(taken, share) for share in QUANTILES),
            quantile(taken, LOW) / base,
            *intervals[name],
        )
        for name, taken in rounds.items()
    }


def noise(rounds: Rounds, baseline: str, again: str) -> float:
    """Return how far the baseline's two timings lie apart, as a share of the first."""
    return abs(quantile(rounds[again], LOW) / quantile(rounds[baseline], LOW) - 1)


def _blocks(count: int) -> list[range]:
    width = max(1, count // BLOCKS)
    return [range(start, min(start + width, count)) for start in range(0, count, width)]
