"""What is wrong in Routes 2.5.1 and right here: each claim fails on ``routes.Mapper``.

The numbers are those of docs/routing-index.md.
"""

import itertools
import re

import pytest
import routes
from effort import calls_in, loops

from cpkit.errors import RouteError
from cpkit.routing import IndexedMapper

GET, POST, PUT = ({"REQUEST_METHOD": method} for method in ("GET", "POST", "PUT"))
NOT_REFUSED = pytest.fail.Exception
CLAIMS = []


def claim(number, fails=AssertionError):
    """Register a test of a mapper, which IndexedMapper passes and routes.Mapper *fails* by."""

    def register(function):
        CLAIMS.append(pytest.param(function, fails, id=f"{number}-{function.__name__}"))
        return function

    return register


def new(mapper_class, **options):
    mapper = mapper_class(register=False, controller_scan=lambda: ["a"], **options)
    mapper.minimization = False
    return mapper


def refuses(mapper, *args, **kargs):
    with pytest.raises(RouteError) as caught:
        mapper.connect(*args, **kargs)
    assert repr(args[-1]) in str(caught.value)
    assert mapper.matchlist == []


@claim("B1")
def the_first_declared_route_wins(mapper):
    mapper.connect("/{tenant}/admin", controller="deny")
    mapper.connect("/acme/{page}", controller="pages")
    assert mapper.match("/acme/admin")["controller"] == "deny"


@claim("B2")
def a_minimized_default_after_a_dot_may_be_left_out(mapper):
    mapper.connect("feed.:format", _minimize=True, format="html")
    assert mapper.match("/feed") == {"format": "html"}


@claim("B3")
def a_route_connected_after_a_look_up_is_found(mapper):
    mapper.connect("/a")
    assert mapper.match("/b") is None
    mapper.connect("/b")
    assert mapper.match("/b") == {}


@claim("B4", fails=NOT_REFUSED)
def a_broken_regex_is_refused_by_connect_and_named(mapper):
    refuses(mapper, "/{a}/{a}")


@claim("B5", fails=KeyError)
def a_request_without_a_method_meets_no_method_condition(mapper):
    mapper.connect("/a", conditions={"method": ["POST"]})
    mapper.connect("/a", controller="any")
    assert mapper.match("/a", {"HTTP_HOST": "x"}) == {"controller": "any"}


@claim("B6")
def a_method_is_compared_whole(mapper):
    mapper.connect("/a", conditions={"method": "OUTPUT,POST"})
    assert mapper.match("/a", PUT) is None
    assert mapper.match("/a", POST) == {}


@claim("B7")
def a_requirement_may_hold_a_colon(mapper):
    mapper.connect("/{time:\\d+:\\d+}")
    assert mapper.match("/12:30") == {"time": "12:30"}
    assert mapper.match("/12") is None


@claim("B8")
def a_requirement_may_count(mapper):
    mapper.connect("/{year:\\d{4}}/{month:\\d{1,2}}")
    assert mapper.match("/2020/5") == {"year": "2020", "month": "5"}


@claim("B9")
def the_callers_requirements_are_left_alone(mapper):
    requirements = {}
    mapper.connect("/{id:\\d+}", requirements=requirements)
    assert requirements == {}


@claim("B10")
def a_generated_url_satisfies_the_whole_requirement(mapper):
    mapper.connect("name", "/{x:foo|bar}")
    assert mapper.generate(mapper._routenames["name"], x="bar") == "/bar"
    assert mapper.generate(mapper._routenames["name"], x="fooEVIL") is None


@claim("B11", fails=re.error)
def requirements_of_two_routes_may_name_the_same_group(mapper):
    mapper.connect("/a/{x:(?P<g>a)}")
    mapper.connect("/b/{x:(?P<g>b)}")
    assert mapper.match("/b/b") == {"x": "b", "g": "b"}


@claim("B12")
def a_dash_after_a_variable_stays(mapper):
    mapper.connect("/:year-:month")
    assert mapper.match("/2010-05") == {"year": "2010", "month": "05"}


@claim("B14", fails=NOT_REFUSED)
def an_unclosed_brace_is_refused(mapper):
    refuses(mapper, "/{id")


@claim("B14", fails=IndexError)
def a_nameless_variable_is_refused(mapper):
    refuses(mapper, "/{}")


@claim("B16")
def a_sub_domain_may_be_a_string_and_has_no_case(mapper):
    mapper.sub_domains = True
    mapper.connect("/a", conditions={"sub_domain": "api"})
    assert mapper.match("/a", {**GET, "HTTP_HOST": "www.example.com"}) is None
    assert mapper.match("/a", {**GET, "HTTP_HOST": "API.example.com"}) == {"sub_domain": "api"}


@claim("B17")
def a_resources_requirements_hold_on_its_members(mapper):
    member = {"mark": "POST"}
    requirements = {"project": "\\d+", "id": "[a-z]+"}
    mapper.resource("m", "ms", path_prefix="/{project}", requirements=requirements, member=member)
    assert mapper.match("/x/ms/a", GET) is None
    assert mapper.match("/1/ms/1", GET) is None
    assert mapper.match("/1/ms/a", GET)["action"] == "show"
    assert member == {"mark": "POST"}


@claim("B19", fails=AttributeError)
def a_submapper_without_a_prefix_connects_a_bare_path(mapper):
    mapper.submapper(controller="c").connect("/foo")
    assert mapper.match("/foo") == {"controller": "c"}


@claim("B21")
def generation_tables_grow_with_the_routes_and_not_with_their_product(mapper):
    for number in range(80):
        mapper.connect(f"/{number}", controller=f"c{number}", action=f"a{number}")
    mapper.connect("/{controller}/{action}")
    assert mapper.generate(controller="c7", action="a7") == "/7"
    mapper._create_gens()
    pairs = mapper._gendict
    pairs = [a for c in pairs.values() for a in c] if isinstance(pairs, dict) else pairs.groups
    assert len(pairs) <= 2 * len(mapper.matchlist)


class Counted(frozenset):
    """A set of keys that counts how often it is compared."""

    comparisons = 0

    def __eq__(self, other):
        Counted.comparisons += 1
        return frozenset.__eq__(self, other)

    __hash__ = frozenset.__hash__


@claim("B22")
def connect_does_not_look_at_every_other_route(mapper):
    Counted.comparisons = 0
    for number in range(100):
        mapper.connect(f"/{{x{number}}}")
        routes_of_keys = mapper.maxkeys.pop(mapper.matchlist[-1].maxkeys)
        mapper.maxkeys[Counted(mapper.matchlist[-1].maxkeys)] = routes_of_keys
    assert Counted.comparisons < 100


@claim("B23")
def no_controllers_match_nothing(mapper):
    mapper.connect("/{controller}/index")
    mapper.create_regs([])
    assert mapper.match("//index") is None


@claim("B25")
def extend_keeps_a_routes_options(mapper):
    static = routes.route.Route("cdn", "http://cdn.example/", _static=True)
    mapper.extend([static, routes.route.Route(None, "a/:b", _minimize=True, b="c")])
    assert mapper._routenames["cdn"].static
    assert mapper.match("/a") == {"b": "c"}


@claim("B27")
def a_segment_of_several_variables_takes_linear_time(mapper):
    # Backtracking over 110 dashes takes as long as some 25 of these loops; over 100,000, for ever.
    mapper.connect("/{a}-{b}-{c}-{d}.html")
    mapper.create_regs([])
    path = "/" + "-" * (100_000 if isinstance(mapper, IndexedMapper) else 110)
    others = itertools.count()  # so that none is remembered
    assert loops(lambda: mapper.match(f"{path}{next(others)}"), "-" * 100_000, 3) <= 3


@claim("B28")
def only_the_routes_left_by_the_index_are_tried(mapper):
    mapper.connect("/nothing", action="show")
    for number in range(200):
        mapper.connect(f"/api/v1/{{tenant}}/r{number}/{{id}}")
    mapper.create_regs([])
    assert mapper.match("/api/v1/t/r199/7") == {"tenant": "t", "id": "7"}
    assert calls_in(lambda: mapper.match("/api/v1/t/r199/7", GET)) < 20


@claim("M9")
def a_trailing_newline_is_not_dropped(mapper):
    mapper.connect("/geto")
    assert mapper.match("/geto\n") is None


@claim("M19", fails=TypeError)
def the_prefix_can_be_set_late(mapper):
    mapper.connect("/a")
    assert mapper.match("/a") == {}
    mapper.prefix = "/app"
    assert mapper.match("/app/a") == {}


@claim("unknown argument", fails=NOT_REFUSED)
def an_unknown_option_is_refused(mapper):
    refuses(mapper, "/a", _minimise=True)


@claim("unknown argument", fails=NOT_REFUSED)
def a_misspelt_condition_is_refused(mapper):
    refuses(mapper, "/a", conditions={"methods": ["GET"]})


@claim("unknown argument", fails=NOT_REFUSED)
def a_misspelt_requirement_is_refused(mapper):
    refuses(mapper, "/{a}", requirement={"a": "\\d+"})


@claim("percent", fails=ValueError)
def a_percent_sign_in_a_path_can_be_generated(mapper):
    mapper.connect("name", "/100%/{x}")
    assert mapper.generate(mapper._routenames["name"], x="a") == "/100%/a"


@pytest.mark.parametrize(("check", "fails"), CLAIMS)
def test_indexed_mapper_does(check, fails):
    check(new(IndexedMapper))


@pytest.mark.parametrize(("check", "fails"), CLAIMS)
@pytest.mark.filterwarnings("ignore")
def test_routes_mapper_does_not(check, fails):
    with pytest.raises(fails):
        check(new(routes.Mapper))
