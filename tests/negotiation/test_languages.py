"""Accept-Language: RFC 4647 lookup and RFC 9110, 12.5.4, one row a case."""

import pytest

from cpkit.errors import FieldTooLargeError, InvalidOfferError, MalformedFieldError
from cpkit.negotiation import negotiate_language

EN_FR = ["en", "fr"]

FIXED = [
    ("absent", None, ["fr", "en"], "fr"),
    ("exact", "fr", EN_FR, "fr"),
    ("exact-region", "en-GB", ["en-US", "en-GB"], "en-GB"),
    ("case", "EN-gb", ["fr", "en-GB"], "en-GB"),
    ("case-of-offer", "en-gb", ["fr", "EN-GB"], "EN-GB"),
    ("weight", "en;q=0.5, fr;q=0.9", EN_FR, "fr"),
    ("weight-default", "en;q=0.9, fr", EN_FR, "fr"),
    ("rfc-danish", "da, en-gb;q=0.8, en;q=0.7", ["en", "en-GB", "da"], "da"),
    ("rfc-danish-british", "da, en-gb;q=0.8, en;q=0.7", ["en", "en-GB"], "en-GB"),
    ("rfc-danish-english", "da, en-gb;q=0.8, en;q=0.7", ["fr", "en"], "en"),
    ("excluded", "en;q=0, *", EN_FR, "fr"),
    ("star", "*", EN_FR, "en"),
    ("star-after-others", "fr;q=0.5, *;q=0.1", ["de", "fr"], "fr"),
    ("lookup-cuts", "zh-Hant-CN-x-private1", ["en", "zh-Hant"], "zh-Hant"),
    ("lookup-cuts-twice", "zh-Hant-CN", ["en", "zh"], "zh"),
    (
        "lookup-cuts-the-lone-letter",
        "zh-Hant-x-private1",
        ["en", "zh-Hant-x", "zh-Hant"],
        "zh-Hant",
    ),
    ("empty-elements", ",fr,,", EN_FR, "fr"),
]

OPEN = [
    ("empty", "", EN_FR, "en"),
    ("region-finds-language", "en-US", ["fr", "en"], "en"),
    ("language-finds-region", "en", ["fr", "en-US"], "en-US"),
    ("language-finds-first-region", "en", ["fr", "en-US", "en-GB"], "en-US"),
    ("language-finds-exact-before-region", "en", ["en-US", "en"], "en"),
    ("region-finds-no-other-region", "en-US, fr;q=0.5", ["en-GB", "fr"], "fr"),
    ("browser", "en-US,en;q=0.9,fr;q=0.8", ["fr", "en-GB"], "en-GB"),
    ("nothing-fits", "de", EN_FR, "en"),
    ("nothing-fits-but-one-excluded", "de, en;q=0", EN_FR, "fr"),
    ("all-excluded", "en;q=0, fr;q=0", EN_FR, "en"),
    ("star-excluded", "*;q=0", EN_FR, "en"),
    ("star-excluded-but-one", "*;q=0, fr;q=0.1", EN_FR, "fr"),
    ("star-before-others", "*, en;q=0.5", EN_FR, "fr"),
    ("star-names-the-rest", "*;q=0.9, en-US;q=0.5, fr;q=0.4", ["en-US", "fr", "de"], "de"),
    ("star-finds-none-left", "*, en;q=0.5, fr;q=0.6", EN_FR, "fr"),
    ("excluded-prefix", "en;q=0, *", ["en-US", "fr"], "fr"),
    ("excluded-prefix-but-region", "en;q=0, en-GB", ["en", "en-GB"], "en-GB"),
    ("excluded-region-only", "en-US;q=0, en", ["en-US", "en-GB"], "en-GB"),
    ("equal-weights-in-field-order", "fr, en", EN_FR, "fr"),
    ("same-twice-highest", "en;q=0.1, fr;q=0.5, en;q=0.9", ["fr", "en"], "en"),
    ("lenient-weight", "en;q=.2, fr;q=.3", EN_FR, "fr"),
    ("malformed-dropped", "fr_FR, en;q=x, de-, fr;q=0.1", ["en", "fr"], "fr"),
    ("malformed-only", "en_US", ["fr", "en"], "fr"),
    ("weight-of-two-points-dropped", "en;q=1.2.3, fr;q=0.1", EN_FR, "fr"),
    ("extended-range-is-dropped", "de-*-DE, fr;q=0.1", ["de", "fr"], "fr"),
    ("too-long-a-subtag", "abcdefghi, fr;q=0.1", EN_FR, "fr"),
    ("empty-parameter", "en;;q=0.1;, fr;q=0.5", EN_FR, "fr"),
    ("other-parameter-is-malformed", "en;x=1, fr;q=0.5", EN_FR, "fr"),
]

TABLE = [pytest.param(*row[1:], id=row[0]) for row in FIXED + OPEN]


@pytest.mark.parametrize(("field", "offers", "chosen"), TABLE)
def test_the_language_is(field, offers, chosen):
    assert negotiate_language(field, offers) == chosen


def test_the_tables_are_as_long_as_promised():
    assert len(FIXED) >= 14
    assert len(OPEN) >= 17


def test_no_offers_is_no_language():
    assert negotiate_language("en", []) is None
    assert negotiate_language(None, []) is None


def test_one_offer_may_be_a_string():
    assert negotiate_language("fr", "en-GB") == "en-GB"


def test_strict_refuses_a_malformed_element():
    with pytest.raises(MalformedFieldError, match="'en_US'"):
        negotiate_language("fr, en_US", EN_FR, strict=True)


@pytest.mark.parametrize("offer", ["", "en_US", "*", "en-", "abcdefghi", "en;q=1", 5])
def test_an_offer_that_is_no_tag_is_refused(offer):
    with pytest.raises(InvalidOfferError, match="language tag"):
        negotiate_language(None, [offer])


def test_a_field_over_the_limits_is_refused():
    with pytest.raises(FieldTooLargeError):
        negotiate_language("en," * 129, EN_FR)
    with pytest.raises(FieldTooLargeError):
        negotiate_language("e" * 8193, EN_FR)
    assert negotiate_language("fr" + "," * 8000, EN_FR) == "fr"
