"""The body tool where nothing could send a document: the start ends, with what to write."""

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal

import cherrypy
import pytest
from msgspec import Meta, Struct

import cpkit.tools
from cpkit.config_check import faults
from cpkit.dispatchers import RoutesDispatcher
from cpkit.errors import SettingError


class Note(Struct):
    text: str


@dataclass
class Point:
    places: list[int] = field(default_factory=list)


def serve(handler, *methods):
    """Serve *handler* at ``/``, with the tool on."""

    class Root:
        page = cpkit.tools.body()(handler)

    dispatcher = RoutesDispatcher()
    conditions = {"method": list(methods or ["PUT"])}
    dispatcher.connect("it", "/", Root(), action="page", conditions=conditions)
    cherrypy.tree.mount(None, "/", {"/": {"request.dispatch": dispatcher}})


def test_a_document_that_only_a_get_could_send_ends_the_start():
    def handler(self, body: Note): ...

    serve(handler, "GET", "HEAD")
    (fault,) = map(str, faults())
    assert "the parameter body cannot be read: a GET has no body: let it be a POST" in fault


@pytest.mark.parametrize("methods", [("GET", "POST"), ("DELETE",)])
def test_a_document_may_be_sent_by_one_of_several_methods(methods):
    def handler(self, body: Note): ...

    serve(handler, *methods)
    assert list(faults()) == []


def test_a_document_that_need_not_be_there_may_be_at_a_get():
    def handler(self, body: Note | None = None): ...

    serve(handler, "GET")
    assert list(faults()) == []


def test_a_document_of_a_get_of_a_controller_by_method_ends_the_start():
    class Notes:
        exposed = True

        @cpkit.tools.body()
        def GET(self, body: Note): ...  # noqa: N802

        @cpkit.tools.body()
        def POST(self, body: Note): ...  # noqa: N802

    by_method = {"request.dispatch": cherrypy.dispatch.MethodDispatcher()}
    cherrypy.tree.mount(Notes(), "/", {"/": by_method})
    (fault,) = map(str, faults())
    assert "Notes.GET: the parameter body cannot be read: a GET has no body" in fault


def test_a_document_in_the_place_of_a_variable_of_the_path_ends_the_start():
    class Root:
        @cpkit.tools.body()
        def handler(self, body: Note): ...

    dispatcher = RoutesDispatcher()
    put = {"method": ["PUT"]}
    dispatcher.connect("it", "/{body}", Root(), action="handler", conditions=put)
    cherrypy.tree.mount(None, "/", {"/": {"request.dispatch": dispatcher}})
    (fault,) = map(str, faults())
    assert "the path fills it: call one of the two otherwise" in fault


def test_a_second_body_is_refused_by_its_decorator():
    def handler(self, body: Note, two: Note): ...

    decorated = cpkit.tools.body()(handler)
    with pytest.raises(SettingError, match="A request has one body, and 'body' takes it"):
        cpkit.tools.body(parameter="two")(decorated)


def test_a_member_whose_class_is_nowhere_is_told_with_what_may_be_meant():
    class Shelf(Struct):
        note: "Misspelt"  # noqa: F821

    def handler(self, body: Shelf): ...

    serve(handler)
    (fault,) = map(str, faults())
    assert "name 'Misspelt' is not defined: it is misspelt, imported for" in fault


@pytest.mark.parametrize(
    ("annotation", "default"),
    [(int, "x"), (int, 1.5), (Note, {"text": "a"}), (Note, {}), (list[int], ()),
     (date, "2026-12-01"), (Annotated[int, Meta(ge=5)], 1), (Literal["a"], "b"),
     (dict[str, Note], {"a": {"text": "a"}})],
    ids=str,
)  # fmt: skip
def test_a_default_of_another_type_ends_the_start(annotation, default):
    def handler(self, body: annotation = default): ...

    serve(handler)
    (fault,) = map(str, faults())
    assert f"the parameter body cannot be read: its default {default!r} does not fit" in fault


@pytest.mark.parametrize(
    ("annotation", "default"),
    [(int, None), (Note, Note("a")), (list[Note], [Note("a")]), (Point, Point()), (bytes, b"a"),
     (float, 1), (date, date(2026, 12, 1)), (set[int], {1}), (tuple[int, ...], ()),
     pytest.param(Any, object(), id="Any-an object")],
    ids=str,
)  # fmt: skip
def test_a_default_of_its_type_is_taken(annotation, default):
    def handler(self, body: annotation = default): ...

    serve(handler)
    assert list(faults()) == []
