"""The timing report as a page and as text: a table of the routes, then the waterfalls."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from typing import Any

from . import waterfall

Report = Mapping[str, Any]

_COLUMNS = ("mean", "p50", "p95", "p99", "max")
_STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #8886; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; overflow-wrap: anywhere; }
td { font-variant-numeric: tabular-nums; }
figure { margin: 1.5rem 0; }
figcaption { font-family: ui-monospace, monospace; font-size: .85rem; overflow-wrap: anywhere; }
svg { width: 100%; height: auto; }
"""

# A policy under which nothing runs and nothing is fetched; the page's one style is named by hash.
POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
    "; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def html(report: Report) -> str:
    """Return *report*, as the timing plugin makes it, as an HTML page that needs nothing else."""
    heads = "".join(f'<th scope="col">{name} ms</th>' for name in _COLUMNS)
    table = "".join(_row(entry) for entry in report["routes"])
    figures = "".join(_figure(entry) for entry in report["slowest"])
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Request timing</title>'
        f"<style>{_STYLE}</style></head><body><h1>Request timing</h1><p>{escape(_spell(report))}"
        '</p><table><thead><tr><th scope="col">method</th><th scope="col">route</th>'
        f'<th scope="col">requests</th><th scope="col">errors</th>{heads}</tr></thead>'
        f"<tbody>{table}</tbody></table><h2>Slowest recent requests</h2>{figures}</body></html>"
    )


def text(report: Report) -> str:
    """Return *report* as text for a terminal."""
    heads = "".join(f"{name + ' ms':>11}" for name in _COLUMNS)
    lines = [_spell(report), "", f"{'requests':>9} {'errors':>7}{heads}  route"]
    for entry in report["routes"]:
        figures = "".join(f"{entry[name] * 1e3:11.2f}" for name in _COLUMNS)
        route = f"{entry['method']} {_route(entry)}"
        lines.append(f"{entry['count']:9} {entry['errors']:7}{figures}  {route}")
    return "\n".join([*lines, "", *map(waterfall.text, report["slowest"])])


def _spell(report: Report) -> str:
    recent = report["recent"]
    figures = ", ".join(f"{name} {recent[name] * 1e3:.1f} ms" for name in ("p50", "p95", "p99"))
    hours = (report["now"] - report["since"]) / 3600
    return f"Counted for {hours:.1f} h; the last seconds: {recent['count']} requests, {figures}."


def _route(entry: Mapping[str, Any]) -> str:
    return entry["route"] or "(no route)"


def _row(entry: Mapping[str, Any]) -> str:
    cells = [entry["method"], _route(entry), entry["count"], entry["errors"]]
    cells += [f"{entry[name] * 1e3:.2f}" for name in _COLUMNS]
    return "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>"


def _figure(entry: Mapping[str, Any]) -> str:
    caption = escape(waterfall.headline(entry))
    return f"<figure><figcaption>{caption}</figcaption>{waterfall.svg(entry)}</figure>"
