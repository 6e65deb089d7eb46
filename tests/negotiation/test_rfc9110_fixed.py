"""RFC 9110, 12.4.2 and 12.5.1: the cases that the text decides, one row each.

A row holds its id, the Accept field (None: absent), the offers in the server's order, and the
offer that must be chosen (None: 406).
"""

import pytest

from cpkit.negotiation import negotiate

H, J, T, X = "text/html", "application/json", "text/plain", "application/xml"
HTML_1, HTML_2 = "text/html;level=1", "text/html;level=2"
FLOWED = "text/plain;format=flowed"
V1, V2 = "application/json;version=1", "application/json;version=2"
CHROME = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,"
    "*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
)
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
FIREFOX_IMAGE = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
OLD_JAVA = "text/html, image/gif, image/jpeg, */*; q=0.2"
TABLE_5 = (
    "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, "
    "text/plain;format=fixed;q=0.4, */*;q=0.5"
)
LEVELS = "text/*;q=0.3, text/html;q=0.7, text/html;level=1, text/html;level=2;q=0.4, */*;q=0.5"

ABSENT = [
    ("absent-one", None, [J], J),
    ("absent-first", None, [J, H], J),
    ("absent-with-parameters", None, [V2, V1], V2),
]

WILDCARD = [
    ("star-slash-star", "*/*", [H, J], H),
    ("star-slash-star-other-order", "*/*", [J, H], J),
    ("subtype-star", "text/*", [J, H], H),
    ("subtype-star-first-of-two", "text/*", [J, T, H], T),
    ("subtype-star-none", "image/*", [J, H], None),
    ("subtype-star-other-family", "application/*", [H, J], J),
    ("star-with-weight", "*/*;q=0.1", [H], H),
    ("star-smallest-weight", "*/*;q=0.001", [H], H),
    ("star-covers-parameters", "*/*", [V1], V1),
    ("subtype-star-covers-parameters", "application/*", [V1], V1),
    (
        "subtype-star-covers-suffix",
        "application/*",
        ["application/atom+xml"],
        "application/atom+xml",
    ),
    ("subtype-star-is-no-prefix", "text/*", ["textual/html"], None),
    ("one-subtype-star-is-no-suffix", "application/xml", ["application/atom+xml"], None),
]

EXACT = [
    ("exact-one", "text/html", [H], H),
    ("exact-second", "application/json", [H, J], J),
    ("exact-third", "text/plain", [H, J, T], T),
    ("exact-none", "image/png", [H, J], None),
    ("exact-two-in-field", "image/png, application/json", [H, J], J),
    ("exact-no-prefix", "text/htm", [H], None),
    ("exact-no-longer", "text/html5", [H], None),
    ("exact-suffix", "application/problem+json", [J], None),
    ("exact-suffix-offered", "application/json", ["application/problem+json"], None),
    (
        "exact-vendor",
        "application/vnd.api+json",
        [J, "application/vnd.api+json"],
        "application/vnd.api+json",
    ),
    ("exact-all-tchars", "a!#$%&'+-.^_`|~0/b", ["a!#$%&'+-.^_`|~0/b"], "a!#$%&'+-.^_`|~0/b"),
    ("exact-digits", "application/3gpp", ["application/3gpp"], "application/3gpp"),
    ("exact-type-differs", "text/json", [J], None),
]

WEIGHT = [
    ("q-higher-wins", "text/html;q=0.5, application/json;q=0.9", [H, J], J),
    ("q-default-is-1", "text/html;q=0.9, application/json", [H, J], J),
    ("q-1-is-default", "text/html;q=1, application/json;q=0.999", [J, H], H),
    ("q-1.0", "text/html;q=1.0, application/json;q=0.9", [J, H], H),
    ("q-1.00", "text/html;q=1.00, application/json;q=0.9", [J, H], H),
    ("q-1.000", "text/html;q=1.000, application/json;q=0.9", [J, H], H),
    ("q-1-dot", "text/html;q=1., application/json;q=0.9", [J, H], H),
    ("q-0-dot-excludes", "text/html;q=0., application/json;q=0.1", [H, J], J),
    ("q-three-decimals", "text/html;q=0.123, application/json;q=0.124", [H, J], J),
    ("q-two-decimals", "text/html;q=0.12, application/json;q=0.13", [H, J], J),
    ("q-unlike-lengths", "text/html;q=0.5, application/json;q=0.45", [J, H], H),
    ("q-by-number-not-text", "text/html;q=0.1, application/json;q=0.099", [J, H], H),
    ("q-0.001-is-acceptable", "text/html;q=0.001", [H], H),
    ("q-0.001-beats-0", "text/html;q=0, application/json;q=0.001", [H, J], J),
    (
        "q-equal-as-numbers",
        "text/html;q=0.50, application/json;q=0.9, text/plain;q=0.500",
        [H, T, J],
        J,
    ),
    ("q-of-wildcard-lower", "text/html;q=0.9, */*;q=0.8", [J, H], H),
    ("q-of-wildcard-higher", "text/html;q=0.1, */*;q=0.8", [H, J], J),
    ("q-of-family-higher", "text/html;q=0.1, application/*;q=0.8", [H, J], J),
]

EXCLUDED = [
    ("q0-alone", "text/html;q=0", [H], None),
    ("q0-other-stays", "text/html;q=0, application/json", [H, J], J),
    ("q0-with-star", "text/html;q=0, */*", [H, J], J),
    ("q0-with-star-low", "text/html;q=0, */*;q=0.5", [H, J], J),
    ("q0-after-star", "*/*, text/html;q=0", [H, J], J),
    ("q0-star-only-offer", "text/html;q=0, */*", [H], None),
    ("q0-in-family", "text/html;q=0, text/*", [H, T], T),
    ("q0-family", "text/*;q=0, */*", [H, J], J),
    ("q0-family-but-one", "text/*;q=0, text/html", [T, H], H),
    ("q0-family-but-one-low", "text/*;q=0, text/html;q=0.1", [T, H], H),
    ("q0-star", "*/*;q=0", [H, J], None),
    ("q0-star-but-one", "*/*;q=0, application/json;q=0.1", [H, J], J),
    ("q0-0.0", "text/html;q=0.0, */*", [H, J], J),
    ("q0-0.00", "text/html;q=0.00, */*", [H, J], J),
    ("q0-0.000", "text/html;q=0.000, */*", [H, J], J),
    ("q0-parameter", "text/html;level=1;q=0, text/html", [HTML_1, H], H),
    ("q0-parameter-only-offer", "text/html;level=1;q=0, text/html", [HTML_1], None),
    ("q0-plain-parameter-stays", "text/html;q=0, text/html;level=1", [H, HTML_1], HTML_1),
]

SPECIFICITY = [
    ("specific-low-beats-star", "text/html;q=0.2, */*;q=0.9", [H, J], J),
    ("specific-low-alone", "text/html;q=0.2, */*;q=0.9", [H], H),
    ("family-low-beats-star", "text/*;q=0.2, */*;q=0.9", [H, J], J),
    ("three-levels-specific", "text/html;q=0.2, text/*;q=0.5, */*;q=0.9", [H, T], T),
    ("three-levels-star", "text/html;q=0.2, text/*;q=0.5, */*;q=0.9", [H, T, J], J),
    ("three-levels-any-order", "*/*;q=0.9, text/*;q=0.5, text/html;q=0.2", [H, T, J], J),
    ("three-levels-downwards", "*/*;q=0.1, text/*;q=0.5, text/html;q=0.9", [J, T, H], H),
    ("family-above-specific", "text/html;q=0.3, text/*;q=0.7", [H, T], T),
    ("specific-above-family", "text/html;q=0.7, text/*;q=0.3", [T, H], H),
    ("json-over-family", "application/*;q=0.2, application/json", [X, J], J),
    ("star-for-the-rest", "application/json;q=0.4, text/*;q=0.3, */*;q=0.5", [J, H, X], X),
    ("table-5-html", TABLE_5, [H], H),
    ("table-5-flowed-first", TABLE_5, [H, "image/jpeg", T, FLOWED], FLOWED),
    ("table-5-plain-over-jpeg", TABLE_5, ["image/jpeg", T, H], T),
    ("table-5-jpeg-over-fixed", TABLE_5, ["text/plain;format=fixed", "image/jpeg"], "image/jpeg"),
    ("table-5-fixed-over-html", TABLE_5, [H, "text/plain;format=fixed"], "text/plain;format=fixed"),
    ("table-5-jpeg-over-html", TABLE_5, [H, "image/jpeg"], "image/jpeg"),
    ("levels-1", LEVELS, [H, HTML_2, HTML_1, T, "image/jpeg"], HTML_1),
    ("levels-html-over-jpeg", LEVELS, ["image/jpeg", H, HTML_2], H),
    ("levels-jpeg-over-2", LEVELS, [HTML_2, "image/jpeg"], "image/jpeg"),
    ("levels-2-over-plain", LEVELS, [T, HTML_2], HTML_2),
    ("levels-3-is-html", LEVELS, ["image/jpeg", "text/html;level=3"], "text/html;level=3"),
    ("rfc-audio", "audio/*; q=0.2, audio/basic", ["audio/mpeg", "audio/basic"], "audio/basic"),
    ("rfc-audio-fallback", "audio/*; q=0.2, audio/basic", ["audio/mpeg"], "audio/mpeg"),
    (
        "rfc-dvi-c",
        "text/plain; q=0.5, text/html, text/x-dvi; q=0.8, text/x-c",
        ["text/x-dvi", "text/x-c"],
        "text/x-c",
    ),
    (
        "rfc-dvi",
        "text/plain; q=0.5, text/html, text/x-dvi; q=0.8, text/x-c",
        [T, "text/x-dvi"],
        "text/x-dvi",
    ),
]

PARAMETERS = [
    ("parameter-equal", "text/html;level=1", [H, HTML_1], HTML_1),
    ("parameter-unequal", "text/html;level=1", [HTML_2], None),
    ("parameter-missing-in-offer", "text/html;level=1", [H], None),
    ("parameter-missing-in-range", "text/html", [HTML_1], HTML_1),
    ("parameter-missing-in-range-both", "text/html", [HTML_1, H], HTML_1),
    ("parameter-version-2", "application/json;version=2", [V1, V2], V2),
    ("parameter-version-3", "application/json;version=3", [V1, V2], None),
    (
        "parameter-version-weights",
        "application/json;version=1;q=0.3, application/json;version=2;q=0.8",
        [V1, V2],
        V2,
    ),
    (
        "parameter-version-fallback",
        "application/json;version=3, application/json;q=0.5",
        [V1, V2],
        V1,
    ),
    ("parameter-two-any-order", "a/b;x=1;y=2", ["a/b;y=2;x=1"], "a/b;y=2;x=1"),
    ("parameter-subset", "a/b;x=1", ["a/b;y=2;x=1"], "a/b;y=2;x=1"),
    ("parameter-superset", "a/b;x=1;y=2", ["a/b;x=1"], None),
    (
        "parameter-two-beat-one",
        "a/b;x=1;q=0.9, a/b;x=1;y=2;q=0.1",
        ["a/b;x=1;y=2", "a/b;x=1"],
        "a/b;x=1",
    ),
    (
        "parameter-two-lowered",
        "a/b;x=1, a/b;x=1;y=2;q=0.1, c/d;q=0.5",
        ["a/b;x=1;y=2", "c/d"],
        "c/d",
    ),
    (
        "parameter-specific-over-plain",
        "text/html;q=0.2, text/html;level=1;q=0.9, text/plain;q=0.5",
        [H, T, HTML_1],
        HTML_1,
    ),
    (
        "parameter-plain-lower",
        "text/html;q=0.2, text/html;level=1;q=0.9, text/plain;q=0.5",
        [H, T],
        T,
    ),
    ("parameter-value-case-kept", "a/b;x=AbC", ["a/b;x=AbC"], "a/b;x=AbC"),
    ("parameter-of-other-type", "text/plain;level=1", [HTML_1], None),
    (
        "parameter-charset-equal",
        "text/html;charset=utf-8",
        ["text/html;charset=utf-8"],
        "text/html;charset=utf-8",
    ),
    ("parameter-charset-unequal", "text/html;charset=latin1", ["text/html;charset=utf-8"], None),
]

CASE = [
    ("case-type", "TEXT/html", [H], H),
    ("case-subtype", "text/HTML", [H], H),
    ("case-both-offer", "text/html", ["Text/HTML"], "Text/HTML"),
    ("case-family", "TEXT/*", [J, H], H),
    ("case-q", "text/html;Q=0.1, application/json;q=0.5", [H, J], J),
    ("case-q0", "text/html;Q=0, */*", [H, J], J),
    ("case-parameter-name", "text/html;LEVEL=1", [H, HTML_1], HTML_1),
    ("case-parameter-name-offer", "text/html;level=1", ["text/html;Level=1"], "text/html;Level=1"),
    (
        "case-charset-value",
        "text/html;charset=UTF-8",
        ["text/html;charset=utf-8"],
        "text/html;charset=utf-8",
    ),
]

QUOTED = [
    ("quoted-equals-token", 'text/html;level="1"', [H, HTML_1], HTML_1),
    (
        "quoted-offer-equals-token",
        "text/html;level=1",
        ['text/html;level="1"'],
        'text/html;level="1"',
    ),
    ("quoted-comma", 'a/b;x="1,2", text/html;q=0.5', [H, 'a/b;x="1,2"'], 'a/b;x="1,2"'),
    ("quoted-comma-is-no-element", 'a/b;x="1, text/html"', [H], None),
    ("quoted-semicolon", 'a/b;x="1;2"', ['a/b;x="1;2"'], 'a/b;x="1;2"'),
    ("quoted-weight-is-text", 'a/b;x="a;q=0"', ['a/b;x="a;q=0"'], 'a/b;x="a;q=0"'),
    (
        "quoted-weight-is-not-weight",
        'a/b;x="; q=0.1", text/html;q=0.5',
        [H, 'a/b;x="; q=0.1"'],
        'a/b;x="; q=0.1"',
    ),
    ("quoted-escape", r'a/b;x="a\"b"', [r'a/b;x="a\"b"'], r'a/b;x="a\"b"'),
    ("quoted-escaped-quote-and-comma", r'a/b;x="a\",b", text/html;q=0.1', [H], H),
    ("quoted-needless-escape", r'a/b;x="\a"', ["a/b;x=a"], "a/b;x=a"),
    ("quoted-space", 'a/b;x="a b"', ['a/b;x="a b"'], 'a/b;x="a b"'),
    ("quoted-then-weight", 'a/b;x="1";q=0.1, text/html;q=0.5', ["a/b;x=1", H], H),
    ("quoted-then-element", 'a/b;x="1", text/html', [H], H),
    ("quoted-empty", 'a/b;x=""', ['a/b;x=""'], 'a/b;x=""'),
    (
        "quoted-charset",
        'text/html;charset="utf-8"',
        ["text/html;charset=utf-8"],
        "text/html;charset=utf-8",
    ),
]

WHITESPACE = [
    ("space-after-comma", "text/html, application/json;q=0.5", [J, H], H),
    ("space-before-comma", "text/html ,application/json;q=0.5", [J, H], H),
    ("space-before-semicolon", "text/html ;q=0.1, application/json;q=0.5", [H, J], J),
    ("space-after-semicolon", "text/html; q=0.1, application/json; q=0.5", [H, J], J),
    ("space-around-semicolon", "text/html ; q=0.1, application/json ; q=0.5", [H, J], J),
    ("tab-after-comma", "text/html;q=0.1,\tapplication/json", [H, J], J),
    ("tab-around-semicolon", "text/html\t;\tq=0.1, application/json", [H, J], J),
    ("space-at-the-ends", "  text/html  ", [H], H),
    ("space-around-parameter", "text/html ; level=1 ; q=0.5", [H, HTML_1], HTML_1),
    ("spaces-many", "text/html   ;   q=0.1   ,   application/json", [H, J], J),
]

EMPTY = [
    ("empty-element-first", ",text/html", [J, H], H),
    ("empty-element-last", "text/html,", [J, H], H),
    ("empty-element-between", "text/html,,application/json;q=0.5", [J, H], H),
    ("empty-elements-spaced", "text/html, , ,application/json;q=0.5", [J, H], H),
    ("empty-parameter-between", "text/html;;q=0.1, application/json;q=0.5", [H, J], J),
    ("empty-parameter-last", "text/html;", [J, H], H),
    ("empty-parameter-after-q", "text/html;q=0.1;, application/json;q=0.5", [H, J], J),
    ("empty-parameters-spaced", "text/html; ; ;q=0.1, application/json;q=0.5", [H, J], J),
    ("empty-parameter-before-parameter", "text/html;;level=1", [H, HTML_1], HTML_1),
]

LINES = [
    ("lines-two", "text/html;q=0.1, application/json", [H, J], J),
    ("lines-first-empty", ", application/json", [H, J], J),
    ("lines-excluded-in-second", "*/*, text/html;q=0", [H, J], J),
    ("lines-joined-without-space", "text/html;q=0.1,application/json;q=0.2", [H, J], J),
]

WEIGHT_PLACE = [
    ("q-before-parameter", "text/html;q=0.9;level=1, application/json;q=0.5", [J, HTML_1], HTML_1),
    ("q-before-parameter-strict", "text/html;q=0.9;level=1", [H], None),
    ("q-between-parameters", "a/b;x=1;q=0.1;y=2, text/html;q=0.5", ["a/b;x=1;y=2", H], H),
    ("q-is-no-parameter", "text/html;q=0.5", [H], H),
    ("q-is-no-parameter-of-detailed", "text/html;level=1;q=0.5", [HTML_1], HTML_1),
]

CLIENT = [
    ("chrome-html", CHROME, [J, H], H),
    ("chrome-xml-over-json", CHROME, [J, X], X),
    ("chrome-json", CHROME, [J], J),
    ("chrome-webp-over-png", CHROME, ["image/png", "image/webp"], "image/webp"),
    ("firefox-html", FIREFOX, [J, H], H),
    ("firefox-json", FIREFOX, [J], J),
    ("firefox-image", FIREFOX_IMAGE, ["image/gif", "image/png"], "image/png"),
    ("firefox-image-gif-over-html", FIREFOX_IMAGE, [H, "image/gif"], "image/gif"),
    ("curl", "*/*", [J, H], J),
    ("java", OLD_JAVA, [J, H], H),
    ("java-json", OLD_JAVA, [J], J),
    ("jquery-json", "application/json, text/javascript, */*; q=0.01", [H, J], J),
    ("jquery-html", "application/json, text/javascript, */*; q=0.01", [H], H),
    (
        "github",
        "application/vnd.github+json",
        ["application/vnd.github+json"],
        "application/vnd.github+json",
    ),
    (
        "prometheus",
        "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
        ["text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0"],
        "application/openmetrics-text;version=1.0.0",
    ),
    (
        "feed-reader",
        "application/atom+xml, application/rss+xml;q=0.8, application/xml;q=0.6",
        [X, "application/rss+xml"],
        "application/rss+xml",
    ),
    (
        "linked-data",
        "text/turtle, application/ld+json;q=0.9, */*;q=0.1",
        [H, "application/ld+json"],
        "application/ld+json",
    ),
    (
        "agent-markdown",
        "text/markdown, text/html;q=0.9, */*;q=0.1",
        [H, "text/markdown"],
        "text/markdown",
    ),
]

DUPLICATE = [
    ("same-twice", "text/html, text/html", [H], H),
    ("same-twice-excluded", "text/html;q=0, text/html;q=0", [H], None),
]

FIXED = (
    ABSENT
    + WILDCARD
    + EXACT
    + WEIGHT
    + EXCLUDED
    + SPECIFICITY
    + PARAMETERS
    + CASE
    + QUOTED
    + WHITESPACE
    + EMPTY
    + LINES
    + WEIGHT_PLACE
    + CLIENT
    + DUPLICATE
)


@pytest.mark.parametrize(
    ("field", "offers", "chosen"), [pytest.param(*row[1:], id=row[0]) for row in FIXED]
)
def test_the_rfc_decides(field, offers, chosen):
    assert negotiate(field, offers) == chosen


def test_the_table_is_as_long_as_promised():
    assert len({row[0] for row in FIXED}) == len(FIXED) >= 158
