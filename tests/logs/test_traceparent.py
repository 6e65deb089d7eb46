"""Which trace a request belongs to, where its field is well-formed."""

import pytest

from cpkit.logs.traceparent import trace_id

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("field", "found"),
    [
        (f"00-{TRACE}-{PARENT}-01", TRACE),
        (f"00-{TRACE}-{PARENT}-00", TRACE),
        (f"01-{TRACE}-{PARENT}-01-later", TRACE),
        (f"cc-{TRACE}-{PARENT}-01", TRACE),
        (f"cc-{TRACE}-{PARENT}-01-what-the-future-will-be-like", TRACE),
        (f"00-{TRACE}-{PARENT}-01-more", ""),
        (f"00-{TRACE}-{PARENT}-01-" + "a" * 8000, ""),
        (f"cc-{TRACE}-{PARENT}-01.what", ""),
        (f"ff-{TRACE}-{PARENT}-01", ""),
        (f"00-{'0' * 32}-{PARENT}-01", ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        (f"00-{TRACE.upper()}-{PARENT}-01", ""),
        (f"00-{TRACE}-{PARENT.upper()}-01", ""),
        (f"00-{TRACE}-{PARENT}", ""),
        (f" 00-{TRACE}-{PARENT}-01", ""),
        (f"00-{TRACE}-{PARENT}-01\n", ""),
        ("", ""),
        ("-" * 8000, ""),
        ("00-" * 10_000, ""),
    ],
)
def test_a_trace_has_an_id_where_its_field_is_well_formed(field, found):
    assert trace_id(field) == found
