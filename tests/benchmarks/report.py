"""Pure: turn results into the blocks of a report, which is written as Markdown and as HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.benchmarks import drawing, promises
from tests.benchmarks.drawing import Bar, digits, duration
from tests.benchmarks.estimates import NOISE_LIMIT
from tests.benchmarks.readings import Readings

Result = Mapping[str, Any]

PIECES = {
    "whole": "The whole toolkit",
    "routing": "Routing: `IndexedMapper`",
    "dispatch": "Dispatching: `RoutesDispatcher`",
    "negotiation": "Negotiation: `negotiate` and the accept tool",
    "timing": "The timing tool",
    "database": "The database plugin and its tool",
    "testing": "The test client",
}
INTRODUCTION = (
    "Every figure is the 10 % quantile of many short timings, taken in turns and in random order,"
    " each after an untimed call of its own kind; the ratio is to the row in bold, its"
    " interval holds 95 of 100 resamplings. Instructions are counted"
    " under valgrind, and repeat within 1 %."
)
UNMEASURED = (
    "Not measured: the network, more than one processor, other systems than the one below. The"
    " questions are ours, and so is the choice of what is asked; the rivals are used as their"
    " documentation says, and whoever knows better is asked to tell."
)

CHART = "How many times as fast, or cheaper where a cost is added to a request; logarithmic."
LOAD_HEAD = ["", "requests/s", "ratio", "p50", "p99", "slowest", "processor", "errors", "lost"]


@dataclass(frozen=True)
class Heading:
    """Hold a heading of a level, 1 to 3."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """Hold running text, with `code` and **bold** in it."""

    text: str


@dataclass(frozen=True)
class Items:
    """Hold a list of points."""

    points: list[str]


@dataclass(frozen=True)
class Table:
    """Hold a table: its head and its rows; all columns but the first are numbers."""

    head: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Figure:
    """Hold a drawing, the name of its file, and what it shows in words."""

    name: str
    svg: str
    words: str


@dataclass(frozen=True)
class Command:
    """Hold a line to type."""

    line: str


Block = Heading | Paragraph | Items | Table | Figure | Command


def blocks(results: Result) -> Iterator[Block]:
    """Yield the report, from the sentence and the chart to the line that repeats it."""
    published = [asked for asked in results["questions"] if asked["noise"] <= NOISE_LIMIT]
    pieces = _in_order(published)
    bars = [bar for asked in _sorted(published, pieces) for bar in _headline(asked)]
    yield Heading(1, "Benchmarks")
    yield Paragraph(sentence(bars, published))
    if bars:
        yield Figure("figures/headline", drawing.bars("cpkit and rivals", bars), CHART)
    yield Paragraph(INTRODUCTION)
    yield from _noise(results)
    yield from _promises(Readings(published, results.get("loads", {})))
    for piece in pieces:
        yield from _piece(piece, [asked for asked in published if asked["piece"] == piece])
    for title, load in results.get("loads", {}).items():
        yield from _load(title, load)
    yield from _losses(published)
    yield from _place(results)


def sentence(bars: Sequence[Bar], published: Sequence[Result]) -> str:
    """Return the one sentence that the report begins with."""
    if not bars:
        return f"{len(published)} questions, asked of cpkit and of its rivals in one run."
    won = sorted(bar.factor for bar in bars if bar.factor > 1 and not bar.even)
    even = sum(bar.even for bar in bars)
    lost = len(bars) - len(won) - even
    by = f", by {digits(won[0])} to {digits(won[-1])} times" if won else ""
    others = [f"in {even} the two are even"] * bool(even) + [f"in {lost} it is slower"] * bool(lost)
    return (
        f"**In {len(won)} of {len(bars)} comparisons with what it replaces or rivals cpkit is the"
        f" faster one{by}**" + "".join(f"; {other}" for other in others) + "."
    )


def losses(asked: Result) -> list[tuple[float, str]]:
    """Return how far, and the words, where a rival beats a variant of cpkit's in a question."""
    found = []
    for name, rival in _rivals(asked).items():
        for ours, made in _ours(asked).items():
            by = made["p10"] / rival["p10"]
            if rival["high"] < made["low"] and by > 1 + asked["noise"]:
                found.append((by, f"{asked['title']} {ours} takes {digits(by)} times {name}"))
    return found


def added(asked: Result, name: str) -> float:
    """Return the nanoseconds that a variant adds to the baseline."""
    return float(asked["variants"][name]["p10"] - asked["variants"][asked["baseline"]]["p10"])


def _ours(asked: Result) -> dict[str, Any]:
    return {n: made for n, made in asked["variants"].items() if n.startswith("cpkit")}


def _rivals(asked: Result) -> dict[str, Any]:
    left_out = {*asked["without"], *_ours(asked)}
    return {n: made for n, made in asked["variants"].items() if n not in left_out}


def _is_cost(asked: Result) -> bool:
    return asked["baseline"] in asked["without"]


def _headline(asked: Result) -> Iterator[Bar]:
    """Yield the question's bar; a cost is compared by what it adds to a request without it."""
    if not asked["headline"]:
        return
    ours, rival = (asked["variants"][name] for name in asked["headline"])
    even = ours["low"] <= rival["high"] and rival["low"] <= ours["high"]
    factor, how = rival["p10"] / ours["p10"], "as fast as"
    if _is_cost(asked):
        base = asked["variants"][asked["baseline"]]["p10"]
        floor = max(asked["noise"], 0.001) * base
        factor = max(rival["p10"] - base, floor) / max(ours["p10"] - base, floor)
        how = "cheaper than"
    words = f"{digits(factor)} × {how} {asked['headline'][1]}"
    yield Bar(asked["title"], factor, words + (", within the noise" if even else ""), even)


def _noise(results: Result) -> Iterator[Block]:
    asked = results["questions"]
    noisy = [one for one in asked if one["noise"] > NOISE_LIMIT]
    worst = max((one["noise"] for one in asked if one not in noisy), default=0.0)
    yield Paragraph(
        f"Noise check: each baseline ran twice, as if it were two variants. In the"
        f" {len(asked) - len(noisy)} questions that are published the two differ by at most"
        f" {worst:.2%}; {len(noisy)} over {NOISE_LIMIT:.0%} are not published."
    )
    if noisy:
        yield Items([f"{one['title']} (noise {one['noise']:.1%})" for one in noisy])


def _promises(readings: Readings) -> Iterator[Block]:
    found = [
        (promise, figure, without)
        for promise, figure, without in promises.kept(readings)
        if figure is not None
    ]
    if not found:
        return
    held = sum(promise.holds(figure) for promise, figure, _ in found)
    yield Heading(2, "What was promised")
    yield Paragraph(
        f"Of {len(found)} figures that were set as goals before there was code, {held} are reached"
        f" in this run.{_machine(readings)} Where a server under load is compared with one that"
        " connects for each call, the last column is what it comes to without any database."
    )
    yield Table(
        ["", "goal", "reached", "", "no database"],
        [
            [
                promise.words,
                f"{'≥' if promise.at_least else '≤'} {promise.written(promise.bound)}",
                promise.written(figure),
                "holds" if promise.holds(figure) else "**falls short**",
                "" if without is None else promise.written(without),
            ]
            for promise, figure, without in found
        ],
    )


def _machine(readings: Readings) -> str:
    """Return how this machine compares with that of the goals, if it is known."""
    try:
        now, then = promises.bare(readings), promises.BARE_THEN
    except KeyError:
        return ""
    return (
        f" Those in units of time were set where a bare request took {duration(then)}; here it"
        f" takes {duration(now)}."
    )


def _in_order(published: Sequence[Result]) -> list[str]:
    asked = dict.fromkeys(one["piece"] for one in published)
    return [piece for piece in PIECES if piece in asked] + [p for p in asked if p not in PIECES]


def _sorted(published: Sequence[Result], pieces: Sequence[str]) -> list[Result]:
    return sorted(published, key=lambda asked: pieces.index(asked["piece"]))


def _piece(piece: str, questions: Sequence[Result]) -> Iterator[Block]:
    yield Heading(2, PIECES.get(piece, piece.capitalize()))
    for curve in dict.fromkeys(one["curve"] for one in questions if one["curve"]):
        yield _growth(curve, [one for one in questions if one["curve"] == curve])
    for asked in questions:
        yield Heading(3, asked["title"])
        if asked["why"]:
            yield Paragraph(asked["why"])
        yield _table(asked)


def _growth(curve: str, questions: Sequence[Result]) -> Figure:
    series: dict[str, list[tuple[int, float]]] = {}
    for asked in sorted(questions, key=lambda one: int(one["size"])):
        for name, made in asked["variants"].items():
            series.setdefault(name, []).append((asked["size"], made["p10"]))
    slug = re.sub("[^a-z0-9]+", "-", curve.lower())
    return Figure(f"figures/growth-{slug}", drawing.curves(curve, series), f"{curve}.")


def _table(asked: Result) -> Table:
    cost = _is_cost(asked)
    head = ["", "time", *(["adds"] if cost else []), "ratio", "95 % interval", "instructions"]
    rows = []
    for name, made in sorted(asked["variants"].items(), key=lambda item: float(item[1]["p10"])):
        base = name == asked["baseline"]
        rows.append(
            [
                f"**{name}**" if base else name,
                duration(made["p10"]),
                *([_signed(added(asked, name)) if not base else ""] if cost else []),
                "1" if base else digits(made["ratio"]),
                "" if base else f"{digits(made['low'])} – {digits(made['high'])}",
                f"{made['instructions']:,}" if made.get("instructions") else "",
            ]
        )
    return Table(head, rows)


def _load(title: str, load: Result) -> Iterator[Block]:
    """Yield the tables of a comparison under load."""
    yield Heading(2, title)
    yield Paragraph(
        f"{load['cycles']} turns of {load['seconds']:g} seconds in random order, medians; the ratio"
        f" is that of requests a second, taken in each turn. The processor time is the server's."
        f" {load['date']}, commit {load['machine']['commit']}. To repeat it: `{load['command']}`"
    )
    for workload, programs in load["workloads"].items():
        yield Heading(3, workload)
        yield Table(LOAD_HEAD, [_load_row(name, made) for name, made in programs.items()])


def _load_row(name: str, made: Result) -> list[str]:
    rates = [digits(made["rate"]), digits(made["ratio"])]
    times = [f"{digits(made[at])} ms" for at in ("p50", "p99", "max")]
    return [name, *rates, *times, f"{made['cpu']:.0f} µs", str(made["errors"]), str(made["lost"])]


def _signed(nanoseconds: float) -> str:
    return ("+" if nanoseconds >= 0 else "−") + duration(abs(nanoseconds))


def _losses(published: Sequence[Result]) -> Iterator[Block]:
    yield Heading(2, "Where cpkit loses")
    found = sorted((loss for asked in published for loss in losses(asked)), reverse=True)
    if found:
        yield Items([words for _, words in found])
    else:
        yield Paragraph("In none of the published questions did a rival come out faster.")
    yield Paragraph(UNMEASURED)


def _place(results: Result) -> Iterator[Block]:
    yield Heading(2, "Where and how this was measured")
    yield Table(["", ""], [[name, str(value)] for name, value in results["machine"].items()])
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    yield Paragraph(f"On {results['date']}, {results['seconds']:g} seconds a question, {versions}.")
    yield Paragraph("To repeat it:")
    yield Command("make bench")
