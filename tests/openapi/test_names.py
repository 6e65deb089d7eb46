"""The names of schemas: one class, one name, whatever the classes are called."""

from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import cherrypy
import msgspec
import pytest
from msgspec import Meta, Struct
from typing_extensions import TypedDict  # that of Python 3.10 cannot be generic

from cpkit import openapi
from cpkit.dispatchers import RoutesDispatcher
from cpkit.errors import SettingError
from tests.openapi.describing import described

T = TypeVar("T")
JSON = {"cpkit.accept.on": True, "cpkit.accept.media": "application/json"}


class Book(Struct):
    number: int


class Author(Struct):
    name: str


class Page(Struct, Generic[T]):
    """A page of things."""

    items: list[T]


@dataclass
class Pair(Generic[T]):
    left: T
    right: T


class Told(TypedDict, Generic[T]):
    it: T


def schemas_of(annotation):
    def handler(self): ...

    handler.__annotations__["return"] = annotation
    return described(handler=handler, config=JSON)["components"]["schemas"]


@pytest.mark.parametrize(
    ("annotation", "names"),
    [
        (tuple[Page[Book], Page[Author]], {"Page_Book", "Page_Author", "Book", "Author"}),
        (Pair[int], {"Pair_int"}),
        (Pair[Annotated[int, Meta(ge=1)]], {"Pair_int"}),
        (Pair[Book | None], {"Pair_Book_NoneType", "Book"}),
        (Page[list[Page[Book]]], {"Page_list_Page_Book", "Page_Book", "Book"}),
        (tuple[Told[str], Told[int]], {"Told_str", "Told_int"}),
    ],
    ids=["two", "dataclass", "annotated", "optional", "nested", "typed-dict"],
)
def test_a_generic_class_has_a_schema_for_each_of_its_arguments(annotation, names):
    assert schemas_of(annotation).keys() - {"Problem"} == names


def test_each_schema_of_a_generic_class_holds_what_it_is_of():
    schemas = schemas_of(tuple[Page[Book], Page[Author]])
    for name in ("Book", "Author"):
        page = schemas[f"Page_{name}"]
        assert page["properties"]["items"]["items"] == {"$ref": f"#/components/schemas/{name}"}
        assert page["description"] == "A page of things."


def test_classes_of_one_name_and_one_module_are_told_apart():
    twins = [msgspec.defstruct("Twin", [(name, int)], module="m") for name in "ab"]
    schemas = schemas_of(tuple[tuple(twins)])
    assert list(schemas["m.Twin"]["properties"]) == ["a"]
    assert list(schemas["m.Twin_2"]["properties"]) == ["b"]


def test_classes_that_were_given_one_name_are_told_apart():
    given = [openapi.named("a b")(msgspec.defstruct(name, [])) for name in ("A", "B")]
    assert len(schemas_of(tuple[tuple(given)])) == 3


def test_a_name_is_given_in_brackets():
    with pytest.raises(TypeError, match='Write @named\\("Book"\\)'):
        openapi.named(Book)


def test_what_is_added_is_looked_at_at_once():
    with pytest.raises(SettingError, match=r"tags = 'Books' cannot be used: Write a list"):
        openapi.operation(tags="Books")
    with pytest.raises(SettingError, match="Write a mapping"):
        openapi.operation(responses=[201])
    with pytest.raises(TypeError, match="it takes a name"):
        openapi.named("")


@pytest.mark.parametrize("told", [complex, ("Told.", complex), 3])
def test_a_type_of_an_answer_that_no_schema_describes_is_refused(told):
    handler = openapi.operation(responses={200: told})(lambda self: "")
    config = {"cpkit.accept.on": True, "cpkit.accept.media": "application/json"}
    with pytest.raises(SettingError, match=r"^responses\[200\] = .* cannot be used: "):
        described(handler=handler, config=config)


@pytest.mark.parametrize("other", [cherrypy.dispatch.MethodDispatcher(), cherrypy.tree, None])
def test_what_has_no_routes_is_not_described(other):
    for describe in (openapi.describe, openapi.Page):
        with pytest.raises(SettingError, match="Only what a RoutesDispatcher of cpkit's serves"):
            describe(other, title="t", version="1")


def test_what_is_added_to_the_call_of_an_object_is_in_its_description():
    @openapi.operation(deprecated=True)
    class Called:
        @openapi.operation(tags=["Calls"])
        def __call__(self): ...

    for controller in (Called, Called()):
        dispatcher = RoutesDispatcher()
        dispatcher.connect("it", "/", controller, conditions={"method": ["GET"]})
        told = openapi.describe(dispatcher, title="t", version="1", config={})
        operation = told["paths"]["/"]["get"]
        assert (operation["tags"], operation["deprecated"]) == (["Calls"], True)
