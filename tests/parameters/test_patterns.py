"""Python's patterns in the words of ECMA 262."""

import re

import pytest

from cpkit.parameters.patterns import ecma, whole_numbers


@pytest.mark.parametrize(
    ("pattern", "translated"),
    [
        (r"\d+", "[0-9]+"),
        (r"[\d-]+", "[0-9-]+"),
        (r"\Aa\Z", "^a$"),
        (r"(?P<year>[0-9]{4})", "(?<year>[0-9]{4})"),
        (r"(?:a|b)(?=c)(?!d)", "(?:a|b)(?=c)(?!d)"),
        (r"\[a\]", r"\[a\]"),
        ("a.[.]", r"a[^\n][.]"),
        ("a{,3}b{c}", r"a{0,3}b\{c\}"),
        ("[]a][^]b][[]", r"[\]a][^\]b][\[]"),
        (r"\-\#[\-\#]", r"-#[\-#]"),
        (r"\a", r"\x07"),
    ],
)
def test_a_pattern_is_translated(pattern, translated):
    assert ecma(pattern) == translated


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?i)a",
        r"(?#note)a",
        r"(?P<a>x)(?P=a)",
        r"a++",
        r"a{2}+",
        r"(?>a)",
        r"\w+",
        r"(?s:.)",
        r"\bit\b",
        r"(a)\1",
        r"[\S]",
        r"\012",
    ],
)
def test_what_ecma_262_has_not_is_left_out(pattern):
    assert ecma(pattern) is None


@pytest.mark.parametrize("pattern", ["[0-9]{1,9}", "a|b", r"\d{4}", ".+"])
@pytest.mark.parametrize("text", ["1", "a", "ab", "2026", "", "1\n"])
def test_a_whole_pattern_matches_what_pythons_fullmatch_does(pattern, text):
    found = re.search(ecma(pattern, whole=True).replace("$", r"\Z"), text, re.ASCII)
    assert bool(found) == bool(re.fullmatch(pattern, text))


@pytest.mark.parametrize(
    "sign", ["\x1c", "\x85", "\ufeff", "\u180e", "\u3000", " ", "\n", "\r", "\u2028"]
)
@pytest.mark.parametrize("pattern", [r"\s", r"\S", r"[^\s]", r"[\s_]", "."])
def test_white_space_and_any_sign_are_those_of_python(pattern, sign):
    # Nothing is left of them but sets, which both read alike.
    translated = ecma(pattern)
    assert re.fullmatch(r"\[.*\]", translated)
    assert not re.search(r"\\[sSdDwW]", translated)
    assert bool(re.fullmatch(translated, sign)) == bool(re.fullmatch(pattern, sign))


@pytest.mark.parametrize(
    "bounds", [(0, 0), (0, 100), (1, 1000), (-12, -5), (-7, 130), (95, 204), (2, 9), (-1, 1)]
)
def test_whole_numbers_within_bounds_have_a_pattern(bounds):
    pattern = re.compile(f"^(?:{whole_numbers(*bounds)})$")
    told = [number for number in range(-1500, 1500) if pattern.match(str(number))]
    assert told == list(range(bounds[0], bounds[1] + 1))
    assert not any(map(pattern.match, ["", "-", "01", "1.0", " 1", "1e1"]))


def test_the_pattern_of_64_bits_has_nothing_beyond_them():
    pattern = re.compile(f"^(?:{whole_numbers(-(2**63), 2**63 - 1)})$")
    assert all(pattern.match(str(it)) for it in (-(2**63), -(10**18), 0, 10**18, 2**63 - 1))
    assert not any(pattern.match(str(it)) for it in (-(2**63) - 1, 2**63, 10**19))
