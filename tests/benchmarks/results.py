"""Keep what was measured as JSON, so that the report can be written again without measuring."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tests.benchmarks import icount, machine
from tests.benchmarks.interleave import Answer
from tests.benchmarks.machine import ROOT
from tests.benchmarks.report import Figure, blocks
from tests.benchmarks.writing import html, markdown

LATEST = Path(__file__).with_name("results") / "latest.json"
DOCS = ROOT / "docs"


def record(
    answers: Sequence[Answer], place: Mapping[str, str], seconds: float, counts: icount.Counts
) -> dict[str, Any]:
    """Return the results as a document: where, when, and each question's variants."""
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": dict(place),
        "versions": machine.versions(),
        "seconds": seconds,
        "questions": [_question(answer, counts) for answer in answers],
    }


def _question(answer: Answer, counts: icount.Counts) -> dict[str, Any]:
    asked = answer.question
    return {
        "piece": asked.piece,
        "title": asked.title,
        "why": asked.why,
        "curve": asked.curve,
        "size": asked.size,
        "baseline": answer.baseline,
        "without": list(answer.without),
        "headline": answer.headline,
        "noise": round(answer.noise, 5),
        "rounds": answer.rounds,
        "variants": {
            name: {
                **{field: float(f"{value:.5g}") for field, value in asdict(made).items()},
                "instructions": counts.get(icount.key(asked, name)),
            }
            for name, made in answer.estimates.items()
        },
    }


def save(results: Mapping[str, Any], path: Path = LATEST) -> None:
    """Write the results to *path*."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")


def loads() -> dict[str, Any]:
    """Return what was kept of the comparisons under load, by title."""
    kept = [json.loads(path.read_text()) for path in sorted(LATEST.parent.glob("load-*.json"))]
    return {load["title"]: load for load in kept}


def publish(results: Mapping[str, Any], folder: Path = DOCS) -> list[Path]:
    """Write the report: the Markdown page, its drawings, and the page that stands alone."""
    report = list(blocks({**results, "loads": loads()}))
    written = {f"{b.name}.svg": b.svg for b in report if isinstance(b, Figure)}
    written |= {"benchmarks.md": markdown(report), "benchmarks-report.html": html(report)}
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for name, content in written.items():
        (folder / name).write_text(content)
    return [folder / name for name in written]
