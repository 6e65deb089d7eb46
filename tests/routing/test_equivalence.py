"""IndexedMapper answers as a scan of all routes, each judged by Routes itself, would."""

from random import Random

import pytest
from routing_tables import Table

from tests.properties import given, settings, st


@settings(max_examples=60)
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
