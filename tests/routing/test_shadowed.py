"""mapper.shadowed(): the routes that can never match."""

from random import Random

import pytest
from routing_tables import Table

from cpkit.routing import IndexedMapper


def shadowed(*declared):
    mapper = IndexedMapper(register=False)
    for template, *methods in declared:
        options = {"conditions": {"method": methods}} if methods else {}
        mapper.connect(template, **options)
    return [(shadow.route.template, shadow.by.template) for shadow in mapper.shadowed()]


@pytest.mark.filterwarnings("ignore::cpkit.routing.PatternWarning")
@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("/a", "/a"),
        ("/{x}", "/a"),
        ("/{x}", "/{y}"),
        ("/{x}", "/{y:\\d+}"),
        ("/{x}", "/a{.format}"),
        ("/{x}", "/{y}-{z}.html"),
        ("/{x:\\d+}", "/12"),
        ("/{x:\\d+}", "/{y:\\d+}"),
        ("/{x:[ab]+}/{y}", "/aba/c"),
        ("/{x}.html", "/index.html"),
        ("/{x}-{y}", "/{a}-{b}"),
        ("/*x", "/a/b"),
        ("/a/{x:.*}", "/a/"),
        ("/a/{x:.*}", "/a/{y}/b"),
        ("/a/*x", "/a/*y"),
        ("/{x:.*}.{y}", "/{a:.*}.{b}"),
    ],
)
def test_a_wider_route_shadows_a_later_one(earlier, later):
    assert shadowed((earlier,), (later,)) == [(later, earlier)]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("/a", "/b"),
        ("/a", "/{x}"),
        ("/{x:\\d+}", "/{x}"),
        ("/{x:\\d+}", "/a"),
        ("/{x}", "/{y:\\d*}"),
        ("/{x}", "/"),
        ("/{x}", "/a/b"),
        ("/a/{x:.+}", "/a/"),
        ("/a/{x:.+}", "/a"),
        ("/a/{x:.+}", "/a/{y:\\d*}"),
        ("/{x}.html", "/{x}.txt"),
    ],
)
def test_a_route_that_some_path_still_reaches_is_not_shadowed(earlier, later):
    assert shadowed((earlier,), (later,)) == []


def shadowed_of_minimized(*declared):
    mapper = IndexedMapper(register=False)
    for template, defaults in declared:
        mapper.connect(template, _minimize=True, **defaults)
    return [(shadow.route.template, shadow.by.template) for shadow in mapper.shadowed()]


NO_ID = {"id": None}


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (("/books/{id}", {}), ("/books/new", {})),
        (("/books/{id}", NO_ID), ("/books", {})),
        (("/books/{id}", NO_ID), ("/books/new", {})),
        (("/books/{id}", NO_ID), ("/books/{number:\\d+}", {"number": 5})),
        (("/{a}/books/{id}", NO_ID), ("/x/books/new", {})),
        (("/{a}/{b}/{c}", {"a": "x", "b": "y", "c": "z"}), ("", {})),
        (("/{a}/{b}", {}), ("/{a}/edit", {"a": "x"})),
        (("/{a}/{b}", {"a": "x", "b": "y"}), ("/{a}/edit", {"a": "x"})),
        (("/{a}/{b}", {"a": "x", "b": "y"}), ("/{c}", {"c": "z"})),
    ],
    ids=str,
)
def test_a_minimized_route_shadows_a_minimized_one(earlier, later):
    assert shadowed_of_minimized(earlier, later) == [(later[0], earlier[0])]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (("/books/{id}", {}), ("/books/{id}", NO_ID)),
        (("/books/new", {}), ("/books/{id}", {})),
        (("/books/{id:\\d+}", NO_ID), ("/books/new", {})),
        (("/{a}/books", {}), ("/x.y/books", {})),  # a variable before a text holds no dot
        (("/{a}/{b}", {}), ("/{c}", {})),
        (("/books/{id}", {}), ("/books/{number}", {"number": None})),  # /books//
    ],
    ids=str,
)
def test_a_minimized_route_that_some_path_still_reaches_is_not_shadowed(earlier, later):
    assert shadowed_of_minimized(earlier, later) == []


def test_the_empty_route_is_not_shadowed_since_the_empty_path_finds_it():
    mapper = IndexedMapper(register=False)
    mapper.connect("")
    assert mapper.shadowed() == []
    assert mapper.match("") == {}


def test_earlier_routes_share_the_methods_they_take():
    table = [("/{x}", "GET"), ("/{y}", "PUT", "POST"), ("/a", "GET", "PUT")]
    assert shadowed(*table) == [("/a", "/{y}")]
    assert shadowed(*table[:2], ("/a", "GET", "DELETE")) == []
    assert shadowed(*table[:2], ("/a",)) == []


def test_a_condition_function_may_refuse_so_it_shadows_nothing():
    mapper = IndexedMapper(register=False)
    mapper.connect("/{x}", conditions={"function": lambda environ, result: True})
    mapper.connect("/a", conditions={"sub_domain": ["api"]})
    mapper.connect("/a", conditions={"sub_domain": ["www"]})
    assert mapper.shadowed() == []


def test_the_same_sub_domain_twice_is_a_shadow():
    mapper = IndexedMapper(register=False)
    for _ in range(2):
        mapper.connect("/a", conditions={"sub_domain": ["api"]})
    assert [shadow.route for shadow in mapper.shadowed()] == mapper.matchlist[1:]


def test_a_route_without_a_leading_slash_is_named():
    mapper = IndexedMapper(register=False)
    mapper.connect("about")
    assert mapper.shadowed() == [(mapper.matchlist[0], None)]


@pytest.mark.parametrize("seed", range(30))
def test_what_is_called_shadowed_never_wins(seed):
    table = Table(Random(seed), size=40)
    shadows = {id(shadow.route) for shadow in table.mine.shadowed() if shadow.by}
    for _ in range(150):
        url, environ = table.url(), table.environ()
        found = table.mine.routematch(url, environ)
        if found and "\n" not in url:
            assert not environ or id(found[1]) not in shadows, (url, found[1].template)


@pytest.mark.parametrize("seed", range(20))
def test_every_planted_shadow_is_found(seed):
    random, mapper, planted = Random(seed), IndexedMapper(register=False), []
    for number in range(random.randint(5, 60)):
        names = [f"s{random.randrange(5)}" for _ in range(random.randint(1, 4))]
        path = [f"{{v{at}}}" if random.random() < 0.4 else name for at, name in enumerate(names)]
        mapper.connect("/" + "/".join(path))
        if number % 3 == 0:
            below = [f"x{number}" if name.startswith("{") else name for name in path]
            mapper.connect("/" + "/".join(below))
            planted.append(mapper.matchlist[-1])
    found = {id(shadow.route) for shadow in mapper.shadowed()}
    assert {id(route) for route in planted} <= found
