"""Requirements on long texts: what takes linear time has no limit, a limit fails closed."""

import itertools
import re
import warnings
from random import Random

import pytest
from effort import milliseconds
from steps import Steps

from cpkit.routing import IndexedMapper, PatternWarning
from cpkit.routing.automaton import first_characters, parsed
from cpkit.routing.patterns import RECOGNIZED, accepts, example, facts, recognizer

GUARDED = 8192  # what PathGuard lets through


def mapper_of(*templates, **options):
    mapper = IndexedMapper(register=False)
    mapper.sub_domains = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PatternWarning)
        for number, template in enumerate(templates):
            mapper.connect(template, controller=str(number), **options if not number else {})
    mapper.create_regs([])
    return mapper


DENIED = {
    "a requirement of its own": ("/{path:.*/private/.*}", "/{x}/private/x"),
    "a repeat in a repeat": ("/{path:(?:a|a/|x|private|/)+}", "/{x}/private/"),
    "a variable before it": ("/{top}/{path:.*private.*}", "/a/{x}/private/x"),
    "more after it": ("/{path:.*}/private/{file:.*}", "/{x}/private/x"),
    "two in a segment": ("/{a:.*private.*}-{b:.*}", "/{x}private-{x}"),
    "three in a segment": ("/{a:[^/]*}private{b:[^/]*}-{c}", "/{x}private-{x}"),
    "an optional format": ("/{a:[^/]*private[^/]*}{.format}", "/{x}private{x}.html"),
    "a wildcard": ("/*path/private/*rest", "/{x}/private/{x}"),
    "a look-ahead": ("/{path:(?=.*private).*}", "/{x}/private"),
    "a word boundary": (r"/{path:.*\bprivate\b.*}", "/{x}/private/x"),
    "any case": ("/{path:(?i:.*private.*)}", "/{x}/PRIVATE/x"),
    "a reference": (r"/{path:(?:a|x|/)*(?:private|secret).*}", "/{x}/private"),
}


@pytest.mark.parametrize("minimize", [False, True])
@pytest.mark.parametrize("length", [10, 90, 200, 1_500, 8_000, 20_000, 200_000])
@pytest.mark.parametrize(("denied", "path"), DENIED.values(), ids=DENIED)
def test_no_later_route_answers_where_a_rule_is_too_long_to_be_judged(
    denied, path, length, minimize
):
    for options in ({}, {"conditions": {"sub_domain": ["api"]}}, {"conditions": {"method": "GET"}}):
        mapper = mapper_of(denied, "/{path:.*}", _minimize=minimize, **options)
        environ = {"REQUEST_METHOD": "GET", "HTTP_HOST": "api.example.com"}
        slashed = [] if "[^/]" in denied else ["a/" * (length // 2) + "x"]
        for text in ("a" * length, "private" * (length // 7), *slashed):
            found = mapper.match(path.replace("{x}", text), environ)
            assert found is None or found["controller"] == "0", path


def test_there_are_no_methods_where_a_rule_is_too_long_to_be_judged():
    mapper = mapper_of("/{path:(?=.*private).*}", "/{path:.*}")
    assert mapper.methods("/" + "a" * 20_000) == frozenset()
    assert mapper.methods("/private") is None


def test_what_an_earlier_route_answers_is_answered_at_any_length():
    mapper = mapper_of("/{path:.*}", "/{path:(?=.*private).*}")
    assert mapper.match("/" + "a" * 20_000)["controller"] == "0"


LINEAR = [
    r".*\.html|.*\.css|.*\.js",
    r"[^/]+\.(?:png|jpe?g|gif)",
    r"\d{4}-\d{2}-\d{2}",
    r"\d{1,2}/\d{1,2}/\d{2,4}",
    r"(?:19|20)\d\d",
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    r"[0-9a-f]{7,40}",
    r"[a-fA-F0-9-]+",
    r"[a-z]+(?:-[a-z0-9]+)*",
    r"[a-z]{2}(?:_[A-Z]{2})?",
    r"v\d+(?:\.\d+)*",
    r"(?:v1|v2|v3)/.*",
    r"api/.*",
    r".*",
    r".+?",
    r"[^/]+(?<!\\)",
    r"[^/]*(?<!\.html)",
    r"\w+@\w+\.com",
    r"\d+,\d+(?:;\d+,\d+)*",
    r"[A-Za-z0-9_.-]{1,255}",
    r"(?:[a-z0-9]{1,63}\.)+[a-z]{2,63}",
    r"\w+-\w+-\w+",
    r"(?:[^/]+/)*[^/]+",
    r"(?:ab|cd|ef)+",
    r"a{0,6}a{0,6}",
    r"[^/.]+\.tar\.gz",
    r"(?:index|show|edit)?",
    r"!!?[0-9]+",
    r"-?\d+(?:\.\d+)?",
    # of the kinds in public tables
    r"[0-9a-f-]+",
    r"json|xml",
    r"json|xml|txt|tar\.gz",
    r"[^/]*\.(?:svg|png)",
    r"[a-z0-9._-]+",
    r"(?:dataset|dataset_collection)s?",
    r"(?:detail|summary)(?:\.json)?",
    r"[a-f0-9]{40}|[a-f0-9]{64}",
    r"(?!admin)[^/]+",
    r"(?:[a-z]+:)?\d+",
    r"arn:.*",
    r"\d{4}/\d{2}/\d{2}/[^/]+",
    r"[^/]+/[^/]+",
    r"(?:[^/]+/)+",
    r"[A-Z]{2}\d{6}",
    r"(?:blob|tree)/[^/]+/.*",
]
SUPERLINEAR = [
    ".+/.+",
    ".*/private/.*",
    r".*\.tar\..*",
    "[a-z]+[a-z0-9]+",
    r"(?:a+)+",
    r"(?:[a-z]+-?)+",
    r"(?:.|\d)*x",
    r"(?:\w+\s?)*",
    "(?:a*)*b",
    "a*b?a*",
    ".*a.*b.*c.*",
    "(?:x+x+)+y",
    "(?:(?:a?|b?)c)+",
    "[a-z]{0,90}[a-z]{0,90}[a-z]{0,90}!",
    "(?:[a-z]{1,3}){1,30}!",
]


@pytest.mark.parametrize("regex", LINEAR)
def test_a_requirement_that_takes_linear_time_has_no_limit(regex):
    assert facts(regex).limit is None
    mapper = IndexedMapper(register=False)
    mapper.connect("/{path}", requirements={"path": regex})  # without a warning


@pytest.mark.parametrize("regex", SUPERLINEAR)
def test_backtracking_that_takes_longer_is_bounded(regex):
    assert facts(regex).limit is not None


def step_growth(regex, short=48):
    """Return how many times the steps of backtracking grow with each doubling of a hostile text."""
    steps = Steps(regex)
    worst = max(hostile_texts(regex, short), key=steps.of)
    pump, end = worst[:short], worst[short:]
    taken = [steps.of(pump * times + end) for times in (1, 2, 4)]
    return max(after / before for before, after in itertools.pairwise(taken))


@pytest.mark.parametrize("regex", LINEAR)
def test_what_has_no_limit_takes_backtracking_linear_steps(regex):
    assert step_growth(regex) < 2.5


@pytest.mark.parametrize("regex", [*SUPERLINEAR[:4], "a*b?a*"])
def test_the_steps_of_what_is_bounded_grow_with_a_power(regex):
    assert step_growth(regex) > 3


def hostile_texts(regex, length):
    """Yield one or two characters, or what the regex matches, over and over, and an end."""
    named = "".join(
        char
        for operand in re.findall(r"\w|[^\w\s]", regex)
        for char in first_characters(*next(iter(parsed(re.escape(operand)))))
    )
    chars = sorted({*named, *"a1-./x"})[:12]
    pumps = [one + other for one in chars for other in ["", *chars]]
    for pump in filter(None, [*pumps, example(regex)]):
        for end in ("", "\n", "!", "\0"):
            yield (pump * length)[:length] + end


def growth(test, pump, end, most):
    """Return how many times as long *test* takes for a text eight times as long.

    The shorter one is long enough for its time to be told from the clock's noise, if it can be.
    """

    def took(length):
        text = (pump * (length // len(pump) + 1))[:length] + end
        return min(milliseconds(lambda: test(text)) for _ in range(5))

    length = 1_000
    while took(length) < 0.1 and 16 * length < most:
        length *= 2
    return took(8 * length) / took(length)


@pytest.mark.parametrize("regex", LINEAR + SUPERLINEAR)
def test_time_grows_with_the_length_of_the_text(regex):
    test = accepts(regex)
    texts = list(hostile_texts(regex, 2_000))
    times = [min(milliseconds(lambda text=text: test(text)) for _ in range(2)) for text in texts]
    slowest = texts[times.index(max(times))]
    most = RECOGNIZED if facts(regex).limit else 1_000_000
    grows = (growth(test, slowest[:2_000], slowest[2_000:], most) for _ in range(5))
    assert any(each < 24 for each in grows)  # 64 would be a square's; a busy machine's vary


@pytest.mark.parametrize("seed", range(20))
def test_the_automaton_accepts_what_the_regex_accepts(seed):
    random = Random(seed)
    for _ in range(60):
        regex = random_regex(random, 3)
        recognized, backtracking = recognizer(regex), re.compile(regex).fullmatch
        for _ in range(20):
            text = "".join(random.choices("ab-1\né", k=random.randint(0, 7)))
            assert recognized(text) is (backtracking(text) is not None), (regex, text)


def random_regex(random, depth):
    kind = random.random() if depth else 0
    if kind < 0.35:
        return random.choice(["a", "b", "[ab]", ".", "[^a]", "-", r"\w", r"\d", r"\W", "(a)"])
    one, other = random_regex(random, depth - 1), random_regex(random, depth - 1)
    if kind < 0.6:
        return one + other
    if kind < 0.75:
        return f"(?:{one}|{other})"
    return f"(?:{one})" + random.choice(["*", "+", "?", "{2}", "{1,3}", "{0,2}", "*?", "{2,}"])


@pytest.mark.parametrize(
    ("template", "limit"),
    [
        ("/{a:.+}-{b}", 1448),
        ("/{a:[^/]+}.{b:[^/]+}.{c:[^/]+}", 185),
        ("/*a/x/*b", 1448),
        ("/{path:(?=.*private).*}", 1448),
        ("/{path:(?:a+)+}", RECOGNIZED),
        ("/{path:(?i:(?:a+)+)}", 255),
    ],
)
def test_connect_warns_of_a_limit_with_the_length_at_which_it_bites(template, limit):
    mapper = IndexedMapper(register=False)
    with pytest.warns(PatternWarning, match=f"more than {limit} characters") as caught:
        mapper.connect(template)
    assert (caught[0].message.template, caught[0].message.limit) == (template, limit)
    warned = caught[0].message
    assert type(warned)(*warned.args).args == warned.args


@pytest.mark.parametrize("minimize", [False, True])
def test_a_resource_has_no_limit(minimize):
    mapper = IndexedMapper(register=False)
    mapper.minimization = minimize
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mapper.resource("book", "books", path_prefix="/{library:[a-z-]+}")
    found = mapper.match("/a-b/books/" + "1.a" * 2_000 + ".xml", {"REQUEST_METHOD": "GET"})
    assert found["format"] == "xml"
