"""mapper.differences(): what Routes 2.5's own order answers by another route."""

from random import Random

import pytest
import routes
from routing_tables import CONTROLLERS, METHODS, ServiceTable, Table

from cpkit.routing import IndexedMapper


def differing(*declared, **options):
    mapper = IndexedMapper(register=False)
    for template, *methods in declared:
        conditions = {"conditions": {"method": methods}} if methods else {}
        mapper.connect(template, **conditions, **options)
    return [
        (found.method, found.path, *(each and each.template for each in found[2:]))
        for found in mapper.differences()
    ]


@pytest.mark.parametrize(
    ("earlier", "later", "path"),
    [
        ("/{tenant}/admin", "/acme/{page}", "/acme/admin"),
        ("/{path:.*}", "/foo/{id:\\d+}", "/foo/1"),
        ("/*path", "/foo", "/foo"),
        ("/{tenant}/*rest", "/foo/bar", "/foo/bar"),
        ("/foo/{x}", "/foo/bar", "/foo/bar"),
        ("/{x}/{y}/edit", "/a/{z:[0-9a-f]+}/*rest", "/a/a/edit"),
        ("/{x:[a-z]+}-{y}", "/a-{z}", "/a-a"),
        ("/{x}/clean", "/cache/{image:clean|delete}", "/cache/clean"),
        ("/user/{id}_{size}.png", "/user/edit.{format}", "/user/edit.aa_a.png"),
        ("/{x}.png", "/thumb-{y}", "/thumb-aa.png"),
    ],
)
def test_a_later_route_with_a_longer_prefix_answers_in_routes_2_5(earlier, later, path):
    assert differing((earlier,), (later,)) == [("GET", path, earlier, later)]
    assert differing((later,), (earlier,)) == []


def test_a_route_whose_prefix_is_left_out_is_not_found_by_routes_2_5():
    found = differing(("feed.:format",), _minimize=True, format="html")
    assert ("GET", "/feed", "feed.:format", None) in found


def test_a_minimized_route_is_compared_with_one_that_is_not():
    mapper = IndexedMapper(register=False)
    mapper.connect("/{x}/res/{y}", _minimize=False)
    mapper.connect("/v2/{z}/{id:\\d+}", _minimize=True)
    (found,) = mapper.differences()
    assert (found.path, found.upstream) == ("/v2/res/1", mapper.matchlist[1])


def test_routes_that_share_no_method_do_not_differ():
    table = [("/{x}/admin", "GET"), ("/acme/{page}", "POST", "PUT")]
    assert differing(*table) == []
    assert [row[0] for row in differing(*table, ("/acme/{page}", "GET", "PUT"))] == ["GET"]


def test_a_condition_function_is_taken_to_accept_and_not_called():
    mapper = IndexedMapper(register=False)
    mapper.connect("/{x}/admin", conditions={"function": lambda environ, result: 1 / 0})
    mapper.connect("/acme/{page}")
    (found,) = mapper.differences()
    assert (found.declared, found.upstream) == tuple(mapper.matchlist)


def test_each_route_concerned_is_in_an_example():
    later = [f"/acme{number}/{{page}}" for number in range(20)]
    found = differing(("/{tenant}/admin",), *((each,) for each in later))
    assert [row[3] for row in found] == later


def compared(table):
    """Return Routes' own routes of *table* in declared order; Routes 2.5 sorts them."""
    if table.mine.prefix or len(table.theirs.matchlist) != len(table.mine.matchlist):
        pytest.skip("a prefix is not part of the paths")
    for route in table.theirs.matchlist + table.mine.matchlist:
        (route.conditions or {}).pop("function", None)
        if isinstance((route.conditions or {}).get("method"), str):
            route.conditions["method"] = [route.conditions["method"]]
    declared = list(table.theirs.matchlist)
    table.theirs.create_regs(CONTROLLERS)
    return declared


@pytest.mark.parametrize("seed", range(40))
def test_every_difference_is_one_of_routes_mapper(seed):
    """Routes' own mapper, asked for the path, answers as the difference says."""
    table = Table(Random(seed), size=12)
    declared = compared(table)
    for found in table.mine.differences():
        environ = {"REQUEST_METHOD": found.method}
        if any("sub_domain" in (route.conditions or {}) for route in found[2:] if route):
            continue
        answer = routes.Mapper.routematch(table.theirs, found.path, environ)
        number = answer and declared.index(answer[1])
        wanted = found.upstream and table.mine.matchlist.index(found.upstream)
        assert number == wanted, (found.path, table.theirs.matchlist)


@pytest.mark.parametrize("seed", [*range(20), 21, 587, 621])
def test_every_route_that_answers_otherwise_in_routes_2_5_is_in_an_example(seed):
    table = ServiceTable(Random(seed), size=8)
    declared = compared(table)
    told = {id(route) for found in table.mine.differences() for route in found[2:]}
    for _ in range(200):
        path, environ = table.url(), {"REQUEST_METHOD": table.random.choice(METHODS)}
        scan = (route for route in declared if route.match(path, environ) is not False)
        first, answer = next(scan, None), table.theirs.routematch(path, environ)
        for route in {first, answer and answer[1]} if first is not (answer and answer[1]) else ():
            assert route is None or id(table.mine.matchlist[declared.index(route)]) in told, path
