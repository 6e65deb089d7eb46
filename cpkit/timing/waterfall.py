"""Waterfalls: where in a request its time went, as text and as HTML.

Both take an entry of ``report["slowest"]`` of the timing plugin: plain data, times in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from html import escape
from typing import Any, NamedTuple

Entry = Mapping[str, Any]

# The one colour of each phase, wherever it is drawn. Each is told from white and from near black
# alike (WCAG 2, 1.4.11: 3 to 1), so that there is one for light and for dark.
COLOURS = {
    "start": "#7d8590",
    "dispatch": "#a565c9",
    "tools": "#b08400",
    "body": "#0d8f86",
    "handler": "#3b7ddd",
    "finalize": "#2f9648",
    "log": "#a3714c",
    "stream": "#4d8fb0",
    "redirect": "#84862f",
    "error": "#d93a45",
}
SPAN_COLOUR = "#e0632a"

# On a wide screen name, bars and figure in a line; on a phone the bars below the other two. An
# element of the classes "phase phase-handler" has the colour of that phase.
STYLE = """
.waterfall { list-style: none; margin: .4rem 0; padding: 0; }
.waterfall li { display: grid; grid-template-columns: 11rem 1fr 6.5rem; gap: 0 .75rem;
  align-items: center; padding: .1rem 0; }
.waterfall span { overflow-wrap: anywhere; }
.waterfall b { grid-column: 3; grid-row: 1; font-weight: inherit; text-align: right;
  font-variant-numeric: tabular-nums; }
.waterfall svg { display: block; background: #8882; border-radius: 2px; }
@media (max-width: 40rem) {
  .waterfall li { grid-template-columns: 1fr auto; padding: .25rem 0; }
  .waterfall b { grid-column: 2; }
  .waterfall svg { grid-column: 1 / -1; }
}
"""
STYLE += f".phase {{ background: {SPAN_COLOUR}; }}\n" + "".join(
    f".phase-{name} {{ background: {colour}; }}\n" for name, colour in COLOURS.items()
)
_SCALE = 1000  # the width of a whole request in a drawing


class Row(NamedTuple):
    """A row: its label, the seconds in all, when it ran (start, end), and its colour."""

    label: str
    seconds: float
    stretches: list[tuple[float, float]]
    colour: str


def rows(entry: Entry) -> list[Row]:
    """Return a row for each phase, in the order in which they came, then one for each span."""
    found = [
        Row(name, taken, _of(name, entry["laps"]), COLOURS.get(name, SPAN_COLOUR))
        for name, taken in entry["phases"].items()
        if taken
    ]
    for name, (taken, count) in entry["spans"].items():
        label = f"{name} ({count})"
        found.append(Row(label, taken, _of(name, entry["intervals"]), SPAN_COLOUR))
    return found


def _of(name: str, intervals: list[Any]) -> list[tuple[float, float]]:
    return [(start, end) for called, start, end in intervals if called == name]


def headline(entry: Entry) -> str:
    """Return when the request came, what it asked for, and how it ended."""
    at = datetime.fromtimestamp(entry["at"], timezone.utc).isoformat(" ", "seconds")
    broken = ", broken off" if entry.get("broken") else ""
    trace = f" trace {entry['trace_id']}" if entry["trace_id"] else ""
    route = entry["route"] or "(no route)"
    head = f"{entry['total'] * 1e3:.1f} ms  {entry['method']} {route}  {entry['status']}{broken}"
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


def html(entry: Entry) -> str:
    """Return the waterfall as a list for an HTML page, without inline style or script.

    It can be read without style too: :data:`STYLE` puts its rows in columns. The text is the
    page's own, so that it is as large as the rest; the bars alone are drawn to the width.
    """
    items = "".join(_item(row, entry["total"]) for row in rows(entry))
    return f'<ul class="waterfall">{items}</ul>'


def _item(row: Row, total: float) -> str:
    # NOTE: attributes, not styles: a Content-Security-Policy may forbid inline style.
    bars = "".join(
        f'<rect x="{start / total * _SCALE:.1f}" height="10"'
        f' width="{max((end - start) / total * _SCALE, 2):.1f}" fill="{row.colour}"/>'
        for start, end in row.stretches
    )
    return (
        f"<li><span>{escape(row.label)}</span> <b>{row.seconds * 1e3:.2f} ms</b>"
        f'<svg aria-hidden="true" width="100%" height="10" viewBox="0 0 {_SCALE} 10"'
        f' preserveAspectRatio="none">{bars}</svg></li>'
    )
