"""Charts of a run, by matplotlib: readable on a phone, in dark and in light."""

import io
import itertools
import re
import textwrap
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks.words import duration

TEMPLATES = Path(__file__).with_name("templates")
GOOD, BAD, EVEN = "#0969da", "#cf222e", "#59636e"
WIDTH = 4.9  # inches: at 390 pixels a letter is still 11 pixels high
LINE = 58  # letters


class Bar(NamedTuple):
    """One comparison: how many times as fast (under 1: slower), and in words."""

    label: str
    factor: float
    words: str
    even: bool = False


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Draw one bar a row on a logarithmic scale that begins at *no difference*."""
    labels = [textwrap.fill(row.label, LINE) for row in rows]
    places = [*itertools.accumulate(1 + 0.3 * label.count("\n") for label in labels)]
    figure, axes = _drawing(0.75 * places[-1] + 0.6)
    for place, label, row in zip(places, labels, rows, strict=True):
        colour = EVEN if row.even else GOOD if row.factor >= 1 else BAD
        size = max(row.factor, 1 / row.factor, 1.01)
        axes.barh(-place, size - 1, left=1, height=0.34, color=colour)
        axes.text(1, -place + 0.26, label, fontsize=11)
        axes.text(1.03, -place - 0.42, row.words, fontsize=11, color=EVEN)
    most = max([2.0, *(max(row.factor, 1 / row.factor) for row in rows)])
    axes.set(xscale="log", xlim=(1, most * 1.1), ylim=(-0.6 - places[-1], -0.3))
    axes.set_axis_off()
    return _svg(figure, title, "; ".join(f"{row.label}: {row.words}" for row in rows))


def curves(title: str, series: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Draw nanoseconds over size, both logarithmic, one line a name; cpkit's lines are bold."""
    from matplotlib.ticker import LogLocator

    figure, axes = _drawing(3.6 + 0.2 * len(series))
    for name in sorted(series, key=lambda name: not name.startswith("cpkit")):
        width = 3.5 if name.startswith("cpkit") else 1.8
        axes.plot(*zip(*series[name], strict=True), label=name, linewidth=width)
    axes.set(xscale="log", yscale="log", xlabel="routes")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 20 * low else (1,)))
    axes.yaxis.set_major_formatter(lambda value, _: duration(value))
    axes.yaxis.set_minor_formatter("")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(axis="y")
    figure.legend(frameon=False, fontsize=11, loc="outside upper left")
    return _svg(figure, title, ", ".join(series))


def _drawing(height: float) -> tuple[Any, Any]:
    import matplotlib.style
    from matplotlib.figure import Figure

    matplotlib.style.use(TEMPLATES / "charts.mplstyle")
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Any, title: str, description: str) -> str:
    """Return a figure as an SVG that stands alone, with its own colours for the dark."""
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    svg = drawn.getvalue()[drawn.getvalue().index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    dark = "".join((TEMPLATES / "dark.css").read_text().splitlines())
    head = (
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
        f"<style>@media (prefers-color-scheme:dark){{{dark}}}</style>"
    )
    return re.sub(r"(<svg[^>]*>)", lambda tag: tag[1] + head, svg, count=1)
