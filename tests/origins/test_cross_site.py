"""A request that a page of another site had a browser send is told from all others."""

import pytest

from cpkit.origins.cross_site import is_cross_site
from cpkit.origins.origin import Origins

HERE = "https://shop.example"
TRUSTED = Origins.read(["https://pay.example"])


@pytest.mark.parametrize(
    ("site", "origin", "host", "cross"),
    [
        ("same-origin", HERE, "shop.example", False),
        ("none", None, "shop.example", False),  # typed, or a bookmark
        ("Same-Origin ", HERE, "shop.example", False),
        ("same-site", "https://blog.shop.example", "shop.example", True),
        ("cross-site", "https://evil.example", "shop.example", True),
        ("cross-site", "https://pay.example", "shop.example", False),
        ("same-site", "https://pay.example", "shop.example", False),
        ("cross-site", None, "shop.example", True),
        ("cross-site", "null", "shop.example", True),
        ("something new", HERE, "shop.example", True),
        ("", None, "shop.example", True),
        # Plain http, or an old browser: Origin alone.
        (None, HERE, "shop.example", False),
        (None, HERE, "shop.example:443", False),
        (None, "http://shop.example", "shop.example", False),
        (None, "https://evil.example", "shop.example", True),
        (None, "https://shop.example.evil.example", "shop.example", True),
        (None, "https://pay.example", "shop.example", False),
        (None, "https://pay.example.evil.example", "shop.example", True),
        (None, "null", "shop.example", True),
        (None, "https://shop.example/", "shop.example", True),
        (None, "", "shop.example", True),
        (None, "https://shop.example", None, True),
        # No browser.
        (None, None, "shop.example", False),
        (None, None, None, False),
    ],
)
def test_whether_another_site_sent_this(site, origin, host, cross):
    assert is_cross_site(site, origin, host, TRUSTED) is cross


def test_null_is_never_trusted_by_chance():
    assert is_cross_site(None, "null", "null", Origins.read([]))
