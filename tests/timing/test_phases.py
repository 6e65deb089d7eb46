"""Phases and spans of one request, and the Server-Timing field made of them."""

import re
from itertools import accumulate, chain

import pytest

from cpkit.timing.phases import INTERVALS, NAMES, RequestTiming
from cpkit.timing.server_timing import HEADER_BYTES, HEADER_METRICS
from cpkit.timing.server_timing import server_timing as field

MS = 1_000_000
METRIC = re.compile(r'([A-Za-z0-9_.-]+);dur=(-?\d+\.\d{3})(?:;desc="((?:[ !#-\[\]-~])*)")?')


def ended(*phases: tuple[str, int]) -> RequestTiming:
    """Return a timing of these phases, each (name, milliseconds), then of an empty log."""
    names, taken = zip(*phases, strict=True)
    clocks = [clock * MS for clock in accumulate(taken, initial=1_000)]
    timing = RequestTiming(list(chain.from_iterable(zip([*names, "log"], clocks, strict=True))))
    timing.ended = clocks[-1]
    return timing


def server_timing(timing: RequestTiming) -> str:
    """Return the field as text."""
    return field(timing).decode("ascii")


def parsed(value: str) -> dict[str, float]:
    """Read a field as strictly as the grammar has it; fail on anything else."""
    metrics = value.removesuffix(", trunc").split(", ")
    matches = [METRIC.fullmatch(metric) for metric in metrics]
    assert all(matches), value
    return {match[1]: float(match[2]) for match in matches}


def test_phases_come_in_order_and_sum_to_the_total():
    timing = ended(("dispatch", 1), ("tools", 2), ("handler", 3))
    assert timing.phases == {"dispatch": 0.001, "tools": 0.002, "handler": 0.003, "log": 0}
    assert list(timing.phases) == ["dispatch", "tools", "handler", "log"]
    assert timing.total == 0.006


def test_a_phase_that_comes_twice_is_summed():
    assert ended(("tools", 1), ("handler", 2), ("tools", 4)).phases["tools"] == 0.005


def test_laps_keep_the_order_and_leave_out_the_empty():
    laps = ended(("tools", 1), ("body", 0), ("handler", 2), ("tools", 4)).laps()
    assert [(lap.name, (lap.ended - lap.started) // MS) for lap in laps] == [
        ("tools", 1),
        ("handler", 2),
        ("tools", 4),
    ]


def test_a_running_timing_sums_to_now():
    timing = RequestTiming(["start", 0])
    before = timing.total
    timing.mark("handler")
    assert 0 < before <= sum(timing.phases.values()) <= timing.total
    assert timing.laps()[-1].ended > 0


def test_a_timing_that_has_ended_grows_no_more():
    timing = RequestTiming(["start", 0], ended=7 * MS)
    assert timing.total == sum(timing.phases.values()) == 0.007


def test_a_span_counts_and_sums():
    timing = RequestTiming(["start", 0])
    for _ in range(3):
        with timing.span("search"):
            pass
    timing.add("db", 2 * MS)
    timing.add("db", 3 * MS, count=4)
    assert timing.count("search") == 3
    assert (timing.count("db"), timing.seconds("db")) == (5, 0.005)


def test_a_span_ends_when_its_block_raises():
    timing = RequestTiming(["start", 0])
    with pytest.raises(ZeroDivisionError), timing.span("search"):
        1 / 0  # noqa: B018
    assert timing.count("search") == 1


def test_seconds_knows_phases_too_and_answers_zero_for_the_rest():
    timing = ended(("handler", 3))
    assert timing.seconds("handler") == 0.003
    assert (timing.seconds("db"), timing.count("db")) == (0.0, 0)


def test_spans_are_bounded_in_names_and_in_intervals():
    timing = RequestTiming(["start", 0])
    for number in range(1000):
        timing.add(f"span{number}", 1)
    assert len(timing.spans) <= NAMES + 1
    assert timing.count("other") == 1000 - NAMES
    assert len(timing.intervals) == INTERVALS


def test_the_header_tells_milliseconds_and_the_count_of_spans():
    timing = ended(("dispatch", 1), ("handler", 20))
    timing.add("db", 12_345_678, count=4)
    assert server_timing(timing) == (
        'total;dur=21.000, dispatch;dur=1.000, handler;dur=20.000, db;dur=12.345;desc="4x"'
    )


def test_a_phase_that_came_twice_is_one_metric_of_the_header():
    timing = ended(("tools", 1), ("handler", 2), ("tools", 4))
    assert server_timing(timing) == "total;dur=7.000, tools;dur=5.000, handler;dur=2.000"


def test_phases_that_came_again_after_others_that_did_are_summed_with_their_own():
    timing = ended(("tools", 1), ("body", 2), ("tools", 4), ("log", 8), ("log", 16), ("body", 3000))
    assert server_timing(timing) == (
        "total;dur=3031.000, tools;dur=5.000, body;dur=3002.000, log;dur=24.000"
    )


@pytest.mark.parametrize("phase", ["50%", "%s", "a/b", 'a"b', "a, b"])
def test_phases_of_one_s_own_are_written_as_names_too(phase):
    assert len(parsed(server_timing(ended((phase, 1), ("handler", 3000))))) == 3


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("sql.active_record", 'sql.active_record;dur=1.000;desc="1x"'),
        ("/a/b", '_a_b;dur=1.000;desc="/a/b 1x"'),
        ("my db", 'my_db;dur=1.000;desc="my db 1x"'),
        ('say "hi"', 'say_hi_;dur=1.000;desc="say ?hi? 1x"'),
        ("back\\slash", 'back_slash;dur=1.000;desc="back?slash 1x"'),
        ("x\r\nSet-Cookie: a", 'x_Set-Cookie_a;dur=1.000;desc="x??Set-Cookie: a 1x"'),
        ("données", 'donn_es;dur=1.000;desc="donn?es 1x"'),
        ("", '_;dur=1.000;desc=" 1x"'),
    ],
)
def test_names_that_browsers_would_not_parse_move_to_the_description(name, metric):
    timing = ended(("handler", 1))
    timing.add(name, MS)
    assert server_timing(timing) == f"total;dur=1.000, handler;dur=1.000, {metric}"
    assert len(parsed(server_timing(timing))) == 3


@pytest.mark.parametrize("length", [1, 30, 300, 3000])
@pytest.mark.parametrize("spans", [1, 12, 32, 400])
def test_the_header_stays_within_its_limits_and_says_what_it_dropped(length, spans):
    timing = ended(("dispatch", 1), ("handler", 20))
    for number in range(spans):
        timing.add(f"{number:x}".ljust(length, "/"), MS)
    value = server_timing(timing)
    names = parsed(value)
    assert len(value) <= HEADER_BYTES
    assert value.count(", ") < HEADER_METRICS
    assert value.endswith(", trunc") == (len(names) < 3 + min(spans, NAMES + 1))
    assert {"total", "dispatch", "handler"} <= set(names)


def test_a_span_in_another_one_lies_in_it_however_late_they_are_noted(monkeypatch):
    clock = accumulate(10**step for step in range(20))  # each reading far later than the one before
    monkeypatch.setattr("cpkit.timing.phases.perf_counter_ns", lambda: next(clock))
    timing = RequestTiming(["handler", 0])
    with timing.span("outer"), timing.span("inner"):
        pass
    inner, outer = timing.intervals
    assert outer.started <= inner.started < inner.ended <= outer.ended
    assert [timing.spans[each.name] for each in (inner, outer)] == [
        [each.ended - each.started, 1] for each in (inner, outer)
    ]
