"""What the benchmark report says, drawn and written from results that are made up here."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

pytest.importorskip("pytest_benchmark", reason="the dependency group bench is not installed")
pytest.importorskip("matplotlib", reason="the dependency group bench is not installed")

from tests.benchmarks import charts, machine, promises, report, results
from tests.benchmarks.load.__main__ import COMPARISONS, TOLD
from tests.benchmarks.questions import Case, Question
from tests.benchmarks.results import questions
from tests.benchmarks.turns import SECONDS, Answer
from tests.benchmarks.words import digits, duration

SVG = "{http://www.w3.org/2000/svg}"


def _answer(title: str, costs: dict[str, float], piece: str = "routing", **changed: Any) -> Answer:
    base = next(iter(costs))
    curve, size = changed.pop("curve", ""), changed.pop("size", 0)
    noise = changed.pop("noise", 0.002)
    case = Case(dict.fromkeys(costs, lambda: None), base, **changed)
    question = Question(piece, title, lambda: case, "Why.", curve, size)
    rounds = {name: [cost] * 10 for name, cost in costs.items()}
    intervals = {name: (cost / costs[base],) * 2 for name, cost in costs.items()}
    return Answer(question, case, rounds, noise, intervals)


FASTER = _answer("Who finds?", {"Routes": 4000, "cpkit": 100})
SLOWER = _answer("Who builds?", {"Routes": 1000, "cpkit": 1500})
COSTLY = _answer("Who times?", {"plain": 1000, "cpkit": 1050, "cpstats": 1200}, without=("plain",))
EVEN = _answer("Who ties?", {"Routes": 1000, "cpkit": 1000})
NOISY = _answer("Who is loud?", {"Routes": 123456, "cpkit": 1}, noise=0.011)


@pytest.fixture(autouse=True)
def _no_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "loads", dict)


def _results(*answers: Answer) -> dict[str, Any]:
    counts = {"routing | Who finds? | cpkit": 54321}
    found = [one for answer in answers for one in results.benchmarks(answer, counts)]
    return {
        "machine_info": {"processor": "an abacus", "versions": machine.versions()},
        "commit_info": {"id": "abc", "dirty": False},
        "benchmarks": [one.as_dict(include_data=False) for one in found],
        "datetime": "2026-11-30T09:19:32+00:00",
        "seconds": SECONDS,
    }


def _written(*answers: Answer, tmp_path: Path, name: str = "benchmarks.md") -> str:
    report.publish(_results(*answers), tmp_path)
    return (tmp_path / name).read_text()


def test_the_first_sentence_counts_every_question_won_and_lost(tmp_path: Path) -> None:
    text = _written(FASTER, SLOWER, EVEN, COSTLY, tmp_path=tmp_path)
    assert "Of 4 questions with a rival, cpkit's default wins 2 against every one" in text
    assert "loses 1, and is even in 1." in text
    assert "| Who builds? | cpkit | Routes | 0.667 × as fast |" in text


def test_the_default_handle_is_judged_and_not_the_quickest() -> None:
    asked = _answer(
        "Who reads?", {"Routes": 100, "cpkit, raw": 50, "cpkit, Core": 150}, ours="cpkit, Core"
    )
    (verdict,) = questions(_results(asked))
    assert (verdict.ours, verdict.lost) == ("cpkit, Core", True)


def test_a_question_is_won_only_against_every_rival() -> None:
    asked = _answer("Who?", {"slow": 200, "cpkit": 100, "quick": 100})
    (verdict,) = questions(_results(asked))
    assert (verdict.rival, verdict.won, verdict.lost) == ("quick", False, False)


def test_what_differs_no_more_than_two_identical_variants_is_even() -> None:
    asked = _answer("Who?", {"quick": 1000, "cpkit": 1004}, noise=0.0001)
    (verdict,) = questions(_results(asked))
    assert (verdict.won, verdict.lost, verdict.words) == (False, False, "even")
    assert report.losses([verdict]) == []


def test_where_a_rival_is_faster_the_report_says_so(tmp_path: Path) -> None:
    lost = _written(FASTER, SLOWER, tmp_path=tmp_path).partition("Where cpkit loses")[2]
    assert "Who builds? cpkit takes 1.5 times Routes" in lost
    assert "Who finds?" not in lost


def test_a_variant_that_leaves_the_work_out_is_no_rival() -> None:
    assert report.losses(questions(_results(COSTLY))) == []


def test_a_difference_within_the_intervals_is_no_loss() -> None:
    (asked,) = questions(_results(SLOWER))
    asked.variants["cpkit"]["interval"] = [0.9, 1.6]
    assert report.losses([asked]) == []


def test_a_cost_is_compared_by_what_it_adds(tmp_path: Path) -> None:
    text = _written(COSTLY, tmp_path=tmp_path)
    assert "| Who times? | cpkit | cpstats | 4 × cheaper |" in text
    assert "| cpstats | 1.2 µs | +200 ns | 1.2 |" in text


def test_each_goal_stands_beside_what_was_reached(tmp_path: Path) -> None:
    field = "What does a browser's Accept field cost, "
    seen = _answer(f"{field}seen before?", {"CherryPy": 28_000, "cpkit": 250}, "negotiation")
    unseen = _answer(
        f"{field}never seen before?", {"CherryPy": 20_000, "cpkit": 10_000}, "negotiation"
    )
    text = _written(seen, unseen, tmp_path=tmp_path)
    assert "Of 2 figures that were set as goals" in text
    assert ", 1 are reached in this run" in text
    assert "| a known Accept field | ≤ 300 ns | 250 ns | holds |" in text
    assert "than CherryPy | ≥ 3 × | 2 × | **falls short** |" in text


def test_goals_in_units_of_time_are_told_with_the_machine_they_were_set_on(tmp_path: Path) -> None:
    title, bare = report.BARE
    text = _written(
        _answer(title, {bare: 240_000, "cpkit, phases and header": 250_000}, "timing"),
        tmp_path=tmp_path,
    )
    assert "set where a bare request took 162 µs; here it takes 240 µs." in text


def test_every_goal_names_what_is_asked() -> None:
    """What is put under load is told by its file: a new program has no figure before a run."""
    figure = dict.fromkeys(("ratio", "p99", "errors", "lost"), 1)
    loads = {
        asked["title"]: {
            "workloads": {
                name: dict.fromkeys(asked["programs"], figure)
                for name in TOLD["workloads"][asked["workloads"]]
            }
        }
        for asked in COMPARISONS.values()
    }
    published = questions(json.loads(results.LATEST.read_text()))
    found = promises.kept(published, loads)
    assert [promise.words for promise, figure in found if figure is None] == []


@pytest.mark.parametrize(
    ("goal", "figure", "holds"),
    [("≥ 30 ×", 30, True), ("≤ 15 µs", 15_001, False), ("≤ 6 %", 0.06, True), ("≤ 0", 1, False)],
)
def test_a_goal_holds_or_falls_short(goal: str, figure: float, holds: bool) -> None:
    assert promises.Promise("of", "words", goal, "").holds(figure) is holds


def test_what_is_too_noisy_is_named_and_not_published(tmp_path: Path) -> None:
    text = _written(FASTER, NOISY, tmp_path=tmp_path)
    assert "Who is loud? (noise 1.1 %)" in text
    assert "123 µs" not in text


def test_a_table_shows_time_ratio_interval_and_instructions(tmp_path: Path) -> None:
    text = _written(FASTER, tmp_path=tmp_path)
    assert "| cpkit | 100 ns | 0.025 | 0.025 – 0.025 | 54,321 |" in text


def test_the_report_tells_where_and_with_what_it_was_measured(tmp_path: Path) -> None:
    text = _written(FASTER, tmp_path=tmp_path)
    assert "an abacus" in text
    assert "cherrypy 18." in text
    assert "make bench" in text


def test_questions_of_one_curve_are_drawn_together(tmp_path: Path) -> None:
    asked = [
        _answer(
            f"{size} routes?", {"cpkit": 500, "Routes": 100 * size}, curve="One prefix", size=size
        )
        for size in (10, 100, 1000)
    ]
    svg = _written(*asked, tmp_path=tmp_path, name="figures/growth-one-prefix.svg")
    assert {"cpkit", "Routes"} <= set(_words(svg))


def test_a_comparison_under_load_is_a_table_for_each_workload(monkeypatch, tmp_path: Path) -> None:
    made = {"rate": 950, "ratio": 0.8, "p50": 1, "p99": 30, "max": 41, "cpu": 700, "memory": 60}
    load = {
        "title": "Under load",
        "cycles": 5,
        "seconds": 2.0,
        "date": "2026-11-22",
        "machine": {"commit": "abc"},
        "command": "make bench-load",
        "workloads": {
            "POST, 10 clients": {"cpkit, raw": {**made, "errors": 0, "lost": 0}},
            "others": {"cpkit, raw": {**made, "beside": 45, "errors": 0, "lost": 0}},
        },
    }
    monkeypatch.setattr(report, "loads", lambda: {"Under load": load})
    text = _written(FASTER, tmp_path=tmp_path)
    assert "## Under load" in text
    assert "| cpkit, raw | 950 | 0.8 | 1 ms | 30 ms | 41 ms | 700 µs | 60 MB | 0 | 0 |" in text
    assert "| | requests/s | beside | ratio |" in text
    assert "| cpkit, raw | 950 | 45 | 0.8 |" in text


def test_a_drawing_brings_its_own_colours_for_dark_and_light() -> None:
    svg = charts.bars("<one>", [charts.Bar("a & b", 4, "4 ×"), charts.Bar("c", 0.5, "0.5 ×")])
    assert "prefers-color-scheme:dark" in svg
    assert ElementTree.fromstring(svg).findtext(f"{SVG}title") == "<one>"
    assert charts.GOOD in svg
    assert charts.BAD in svg


def _words(svg: str) -> list[str]:
    return [text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_a_long_question_is_written_on_lines_that_fit_a_phone() -> None:
    title = "What does a look-up cost between two requests (OpenStack's kind, 1,000 routes)?"
    words = _words(charts.bars("one", [charts.Bar(title, 4, "4 ×")]))
    assert " ".join(words[:2]) == title
    assert max(map(len, words)) <= charts.LINE


@pytest.mark.parametrize("most", [250_000, 250_000_000], ids=["one decade", "many"])
def test_an_axis_tells_times_with_their_units(most: int) -> None:
    words = _words(charts.curves("one", {"cpkit": [(10, 150_000), (100, most)]}))
    assert any(re.fullmatch(r"\d+ (µs|ms)", word) for word in words)
    assert not any("×" in word or "10^" in word for word in words)


def test_a_drawing_is_the_same_whenever_it_is_made() -> None:
    one, two = (charts.bars("one", [charts.Bar("a", 4, "4 ×")]) for _ in "12")
    assert one == two


def test_the_page_stands_alone(tmp_path: Path) -> None:
    page = _written(FASTER, tmp_path=tmp_path, name="benchmarks-report.html")
    assert "<svg" in page
    assert not {"<script", "<link", "<img", "src=", "@import"} & set(page.split())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ask two questions as ``make bench of=server`` does, for next to no time."""
    path = tmp_path_factory.mktemp("run") / "run.json"
    _done("pytest", "tests/benchmarks", "--of=server", "--seconds=0.01", f"--benchmark-json={path}")
    return path


def _done(module: str, *arguments: str, folder: Path = machine.ROOT) -> str:
    command = [sys.executable, "-m", module, *arguments]
    # A worker of xdist's is none of pytest-benchmark's users.
    env = {name: it for name, it in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_run_is_pytest_benchmarks_own_to_be_compared_and_drawn(run: Path) -> None:
    command = ("compare", str(run), f"--histogram={run.parent}/drawn")
    assert "And the smallest request? [cpkit's guarded server]" in _done(
        "pytest_benchmark", *command
    )
    assert "guarded server" in "".join(one.read_text() for one in run.parent.glob("drawn*.svg"))
    assert {asked.title for asked in questions(json.loads(run.read_text()))} == {
        "And the smallest request?",
        "What does a browser's request cost, read strictly?",
    }


def test_the_example_of_ones_own_application_works_word_for_word(tmp_path: Path) -> None:
    template = (report.TEMPLATES / "report.md.j2").read_text()
    (example,) = re.findall("^```python\n(.*?)^```", template, re.MULTILINE | re.DOTALL)
    (tmp_path / "test_library.py").write_text(example)
    asked = ("--benchmark-only", "--benchmark-autosave", "--benchmark-max-time=0.01")
    assert "1 passed" in _done("pytest", *asked, folder=tmp_path)
    assert "test_a_book" in _done("pytest_benchmark", "compare", folder=tmp_path)


def test_a_part_and_a_short_run_are_not_published(run: Path) -> None:
    told = _done("tests.benchmarks.report", str(run))
    assert "questions were asked for less than 4 seconds" in told
    assert "questions have no answer" in told
    assert (run.parent / "benchmarks.md").exists()


def test_a_whole_run_of_a_commit_is_fit_to_be_published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "load", lambda: [FASTER.question])
    whole = _results(FASTER)
    assert not report.unfit(whole)
    assert report.unfit({**whole, "commit_info": {"dirty": True}}) == "files differ from its commit"


@pytest.mark.parametrize(
    ("nanoseconds", "written"),
    [(0.5, "0.5 ns"), (99.96, "100 ns"), (1234, "1.23 µs"), (5e6, "5 ms"), (2.5e9, "2.5 s")],
)
def test_durations_have_three_digits_and_a_fitting_unit(nanoseconds: float, written: str) -> None:
    assert duration(nanoseconds) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (0.00343, "0.00343"), (1.0, "1"), (100, "100"), (12345, "12,345")],
)
def test_numbers_have_three_digits(value: float, written: str) -> None:
    assert digits(value) == written
