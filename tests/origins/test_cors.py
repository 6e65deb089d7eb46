"""The CORS protocol: what is granted, to whom, as a browser reads it (Fetch standard)."""

import pytest

from cpkit.origins.cors import MAX_CHARACTERS, MAX_HEADERS, Policy
from cpkit.origins.origin import Origins

RABBIT = "https://rabbit.invalid"


def policy(*origins, **settings):
    return Policy(Origins.read(origins), **settings)


def shares(fields, origin, mode):
    """Tell whether a browser shares the answer with a page of *origin* (Fetch, 4.10)."""
    allowed = fields.get("Access-Control-Allow-Origin")
    if mode != "include" and allowed == "*":
        return True
    if allowed != origin:
        return False
    return mode != "include" or fields.get("Access-Control-Allow-Credentials") == "true"


# The rows that a server decides of the table in Fetch, 3.3.5.
@pytest.mark.parametrize(
    ("origins", "credentials", "mode", "shared"),
    [
        (["*"], False, "omit", True),
        (["*"], False, "include", False),
        ([RABBIT], False, "omit", True),
        ([RABBIT], False, "include", False),
        ([RABBIT], True, "omit", True),
        ([RABBIT], True, "include", True),
        (["https://*.invalid"], True, "include", True),
        (["https://hare.invalid"], True, "include", False),
        ([], False, "omit", False),
    ],
)
def test_a_browser_shares_what_the_policy_grants(origins, credentials, mode, shared):
    fields = policy(*origins, credentials=credentials).answer(RABBIT)
    assert shares(fields, RABBIT, mode) is shared


def test_an_origin_with_a_trailing_slash_is_never_sent():
    assert policy(RABBIT).answer(RABBIT + "/") == {}


def test_the_origin_comes_back_as_the_browser_wrote_it():
    fields = policy("https://rabbit.invalid").answer("https://RABBIT.invalid")
    assert fields == {"Access-Control-Allow-Origin": "https://RABBIT.invalid"}


def test_without_an_origin_nothing_is_granted_but_it_would_vary():
    assert policy(RABBIT).answer(None) == {}
    assert not policy(RABBIT).is_same_for_all
    assert policy("*").is_same_for_all
    assert not policy("*", credentials=True).is_same_for_all


def test_what_a_page_may_read_is_told_with_an_answer_and_not_with_a_preflight():
    with_expose = policy(RABBIT, expose=("ETag", "Link"))
    assert with_expose.answer(RABBIT)["Access-Control-Expose-Headers"] == "ETag, Link"
    assert "Access-Control-Expose-Headers" not in with_expose.preflight(RABBIT, "GET", None, "GET")


def test_a_preflight_tells_the_methods_of_the_resource_and_no_others():
    fields = policy(RABBIT).preflight(RABBIT, "PUT", None, {"GET", "PUT", "HEAD"})
    assert fields["Access-Control-Allow-Methods"] == "GET, HEAD, PUT"
    assert fields["Access-Control-Max-Age"] == "600"


@pytest.mark.parametrize(
    ("origin", "method", "asked"),
    [
        ("https://hare.invalid", "PUT", None),
        (RABBIT, "DELETE", None),
        (RABBIT, "put", None),
        (RABBIT, "PUT", "x-forbidden"),
        (RABBIT, "PUT", "content-type, x-forbidden"),
        (RABBIT, "PUT", "content-type\r\nx"),
        (RABBIT, "PUT", ", ".join(["x"] * (MAX_HEADERS + 1))),
        (RABBIT, "PUT", "x" * (MAX_CHARACTERS + 1)),
    ],
)
def test_a_preflight_that_is_refused_is_granted_nothing(origin, method, asked):
    strict = policy(RABBIT, headers=frozenset({"content-type"}))
    assert strict.preflight(origin, method, asked, {"GET", "PUT"}) == {}


def test_header_names_are_compared_without_case():
    strict = policy(RABBIT, headers=frozenset({"content-type"}))
    fields = strict.preflight(RABBIT, "PUT", "Content-Type,", {"PUT"})
    assert fields["Access-Control-Allow-Headers"] == "Content-Type"


def test_a_policy_without_a_list_lets_a_page_set_any_header():
    fields = policy(RABBIT).preflight(RABBIT, "PUT", "x-one, x-two", {"PUT"})
    assert fields["Access-Control-Allow-Headers"] == "x-one, x-two"


def test_nothing_that_is_no_token_is_reflected():
    assert policy(RABBIT).preflight(RABBIT, "PUT", "x-one;evil", {"PUT"}) == {}
