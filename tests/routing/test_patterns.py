"""What a requirement can do, judged without running it."""

import pytest

from cpkit.routing import IndexedMapper, PatternWarning
from cpkit.routing.patterns import facts, length_limit


@pytest.mark.parametrize(
    ("regex", "crosses"),
    [
        ("/", True),
        ("a", False),
        ("[^/]", False),
        ("[^a]", True),
        ("[+-9]", True),
        ("[a-z/]", True),
        (".", True),
        ("[^\\W/]", False),
        ("\\d\\s\\w", False),
        ("\\D", True),
        ("(?:a|/)?", True),
        ("(?>a/)" if hasattr(__import__("re"), "NOFLAG") else "a/", True),
    ],
)
def test_whether_a_regex_can_match_a_slash(regex, crosses):
    assert facts(regex).crosses is crosses


@pytest.mark.parametrize(
    ("regex", "alone"),
    [
        ("a+(?<!b)", True),
        ("a+(?<=aaa)", False),
        ("(?<!b)a", False),
        ("a(?=b)", False),
        ("^a", False),
        ("a\\b", False),
        ("(?P<n>a)", False),
        ("(a)(b)", True),
        ("(?:a(?=b)|c)", False),
    ],
)
def test_whether_a_regex_judges_a_segment_alone(regex, alone):
    assert facts(regex).alone is alone


@pytest.mark.parametrize("regex", ["(a+)+", "(a|aa)+", "(?:a?b?)*", "(?:[a-z]+-?)+", "(?:.|\\d)*"])
def test_a_repeat_of_what_varies_is_nested(regex):
    assert facts(regex).nested


@pytest.mark.parametrize("regex", ["a+", "(?:ab|cd)+", "[ab]+", "(?:\\d{2}:)+", "(a+){3}"])
def test_a_repeat_of_what_is_fixed_is_not(regex):
    assert not facts(regex).nested


@pytest.mark.parametrize(
    ("degree", "nested", "limit"),
    [(0, False, None), (1, False, None), (2, False, 1448), (3, False, 185), (1, True, 255)],
)
def test_the_length_that_a_regex_may_see(degree, nested, limit):
    assert length_limit(degree, nested=nested) == limit


def test_an_everyday_path_is_not_too_long_for_five_repeats():
    mapper = IndexedMapper(register=False)
    with pytest.warns(PatternWarning, match="185 characters"):
        mapper.connect(r"/{top:[^x]+}/{a}a{b}{.f}/{rest:.+}/{end:[^x]+}")
    assert mapper.match("/a.b/aba12/a.b/a.b")["rest"] == "a.b"
