"""The Vary field: every name once, the star alone."""

import pytest

from cpkit.negotiation import vary


@pytest.mark.parametrize(
    ("existing", "names", "merged"),
    [
        pytest.param(None, ["Accept"], "Accept", id="absent"),
        pytest.param("", ["Accept"], "Accept", id="empty"),
        pytest.param("Cookie", ["Accept"], "Cookie, Accept", id="kept"),
        pytest.param("Accept", ["Accept"], "Accept", id="there"),
        pytest.param("accept", ["Accept"], "accept", id="there-in-another-case"),
        pytest.param("Accept,Accept", ["Accept"], "Accept", id="there-twice"),
        pytest.param("Accept-Encoding", ["Accept"], "Accept-Encoding, Accept", id="no-prefix"),
        pytest.param("*", ["Accept"], "*", id="star"),
        pytest.param("*, Accept-Encoding", ["Accept"], "*", id="star-with-others"),
        pytest.param("A ,, b", ["B", "C"], "A, b, C", id="spaces-and-empty-members"),
    ],
)
def test_the_merged_field_is(existing, names, merged):
    assert vary(existing, names) == merged
