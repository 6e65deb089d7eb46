"""Pure: draw bars and curves as SVG that stands alone and is readable in dark and in light."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 760
BAR, LEFT, TEXT = 48, 14, 300
PLOT_HEIGHT, PLOT_LEFT, PLOT_RIGHT = 300, 70, 230
COLOURS = 6

STYLE = """
svg{font:13px system-ui,sans-serif;--paper:#fff;--ink:#1f2328;--faint:#d0d7de;--quiet:#59636e;
--c0:#0969da;--c1:#bc4c00;--c2:#1a7f37;--c3:#8250df;--c4:#cf222e;--c5:#7d6600}
@media (prefers-color-scheme:dark){svg{--paper:#0d1117;--ink:#e6edf3;--faint:#3d444d;
--quiet:#9198a1;--c0:#4493f8;--c1:#f0883e;--c2:#3fb950;--c3:#bc8cff;--c4:#ff7b72;--c5:#d8bd3a}}
.paper{fill:var(--paper)}text{fill:var(--ink)}.quiet{fill:var(--quiet)}
.grid{stroke:var(--faint);stroke-width:1}.line{fill:none;stroke-width:2.5}
.ours{stroke-width:4}.bar{fill:var(--c0)}.bar.loss{fill:var(--c4)}.bar.even{fill:var(--quiet)}
"""


@dataclass(frozen=True)
class Bar:
    """Hold one bar: how many times faster (under 1: slower), and the words around it.

    *even* says that the two could not be told apart.
    """

    label: str
    factor: float
    text: str
    even: bool = False


Curve = Sequence[tuple[int, float]]


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Draw one bar a row on a logarithmic scale that begins at *no difference*."""
    room = WIDTH - LEFT - TEXT
    most = max([2.0, *(max(row.factor, 1 / row.factor) for row in rows)])
    drawn = []
    for place, row in enumerate(rows):
        top = 32 + place * BAR
        width = max(2.0, room * abs(math.log(row.factor)) / math.log(most))
        mood = " even" if row.even else " loss" if row.factor < 1 else ""
        drawn.append(
            _text(LEFT, top - 7, row.label, kind="quiet")
            + f'<rect class="bar{mood}" x="{LEFT}" y="{top}" width="{width:.1f}" height="20" '
            f'rx="3"/>' + _text(LEFT + width + 8, top + 15, row.text)
        )
    told = "; ".join(f"{row.label}: {row.text}" for row in rows)
    return _svg(title, told, 20 + len(rows) * BAR, "".join(drawn))


def curves(title: str, series: Mapping[str, Curve], unit: str = "routes") -> str:
    """Draw nanoseconds over size, both logarithmic, one line a name; cpkit's lines are bold."""
    points = [point for line in series.values() for point in line]
    frame = _Frame.around(points)
    drawn = [frame.grid(unit)]
    ends = _apart([frame.y(line[-1][1]) for line in series.values()])
    for place, ((name, line), end) in enumerate(zip(series.items(), ends, strict=True)):
        colour = f"var(--c{place % COLOURS})"
        path = " ".join(f"{frame.x(size):.1f},{frame.y(cost):.1f}" for size, cost in line)
        bold = " ours" if name.startswith("cpkit") else ""
        drawn.append(f'<polyline class="line{bold}" points="{path}" style="stroke:{colour}"/>')
        right = WIDTH - PLOT_RIGHT + 8
        drawn.append(_text(right, end + 4, name, fill=colour))
    return _svg(title, ", ".join(series), PLOT_HEIGHT + 50, "".join(drawn))


@dataclass(frozen=True)
class _Frame:
    sizes: tuple[float, float]
    costs: tuple[int, int]

    @classmethod
    def around(cls, points: Curve) -> _Frame:
        costs = [cost for _, cost in points]
        low, high = math.floor(math.log10(min(costs))), math.ceil(math.log10(max(costs)))
        sizes = [math.log10(size) for size, _ in points]
        return cls((min(sizes), max(max(sizes), min(sizes) + 1)), (low, max(high, low + 1)))

    def x(self, size: float) -> float:
        low, high = self.sizes
        room = WIDTH - PLOT_LEFT - PLOT_RIGHT
        return PLOT_LEFT + room * (math.log10(size) - low) / (high - low)

    def y(self, cost: float) -> float:
        low, high = self.costs
        return 12 + PLOT_HEIGHT * (high - math.log10(cost)) / (high - low)

    def grid(self, unit: str) -> str:
        right, bottom = WIDTH - PLOT_RIGHT, PLOT_HEIGHT + 12
        lines = []
        for power in range(self.costs[0], self.costs[1] + 1):
            y = self.y(10.0**power)
            lines.append(f'<path class="grid" d="M{PLOT_LEFT} {y:.1f}H{right}"/>')
            lines.append(_text(PLOT_LEFT - 8, y + 4, duration(10.0**power), "end", "quiet"))
        for power in range(math.ceil(self.sizes[0]), math.floor(self.sizes[1]) + 1):
            x = self.x(10.0**power)
            lines.append(_text(x, bottom + 20, f"{10**power:,}", "middle", "quiet"))
        middle = (PLOT_LEFT + right) / 2
        return "".join(lines) + _text(middle, bottom + 36, unit, "middle", "quiet")


def duration(nanoseconds: float) -> str:
    """Write a duration with three digits and the unit that suits it."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= size:
            return f"{digits(nanoseconds / size)} {unit}"
    return f"{digits(nanoseconds)} ns"


def digits(value: float) -> str:
    """Write a number with three significant digits, never with an exponent."""
    if value == 0:
        return "0"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    written = f"{value:,.{places}f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def _apart(heights: Sequence[float], least: float = 16) -> list[float]:
    """Return *heights* moved down as far as labels of neighbouring lines need."""
    placed = dict.fromkeys(range(len(heights)), 0.0)
    lowest = -math.inf
    for place in sorted(placed, key=lambda place: heights[place]):
        lowest = placed[place] = max(heights[place], lowest + least)
    return list(placed.values())


def _text(
    x: float, y: float, words: str, anchor: str = "start", kind: str = "", fill: str = ""
) -> str:
    style = f' style="fill:{fill}"' if fill else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}"{style}>'
        f"{escape(words)}</text>"
    )


def _svg(title: str, description: str, height: float, content: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" role="img">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc><style>{STYLE}</style>"
        f'<rect class="paper" width="100%" height="100%" rx="8"/>{content}</svg>\n'
    )
