"""What the benchmark report says, drawn and written from results that are made up here."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.benchmarks import drawing, promises, report, results, writing
from tests.benchmarks.estimates import Estimate
from tests.benchmarks.interleave import Answer
from tests.benchmarks.questions import Case, Question
from tests.benchmarks.readings import Readings

SVG = "{http://www.w3.org/2000/svg}"


def _answer(title: str, costs: dict[str, float], **changed: Any) -> Answer:
    base = next(iter(costs))
    made = {
        name: Estimate(cost, cost, cost, cost / costs[base], *(cost / costs[base],) * 2)
        for name, cost in costs.items()
    }
    question = changed.pop("question", Question("routing", title, lambda: Case({}, ""), "Why."))
    fields = {"noise": 0.002, "rounds": 500, "without": (), "headline": None, **changed}
    return Answer(question, base, made, **fields)


FASTER = _answer("Who finds?", {"Routes": 4000, "cpkit": 100}, headline=("cpkit", "Routes"))
SLOWER = _answer("Who builds?", {"Routes": 1000, "cpkit": 1500}, headline=("cpkit", "Routes"))
COSTLY = _answer(
    "Who times?",
    {"plain": 1000, "cpkit": 1050, "cpstats": 1200},
    without=("plain",),
    headline=("cpkit", "cpstats"),
)
EVEN = _answer("Who ties?", {"Routes": 1000, "cpkit": 1000}, headline=("cpkit", "Routes"))
NOISY = _answer("Who is loud?", {"Routes": 123456, "cpkit": 1}, noise=0.011)


def _results(*answers: Answer) -> dict[str, Any]:
    counts = {"routing | Who finds? | cpkit": 54321}
    return results.record(answers, {"processor": "an abacus"}, 4.0, counts)


def _written(*answers: Answer) -> str:
    return writing.markdown(report.blocks(_results(*answers)))


def test_the_first_sentence_counts_the_comparisons_that_were_won() -> None:
    text = _written(FASTER, SLOWER, EVEN)
    assert "In 1 of 3 comparisons" in text
    assert "by 40 to 40 times" in text
    assert "in 1 the two are even; in 1 it is slower." in text


def test_where_a_rival_is_faster_the_report_says_so() -> None:
    lost = _written(FASTER, SLOWER).partition("Where cpkit loses")[2]
    assert "Who builds? cpkit takes 1.5 times Routes" in lost
    assert "Who finds?" not in lost


def test_a_variant_that_leaves_the_work_out_is_no_rival() -> None:
    assert report.losses(_results(COSTLY)["questions"][0]) == []


def test_a_difference_within_the_intervals_is_no_loss() -> None:
    asked = _results(SLOWER)["questions"][0]
    asked["variants"]["cpkit"]["low"] = 0.9
    assert report.losses(asked) == []


def test_a_cost_is_compared_by_what_it_adds() -> None:
    assert "4 × cheaper than cpstats" in writing.html(report.blocks(_results(COSTLY)))
    assert "| cpstats | 1.2 µs | +200 ns | 1.2 |" in _written(COSTLY)


def test_each_goal_stands_beside_what_was_reached() -> None:
    seen = {"CherryPy": 28_000, "cpkit": 250}
    unseen = {"CherryPy": 20_000, "cpkit": 10_000}
    asked = [(promises.SEEN, seen), (promises.UNSEEN, unseen)]
    text = _written(
        *(_answer(title, made, question=_question(title)) for title, made in asked), FASTER
    )
    assert "Of 2 figures that were set as goals before there was code, 1 are reached" in text
    assert "| a known Accept field | ≤ 300 ns | 250 ns | holds |  |" in text
    assert "than CherryPy | ≥ 3 × | 2 × | **falls short** |  |" in text


def test_goals_in_units_of_time_are_told_with_the_machine_they_were_set_on() -> None:
    made = {"CherryPy, nothing on": 240_000, promises.HEADER: 250_000}
    text = _written(_answer(promises.TIMED, made, question=_question(promises.TIMED)), FASTER)
    assert "set where a bare request took 162 µs; here it takes 240 µs." in text


def test_beside_a_goal_under_load_stands_what_is_reached_without_a_database() -> None:
    rates = {promises.CONNECTING: 1.0, promises.CEILING: 2.5, "cpkit, Core": 2.0}
    loads = {name: {"ratio": rate} for name, rate in rates.items()}
    readings = Readings([], {promises.POSTGRESQL: {"workloads": {"POST, 10 clients": loads}}})
    assert [found[1:] for found in promises.kept(readings) if found[1]] == [(2.0, 2.5)]


def test_every_goal_is_read_from_the_published_results() -> None:
    published = json.loads(results.LATEST.read_text())
    found = promises.kept(Readings(published["questions"], results.loads()))
    assert [promise.words for promise, figure, _ in found if figure is None] == []


def _question(title: str) -> Question:
    return Question("negotiation", title, lambda: Case({}, ""))


def test_what_is_too_noisy_is_named_and_not_published() -> None:
    text = _written(FASTER, NOISY)
    assert "Who is loud? (noise 1.1%)" in text
    assert "123" not in text


def test_a_table_shows_time_ratio_interval_and_instructions() -> None:
    assert "| cpkit | 100 ns | 0.025 | 0.025 – 0.025 | 54,321 |" in _written(FASTER)


def test_the_report_tells_where_and_with_what_it_was_measured_and_how_to_repeat_it() -> None:
    text = _written(FASTER)
    assert "an abacus" in text
    assert "cherrypy 18." in text
    assert "make bench" in text


def test_questions_of_one_curve_are_drawn_together() -> None:
    asked = [
        _answer("", {"cpkit": 500, "Routes": 100 * size}, question=_growing(size))
        for size in (10, 100, 1000)
    ]
    drawn = [b for b in report.blocks(_results(*asked)) if isinstance(b, report.Figure)]
    assert [figure.name for figure in drawn] == ["figures/growth-unique-prefixes"]
    lines = ElementTree.fromstring(drawn[0].svg).findall(f"{SVG}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [3, 3]


def test_a_comparison_under_load_is_a_table_for_each_workload() -> None:
    made = {"rate": 950, "ratio": 0.8, "p50": 1, "p99": 30, "max": 41, "cpu": 700}
    load = {
        "cycles": 5,
        "seconds": 2.0,
        "date": "2026-11-22",
        "machine": {"commit": "abc"},
        "command": "make bench-load",
        "workloads": {"POST, 10 clients": {"cpkit, raw": {**made, "errors": 0, "lost": 0}}},
    }
    text = writing.markdown(report.blocks({**_results(FASTER), "loads": {"Under load": load}}))
    assert "## Under load" in text
    assert "| cpkit, raw | 950 | 0.8 | 1 ms | 30 ms | 41 ms | 700 µs | 0 | 0 |" in text


def _growing(size: int) -> Question:
    return Question("routing", f"{size} routes?", lambda: Case({}, ""), "", "unique prefixes", size)


def test_a_factor_under_one_is_drawn_as_a_loss() -> None:
    made = [drawing.Bar("won", 4, "4 ×"), drawing.Bar("lost", 0.5, "0.5 ×")]
    svg = drawing.bars("three", [*made, drawing.Bar("even", 1.1, "1.1 ×", even=True)])
    bars = ElementTree.fromstring(svg).findall(f"{SVG}rect[@x]")
    assert [bar.attrib["class"] for bar in bars] == ["bar", "bar loss", "bar even"]
    assert float(bars[0].attrib["width"]) == pytest.approx(2 * float(bars[1].attrib["width"]))


def test_labels_of_neighbouring_curves_do_not_overlap() -> None:
    svg = drawing.curves("three", {name: [(10, 100), (1000, 100)] for name in "abc"})
    heights = [
        float(text.attrib["y"])
        for text in ElementTree.fromstring(svg).findall(f"{SVG}text")
        if text.text in {"a", "b", "c"}
    ]
    assert [low - high for high, low in pairwise(heights)] == [16, 16]


def test_a_drawing_brings_its_own_colours_for_dark_and_light() -> None:
    svg = drawing.bars("<one>", [drawing.Bar("a & b", 4, "4 ×")])
    assert "prefers-color-scheme:dark" in svg
    assert ElementTree.fromstring(svg).findtext(f"{SVG}title") == "<one>"


def test_the_page_stands_alone() -> None:
    page = writing.html(report.blocks(_results(FASTER)))
    assert "<svg" in page
    assert not {"<script", "<link", "<img", "src=", "href=", "@import"} & set(page.split())
    assert page.count("http") == page.count("http://www.w3.org/2000/svg")


@pytest.mark.parametrize(
    ("nanoseconds", "written"),
    [(0.5, "0.5 ns"), (99.96, "100 ns"), (1234, "1.23 µs"), (5e6, "5 ms"), (2.5e9, "2.5 s")],
)
def test_durations_have_three_digits_and_a_fitting_unit(nanoseconds: float, written: str) -> None:
    assert drawing.duration(nanoseconds) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (0.00343, "0.00343"), (1.0, "1"), (100, "100"), (12345, "12,345")],
)
def test_numbers_have_three_digits(value: float, written: str) -> None:
    assert drawing.digits(value) == written


def test_everything_is_published_in_one_folder(tmp_path: Path) -> None:
    written = results.publish(_results(FASTER), tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in written} == {
        "benchmarks.md",
        "benchmarks-report.html",
        "figures/headline.svg",
    }
    results.save(_results(FASTER), tmp_path / "results" / "one.json")
    assert "an abacus" in (tmp_path / "results" / "one.json").read_text()
