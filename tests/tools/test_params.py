"""The params tool: path, query and form as the handler's annotations have them."""

import json
import types
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional  # noqa: F401  Optional stands in a text

import cherrypy
import pytest
from msgspec import Meta, Struct

import cpkit.tools
from cpkit.config_check import faults
from cpkit.dispatchers import RequestGuard, RoutesDispatcher
from cpkit.errors import AnnotationError, SettingError
from cpkit.testing import Client
from cpkit.tools import InvalidRequest, Part

if TYPE_CHECKING:
    from decimal import Decimal as ForCheckersOnly

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
Page = Annotated[int, Meta(ge=1, le=100)]


def told(**values):
    """Return what a handler got, as JSON, types and all."""
    return json.dumps({name: repr(value) for name, value in sorted(values.items())})


def routed(handler, template="/{number}", methods=("GET", "POST", "PUT"), config=None, **settings):
    """Serve *handler* by a route, with the tool on."""

    class Root:
        pass

    handler = fresh(handler)
    Root.handler = cpkit.tools.params(**settings)(handler)
    dispatcher = RoutesDispatcher()
    conditions = {"method": list(methods)}
    dispatcher.connect("it", template, Root(), action="handler", conditions=conditions)
    cherrypy.tree.mount(None, "/", {"/": {"request.dispatch": dispatcher, **(config or {})}})


def exposed(**handlers):
    """Serve *handlers* by CherryPy's own dispatcher, with the tool on."""
    pages = {name: cherrypy.expose(page) for name, page in handlers.items()}
    cherrypy.tree.mount(type("Root", (), pages)(), "/", {"/": {"cpkit.params.on": True}})


def fresh(handler):
    """Return a handler of the same code, which a decorator marks for this test alone."""
    made = types.FunctionType(*map(partial(getattr, handler), MADE_OF))
    made.__kwdefaults__ = handler.__kwdefaults__
    made.__dict__.update(handler.__dict__)
    made.__annotations__ = handler.__annotations__
    made.__module__, made.__qualname__ = handler.__module__, handler.__qualname__
    return made


MADE_OF = ("__code__", "__globals__", "__name__", "__defaults__", "__closure__")


def errors(response, status):
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["detail"]) == (status, problem["detail"])
    return [tuple(each.values()) for each in problem.get("errors", ())]


def book(self, number: int, page: Page = 1, tags: list[str] = [], q: str | None = None):  # noqa: B006
    return told(number=number, page=page, tags=tags, q=q)


@pytest.mark.parametrize(
    ("url", "got"),
    [
        ("/7", {"number": 7, "page": 1, "tags": [], "q": None}),
        ("/7?page=3&tags=a&tags=b&q=null", {"page": 3, "tags": ["a", "b"], "q": "null"}),
        ("/7?tags=a&q=", {"tags": ["a"], "q": ""}),
        ("/7?q=a;b%3Bc", {"q": "a;b;c"}),
        ("/7?&q=%C3%A9&&", {"q": "é"}),
        ("/7?q=a+b%2B", {"q": "a b+"}),
    ],
)
def test_values_have_the_types_of_the_annotations(cp_client, url, got):
    routed(book)
    response = cp_client.get(url)
    expected = {"number": 7, **got}
    assert response.json().items() >= {k: repr(value) for k, value in expected.items()}.items()


@pytest.mark.parametrize("number", ["x", "1.0", "07", "9" * 30, "%D9%A1", "true", "-"])
def test_a_path_that_does_not_fit_is_a_404(cp_client, number):
    routed(book)
    response = cp_client.get(f"/{number}?page=0")
    assert errors(response, 404) == [("path", "number", "must be a whole number")]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("page=0", [("query", "page", "must be a whole number from 1 to 100")]),
        ("page=", [("query", "page", "must be a whole number from 1 to 100")]),
        ("page", [("query", "page", "must be a whole number from 1 to 100")]),
        ("page=1;2", [("query", "page", "must be a whole number from 1 to 100")]),
        ("page=null", [("query", "page", "must be a whole number from 1 to 100")]),
        ("page=1&page=1", [("query", "page", "must be given once")]),
        ("bogus=1", [("query", "bogus", "is unknown")]),
        ("number=8", [("query", "number", "is unknown")]),
        ("self=8", [("query", "self", "is unknown")]),
        ("12,13", [("query", "12,13", "is unknown")]),
        (f"{'1' * 5000},1", [("query", "1" * 100 + "…", "is unknown")]),
        ("q=%FF", [("query", "", "is no UTF-8")]),
        ("q=%ED%A0%80", [("query", "", "is no UTF-8")]),
        (
            "page=x&bogus=1&q=a&q=b",
            [
                ("query", "page", "must be a whole number from 1 to 100"),
                ("query", "bogus", "is unknown"),
                ("query", "q", "must be given once"),
            ],
        ),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_a_query_that_does_not_fit_is_a_400_with_every_fault(cp_client, query, told):
    routed(book)
    assert errors(cp_client.get(f"/7?{query}"), 400) == told


def test_at_most_20_faults_are_told(cp_client):
    routed(book)
    query = "&".join(f"x{number}=1" for number in range(400))
    assert len(errors(cp_client.get(f"/7?{query}"), 400)) == 20


def test_an_item_of_a_list_is_named_by_its_index(cp_client):
    def handler(self, ids: list[int], days: set[date] = frozenset()):
        return told(ids=ids, days=days)

    routed(handler, "/")
    assert cp_client.get("/?ids=1").json()["ids"] == "[1]"
    response = cp_client.get("/?ids=1&ids=x&ids=2&ids=&days=2026-11-29&days=2026-11-29")
    fault = "must be a whole number"
    assert errors(response, 400) == [("query", "ids/1", fault), ("query", "ids/3", fault)]
    response = cp_client.get("/?ids=1&days=2026-11-29&days=2026-11-29")
    assert response.json()["days"] == "{datetime.date(2026, 11, 29)}"


def test_how_many_items_there_may_be_is_checked(cp_client):
    def handler(self, ids: Annotated[list[int], Meta(min_length=1, max_length=2)]):
        return told(ids=ids)

    routed(handler, "/")
    fault = ("query", "ids", "must be a list of 1 to 2 items")
    assert errors(cp_client.get("/?ids=1&ids=2&ids=3"), 400) == [fault]


def test_a_default_that_a_handler_changes_is_another_ones_default_unchanged(cp_client):
    def handler(self, tags: list[str] = []):  # noqa: B006
        tags.append("x")
        return told(tags=tags)

    routed(handler, "/")
    assert cp_client.get("/").json() == cp_client.get("/").json() == {"tags": "['x']"}


def form(self, number: int, copies: int, note: str = "", lent: bool = False, **rest: float):
    return told(number=number, copies=copies, note=note, lent=lent, **rest)


@pytest.mark.parametrize(
    ("query", "body", "got"),
    [
        ("", "copies=3&note=a;b&lent=on", {"copies": 3, "note": "a;b", "lent": True}),
        ("", "copies=3&note=&lent=", {"copies": 3, "note": "", "lent": False}),
        ("", "copies=3&weight=1.5", {"weight": 1.5}),
        ("?copies=3", "note=%C3%A9", {"copies": 3, "note": "é"}),
        ("?copies=3", "", {"copies": 3}),
    ],
)
def test_a_form_is_read_as_the_query_is(cp_client, query, body, got):
    routed(form)
    response = cp_client.post(f"/7{query}", data=body, headers=FORM)
    expected = {"number": 7, **got}
    assert response.json().items() >= {k: repr(value) for k, value in expected.items()}.items()


@pytest.mark.parametrize(
    ("query", "body", "told"),
    [
        ("", "", [("form", "copies", "is missing")]),
        ("", "copies=", [("form", "copies", "is missing")]),
        ("", "copies=x&weight=nan", [("form", "copies", "must be a whole number"),
                                     ("form", "weight", "must be a number")]),
        ("", "copies=1&copies=2", [("form", "copies", "must be given once")]),
        ("?copies=1", "copies=1", [("form", "copies", "is in the query as well")]),
        ("", "copies=1&number=8", [("form", "number", "is unknown")]),
        ("", "copies=%FF", []),
    ],
)  # fmt: skip
def test_a_form_that_does_not_fit_is_a_400(cp_client, query, body, told):
    routed(form)
    response = cp_client.post(f"/7{query}", data=body, headers=FORM)
    assert errors(response, 400) == told


def test_a_field_that_nothing_knows_is_a_400(cp_client):
    routed(book)
    response = cp_client.post("/7", data="page=2&bogus=1", headers=FORM)
    assert errors(response, 400) == [("form", "bogus", "is unknown")]


@pytest.mark.parametrize(
    ("field", "status"),
    [
        ("Application/X-WWW-Form-Urlencoded", 200),
        ("application/x-www-form-urlencoded; charset=UTF-8", 200),
        ("application/x-www-form-urlencoded; charset=latin-1", 200),
        ("application/json", 415),
        ("text", 415),
        (";;;", 415),
        ("", 415),
    ],
)
def test_a_body_that_is_no_form_is_a_415_with_accept(cp_client, field, status):
    routed(form)
    response = cp_client.post("/7", data=b"copies=3", headers={"Content-Type": field})
    assert response.status_code == status
    accept = "application/x-www-form-urlencoded, multipart/form-data"
    assert response.headers.get("Accept") == (accept if status == 415 else None)


def test_a_handler_that_takes_no_form_reads_its_body_itself(cp_client):
    def handler(self, number: int):
        return told(number=number, body=cherrypy.request.body.read())

    routed(handler)
    response = cp_client.put("/7", data=b"\0", headers={"Content-Type": "image/png"})
    assert response.json() == {"number": "7", "body": repr(b"\0")}


def test_form_false_leaves_the_body_to_the_handler(cp_client):
    def handler(self, page: int = 1):
        return told(page=page, body=cherrypy.request.body.read())

    routed(handler, "/", form=False)
    headers = {"Content-Type": "image/png"}
    assert cp_client.put("/?page=2", data=b"\0", headers=headers).json()["page"] == "2"
    response = cp_client.put("/?page=x", data=b"\0", headers=headers)
    assert errors(response, 400) == [("query", "page", "must be a whole number")]


def test_a_body_that_another_tool_reads_is_left_to_it(cp_client):
    @cherrypy.tools.json_in()
    def handler(self, page: int = 1):
        return told(page=page, body=cherrypy.request.json)

    routed(handler, "/")
    assert cp_client.post("/?page=2", json=[1]).json() == {"page": "2", "body": "[1]"}


@pytest.mark.parametrize("length", [None, "0"])
@pytest.mark.parametrize("handler", [form, book])
def test_a_post_without_a_length_has_an_empty_body(cp_client, length, handler):
    routed(handler)
    headers = {} if length is None else {"Content-Length": length, "Content-Type": "text/plain"}
    response = cp_client.request("POST", "/7", headers=headers)
    assert response.status_code == (400 if handler is form else 200)


def test_a_form_that_was_cut_off_is_a_400(cp_client):
    routed(form)
    response = cp_client.post("/7", data=b"copies=3", headers={**FORM, "Content-Length": "20"})
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"copies=3"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data"),
    ],
)
def test_what_the_guard_refuses_of_a_form_is_told_in_json_too(cp_client, kind, body):
    """As on a GuardedServer, which is what a deployment should have."""
    routed(form)
    guarded = Client(RequestGuard(cherrypy.tree))
    headers = {"Content-Type": kind, "Content-Length": "200"}
    response = guarded.post("/7", data=body, headers=headers)
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Connection"] == "close"


def test_files_pass_as_they_are(cp_client):
    def handler(self, cover: Part, pages: list[Part] = [], note: str = ""):  # noqa: B006
        names = [page.filename for page in pages]
        content = cover.file.read()
        for part in (cover, *pages):
            part.file.close()
        return told(cover=content, pages=names, note=note)

    routed(handler, "/")
    files = {"cover": b"abc", "pages": ("1.png", b"d")}
    response = cp_client.post("/", data={"note": "x"}, files=files)
    assert response.json() == {"cover": "b'abc'", "pages": "['1.png']", "note": "'x'"}
    response = cp_client.post("/", data={"cover": "x"}, files={"note": b"y"})
    assert errors(response, 400) == [
        ("form", "cover", "must be a file"),
        ("form", "note", "must be text, not a file"),
    ]


def test_a_form_of_no_parts_has_no_fields(cp_client):
    routed(book)
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert cp_client.post("/7", data=b"--x--\r\n", headers=headers).status_code == 200


@pytest.mark.parametrize("field", ["multipart/form-data", "multipart/form-data; boundary=é x"])
def test_parts_that_cannot_be_told_apart_are_a_400(cp_client, field):
    routed(form)
    response = cp_client.post("/7", data=b"--x", headers={"Content-Type": field})
    assert response.status_code in (400, 415)


@pytest.mark.parametrize("field", ["multipart/mixed", "multipart/form-data", "multipart/x; a=b"])
def test_a_handler_that_takes_nothing_is_sent_parts_that_cannot_be_told_apart(cp_client, field):
    def nothing(self, number: int):
        return "x"

    routed(nothing)
    response = cp_client.post("/7", data=b"--x", headers={"Content-Type": field})
    assert response.status_code == 400


def test_the_order_of_refusals(cp_client):
    routed(cpkit.tools.accept(media="text/html")(fresh(form)), config={"cpkit.params.on": True})
    text = {"Content-Type": "text/plain"}
    ask = cp_client.request
    assert ask("DELETE", "/x?%FF", headers={"Accept": "image/png"}).status_code == 405
    response = ask("POST", "/x?%FF", data=b"x", headers={"Accept": "image/png", **text})
    assert response.status_code == 406
    assert ask("POST", "/x?%FF", data=b"x", headers=text).status_code == 404
    assert ask("POST", "/7?%FF", data=b"x", headers=text).status_code == 415
    response = ask("POST", "/7?copies=x", data=b"note=1", headers=FORM)
    assert response.status_code == 400
    assert "copies must be a whole number" in response.text


def test_what_another_tool_made_of_a_value_stands(cp_client):
    def user():
        params = cherrypy.request.params
        params["number"] = 100 + int(params["number"])
        params["page"] = 100 + int(params.get("page", 0))
        params["user"] = ["somebody"]
        params.pop("token", None)

    cherrypy.tools.user = cherrypy.Tool("before_request_body", user)

    def handler(self, number: int, user, page: int = 1):
        return told(number=number, user=user, page=page)

    routed(cherrypy.tools.user()(handler))
    got = cp_client.get("/7?token=abc&page=7").json()
    assert got == {"number": "107", "page": "107", "user": "['somebody']"}
    assert cp_client.request("POST", "/7").json()["number"] == "107"


def test_the_formats_parameter_of_accept_is_not_unknown(cp_client):
    media = {"text/html": str, "application/json": json.dumps}
    routed(cpkit.tools.accept(media=media, format_param="format")(fresh(book)))
    assert cp_client.get("/7?page=2&format=json").headers["Content-Type"] == "application/json"


def test_a_parameter_that_is_skipped_is_neither_read_nor_refused(cp_client):
    class Unknown:
        pass

    def handler(self, user: Unknown = None, page: int = 1):
        return told(user=user, page=page)

    handler.__annotations__.update(user=Unknown, page=int)
    routed(handler, "/", skip=["user"])
    assert cp_client.get("/?page=2&user=x").json() == {"user": "'x'", "page": "2"}


def test_a_handler_without_annotations_gets_texts(cp_client):
    def handler(self, number, page="1", *, q=None):
        return told(number=number, page=page, q=q)

    routed(handler)
    assert cp_client.get("/7?page=2&q=a&q=b").json()["q"] == "['a', 'b']"
    assert errors(cp_client.get("/7?bogus=1"), 400) == [("query", "bogus", "is unknown")]


@pytest.mark.parametrize(
    ("url", "got"),
    [
        ("/show/7", "[7, 'x', 0]"),
        ("/show/7/b?page=2", "[7, 'b', 2]"),
        ("/show?number=9", "[9, 'x', 0]"),
        ("/every/1/2?a=1.5", "[(1, 2), {'a': 1.5}]"),
        ("/only/7", "[7]"),
    ],
)
def test_segments_of_cherrypys_dispatcher_are_read_by_their_position(cp_client, url, got):
    exposed(
        show=lambda self, number, other="x", *, page=0: str([number, other, page]),
        every=lambda self, *numbers, **rest: str([numbers, rest]),
    )
    root = cherrypy.tree.apps[""].root
    type(root).show.__annotations__ = {"number": int, "other": str, "page": int}
    type(root).every.__annotations__ = {"numbers": int, "rest": float}

    def only(self, number: int, /):
        return str([number])

    type(root).only = cherrypy.expose(only)
    assert cp_client.get(url).text == got


@pytest.mark.parametrize(
    ("url", "status"),
    [("/show/x", 404), ("/show/7/8", 404), ("/show", 400), ("/show/7?number=7", 400)],
)
def test_segments_that_do_not_fit_are_a_404(cp_client, url, status):
    def show(self, number: int):
        return ""

    exposed(show=show)
    errors(cp_client.get(url), status)


def test_methods_of_cherrypys_methoddispatcher_are_read_too(cp_client):
    class Book:
        exposed = True

        def GET(self, number: int, page: int = 1):  # noqa: N802
            return told(number=number, page=page)

        def POST(self, *, copies: int):  # noqa: N802
            return told(copies=copies)

    config = {"request.dispatch": cherrypy.dispatch.MethodDispatcher(), "cpkit.params.on": True}
    cherrypy.tree.mount(Book(), "/book", {"/": config})
    assert cp_client.get("/book/7?page=2").json() == {"number": "7", "page": "2"}
    assert cp_client.get("/book/x").status_code == 404
    assert cp_client.post("/book", data={"copies": "3"}).json() == {"copies": "3"}
    assert cp_client.put("/book/7").status_code == 405


def test_the_answer_is_html_where_that_is_liked_best(cp_client):
    routed(book)
    response = cp_client.get("/7?page=<b>", headers={"Accept": "text/html,*/*;q=0.8"})
    assert response.headers["Content-Type"] == "text/html;charset=utf-8"
    assert response.headers["Vary"] == "Accept"
    assert "page must be a whole number from 1 to 100." in response.text


@pytest.mark.parametrize("errors", [True, False])
def test_the_answer_is_in_the_negotiated_type(cp_client, errors):
    media = {"text/html": str, "application/json": json.dumps, "text/plain": str}
    routed(cpkit.tools.accept(media=media, errors=errors)(fresh(book)))
    response = cp_client.get("/7?page=0", headers={"Accept": "application/json"})
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()["errors"][0]["name"] == "page"
    assert response.headers.get_all("Vary") == ["Accept"]
    response = cp_client.get("/7?page=0", headers={"Accept": "text/plain"})
    assert response.text.startswith("400 Bad Request\n\npage must be")


def test_an_error_page_of_ones_own_finds_the_faults_on_the_request(cp_client):
    def page(status, message, **others):
        return json.dumps([status, cherrypy.request.refusal.errors])

    routed(book, config={"error_page.400": page})
    status, found = cp_client.get("/7?page=0").json()
    assert (status, found[0]["name"]) == ("400 Bad Request", "page")


def test_a_refusal_is_an_httperror_with_its_faults(cp_client):
    assert issubclass(InvalidRequest, cherrypy.HTTPError)


class Note(Struct):
    text: str


class Outer:
    def dict_(self, x: dict[str, int]): ...
    def struct(self, x: Note): ...
    def bytes_(self, x: bytes): ...
    def mixed(self, x: int | str): ...
    def literal(self, x: Literal[1, "a"]): ...
    def complex_(self, x: complex): ...
    def nested(self, x: list[list[int]]): ...
    def default(self, x: int = "1"): ...
    def bound(self, x: Annotated[int, Meta(le=9)] = 10): ...
    def missing(self, x: "ForCheckersOnly"): ...
    def nowhere(self, x: "Nowhere"): ...  # noqa: F821


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dict_", "this is for a body: give it to cpkit.tools.body"),
        ("struct", "this is for a body: give it to cpkit.tools.body"),
        ("bytes_", "no text writes that: take str"),
        ("mixed", "int | str cannot be told apart"),
        ("literal", "neither all texts nor all whole numbers"),
        ("complex_", "nothing is known of complex"),
        ("nested", "this is for a body"),
        ("default", "its default '1' does not fit"),
        ("bound", "its default 10 does not fit"),
        ("missing", "imported for type checkers only, or local to a function"),
        ("nowhere", "imported for type checkers only, or local to a function"),
    ],
)
def test_an_annotation_that_cannot_be_read_ends_the_start(cp_client, name, said):
    handler = vars(Outer)[name]
    routed(handler, "/")
    (fault,) = map(str, faults())
    assert fault.startswith("cpkit.params.on in ")
    assert f"{__name__}:Outer.{name}: the " in fault
    assert said in fault
    with pytest.raises(AnnotationError, match="cannot be read"):
        cp_client.get("/")


def starred(self, *numbers: int): ...
def slashed(self, number: int, /): ...


@pytest.mark.parametrize(("handler", "name"), [(starred, "numbers"), (slashed, "number")])
def test_what_a_route_cannot_fill_ends_the_start(handler, name):
    routed(handler, "/")
    told = [str(fault) for fault in faults() if "cpkit.params.on" in str(fault)]
    assert len(told) == 1
    assert f"the parameter {name} cannot be read: a route passes its variables by name" in told[0]


def test_the_check_at_the_start_knows_the_pages_of_cherrypys_dispatcher(cp_client):
    def show(self, number: complex): ...

    exposed(show=show)
    (fault,) = map(str, faults())
    assert "the parameter number cannot be read" in fault


@pytest.mark.parametrize("optional", [int | None, "Optional[int]", "int | None"])
def test_optional_is_read_however_it_is_written(cp_client, optional):
    def handler(self, x=None):
        return told(x=x)

    handler.__annotations__["x"] = optional
    routed(handler, "/")
    assert list(faults()) == []
    assert cp_client.get("/?x=3").json() == {"x": "3"}
    assert cp_client.get("/").json() == {"x": "None"}
    assert cp_client.get("/?x=null").status_code == 400


def test_a_decorated_handler_is_read_by_its_own_annotations(cp_client):
    import functools

    def decorated(handler):
        @functools.wraps(handler)
        def wrapper(*args, **kwargs):
            return handler(*args, **kwargs)

        return wrapper

    routed(decorated(book))
    assert cp_client.get("/7?page=2").json()["page"] == "2"


def test_a_class_whose_controllers_are_made_for_each_request_is_read(cp_client):
    class Books:
        @cpkit.tools.params()
        def book(self, number: int, x: Any = 1):
            return told(number=number, x=x)

    dispatcher = RoutesDispatcher()
    dispatcher.connect("it", "/{number}", Books, action="book")
    cherrypy.tree.mount(None, "/", {"/": {"request.dispatch": dispatcher}})
    assert list(faults()) == []
    assert cp_client.get("/7").json() == {"number": "7", "x": "1"}
    assert cp_client.get("/x").status_code == 404


@pytest.mark.parametrize("setting", [{"skip": "user"}, {"skip": [1]}, {"form": "no"}])
def test_a_wrong_setting_is_refused(setting):
    with pytest.raises(SettingError, match=f"params.{next(iter(setting))}"):
        cpkit.tools.params(**setting)


def test_what_the_dispatcher_answers_itself_is_left_alone(cp_client):
    routed(book, config={"cpkit.params.on": True})
    assert cp_client.options("/7").status_code == 204
    assert cp_client.delete("/7").status_code == 405
    assert cp_client.get("/no/such").status_code == 404


def test_an_optional_variable_that_is_not_in_the_path_leaves_its_name_to_the_query(cp_client):
    routed(lambda self, number: told(number=number), "/it{.number:[0-9]+}")
    assert cp_client.get("/it.7").json() == {"number": "'7'"}
    assert cp_client.get("/it?number=8").json() == {"number": "'8'"}
    assert cp_client.get("/it").json() == {"number": "None"}
    assert cp_client.get("/it.7?number=8").status_code == 400
