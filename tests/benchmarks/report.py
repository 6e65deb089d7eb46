"""The report of a run: a page in Markdown, its charts, and the same as one HTML file."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks import charts
from tests.benchmarks.promises import kept
from tests.benchmarks.results import Asked, Readings, Result, loads, questions
from tests.benchmarks.words import digits, duration, signed

TEMPLATES = Path(__file__).with_name("templates")
PIECES = {
    "whole": "The whole toolkit",
    "routing": "Routing: `IndexedMapper`",
    "dispatch": "Dispatching: `RoutesDispatcher`",
    "negotiation": "Negotiation: `negotiate` and the accept tool",
    "rest": "Typed parameters and bodies",
    "timing": "The timing tool",
    "logs": "Logs",
    "database": "The database plugin and its tool",
    "deployment": "Compression, CORS, cross-site checks",
    "testing": "The test client",
}
BARE = ("What does it cost a request to be timed?", "CherryPy, nothing on")
BARE_THEN = 162e3  # nanoseconds of a bare request where the goals in microseconds were set


class Verdict(NamedTuple):
    """How cpkit's default variant of a question comes out against its quickest rival."""

    title: str
    ours: str
    rival: str
    factor: float
    won: bool
    lost: bool
    words: str


def verdicts(published: Sequence[Asked]) -> list[Verdict]:
    """Return the verdict on each question that has a rival."""
    return [_verdict(asked) for asked in published if asked.rivals and asked.about["ours"]]


def _verdict(asked: Asked) -> Verdict:
    ours: str = asked.about["ours"]
    rival = min(asked.rivals, key=asked.time)
    lost = asked.is_beaten(ours, rival)
    won = all(asked.is_beaten(other, ours) for other in asked.rivals)
    # A rival of another framework may take less than the baseline: then whole times compare.
    adds = asked.is_cost and asked.added(rival) > 0
    of = asked.cost if adds else asked.time
    factor, how = of(rival) / of(ours), "cheaper" if adds else "as fast"
    words = f"{digits(factor)} × {how}" if won or lost else "even"
    return Verdict(asked.title, ours, rival, factor, won, lost, words)


def losses(published: Sequence[Asked]) -> list[str]:
    """Return, the worst first, where a rival beats any variant of cpkit's."""
    found = [
        (asked.time(ours) / asked.time(rival), f"{asked.title} {ours} takes", rival)
        for asked in published
        for rival in asked.rivals
        for ours in asked.variants
        if ours.startswith("cpkit") and asked.is_beaten(ours, rival)
    ]
    return [f"{words} {digits(by)} times {rival}" for by, words, rival in sorted(found)[::-1]]


def context(results: Mapping[str, Any], loaded: Mapping[str, Result]) -> tuple[Result, Result]:
    """Return what the template is filled with, and the charts by the name of their file."""
    asked = questions(results)
    published = [one for one in asked if one.is_published]
    readings, drawn = Readings(published, loaded), {}
    found = sorted(verdicts(published), key=lambda one: one.factor)
    reached = [pair for pair in kept(readings) if pair[1] is not None]
    if found:
        bars = [
            charts.Bar(one.title, one.factor, f"{one.words}, {one.rival}", one.words == "even")
            for one in found
        ]
        drawn["figures/headline.svg"] = charts.bars("cpkit and rivals", bars)
    filled = {
        "results": results,
        "published": published,
        "noisy": [one for one in asked if not one.is_published],
        "verdicts": found,
        "reached": reached,
        "held": sum(promise.holds(figure) for promise, figure in reached),
        "bare_then": BARE_THEN,
        "bare": next((one.time(BARE[1]) for one in published if one.title == BARE[0]), None),
        "pieces": list(_pieces(published, drawn)),
        "loads": loaded.values(),
        "losses": losses(published),
    }
    return filled, drawn


def _pieces(published: Sequence[Asked], drawn: Result) -> Iterator[Result]:
    there = dict.fromkeys(one.about["piece"] for one in published)
    for piece in [*(one for one in PIECES if one in there), *(p for p in there if p not in PIECES)]:
        of = [one for one in published if one.about["piece"] == piece]
        curves = dict.fromkeys(one.about["curve"] for one in of if one.about["curve"])
        yield {
            "title": PIECES.get(piece, piece.capitalize()),
            "curves": [(curve, _curve(curve, of, drawn)) for curve in curves],
            "questions": of,
        }


def _curve(curve: str, of: Sequence[Asked], drawn: Result) -> str:
    """Draw a growth curve; return the name of its file."""
    series: dict[str, list[tuple[int, float]]] = {}
    for one in sorted(of, key=lambda one: int(one.about["size"])):
        for name in one.variants if one.about["curve"] == curve else ():
            series.setdefault(name, []).append((one.about["size"], one.time(name)))
    file = f"figures/growth-{re.sub('[^a-z0-9]+', '-', curve.lower())}.svg"
    drawn[file] = charts.curves(curve, series)
    return file


def publish(results: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write the report into *folder*; return its files."""
    from jinja2 import Environment, FileSystemLoader
    from markdown_it import MarkdownIt

    # The report is Markdown, whose words are ours: nothing to escape.
    templates = Environment(loader=FileSystemLoader(TEMPLATES), trim_blocks=True)
    templates.filters |= {"digits": digits, "duration": duration, "signed": signed}
    filled, drawn = context(results, loads())
    page = templates.get_template("report.md.j2").render(filled)
    body: str = MarkdownIt().enable("table").render(page)
    for name, svg in drawn.items():
        body = re.sub(rf'<img src="{re.escape(name)}"[^>]*>', lambda _, svg=svg: svg, body)
    body = re.sub(r"<table>(.*?)</table>", r'<div class="table">\g<0></div>', body, flags=re.DOTALL)
    alone = templates.get_template("page.html.j2").render(body=body)
    written = {**drawn, "benchmarks.md": page, "benchmarks-report.html": alone}
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for name, content in written.items():
        (folder / name).write_text(content, encoding="utf-8")
    return [folder / name for name in written]
