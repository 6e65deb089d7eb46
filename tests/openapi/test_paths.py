"""Paths and methods of a description: what OpenAPI has a place for, each once."""

import functools
from typing import Annotated

import cherrypy
import pytest
from msgspec import Meta

from cpkit import openapi
from cpkit.dispatchers import RoutesDispatcher
from tests.openapi.describing import described, only, validate

PARAMS = {"cpkit.params.on": True}


class Pages:
    def by_number(self, number: int, name: str = ""): ...

    def by_name(self, name: str): ...


def told_of(*routes, config=None):
    """Return the paths of routes, each a template, an action of Pages and a method."""
    dispatcher, pages = RoutesDispatcher(), Pages()
    for number, (template, action, method) in enumerate(routes):
        conditions = {"method": [method]}
        dispatcher.connect(f"r{number}", template, pages, action=action, conditions=conditions)
    told = openapi.describe(dispatcher, title="t", version="1", config={"/": config or {}})
    validate(told)
    return told["paths"]


def test_paths_that_differ_in_the_names_of_variables_are_one():
    paths = told_of(
        ("/book/{name}", "by_name", "GET"), ("/book/{number}", "by_number", "PUT"), config=PARAMS
    )
    assert {path: list(methods) for path, methods in paths.items()} == {
        "/book/{name}": ["get", "put"]
    }
    (variable,) = paths["/book/{name}"]["put"]["parameters"]
    assert (variable["name"], variable["in"]) == ("name", "path")
    assert variable["schema"]["type"] == "integer"


def test_a_route_that_another_path_hides_is_left_out():
    paths = told_of(
        ("/book/{name}", "by_name", "GET"),
        ("/book/all", "by_name", "GET"),
        ("/book/new", "by_name", "PUT"),
    )
    assert list(paths) == ["/book/{name}", "/book/new"]


@pytest.mark.parametrize(
    ("methods", "told"),
    [
        (["PROPFIND"], []),
        (["PROPFIND", "GET"], ["get"]),
        (["PURGE", "OPTIONS"], ["options"]),
        (["GET", "HEAD"], ["get", "head"]),
    ],
    ids=["none", "one", "options", "head"],
)
def test_a_method_that_openapi_has_no_place_for_is_left_out(methods, told):
    paths = described(handler=lambda self: "", methods=methods)["paths"]
    assert [method for path in paths.values() for method in path] == told


def test_the_head_that_a_get_answers_is_not_told_of_any_controller():
    @cherrypy.expose
    class ByMethod:
        def GET(self): ...  # noqa: N802

        def POST(self): ...  # noqa: N802

    dispatcher = RoutesDispatcher()
    dispatcher.connect("a", "/a", ByMethod())
    told = openapi.describe(dispatcher, title="t", version="1", config={})
    assert set(told["paths"]["/a"]) == {"get", "post"}


def test_a_variable_is_described_by_its_annotation_and_by_what_it_takes():
    def handler(self, path: Annotated[str, Meta(description="A file.")]): ...

    for template, words in (("/{path}", "A file."), ("/{path:.+}", "A file. May hold slashes.")):
        (path,) = only(described(route=template, handler=handler, config=PARAMS))["parameters"]
        assert path["description"] == words
        assert "description" not in path["schema"]


def shown(number: int):
    """Show it."""


class Called:
    """A thing."""

    def __call__(self):
        """Call it.

        Twice.
        """


class Silent:
    """A thing."""

    def __call__(self): ...


@pytest.mark.parametrize(
    ("handler", "summary", "description"),
    [
        (functools.partial(shown, 1), "Show it", None),
        (Called(), "Call it", "Twice."),
        (Silent(), "A thing", None),
    ],
    ids=["partial", "called", "silent"],
)
def test_the_words_are_those_of_what_is_called(handler, summary, description):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("it", "/it", handler, conditions={"method": ["GET"]})
    operation = only(openapi.describe(dispatcher, title="t", version="1", config={}))
    assert (operation["summary"], operation.get("description")) == (summary, description)


@pytest.mark.parametrize("kind", [staticmethod, classmethod])
def test_the_order_of_decorators_makes_no_difference(kind):
    def handler(*args): ...

    above = openapi.operation(tags=["T"])(kind(handler))
    told = described(handler=above)
    assert only(told)["tags"] == ["T"]
