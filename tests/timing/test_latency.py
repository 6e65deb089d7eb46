"""Histograms of latencies and the table of routes: near the truth, and bounded."""

import random
from collections import deque
from math import ceil
from time import perf_counter_ns

import pytest

from cpkit.timing.histogram import OTHER_METHOD, OVERFLOW, Histogram, Latencies

MS = 1_000_000


def count(table, method, route, status=200, taken=MS):
    record(table, method, route, status, taken, perf_counter_ns())


def record(table, method, route, status, taken, at):
    table.count(deque([(method, route, status >= 500, taken, at)]))


def histogram(values):
    return Histogram(list(values))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("quantile", [0.0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0])
def test_a_quantile_is_within_its_error_of_the_sorted_truth(seed, quantile):
    chosen = random.Random(seed)
    values = [int(chosen.lognormvariate(15, 2)) + 16_384 for _ in range(2000)]
    truth = sorted(values)[max(ceil(quantile * len(values)), 1) - 1] / 1e9
    (found,) = histogram(values).quantiles(max(quantile, 1e-9))
    assert found == pytest.approx(truth, rel=0.033)


@pytest.mark.parametrize("value", [0, 1, 1023, 1024, 16_383, 16_384, 10**6, 10**9, 3600 * 10**9])
def test_one_value_is_every_quantile(value):
    low, high = histogram([value]).quantiles(0.01, 0.99)
    assert low == high <= value / 1e9
    assert value / 1e9 - low <= max(value / 1e9 * 0.032, 0.6e-6)


def test_whatever_is_recorded_the_buckets_stay_few():
    chosen = random.Random(1)
    made = histogram(chosen.randrange(1 << chosen.randrange(1, 80)) for _ in range(20_000))
    assert len(made.buckets) <= 464
    assert max(made.buckets) < 464


def test_an_empty_histogram_is_all_zero():
    assert Histogram().summary() == {
        "count": 0,
        "mean": 0.0,
        "p50": 0.0,
        "p95": 0.0,
        "p99": 0.0,
        "max": 0.0,
    }


def test_two_histograms_merge_into_what_one_would_have_been():
    one, other = [MS, 2 * MS, 300 * MS], [2 * MS, 5 * MS]
    merged = histogram(one)
    merged.add(histogram(other))
    assert merged.summary() == histogram(one + other).summary()
    assert merged.buckets == histogram(one + other).buckets


def test_the_table_lists_what_took_most_time_first():
    table = Latencies()
    for _ in range(3):
        count(table, "GET", "/often", 200, MS)
    count(table, "POST", "/slow", 503, 50 * MS)
    slow, often = table.summary()
    assert (slow["method"], slow["route"], slow["count"], slow["errors"]) == ("POST", "/slow", 1, 1)
    assert (often["route"], often["count"], often["errors"]) == ("/often", 3, 0)
    assert often["mean"] == 0.001


def test_unknown_methods_are_other_and_late_routes_overflow():
    table = Latencies(routes=2)
    for number in range(100):
        count(table, f"M{number}", "/a", 200, MS)
        count(table, "GET", f"/{number}", 200, MS)
    keys = {(entry["method"], entry["route"]): entry["count"] for entry in table.summary()}
    assert keys == {
        (OTHER_METHOD, "/a"): 100,
        ("GET", "/0"): 1,
        ("GET", OVERFLOW): 99,
    }
    assert table.labels("GET", "/new") == ("GET", OVERFLOW)


def test_the_known_methods_can_be_given():
    table = Latencies(methods=["QUERY"])
    assert table.labels("QUERY", "/") == ("QUERY", "/")
    assert table.labels("GET", "/") == (OTHER_METHOD, "/")


def test_recent_forgets_what_is_older_than_two_windows():
    table, now, hour = Latencies(window=3600), perf_counter_ns(), 3600 * 10**9
    record(table, "GET", "/", 200, MS, now - 5 * hour)
    record(table, "GET", "/", 200, MS, now - hour - 1)
    record(table, "GET", "/", 200, MS, now)
    assert table.recent()["count"] == 2
    assert table.summary()[0]["count"] == 3


def test_the_last_moments_pass_without_requests_too():
    table = Latencies(window=3600)
    record(table, "GET", "/", 200, MS, perf_counter_ns() - 3 * 3600 * 10**9)
    assert table.recent()["count"] == 0


def test_a_latency_of_long_ago_is_no_recent_one_but_is_counted():
    table, now, hour = Latencies(window=3600), perf_counter_ns(), 3600 * 10**9
    for ago in (0, 1, 7):
        record(table, "GET", "/", 200, MS, now - ago * hour)
        assert table.summary()[0]["count"]
    assert table.recent()["count"] == 2
    assert table.summary()[0]["count"] == 3
