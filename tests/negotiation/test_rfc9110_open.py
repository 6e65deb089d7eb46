"""The cases that RFC 9110 leaves to the server: what cpkit's documented policy answers.

A row holds its id, the Accept field, the offers and the offer chosen (None: 406).
"""

import pytest

from cpkit.errors import MalformedFieldError
from cpkit.negotiation import negotiate

H, J, T = "text/html", "application/json", "text/plain"
HTML_1 = "text/html;level=1"
UTF8_JSON = "application/json;charset=utf-8"

TIES = [
    ("tie-server-order", "text/html, application/json", [J, H], J),
    ("tie-server-order-reversed", "application/json, text/html", [H, J], H),
    ("tie-equal-weights", "text/html;q=0.5, application/json;q=0.5", [J, H], J),
    ("tie-by-number", "text/html;q=0.5, application/json;q=0.500", [J, H], J),
    ("tie-axios-specific-over-star", "application/json, text/plain, */*", [H, J], J),
    ("tie-axios-html-alone", "application/json, text/plain, */*", [H], H),
    ("tie-specific-over-family", "text/*, text/plain", [H, T], T),
    ("tie-family-over-star", "*/*, text/*", [J, H], H),
    ("tie-parameters-over-plain", "text/html, text/html;level=1", [H, HTML_1], HTML_1),
    ("tie-in-one-family", "text/*", [T, H], T),
    ("tie-specific-second", "*/*, application/json", [H, T, J], J),
    ("tie-agent", "text/markdown, text/html, */*", [J, H, "text/markdown"], H),
]

EMPTY = [
    ("empty-field", "", [J, H], J),
    ("empty-only-spaces", "  \t ", [J, H], J),
    ("empty-only-comma", ",", [J, H], J),
    ("empty-only-commas", ", ,,", [J, H], J),
]

# The malformed element and what stands beside it, if it is dropped.
MALFORMED = [
    ("bad-no-slash", "html", [J, H], J),
    ("bad-no-slash-beside-valid", "html, text/html", [J, H], H),
    ("bad-no-slash-beside-unoffered", "html, image/png", [J, H], None),
    ("bad-slash-alone", "/", [J, H], J),
    ("bad-no-type", "/html", [J, H], J),
    ("bad-no-subtype", "text/", [J, H], J),
    ("bad-two-slashes", "text/html/x", [J, H], J),
    ("bad-space-in-type", "text /html", [J, H], J),
    ("bad-two-types", "text/html application/json", [J, H], J),
    ("bad-letters", "téxt/html", [J, H], J),
    ("bad-kelvin-sign", "text/mar\u212adown", [J, "text/markdown"], J),
    ("bad-separator", "text/html|application/json", [H, J], H),
    ("bad-parameter-without-value", "text/html;level, application/json", [H, J], J),
    ("bad-parameter-empty-value", "text/html;level=, application/json", [H, J], J),
    ("bad-parameter-no-name", "text/html;=1, application/json", [H, J], J),
    ("bad-space-before-equals", "text/html;q =0.5, application/json;q=0.1", [H, J], J),
    ("bad-space-after-equals", "text/html;q= 0.5, application/json;q=0.1", [H, J], J),
    ("bad-quote-unclosed", 'application/json, text/html;x="', [H, J], J),
    ("bad-quote-unclosed-swallows", 'text/html;x=", application/json', [H, J], H),
    ("bad-quote-then-text", 'text/html;x="1"2, application/json', [H, J], J),
    ("bad-quote-backslash-last", 'application/json, a/b;x="\\', [H, J], J),
    ("bad-control-character", "text/html\x00, application/json", [H, J], J),
    ("bad-vertical-tab", "\x0btext/html, application/json", [H, J], J),
    ("bad-no-break-space", "\xa0text/html, application/json", [H, J], J),
]

BAD_WEIGHTS = [
    (f"bad-q-{name}", f"text/html;q={q}, application/json;q=0.5", [H, J], J)
    for name, q in {
        "nan": "nan",
        "inf": "inf",
        "minus": "-1",
        "plus": "+1",
        "two": "2",
        "ten": "10",
        "one-and-a-half": "1.5",
        "over-one": "1.001",
        "exponent": "1e9",
        "small-exponent": "1e-1",
        "letters": "abc",
        "none": "",
        "dot": ".",
        "two-dots": "0.5.5",
        "underscore": "0.9_9",
        "quoted": '"0.9"',
        "arabic-digit": "0.\u0663",
        "leading-zero": "00.9",
        "hex": "0x1",
        "space": "0 .9",
    }.items()
]

LENIENT = [
    ("q-no-leading-zero", "text/html;q=.2, application/json;q=.3", [H, J], J),
    ("q-no-leading-zero-of-java", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", [J], J),
    ("q-four-decimals", "text/html;q=0.1234, application/json;q=0.125", [H, J], J),
    ("q-four-decimals-cut", "text/html;q=0.5559, application/json;q=0.555", [J, H], J),
    ("q-four-decimals-cut-to-0", "text/html;q=0.0009, application/json;q=0.001", [H, J], J),
    ("q-many-decimals", "text/html;q=0.3333333333333333, application/json;q=0.3", [J, H], H),
    ("q-many-zeros", "text/html;q=1.0000000, application/json;q=0.9", [J, H], H),
    ("q-twice-first-counts", "text/html;q=0.1;q=0.9, application/json;q=0.5", [H, J], J),
    ("star-is-star-slash-star", "*", [J, H], J),
    ("star-with-weight", "text/html;q=0.1, *;q=0.5", [H, J], J),
    ("star-excluded", "*;q=0, application/json", [H, J], J),
    ("star-and-slash-twice", "*;q=0.1, */*;q=0.9, text/html;q=0.5", [H, J], J),
]

PARAMETERS = [
    ("charset-ignored", UTF8_JSON, [J], J),
    ("charset-ignored-in-html", "text/html;charset=iso-8859-1", [H], H),
    (
        "charset-ignored-with-weight",
        "application/json;charset=utf-8;q=0.1, text/html;q=0.5",
        [J, H],
        H,
    ),
    (
        "charset-ignored-is-the-same-range",
        f"{UTF8_JSON};q=0.1, application/json;q=0.3, text/html;q=0.2",
        [H, J],
        J,
    ),
    ("charset-ignored-others-not", "text/html;level=1;charset=utf-8", [H], None),
    ("charset-ignored-others-there", "text/html;level=1;charset=utf-8", [H, HTML_1], HTML_1),
    ("charset-offered-unequal", "application/json;charset=latin1", [UTF8_JSON], None),
    ("charset-offered-not-asked", "application/json", [UTF8_JSON], UTF8_JSON),
    ("parameter-strict", "application/json;version=2", [J], None),
    ("parameter-value-case", "a/b;x=ABC", ["a/b;x=abc"], None),
    ("parameter-twice-first-counts", "text/html;level=1;level=2", [HTML_1], HTML_1),
    (
        "parameter-on-star",
        "*/*;version=2",
        [J, "application/json;version=2"],
        "application/json;version=2",
    ),
    ("parameter-on-family", "text/*;level=1", [H, HTML_1], HTML_1),
    (
        "parameter-on-family-below-plain",
        "text/*;level=1, text/html;q=0.1, application/json;q=0.5",
        [HTML_1, J],
        J,
    ),
]

DUPLICATES = [
    (
        "same-twice-highest-last",
        "text/html;q=0.1, text/html;q=0.9, application/json;q=0.5",
        [J, H],
        H,
    ),
    (
        "same-twice-highest-first",
        "text/html;q=0.9, text/html;q=0.1, application/json;q=0.5",
        [J, H],
        H,
    ),
    ("same-twice-one-excluded", "text/html;q=0, text/html;q=0.5", [H], H),
    ("same-twice-star", "*/*;q=0.1, */*;q=0.9, text/html;q=0.5", [H, J], J),
    (
        "same-twice-parameters",
        "a/b;x=1;q=0.1, a/b;x=1;q=0.9, text/html;q=0.5",
        [H, "a/b;x=1"],
        "a/b;x=1",
    ),
    ("same-twice-case", "text/html;q=0.1, TEXT/HTML;q=0.9, application/json;q=0.5", [J, H], H),
]

ODD = [
    ("star-slash-subtype-is-a-name", "*/html", [H], None),
    ("star-in-name-is-a-name", "text/h*", [H], None),
    ("excluded-offers-only", "text/html;q=0, application/json;q=0", [H, J], None),
    ("excluded-and-unmentioned", "text/html;q=0", [H, J], None),
]

OPEN = TIES + EMPTY + MALFORMED + BAD_WEIGHTS + LENIENT + PARAMETERS + DUPLICATES + ODD


@pytest.mark.parametrize(
    ("field", "offers", "chosen"), [pytest.param(*row[1:], id=row[0]) for row in OPEN]
)
def test_the_policy_decides(field, offers, chosen):
    assert negotiate(field, offers) == chosen


def test_the_table_is_as_long_as_promised():
    assert len({row[0] for row in OPEN}) == len(OPEN) >= 55


@pytest.mark.parametrize(
    ("field", "offers"), [pytest.param(*row[1:3], id=row[0]) for row in MALFORMED + BAD_WEIGHTS]
)
def test_strict_refuses_a_malformed_element_and_names_it(field, offers):
    with pytest.raises(MalformedFieldError) as refused:
        negotiate(field, offers, strict=True)
    assert refused.value.element in field


@pytest.mark.parametrize(
    "row", TIES + EMPTY + LENIENT + PARAMETERS + DUPLICATES, ids=lambda r: r[0]
)
def test_strict_answers_as_before_where_nothing_is_malformed(row):
    assert negotiate(row[1], row[2], strict=True) == row[3]
