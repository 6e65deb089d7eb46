"""IndexedMapper answers as a scan of all routes, each judged by Routes itself, would."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from routing_tables import Table

RELAXED = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@RELAXED
@given(st.randoms(use_true_random=False))
def test_any_table_answers_any_path_as_a_scan_would(random):
    table = Table(random, size=5)
    for _ in range(10):
        assert table.difference() is None
    assert table.difference_of_methods() is None


@pytest.mark.parametrize("seed", range(40))
def test_seeded_tables_answer_as_a_scan_would(seed):
    table = Table(Random(seed), size=60 if seed % 4 == 0 else 8)
    for _ in range(60):
        assert table.difference() is None
    for _ in range(10):
        assert table.difference_of_methods() is None
