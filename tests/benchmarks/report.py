"""The report of a run: a page in Markdown, its charts, and the same as one HTML file."""

from __future__ import annotations

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
CHART = (
    "How many times as fast as the quickest rival, or cheaper where a cost is added; logarithmic."
)
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


def sentence(found: Sequence[Verdict]) -> str:
    """Return the one sentence that the report begins with."""
    won, lost = sum(one.won for one in found), sum(one.lost for one in found)
    even = len(found) - won - lost
    return (
        f"**Of {len(found)} questions with a rival, cpkit's default wins {won} against every one,"
        f" loses {lost}, and is even in {even}.**"
    )


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


def rows(asked: Asked) -> Iterator[list[str]]:
    """Yield the table of a question, the quickest first."""
    for name in sorted(asked.variants, key=asked.time):
        made, base = asked.variants[name], name == asked.baseline
        yield [
            f"**{name}**" if base else name,
            duration(asked.time(name)),
            *([("" if base else signed(asked.added(name)))] if asked.is_cost else []),
            "1" if base else digits(made["ratio"]),
            "" if base else " – ".join(map(digits, made["interval"])),
            f"{made['instructions']:,}" if made["instructions"] else "",
        ]


def context(results: Mapping[str, Any], loaded: Mapping[str, Result]) -> tuple[Result, Result]:
    """Return what the template is filled with, and the charts by the name of their file."""
    asked = questions(results)
    published = [one for one in asked if one.is_published]
    readings, found, drawn = Readings(published, loaded), verdicts(published), {}
    place = {**results["machine_info"], "commit": results["commit_info"]["id"]}
    versions = place.pop("versions")
    filled: Result = {
        "sentence": sentence(found),
        "headline": None,
        "published": published,
        "noisy": [one for one in asked if not one.is_published],
        "worst": max((one.about["noise"] for one in published), default=0),
        "verdicts": sorted(found, key=lambda one: one.factor),
        "promises": list(_promises(readings)),
        "machine_note": _machine_note(readings),
        "pieces": list(_pieces(published, drawn)),
        "loads": [_load(load) for load in loaded.values()],
        "losses": losses(published),
        "place": place.items(),
        "date": results["datetime"],
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }
    if found:
        bars = [
            charts.Bar(one.title, one.factor, f"{one.words}, {one.rival}", one.words == "even")
            for one in filled["verdicts"]
        ]
        drawn["figures/headline.svg"] = charts.bars("cpkit and rivals", bars)
        filled["headline"] = {"name": "figures/headline.svg", "words": CHART}
    return filled, drawn


def _promises(readings: Readings) -> Iterator[Result]:
    for promise, figure in kept(readings):
        if figure is not None:
            yield {
                "words": promise.words,
                "goal": promise.goal,
                "reached": promise.written(figure),
                "holds": promise.holds(figure),
            }


def _machine_note(readings: Readings) -> str:
    try:
        now = readings.time(*BARE)
    except KeyError:
        return ""
    return (
        f" Those in units of time were set where a bare request took {duration(BARE_THEN)}; here it"
        f" takes {duration(now)}."
    )


def _pieces(published: Sequence[Asked], drawn: Result) -> Iterator[Result]:
    there = dict.fromkeys(one.about["piece"] for one in published)
    for piece in [*(one for one in PIECES if one in there), *(p for p in there if p not in PIECES)]:
        of = [one for one in published if one.about["piece"] == piece]
        curves = dict.fromkeys(one.about["curve"] for one in of if one.about["curve"])
        yield {
            "title": PIECES.get(piece, piece.capitalize()),
            "curves": [_curve(curve, of, drawn) for curve in curves],
            "questions": [
                {
                    "title": one.title,
                    "why": one.about["why"],
                    "noise": f"{one.about['noise']:.2%}",
                    "is_cost": one.is_cost,
                    "rows": [[cell.replace("|", "\\|") for cell in row] for row in rows(one)],
                }
                for one in of
            ],
        }


def _curve(curve: str, of: Sequence[Asked], drawn: Result) -> Result:
    series: dict[str, list[tuple[int, float]]] = {}
    for one in sorted(of, key=lambda one: int(one.about["size"])):
        for name in one.variants if one.about["curve"] == curve else ():
            series.setdefault(name, []).append((one.about["size"], one.time(name)))
    file = f"figures/growth-{re.sub('[^a-z0-9]+', '-', curve.lower())}.svg"
    drawn[file] = charts.curves(curve, series)
    return {"name": file, "words": f"{curve}."}


def _load(load: Mapping[str, Any]) -> Result:
    def row(name: str, made: Mapping[str, Any]) -> list[str]:
        times = [f"{digits(made[at])} ms" for at in ("p50", "p99", "max")]
        memory = f"{made['memory']} MB" if made.get("memory") else ""
        rates = [digits(made["rate"]), digits(made["ratio"])]
        ends = [f"{made['cpu']:.0f} µs", memory, str(made["errors"]), str(made["lost"])]
        return [name, *rates, *times, *ends]

    tables = [
        (workload, [row(name, made) for name, made in programs.items()])
        for workload, programs in load["workloads"].items()
    ]
    return {**load, "tables": tables}


def publish(results: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write the report into *folder*; return its files."""
    from jinja2 import Environment, FileSystemLoader
    from markdown_it import MarkdownIt

    # The report is Markdown, whose words are ours: nothing to escape.
    templates = Environment(loader=FileSystemLoader(TEMPLATES), trim_blocks=True)
    filled, drawn = context(results, loads())
    page = templates.get_template("report.md.j2").render(filled)
    body: str = MarkdownIt().enable("table").render(page)
    for name, svg in drawn.items():
        body = re.sub(rf'<img src="{re.escape(name)}"[^>]*>', lambda _, svg=svg: svg, body)
    body = body.replace("<table>", '<div class="table"><table>').replace(
        "</table>", "</table></div>"
    )
    alone = templates.get_template("page.html.j2").render(body=body)
    written = {**drawn, "benchmarks.md": page, "benchmarks-report.html": alone}
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for name, content in written.items():
        (folder / name).write_text(content, encoding="utf-8")
    return [folder / name for name in written]
