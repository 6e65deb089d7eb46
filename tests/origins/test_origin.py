"""Origins are read strictly, in bounded time, and held against lists of them."""

import pytest

from cpkit.errors import InvalidOriginError
from cpkit.origins.origin import Origins, origin_of, same_authority
from tests.properties import given, st


@pytest.mark.parametrize(
    ("field", "origin"),
    [
        ("https://example.org", "https://example.org"),
        ("HTTPS://Example.ORG", "https://example.org"),
        ("https://example.org:443", "https://example.org"),
        ("http://example.org:80", "http://example.org"),
        ("http://example.org:443", "http://example.org:443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://[0:0:0:0:0:0:0:1]:8080", "http://[::1]:8080"),
        ("https://[2001:DB8::00A]", "https://[2001:db8::a]"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://example.org:08443", "https://example.org:8443"),
        ("https://example.org.", "https://example.org."),
        ("app+1://host", "app+1://host"),
        ("null", "null"),
    ],
)
def test_an_origin_is_read_in_one_spelling(field, origin):
    assert origin_of(field) == origin


@pytest.mark.parametrize(
    "field",
    [
        None,
        "",
        "example.org",
        "https://",
        "https://example.org/",
        "https://example.org/path",
        "https://user@example.org",
        "https://a b",
        "https://example.org\r\nSet-Cookie: x",
        "https://example.org\x00",
        "https://example.org:",
        "https://example.org:99999999",
        "https://example.org:65536",
        "http://[:::]",
        "http://[1.2.3.4]",
        "https://-example.org",
        "https://exämple.org",
        "https://example.org, https://evil.org",
        "https://" + "a" * 300,
        "*",
    ],
)
def test_what_is_no_origin_is_none(field):
    assert origin_of(field) is None


@given(st.text(max_size=400))
def test_no_text_breaks_the_reader(text):
    origin = origin_of(text)
    assert origin is None or origin_of(origin) == origin


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("https://example.org", "example.org", True),
        ("https://example.org", "EXAMPLE.org:443", True),
        ("http://example.org:8080", "example.org:8080", True),
        ("https://example.org", "example.org:8443", False),
        ("https://evil.org", "example.org", False),
        ("https://example.org.evil.org", "example.org", False),
        ("null", "null", False),
        ("https://example.org", None, False),
        ("https://example.org", "example.org/x", False),
    ],
)
def test_a_host_field_is_held_against_an_origin(origin, host, same):
    assert same_authority(origin, host) is same


@pytest.mark.parametrize(
    ("listed", "origin", "trusted"),
    [
        (["https://a.org"], "https://a.org", True),
        (["https://A.org:443"], "https://a.org", True),
        ("https://a.org", "https://a.org", True),
        (["https://a.org"], "http://a.org", False),
        (["https://a.org"], "https://a.org.evil.org", False),
        (["https://*.a.org"], "https://x.a.org", True),
        (["https://*.a.org"], "https://y.x.a.org", True),
        (["https://*.a.org"], "https://a.org", False),
        (["https://*.a.org"], "https://xa.org", False),
        (["https://*.a.org"], "http://x.a.org", False),
        (["https://*.a.org"], "https://x.a.org:8443", False),
        (["https://*.a.org:8443"], "https://x.a.org:8443", True),
        (["*"], "https://any.org", True),
        (["*"], "null", True),
        (["null"], "null", True),
        (["https://a.org"], "null", False),
        ([], "https://a.org", False),
        (["http://[0:0::1]:8080"], "http://[::1]:8080", True),
        (["https://a.org:08443"], "https://a.org:8443", True),
    ],
)
def test_a_list_of_origins_trusts_these_and_no_others(listed, origin, trusted):
    assert (origin in Origins.read(listed)) is trusted


@pytest.mark.parametrize(
    "entry",
    [
        "a.org",
        "https://a.org/",
        "https://*",
        "*.a.org",
        "https://a.*.org",
        "https://a.org:65536",
        "http://[:::]:80",
        "https://bücher.example",
        "",
        None,
        7,
    ],
)
def test_what_is_no_origin_is_refused_in_a_list(entry):
    with pytest.raises(InvalidOriginError, match="write a scheme"):
        Origins.read([entry])
