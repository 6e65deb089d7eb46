"""IndexedMapper: the documented meaning of Routes, answered by an index."""

import pytest

from cpkit.errors import RouteError
from cpkit.routing import IndexedMapper

GET, POST = {"REQUEST_METHOD": "GET"}, {"REQUEST_METHOD": "POST"}


def test_the_first_declared_route_wins():
    mapper = IndexedMapper(register=False)
    mapper.connect("/foo/{x}", controller="first")
    mapper.connect("/foo/bar", controller="second")
    assert mapper.match("/foo/bar", GET) == {"x": "bar", "controller": "first"}


def test_methods_tells_every_method_of_a_url():
    mapper = IndexedMapper(register=False)
    mapper.connect("/a/{x}", conditions={"method": ["GET", "HEAD"]})
    mapper.connect("/a/b", conditions={"method": "POST"})
    mapper.connect("/c")
    assert mapper.methods("/a/b") == {"GET", "HEAD", "POST"}
    assert mapper.methods("/a/c") == {"GET", "HEAD"}
    assert mapper.methods("/c") is None
    assert mapper.methods("/nowhere") == frozenset()


@pytest.mark.parametrize(
    ("template", "options"),
    [
        ("/{id", {}),
        ("/{}", {}),
        ("/{a}/{a}", {}),
        ("/{a-b}", {}),
        ("/{a:[}", {}),
        ("/{a:(?i)x}/{b}", {}),
        ("/a", {"_minimise": True}),
        ("/a", {"requirement": {"a": "b"}}),
        ("/a", {"conditions": {"methods": ["GET"]}}),
        ("/a", {"conditions": {"method": None}}),
        ("/a", {"conditions": {"function": "no"}}),
        (None, {}),
    ],
    ids=str,
)
def test_a_route_that_could_never_work_is_refused_by_connect(template, options):
    mapper = IndexedMapper(register=False)
    with pytest.raises(RouteError) as caught:
        mapper.connect("name", template if template else 5, **options)
    assert caught.value.remedy
    assert mapper.matchlist == []
