"""The timing report as a page and as text: a table of the routes, then the waterfalls."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from typing import Any

from . import waterfall

Report = Mapping[str, Any]

EMPTY = (
    "Nothing has been counted yet. Requests are counted where the timing tool is on: set "
    "cpkit.timing.on = True in the config of a path, send it a request, and reload this page."
)

_FIGURES = ("mean", "p50", "p95", "p99", "max")  # of each route, in milliseconds
# The style of a fragment. On a phone each row of the table is a block: the route, and under it its
# figures with their names.
STYLE = (
    """
.timing-report table { border-collapse: collapse; width: 100%; max-width: none; }
.timing-report :is(th, td) { padding: .3rem .6rem; text-align: right;
  border-bottom: 1px solid #8886; }
.timing-report th { font-weight: 600; vertical-align: bottom; }
.timing-report td { font-variant-numeric: tabular-nums; }
.timing-report :is(th, td):nth-child(-n+2) { text-align: left; }
.timing-report td:nth-child(2) { overflow-wrap: anywhere; }
.timing-report summary { font-family: ui-monospace, monospace; font-size: .875rem;
  overflow-wrap: anywhere; padding: .5rem 0; cursor: pointer; }
@media (max-width: 40rem) {
  .timing-report thead { position: absolute; width: 1px; height: 1px; overflow: hidden;
    clip-path: inset(50%); }
  .timing-report tr { display: grid; grid-template-columns: repeat(4, 1fr); padding: .5rem 0;
    border-bottom: 1px solid #8886; }
  .timing-report td { border: 0; padding: .1rem .3rem; text-align: left; }
  .timing-report td:nth-child(2) { grid-column: 2 / -1; }
  .timing-report td:nth-child(-n+2) { font-weight: 600; }
  .timing-report td:nth-child(n+3)::before { display: block; font-size: .8rem; opacity: .8; }
  .timing-report td:nth-child(3)::before { content: "requests"; }
  .timing-report td:nth-child(4)::before { content: "errors"; }
  .timing-report td:nth-child(5)::before { content: "mean ms"; }
  .timing-report td:nth-child(6)::before { content: "p50 ms"; }
  .timing-report td:nth-child(7)::before { content: "p95 ms"; }
  .timing-report td:nth-child(8)::before { content: "p99 ms"; }
  .timing-report td:nth-child(9)::before { content: "max ms"; }
}
"""
    + waterfall.STYLE
)

_PAGE_STYLE = (
    STYLE
    + """
:root { color-scheme: light dark; font: 1rem/1.45 system-ui, sans-serif; }
body { max-width: 66rem; margin: 0 auto; padding: 1rem; background: Canvas; color: CanvasText; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
:focus-visible { outline: 2px solid Highlight; outline-offset: 2px; }
"""
)
_DIGEST = b64encode(sha256(_PAGE_STYLE.encode()).digest()).decode()

# A policy under which nothing runs and nothing is fetched; the page's one style is named by hash.
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'"
    "; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def html(report: Report) -> str:
    """Return *report*, as the timing plugin makes it, as an HTML page that needs nothing else."""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Request timing</title><style>{_PAGE_STYLE}</style></head>"
        f"<body><main><h1>Request timing</h1>{fragment(report)}</main></body></html>"
    )


def fragment(report: Report) -> str:
    """Return *report* as HTML for a page of your own, whose style sheet has :data:`STYLE`."""
    counted = _table(report) + _slowest(report) if report["routes"] else f"<p>{escape(EMPTY)}</p>"
    return f'<div class="timing-report"><p>{escape(_spell(report))}</p>{counted}</div>'


def text(report: Report) -> str:
    """Return *report* as text for a terminal."""
    if not report["routes"]:
        return f"{_spell(report)}\n\n{EMPTY}\n"
    heads = "".join(f"{name + ' ms':>11}" for name in _FIGURES)
    lines = [_spell(report), "", f"{'requests':>9} {'errors':>7}{heads}  route"]
    for entry in report["routes"]:
        figures = "".join(f"{entry[name] * 1e3:11.2f}" for name in _FIGURES)
        route = f"{entry['method']} {_route(entry)}"
        lines.append(f"{entry['count']:9} {entry['errors']:7}{figures}  {route}")
    return "\n".join([*lines, "", *map(waterfall.text, report["slowest"])])


def _spell(report: Report) -> str:
    recent = report["recent"]
    seconds = report["now"] - report["since"]
    time = f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"
    if not recent["count"]:
        return f"Counted for {time}; no requests in the last seconds."
    figures = ", ".join(f"{name} {recent[name] * 1e3:.1f} ms" for name in ("p50", "p95", "p99"))
    return f"Counted for {time}; the last seconds: {recent['count']} requests, {figures}."


def _route(entry: Mapping[str, Any]) -> str:
    return entry["route"] or "(no route)"


def _table(report: Report) -> str:
    names = ["method", "route", "requests", "errors", *(f"{name} ms" for name in _FIGURES)]
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = "".join(_row(entry) for entry in report["routes"])
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _row(entry: Mapping[str, Any]) -> str:
    route = escape(_route(entry)).replace("/", "/<wbr>")  # a narrow screen breaks it there
    cells = [escape(entry["method"]), route, entry["count"], entry["errors"]]
    cells += [f"{entry[name] * 1e3:.2f}" for name in _FIGURES]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _slowest(report: Report) -> str:
    """Return the slowest requests: the first is shown at once, the others on demand."""
    opened = [" open", *[""] * len(report["slowest"])]
    shown = [
        f"<details{opening}><summary>{escape(waterfall.headline(entry))}</summary>"
        f"{waterfall.html(entry)}</details>"
        for opening, entry in zip(opened, report["slowest"], strict=False)
    ]
    told = "".join(shown) or "<p>No request of the last minutes is kept.</p>"
    return f"<h2>Slowest recent requests</h2>{told}"
