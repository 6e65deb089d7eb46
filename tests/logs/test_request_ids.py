"""Which id a request has: its trace's, the client's, or a new one."""

import re

import pytest

from cpkit.logs.request_ids import read_id

TRACE = "0af7651916cd43dd8448eb211c80319c"
GOOD = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    "given", ["a", "f47ac10b-58cc-4372", "Root=1-5759e988", "a/b+c==", "1" * 128]
)
def test_an_id_of_the_clients_is_kept(given):
    assert read_id({"HTTP_X_REQUEST_ID": given}, "HTTP_X_REQUEST_ID") == given


@pytest.mark.parametrize(
    "given",
    ["", " ", "a b", "a\n", "a\r\nSet-Cookie: b", "<a>", '"', "\\", "\x9b", "\u202e", "1" * 129],
)
def test_an_id_that_could_be_anything_is_replaced(given):
    made = read_id({"HTTP_X_REQUEST_ID": given}, "HTTP_X_REQUEST_ID")
    assert re.fullmatch("[0-9a-f]{32}", made)


def test_the_traces_id_goes_before_the_clients():
    environ = {"HTTP_X_REQUEST_ID": "a", "HTTP_TRACEPARENT": GOOD}
    assert read_id(environ, "HTTP_X_REQUEST_ID") == TRACE
    assert read_id({**environ, "HTTP_TRACEPARENT": "00-b"}, "HTTP_X_REQUEST_ID") == "a"


def test_no_two_requests_have_the_same():
    assert len({read_id({}, "HTTP_") for _ in range(1000)}) == 1000
