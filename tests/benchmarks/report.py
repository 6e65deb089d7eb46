"""The report of a run: a page in Markdown, its charts, and the same as one HTML file.

``python -m tests.benchmarks.report RUN`` publishes a run that ``make bench`` wrote; without one it
writes the report of the published run anew.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks import charts, machine
from tests.benchmarks.promises import kept
from tests.benchmarks.questions import load
from tests.benchmarks.results import LATEST, Asked, Result, loads, questions
from tests.benchmarks.turns import SECONDS
from tests.benchmarks.words import digits, duration, signed

TEMPLATES = Path(__file__).with_name("templates")
BARE = ("What does it cost a request to be timed?", "CherryPy, nothing on")
BARE_THEN = 162e3  # nanoseconds of a bare request where the goals in microseconds were set


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


def context(results: Mapping[str, Any], loaded: Mapping[str, Result]) -> Result:
    """Return what the template is filled with."""
    asked = questions(results)
    published = [one for one in asked if one.is_published]
    reached = [pair for pair in kept(published, loaded) if pair[1] is not None]
    return {
        "results": results,
        "published": published,
        "noisy": [one for one in asked if not one.is_published],
        "verdicts": sorted(
            (one for one in published if one.is_comparison), key=lambda one: one.factor
        ),
        "reached": reached,
        "held": sum(promise.holds(figure) for promise, figure in reached),
        "bare_then": BARE_THEN,
        "bare": next((one.time(BARE[1]) for one in published if one.title == BARE[0]), None),
        "loads": loaded.values(),
        "losses": losses(published),
    }


def drawings(filled: Result) -> dict[str, str]:
    """Return the charts by the names of their files."""
    bars = [
        charts.Bar(one.title, one.factor, f"{one.words}, {one.rival}", one.words == "even")
        for one in filled["verdicts"]
    ]
    drawn = {"figures/headline.svg": charts.bars("cpkit and rivals", bars)} if bars else {}
    curves: dict[str, dict[str, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
    for one in sorted(filled["published"], key=lambda one: int(one.about["size"])):
        for name in one.variants if one.about["curve"] else ():
            curves[one.about["curve"]][name].append((one.about["size"], one.time(name)))
    return drawn | {_file(curve): charts.curves(curve, of) for curve, of in curves.items()}


def _file(curve: str) -> str:
    return f"figures/growth-{re.sub('[^a-z0-9]+', '-', curve.lower())}.svg"


def publish(results: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write the report into *folder*; return its files."""
    from jinja2 import Environment, FileSystemLoader
    from markdown_it import MarkdownIt

    # The report is Markdown, whose words are ours: nothing to escape.
    templates = Environment(loader=FileSystemLoader(TEMPLATES), trim_blocks=True)
    templates.filters |= {"digits": digits, "duration": duration, "signed": signed, "chart": _file}
    filled = context(results, loads())
    drawn = drawings(filled)
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


def unfit(run: Mapping[str, Any]) -> str:
    """Return why a run is not to be published, if it isn't."""
    missing = {asked.title for asked in load()} - {asked.title for asked in questions(run)}
    reasons = {
        "files differ from its commit": run["commit_info"]["dirty"],
        f"questions were asked for less than {SECONDS:g} seconds": run["seconds"] < SECONDS,
        f"{len(missing)} questions have no answer": missing,
    }
    return "; ".join(reason for reason, holds in reasons.items() if holds)


def main(path: Path = LATEST) -> None:
    """Publish the run at *path*, or write its report beside it if it is unfit."""
    run, folder = json.loads(path.read_text()), machine.ROOT / "docs"
    if path != LATEST and (why := unfit(run)):
        print(f"Not published: {why}.")
        folder = path.parent
    elif path != LATEST:
        LATEST.write_bytes(path.read_bytes())
    for written in publish(run, folder):
        print(f"wrote {written}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
