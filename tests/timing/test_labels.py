"""The labels of a request: its template or its handler's name, never what a client chose."""

import functools

import cherrypy
import pytest

from cpkit.timing.counting import route_of, status_of


class Parent:
    def page(self): ...

    @classmethod
    def of_the_class(cls): ...

    @staticmethod
    def alone(): ...


class Child(Parent):
    pass


class Unhashable:
    __hash__ = None

    def __call__(self): ...


def function(): ...


class Request:
    """The two attributes that are read."""

    def __init__(self, script_name="", **known):
        self.script_name = script_name
        vars(self).update(known)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (Parent().page, "Parent.page"),
        (Child().page, "Child.page"),
        (Parent().alone, "Parent.alone"),
        (function, "function"),
        (lambda: None, "<lambda>"),
        (Unhashable(), "Unhashable"),
        (functools.partial(function), "partial"),
        (len, "builtin_function_or_method"),
        (None, ""),
        (cherrypy.NotFound("/chosen"), ""),
        (cherrypy.HTTPError(405), ""),
    ],
)
def test_the_handlers_name_is_the_route_where_there_is_no_template(call, name):
    assert route_of(Request(), call).endswith(name)
    assert route_of(Request("/shop"), call) in ("", f"/shop:{route_of(Request(), call)}")


def test_no_handlers_name_is_the_route_where_a_dispatcher_with_templates_found_none():
    assert route_of(Request(route=None), function) == ""


def test_a_page_handler_is_named_by_what_it_calls():
    handler = cherrypy.dispatch.PageHandler(Child().page, "a", "b")
    assert route_of(Request(), handler) == "Child.page"


@pytest.mark.parametrize("call", [None, Parent().page, cherrypy.HTTPError(405)])
def test_a_template_is_the_route_behind_its_mount_point(call):
    assert route_of(Request("/shop", route="/book/{id}"), call) == "/shop/book/{id}"


def test_a_status_is_what_was_sent():
    response = type("Response", (), {"output_status": b"404 Not Found"})
    assert status_of(response) == 404


def test_without_a_status_it_is_500():
    unsent = type("Response", (), {"output_status": None})
    assert status_of(unsent) == 500
