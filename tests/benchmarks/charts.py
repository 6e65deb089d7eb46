"""Charts of a run, by matplotlib: readable on a phone, in dark and in light."""

import io
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks.words import duration

TEMPLATES = Path(__file__).with_name("templates")
GOOD, BAD, EVEN = "#0969da", "#cf222e", "#59636e"
WIDTH = 5.2  # inches: at 390 pixels a letter is still 11 pixels high


class Bar(NamedTuple):
    """One comparison: how many times as fast (under 1: slower), and in words."""

    label: str
    factor: float
    words: str
    even: bool = False


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Draw one bar a row on a logarithmic scale that begins at *no difference*."""
    figure, axes = _drawing(0.75 * len(rows) + 0.6)
    for place, row in enumerate(rows):
        colour = EVEN if row.even else GOOD if row.factor >= 1 else BAD
        size = max(row.factor, 1 / row.factor, 1.01)
        axes.barh(-place, size - 1, left=1, height=0.34, color=colour)
        axes.text(1, -place + 0.26, row.label, fontsize=min(10.5, 700 / len(row.label)))
        axes.text(1.03, -place - 0.42, row.words, fontsize=10.5, color=EVEN)
    most = max([2.0, *(max(row.factor, 1 / row.factor) for row in rows)])
    axes.set(xscale="log", xlim=(1, most * 1.1), ylim=(0.4 - len(rows), 0.7))
    axes.set_axis_off()
    return _svg(figure, title, "; ".join(f"{row.label}: {row.words}" for row in rows))


def curves(title: str, series: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Draw nanoseconds over size, both logarithmic, one line a name; cpkit's lines are bold."""
    figure, axes = _drawing(3.6)
    for name, line in series.items():
        width = 3.5 if name.startswith("cpkit") else 1.8
        axes.plot(*zip(*line, strict=True), label=name, linewidth=width)
    axes.set(xscale="log", yscale="log", xlabel="routes")
    axes.yaxis.set_major_formatter(lambda value, _: duration(value))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(axis="y")
    axes.legend(frameon=False, fontsize=10, loc="upper left")
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
