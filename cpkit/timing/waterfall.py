"""Waterfalls: where in a request its time went, as text and as SVG.

Both take an entry of ``report["slowest"]`` of the timing plugin: plain data, times in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from html import escape
from typing import Any, NamedTuple

Entry = Mapping[str, Any]

# NOTE: attributes, not styles: a Content-Security-Policy may forbid inline style.
_COLOURS = {
    "start": "#8a8f98",
    "dispatch": "#b07aa1",
    "tools": "#edae49",
    "body": "#76b7b2",
    "handler": "#4e79a7",
    "finalize": "#59a14f",
    "log": "#9c755f",
    "stream": "#7a9ec9",
    "redirect": "#8a8f98",
    "error": "#c8423f",
}
_SPAN_COLOUR = "#e15759"
_ROW, _LABEL, _BAR, _FIGURE = 18, 150, 640, 110


class Row(NamedTuple):
    """Hold one row: a label, the seconds in all, and when it ran (start, end)."""

    label: str
    seconds: float
    stretches: list[tuple[float, float]]
    colour: str


def rows(entry: Entry) -> list[Row]:
    """Return a row for each phase, in the order in which they came, then one for each span."""
    found = [
        Row(name, taken, _of(name, entry["laps"]), _COLOURS.get(name, _SPAN_COLOUR))
        for name, taken in entry["phases"].items()
        if taken
    ]
    for name, (taken, count) in entry["spans"].items():
        label = f"{name} ({count})"
        found.append(Row(label, taken, _of(name, entry["intervals"]), _SPAN_COLOUR))
    return found


def _of(name: str, intervals: list[Any]) -> list[tuple[float, float]]:
    return [(start, end) for called, start, end in intervals if called == name]


def headline(entry: Entry) -> str:
    """Return when the request came, what it asked for, and how it ended."""
    at = datetime.fromtimestamp(entry["at"], timezone.utc).isoformat(" ", "seconds")
    trace = f" trace {entry['trace_id']}" if entry["trace_id"] else ""
    route = entry["route"] or "(no route)"
    head = f"{entry['total'] * 1e3:.1f} ms  {entry['method']} {route}  {entry['status']}"
    return f"{head}  {at}  {entry['path']!a}{trace}"


def text(entry: Entry, width: int = 50) -> str:
    """Return the waterfall as lines of text, its bars *width* characters wide."""
    lines = [headline(entry)]
    for row in rows(entry):
        bar = _bar(row.stretches, entry["total"], width)
        lines.append(f"  {_plain(row.label):20.20} |{bar}| {row.seconds * 1e3:9.2f} ms")
    return "\n".join(lines) + "\n"


def _bar(stretches: list[tuple[float, float]], total: float, width: int) -> str:
    cells = [" "] * width
    for start, end in stretches:
        first = min(round(start / total * width), width - 1)
        last = max(round(end / total * width), first + 1)
        cells[first:last] = "#" * (last - first)
    return "".join(cells)


def _plain(label: str) -> str:
    return label.encode("ascii", "replace").decode() if label.isprintable() else ascii(label)


def svg(entry: Entry) -> str:
    """Return the waterfall as an SVG element for an HTML page, without style or script."""
    body = "".join(_svg_row(row, number, entry["total"]) for number, row in enumerate(rows(entry)))
    width, height = _LABEL + _BAR + _FIGURE, _ROW * len(rows(entry))
    return (
        f'<svg role="img" aria-label="{escape(headline(entry))}" viewBox="0 0 {width} {height}"'
        f' font-size="12" fill="currentColor">{body}</svg>'
    )


def _svg_row(row: Row, number: int, total: float) -> str:
    top = number * _ROW
    bars = "".join(
        f'<rect x="{_LABEL + start / total * _BAR:.1f}" y="{top + 3}" height="{_ROW - 6}"'
        f' width="{max((end - start) / total * _BAR, 1):.1f}" fill="{row.colour}"/>'
        for start, end in row.stretches
    )
    figure = f"{row.seconds * 1e3:.2f} ms"
    right = _LABEL + _BAR + _FIGURE
    return (
        f"<g><title>{escape(row.label)}: {figure}</title>"
        f'<text x="0" y="{top + 13}">{escape(row.label[:24])}</text>{bars}'
        f'<text x="{right}" y="{top + 13}" text-anchor="end">{figure}</text></g>'
    )
