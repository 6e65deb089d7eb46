"""Hostile paths, hostile tables: the right answer, in time that grows with the path's length."""

import functools
import itertools
import re
from random import Random

import pytest
from effort import calls_in, loops

from cpkit.errors import RouteError
from cpkit.routing import IndexedMapper, PatternWarning
from cpkit.routing.segments import Reader, by_regex, matcher

GET = {"REQUEST_METHOD": "GET"}


def mapper_of(*templates, **options):
    mapper = IndexedMapper(register=False)
    for template in templates:
        mapper.connect(template, **options)
    return mapper


TABLE = ["/", "/{x}", "/{x}/{y:\\d+}", "/a/{x}-{y}-{z}-{w}.html", "/b/{x}{.f}", "/c/*rest"]
TABLE += ["/d/{x:[a-z]+}-{y:[a-z]+}", "/e/{x:.*}/{y}-{z}.txt", "/f/{x:(?:a|aa)+}"]
PATHS = {  # what is repeated, between what begins and ends the path
    "slashes": ("", "/", ""),
    "segments": ("", "/a", ""),
    "one segment": ("/", "a", ""),
    "dashes": ("/a/", "-", ""),
    "dashes and the suffix": ("/a/", "-", ".html"),
    "dots": ("/b/", ".", ""),
    "a long tail": ("/c/", "a/", ""),
    "letters for two requirements": ("/d/", "a", ""),
    "dashes below a wildcard": ("/e/a/", "-", ""),
    "a repeat in a repeat": ("/f/", "a", "b"),
    "digits": ("/a/", "1", ""),
    "no leading slash": ("", "a", ""),
    "newlines": ("/c/", "\n", ""),
}
# How many loops over so long a path are enough. What grows exponentially is told by the first
# length, before the next is tried, what grows with a square by the second.
LENGTHS = {30: 200, 4_000: 20, 500_000: 2}


@pytest.fixture(scope="module")
def hostile_table():
    with pytest.warns(PatternWarning) as caught:
        mapper = mapper_of(*TABLE)
    assert [("repeats a repeat" in str(each.message)) for each in caught] == [False, True]
    mapper.create_regs([])
    return mapper


def assert_linear(look_up, begin, repeated, end):
    """Assert that a look-up takes no longer than some loops over the characters of its path."""
    for length, enough in LENGTHS.items():
        path = begin + repeated * (length // len(repeated)) + end
        look_up(path)
        assert loops(functools.partial(look_up, path), path, enough) <= enough, length


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_half_a_megabyte_takes_no_longer_than_two_loops_over_it(hostile_table, path):
    assert_linear(lambda path: hostile_table.match(path, GET), *path)
    assert_linear(lambda path: hostile_table.methods(path, GET), *path)


def test_a_minimized_route_is_bounded_too():
    mapper = mapper_of("a/{w}-{x}-{y}-{z}.html", _minimize=True)
    mapper.create_regs([])
    assert mapper.match("/a/1-2-3-4.html") == {"w": "1", "x": "2", "y": "3", "z": "4"}
    assert_linear(lambda path: mapper.match(path, GET), "/a/", "-", "")


MASKS = [
    "".join("/a" if fixed else f"/{{v{at}}}" for at, fixed in enumerate(mask))
    for mask in itertools.product([True, False], repeat=10)
]


@pytest.fixture(scope="module", params=[1, -1], ids=["narrow first", "wide first"])
def all_masks(request):
    mapper = mapper_of(*MASKS[:: request.param], conditions={"method": ["GET"]})
    mapper.create_regs([])
    return mapper


@pytest.mark.parametrize("path", ["/a" * 10, "/b" * 10, "/a" * 9 + "/b", "/b/a" * 5, "/a/b" * 5])
def test_all_masks_of_ten_segments_are_no_worse_than_a_scan(all_masks, path):
    mapper = all_masks
    scan = (route for route in mapper.matchlist if route.match(path, GET) is not False)
    assert mapper.routematch(path, GET)[1] is next(scan)
    assert calls_in(lambda: mapper.match(path, GET)) <= len(MASKS) + 10
    assert calls_in(lambda: mapper.match(path, {"REQUEST_METHOD": "PUT"})) < 10


DIGITS = ["1", "٣", "²", "a", "-", " ", "\udcff", "\n"]


@pytest.mark.parametrize("count", [0, 1, 2_000])
@pytest.mark.parametrize("last", DIGITS, ids=ascii)
def test_digits_are_what_the_regex_takes_for_digits_however_many(count, last):
    mapper = mapper_of("/{id:\\d+}")
    found = mapper.match("/" + "7" * count + last) is not None
    assert found is (re.fullmatch("\\d+", "7" * count + last) is not None)


QUOTED = ["it's", '"', "'''", "{}", "a\nb", "\\", "é", "\U0001f600", "%s", "');import os#", "\x00"]


@pytest.mark.parametrize("text", QUOTED, ids=ascii)
def test_no_text_of_a_path_gets_into_code(text):
    escaped = re.sub(r"([\\:*{}])", r"\\\1", text)
    mapper = mapper_of(f"/{escaped}/{{x}}", f"/{{y}}-{escaped}/{{z:\\d+}}")
    mapper.connect(f"/{{a}}/{escaped}{{.b}}")
    assert mapper.match(f"/{text}/1") == {"x": "1"}
    assert mapper.match(f"/1-{text}/2") == {"y": "1", "z": "2"}
    assert mapper.match(f"/1/{text}") == {"a": "1", "b": None}


NAMES = ["d", "s", "t", "f", "make", "v0", "é", "None", "class", "__name__"]


@pytest.mark.parametrize("name", NAMES)
def test_any_identifier_names_a_variable(name):
    mapper = mapper_of(f"/{{{name}}}/{{x}}-{{y}}", **{name: "default"})
    assert mapper.match("/1/2-3") == {name: "1", "x": "2", "y": "3"}


@pytest.mark.parametrize("method", ["", "get", "\0", "X" * 10_000, "GET POST", "None"], ids=ascii)
def test_an_unknown_method_meets_no_condition(method):
    mapper = mapper_of("/a", conditions={"method": ["GET"]})
    mapper.connect("/b", conditions={"method": []})
    assert mapper.match("/a", {"REQUEST_METHOD": method}) is None
    assert mapper.match("/b", {"REQUEST_METHOD": method}) is None


def test_a_route_may_have_a_thousand_variables():
    template = "".join(f"/{{v{number}}}" for number in range(1000))
    mapper = mapper_of(template, "/a")
    assert mapper.match("/x" * 1000) == {f"v{number}": "x" for number in range(1000)}
    assert mapper.match("/x" * 1001) is None


@pytest.mark.parametrize("value", ["..", ".", ";v=1", "%2F", "\0", "\r", "a b", "\udcff", "//"[:1]])
def test_a_value_is_taken_as_it_is(value):
    found = mapper_of("/{x}").match("/" + value)
    assert found == (None if value == "/" else {"x": value})


SEGMENTS = ["{a}-{b}", "{a}-{b}-{c}.html", "v{a}", "{a}{b}", "{a}{b}-", "x{a}--{b}x", "{a}.{b}"]
SEGMENTS += ["{a}{.f}", "x{.f}", "a.b{.f}", "{a}-{b}{.f}", "{a}-{.f}", "-{a}-{.f}", "{.f}"]
SEGMENTS += ["{a}{b}{.f}"]


@pytest.mark.parametrize("segment", SEGMENTS)
def test_the_linear_matcher_says_what_the_backtracking_regex_says(segment):
    parts, random = Reader(segment).read(), Random(segment)
    linear, backtracking = matcher(parts, {}), by_regex(parts, {})
    assert linear.__qualname__ != backtracking.__qualname__
    for _ in range(2_000):
        text = "".join(random.choices("ab-.x", k=random.randint(0, 9)))
        text += random.choice(["", "", "-", ".html", "x"])
        assert linear(text) == backtracking(text), text


@pytest.mark.parametrize(
    ("template", "options"),
    [
        ("/{id", {}),
        ("/:(id", {}),
        ("/{}", {}),
        ("/{.}", {}),
        ("/:", {}),
        ("/*/x", {}),
        ("/{a}/{a}", {}),
        ("/{a-b}", {}),
        ("/{1a}", {}),
        ("/{a:[}", {}),
        ("/{a:(?i)x}/{b}", {}),
        ("/{a:(x)\\1}", {}),
        ("/{a:(?P<b>x)}/{b}", {}),
        ("/{a}", {"requirements": {"a": 5}}),
        ("/{.a}", {"_minimize": True, "a": "b"}),
        ("/a", {"_minimise": True}),
        ("/a", {"requirement": {"a": "b"}}),
        ("/a", {"conditions": {"methods": ["GET"]}}),
        ("/a", {"conditions": {"method": None}}),
        ("/a", {"conditions": {"method": [None]}}),
        ("/a", {"conditions": {"function": "no"}}),
        (5, {}),
    ],
    ids=str,
)
def test_a_route_that_could_never_work_is_refused(template, options):
    mapper = IndexedMapper(register=False)
    with pytest.raises(RouteError) as caught:
        mapper.connect("name", template, **options)
    error = caught.value
    assert error.template == template
    assert error.remedy
    assert error.problem in str(error)
    assert (mapper.matchlist, mapper._routenames) == ([], {})
    assert type(error)(*error.__reduce__()[1]).args == error.args


def openstack(count):
    """Declare each URL twice: below a project's id, and without it."""
    mapper = IndexedMapper(register=False)
    for number in range(count // 4):
        for head in ("/{project:[0-9a-f-]+}", ""):
            for method in ("GET", "POST"):
                conditions = {"method": [method]}
                mapper.connect(f"{head}/res{number}/{{id}}", conditions=conditions)
    mapper.create_regs([])
    return mapper


VERSIONS = ["/v2/res{}/{id}/x", "/{v:v\\d+}/{id}/res{}/y", "/{v}/res{}/a/z", "/v2/a/{id}/res{}"]


def versions(count):
    """Declare versions in front, ids in the middle."""
    mapper = IndexedMapper(register=False)
    for number in range(count // 4):
        for path in VERSIONS:
            mapper.connect(path.replace("{}", str(number)), conditions={"method": ["GET"]})
    mapper.create_regs([])
    return mapper


ASKED = ["/res{}/a", "/12/res{}/a", "/v2/res{}/a/x", "/v2/a/res{}/y", "/v3/res{}/a/z", "/x/res{}"]
LOOK_UPS = {
    "hit": lambda mapper, path: mapper.match(path, GET),
    "another method": lambda mapper, path: mapper.match(path, {"REQUEST_METHOD": "X"}),
    "methods": lambda mapper, path: mapper.methods(path),
}


@pytest.mark.parametrize("look_up", LOOK_UPS.values(), ids=LOOK_UPS)
@pytest.mark.parametrize("table", [openstack, versions])
def test_a_look_up_is_flat_where_no_one_segment_tells_the_routes_apart(table, look_up):
    few, many = table(100), table(2_000)
    for path in (path.format(number) for path in ASKED for number in (0, 12, 24)):
        asked = functools.partial(look_up, path=path)
        calls = [calls_in(functools.partial(asked, mapper)) for mapper in (few, many)]
        assert calls[1] <= calls[0], path


# Shapes of tables that people have; each path is declared with a number in it.
SHAPES = {
    "regex first beside fixed": [
        "/{p:[0-9a-f-]+}/res{}",
        "/{p:[0-9a-f-]+}/res{}/{id}",
        "/res{}/{id}",
    ],
    "plain first beside fixed": ["/{p}/res{}", "/{p}/res{}/{id}", "/res{}/{id}", "/res{}"],
    "versions and projects": ["/{v:v\\d+}/{p:[0-9a-f-]+}/res{}", "/v2/res{}/{id}", "/v2/x/res{}"],
    "ids in the middle": ["/res/{id}/sub{}", "/res/{id}/sub{}/{x}", "/{id}/sub{}/res"],
    "ids everywhere": ["/{a}/key{}/{b}", "/key{}/{a}/{b}", "/{a}/{b}/key{}"],
    "formats": ["/res{}{.format}", "/res{}/{id}{.format}", "/{p}/res{}{.format}"],
    "formats of some kinds": ["/res{}/{id}{.format:json|xml}", "/{p}/res{}/new{.format:json|xml}"],
    "formats of old": ["/res{}.:(format)", "/res{}/:(id).:(format)", "/{p}/res{}.:(format)"],
    "wildcards": ["/res{}/{id}", "/res{}/files/{path:.*}", "/{p:[0-9a-f-]+}/res{}/files/{path:.*}"],
    "a fixed beginning": ["/res{}-{a}/{id}", "/{p}/res{}-{a}", "/res{}_{a}.html", "/v{}.{b}"],
}
CONDITIONS = {
    "method": {"method": ["GET"]},
    "sub-domain": {"sub_domain": ["api"], "method": ["GET"]},
    "function": {"function": lambda environ, result: True, "method": ["GET"]},
}


def shaped(templates, count, conditions):
    mapper = IndexedMapper(register=False)
    mapper.sub_domains = "sub_domain" in conditions
    for number in range(count // len(templates)):
        for template in templates:
            mapper.connect(template.replace("{}", str(number)), conditions=conditions)
    mapper.create_regs([])
    return mapper


def filled(template):
    """Return a path that *template* matches."""
    path = re.sub(r"\{\.[^}]*\}|\.:\(format\)", ".json", template.replace("{}", "2"))
    return re.sub(r"\{[^}]*\}|:\(id\)", "12", path.replace("{v:v\\d+}", "v3"))


@pytest.mark.parametrize("conditions", CONDITIONS.values(), ids=CONDITIONS)
@pytest.mark.parametrize("templates", SHAPES.values(), ids=SHAPES)
def test_a_look_up_is_flat_in_tables_of_any_shape(templates, conditions):
    few, many = (shaped(templates, count, conditions) for count in (60, 300))
    environ = GET | {"HTTP_HOST": "api.example.com"}
    for template in templates:
        path = filled(template)
        assert many.match(path, environ) is not None, path
        for look_up in ("routematch", "methods"):
            asked = [
                functools.partial(getattr(each, look_up), path, environ) for each in (few, many)
            ]
            calls = [calls_in(each) for each in asked]
            assert calls[1] <= calls[0] < 40, (path, look_up)


@pytest.mark.parametrize("table", [openstack, versions])
def test_declared_order_holds_between_parts_of_a_table(table):
    mapper = table(400)
    for route in mapper.matchlist[::7]:
        path = re.sub(r"\{[^}]*\}", "12" if table is openstack else "v2", route.template)
        scan = (each for each in mapper.matchlist if each.match(path, GET) is not False)
        found = mapper.routematch(path, GET)
        assert (found and found[1]) is next(scan, None)
