"""The slowest of the recent requests, and the line that the log gets of one."""

import pytest

from cpkit.timing import slowest
from cpkit.timing.phases import RequestTiming
from cpkit.timing.slowest import RateLimit, Slowest, SlowRequest, log_line, slow_request

MS = 1_000_000
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


def record(total=MS, **values):
    timing = RequestTiming(["handler", 0])
    timing.ended = total
    return slow_request(timing, "GET", "/a", "/a", 200)._replace(**values)


def wants(kept, taken, at):
    """Tell whether such a request would be among the slowest, as the counter asks."""
    return taken > kept.floor or at > kept.until


@pytest.fixture
def clock(monkeypatch):
    """Return a one-element list: what the clock says, in seconds."""
    now = [1000.0]
    monkeypatch.setattr(slowest, "monotonic", lambda: now[0])
    monkeypatch.setattr(slowest, "perf_counter_ns", lambda: int(now[0] * 1e9))
    return now


def at(clock):
    """Return what the clock says in nanoseconds."""
    return int(clock[0] * 1e9)


def test_a_record_is_plain_values_relative_to_its_start():
    timing = RequestTiming(["dispatch", 5 * MS, "handler", 6 * MS, "log", 9 * MS])
    timing.ended = 9 * MS
    timing.add("db", MS, count=2)
    made = slow_request(timing, "GET", "/a", "/a" * 500, 200, f"00-{TRACE}-{PARENT}-01")
    assert made.total == 4 * MS
    assert made.laps == (("dispatch", 0, MS), ("handler", MS, 4 * MS))
    assert made.spans == {"db": (MS, 2)}
    assert (made.trace_id, len(made.path)) == (TRACE, 200)
    as_json = made.as_json()
    assert as_json["laps"] == [["dispatch", 0, 0.001], ["handler", 0.001, 0.004]]
    assert (as_json["total"], as_json["spans"]) == (0.004, {"db": [0.001, 2]})


def test_the_slowest_are_kept_slowest_first(clock):
    kept = Slowest(size=3)
    for total in (5, 1, 9, 7, 3, 8):
        if wants(kept, total * MS, at(clock)):
            kept.add(record(total * MS))
    assert [entry.total // MS for entry in kept.records()] == [9, 8, 7]
    assert not wants(kept, 7 * MS, at(clock))


def test_what_is_no_longer_recent_makes_room(clock):
    kept = Slowest(size=1, seconds=60)
    kept.add(record(9 * MS))
    clock[0] += 59
    assert not wants(kept, MS, at(clock))
    clock[0] += 2
    assert wants(kept, MS, at(clock))
    kept.add(record(MS))
    assert [entry.total for entry in kept.records()] == [MS]


def test_of_no_requests_none_is_kept(clock):
    kept = Slowest(size=0)
    assert not wants(kept, 9 * MS, at(clock))
    kept.add(record(9 * MS))
    assert kept.records() == []


def test_a_rate_limit_tells_how_many_it_held_back(clock):
    limit = RateLimit(count=2, seconds=60)
    assert [limit.admit() for _ in range(5)] == [0, 0, None, None, None]
    clock[0] += 60
    assert limit.admit() == 3
    assert limit.admit() == 0


def test_the_log_line_is_logfmt_in_milliseconds():
    timing = RequestTiming(["dispatch", 0, "handler", MS])
    timing.ended = 1500 * MS
    timing.add("db", 1400 * MS, count=37)
    line = log_line(slow_request(timing, "GET", "/a/{id}", "/a/3", 200, f"00-{TRACE}-{PARENT}-01"))
    assert line == (
        "method=GET route=/a/{id} path=/a/3 status=200 total_ms=1500.0 dispatch_ms=1.0 "
        f"handler_ms=1499.0 db_ms=1400.0 db_count=37 trace_id={TRACE}"
    )


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("/plain", "path=/plain "),
        ("/a b", 'path="/a b" '),
        ('/a"b', 'path="/a\\"b" '),
        ("/a\r\nslow request: forged", 'path="/a\\r\\nslow request: forged" '),
        ("/a=b", 'path="/a=b" '),
        ("/é\x1b[31m", 'path="/\\xe9\\x1b[31m" '),
        ("", 'path="" '),
    ],
)
def test_nothing_in_a_path_can_break_the_line(path, written):
    line = log_line(record(path=path))
    assert written in line
    assert line.isprintable()
    assert line.isascii()


def test_a_record_is_a_value():
    assert isinstance(record(), SlowRequest)
    assert record()._replace(at=0) == record()._replace(at=0)
