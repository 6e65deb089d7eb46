"""How the questions are asked and counted, without their timings."""

from __future__ import annotations

import ast
import gc
import random
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cherrypy
import pytest

from cpkit.testing import isolated
from tests.benchmarks import gate, icount, machine, releases
from tests.benchmarks.questions import (
    Case,
    Question,
    WrongAnswerError,
    load,
    question,
)
from tests.benchmarks.turns import AGAIN, LOW, answer, quantile, ratio_intervals, take_rounds
from tests.benchmarks.wsgi import ANSWER, Page, application, heard_by, sender


@pytest.fixture(autouse=True)
def kept_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave frozen what the tests before have left.

    PERF: once it is let go of, each timing begins with a look at all of it, at 0.4 s.
    """
    monkeypatch.setattr(gc, "unfreeze", lambda: None)


def _noisy(cost: float, count: int, seed: int) -> list[float]:
    """Return *count* timings of a call that takes *cost*, now and then disturbed."""
    draw = random.Random(seed).random
    return [cost * (1 + 0.02 * draw()) + (50 * cost if draw() < 0.2 else 0) for _ in range(count)]


ROUNDS = {"base": _noisy(100, 800, 1), "cpkit": _noisy(50, 800, 2), "peer": _noisy(101, 800, 3)}


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.02, 1), (0.1, 1), (0.5, 5), (1.0, 10)])
def test_a_quantile_is_one_of_the_values(share: float, value: int) -> None:
    assert quantile([10, 3, 1, 2, 5, 4, 6, 7, 9, 8], share) == value


def test_the_ratio_is_taken_at_a_low_quantile_where_disturbances_do_not_reach() -> None:
    lows = {name: quantile(taken, LOW) for name, taken in ROUNDS.items()}
    assert lows["cpkit"] / lows["base"] == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize(("name", "truth"), [("base", 1.0), ("cpkit", 0.5), ("peer", 1.01)])
def test_the_interval_holds_the_true_ratio(name: str, truth: float) -> None:
    low, high = ratio_intervals(ROUNDS, "base")[name]
    assert low - 0.001 <= truth <= high + 0.001
    assert high - low < 0.02


class Clock:
    """Stand still but for the work that is done."""

    now = 0

    def __call__(self) -> int:
        return self.now

    def work(self, nanoseconds: int) -> None:
        self.now += nanoseconds


def test_every_round_times_every_variant_and_the_baseline_twice() -> None:
    taken = take_rounds(Case({"one": lambda: 1, "two": lambda: 2}, "one"), seconds=0.01)
    assert set(taken) == {"one", "two", AGAIN}
    assert len({len(timings) for timings in taken.values()}) == 1
    assert min(len(timings) for timings in taken.values()) >= 12


@pytest.mark.parametrize(
    ("cost", "rounds"), [(10**9, 12), (10**8, 20), (10**7, 120), (10**6, 500)], ids=str
)
def test_slow_variants_get_fewer_rounds_but_never_less_than_a_dozen(cost: int, rounds: int) -> None:
    clock = Clock()
    taken = take_rounds(Case({"one": lambda: clock.work(cost)}, "one"), seconds=1, clock=clock)
    assert len(taken["one"]) == rounds


@pytest.mark.parametrize("cost", [70, 700, 40_000, 3_000_000])
def test_a_timing_is_of_one_unit_of_work(cost: int) -> None:
    clock = Clock()
    variants = {"one": lambda: clock.work(cost), "two": lambda: clock.work(2 * cost)}
    taken = take_rounds(Case(variants, "one", calls=10), seconds=0.01, clock=clock)
    assert {name: set(of) for name, of in taken.items()} == {
        "one": {cost / 10},
        "two": {cost / 5},
        AGAIN: {cost / 10},
    }


def test_a_variant_that_answers_otherwise_is_never_timed() -> None:
    cleaned: list[bool] = []
    variants = {"right": lambda: 1, "wrong": lambda: 2}
    case = Case(variants, "right", 1, cleanup=lambda: cleaned.append(True))
    with pytest.raises(WrongAnswerError, match="'wrong' returned 2, not 1"):
        answer(Question("toy", "?", lambda: case), seconds=0.01)
    assert cleaned


def test_a_variant_that_breaks_while_it_is_timed_is_not_published() -> None:
    answers = iter([1, 1, *[2] * 10**6])
    case = Case({"first": lambda: 1, "breaking": lambda: next(answers)}, "first", 1)
    with pytest.raises(WrongAnswerError, match="'breaking' returned 2, not 1"):
        answer(Question("toy", "?", lambda: case), seconds=0.001)


def test_without_an_expected_answer_any_answer_will_do() -> None:
    Case({"one": lambda: 1, "two": lambda: 2}, "one").verify()


def test_a_question_takes_its_reason_from_the_docstring(monkeypatch: pytest.MonkeyPatch) -> None:
    registry: list[Question] = []
    monkeypatch.setattr("tests.benchmarks.questions.REGISTRY", registry)

    @question("toy", "What does it cost?", curve="toys", size=10)
    def ask() -> Case:
        """Explain it
        on two lines."""
        return Case({"one": lambda: 1}, "one")

    assert registry == [
        Question("toy", "What does it cost?", ask, "Explain it on two lines.", "toys", 10)
    ]


def test_a_question_is_asked_for_each_size_and_counted_for_those_that_valgrind_can_build(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry: list[Question] = []
    monkeypatch.setattr("tests.benchmarks.questions.REGISTRY", registry)

    @question("toy", "What do {size:,} toys cost?", (10, 10_000), curve="toys")
    def ask(size: int) -> Case:
        return Case({"one": lambda: size}, "one")

    assert [(asked.title, asked.size, asked.curve, asked.counted) for asked in registry] == [
        ("What do 10 toys cost?", 10, "toys", True),
        ("What do 10,000 toys cost?", 10_000, "toys", False),
    ]
    assert [asked.build().variants["one"]() for asked in registry] == [10, 10_000]


def test_a_plugin_hears_of_its_own_variant_alone_though_variants_take_turns() -> None:
    heard: list[str] = []
    with isolated():
        ours, others = (
            heard_by(
                sender(application(Page())),
                partial(cherrypy.engine.subscribe, "before_request", partial(heard.append, name)),
            )
            for name in ("ours", "others")
        )
        nobody = heard_by(sender(application(Page())))
        for call in (ours, nobody, others, ours):
            assert call() == ANSWER
    assert heard == ["ours", "others", "ours"]


def test_a_piece_that_nothing_is_asked_about_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(LookupError, match=r"about routes, but about .*\brouting\b"):
        load("routing", "routes")


def _asking_functions() -> Iterator[ast.FunctionDef]:
    for path in Path(gate.__file__).parent.glob("ask_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            decorators = getattr(node, "decorator_list", ())
            if any(ast.unparse(one).startswith("question(") for one in decorators):
                yield node


def test_each_question_says_in_one_sentence_what_it_means() -> None:
    whys = [" ".join((ast.get_docstring(each) or "").split()) for each in _asking_functions()]
    assert len(whys) > 30
    assert [why for why in whys if not re.fullmatch(r"\S.*\.", why) or ". " in why] == []


def test_a_count_may_shrink_or_grow_by_less_than_the_limit() -> None:
    assert not gate.grown({"a": 1000, "b": 1000}, {"a": 1019, "b": 500})


def test_a_count_over_the_limit_is_named_with_its_growth() -> None:
    assert gate.grown({"a": 1000, "b": 1000}, {"a": 1021, "b": 1000}) == pytest.approx({"a": 0.021})


def test_a_count_without_a_record_is_not_compared() -> None:
    assert gate.changes({"a": 1000, "gone": 1}, {"a": 1000, "new": 7}) == {"a": 0}


@pytest.mark.parametrize(
    ("counted", "code"),
    [({"a": 1021}, 1), ({"a": 1019}, 0), ({}, 1), ({"a": 1000, "new": 1}, 0)],
    ids=["over", "within", "gone", "new"],
)
def test_the_gate_fails_where_a_count_is_over_or_gone(counted: dict[str, int], code: int) -> None:
    assert gate.judge({"a": 1000}, counted) == code


def test_the_gate_fails_where_nothing_could_be_compared() -> None:
    assert gate.judge({}, {"a": 1000}) == 1


def test_a_part_is_not_recorded_in_place_of_another_environments_counts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gate.shutil, "which", lambda program: program)
    monkeypatch.setattr(gate.machine, "counting_environment", lambda: {"python": "another"})
    assert gate.main(["logs", "--write"]) == 2
    assert "count all pieces" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("again", "slow", "holds"),
    [
        ([{"toy | a": 1010}], {"toy | a": 1030}, True),
        ([{"toy | a": 1021}], {"toy | a": 1030}, False),
        ([{}], {"toy | a": 1030}, False),
        ([{"toy | a": 1000}], {"toy | a": 1019}, False),
    ],
    ids=["holds", "unchanged fails", "a count is gone", "the slowdown is missed"],
)
def test_the_gate_is_proven_by_passing_what_is_unchanged_and_catching_what_is_slow(
    again: list[dict[str, int]], slow: dict[str, int], holds: bool
) -> None:
    runs = iter([{"toy | a": 1000}, *again])
    code = gate.prove(lambda planted=0.0: slow if planted else next(runs), len(again))
    assert code == (0 if holds else 1)


@pytest.mark.parametrize(
    ("instructions", "times"),
    [(3_000, 500), (14_000, 200), (16_000, 100), (1_000_000, 2), (2_000_000, 1), (10**9, 1)],
)
def test_the_number_of_counted_calls_goes_in_round_steps(instructions: int, times: int) -> None:
    assert icount.repeats(instructions) == times


@pytest.mark.parametrize(("times", "period", "spans"), [(2, 1, 2), (2, 512, 512), (600, 512, 1024)])
def test_a_count_spans_whole_periods(times: int, period: int, spans: int) -> None:
    assert icount.whole_periods(times, period) == spans


def test_the_total_of_a_callgrind_file_is_read() -> None:
    assert icount.total("events: Ir\nfn=(1) main\n1 5\ntotals: 19362680\n") == 19362680


def test_a_callgrind_file_without_a_total_is_an_error() -> None:
    with pytest.raises(icount.ValgrindError, match="no total"):
        icount.total("events: Ir\n")


def test_the_environment_of_a_count_names_what_the_count_depends_on() -> None:
    assert {"python", "machine", "cherrypy", "routes"} <= machine.counting_environment().keys()


def test_each_call_that_lets_go_of_the_lock_is_counted_once_by_who_makes_it() -> None:
    written = """fn=_Py_write
cfn=PyEval_SaveThread
calls=20 0x1
* 300
fn=PyEval_SaveThread'2
cfn=drop_gil
calls=60 0x1
fn=step
cfn=drop_gil
calls=10 0x1
cfn=something_else
calls=10 0x1
cfn=drop_gil
calls=30 0x1
"""
    assert releases.releases(written, 10) == {"step": 4, "_Py_write": 2}
