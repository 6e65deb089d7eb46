"""Python's patterns in the words of ECMA 262."""

import re

import pytest

from cpkit.parameters.patterns import ecma


@pytest.mark.parametrize(
    ("pattern", "translated"),
    [
        (r"\d+", "[0-9]+"),
        (r"[\d-]+", "[0-9-]+"),
        (r"\Aa\Z", "^a$"),
        (r"(?P<year>[0-9]{4})", "(?<year>[0-9]{4})"),
        (r"(?:a|b)(?=c)(?!d)", "(?:a|b)(?=c)(?!d)"),
        (r"\[a\]", r"\[a\]"),
    ],
)
def test_a_pattern_is_translated(pattern, translated):
    assert ecma(pattern) == translated


@pytest.mark.parametrize(
    "pattern",
    [r"(?i)a", r"(?#note)a", r"(?P<a>x)(?P=a)", r"a++", r"a{2}+", r"(?>a)", r"\w+", r"(?s:.)"],
)
def test_what_ecma_262_has_not_is_left_out(pattern):
    assert ecma(pattern) is None


@pytest.mark.parametrize("pattern", ["[0-9]{1,9}", "a|b", r"\d{4}", ".+"])
@pytest.mark.parametrize("text", ["1", "a", "ab", "2026", "", "1\n"])
def test_a_whole_pattern_matches_what_pythons_fullmatch_does(pattern, text):
    found = re.search(ecma(pattern, whole=True).replace("$", r"\Z"), text, re.ASCII)
    assert bool(found) == bool(re.fullmatch(pattern, text))
