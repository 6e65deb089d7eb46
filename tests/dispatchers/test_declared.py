"""Routes written beside their handlers: include() makes the connect calls they stand for."""

import cherrypy
import pytest

from cpkit.dispatchers import RoutesDispatcher, route, routes
from cpkit.errors import RouteError


class Recorder(RoutesDispatcher):
    """A dispatcher that writes down how its connect is called."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def connect(self, name, template, controller, **options):
        self.calls.append((name, template, controller, options))
        super().connect(name, template, controller, **options)


@pytest.fixture
def recorder():
    return Recorder()


class Library:
    @route("/library/{library_id}", methods=["GET"], name="library")
    def show(self, library_id):
        return f"library {library_id}"

    @route("/library/{library_id}/book/{book_id}", methods=["GET"], name="book")
    @route("/book/{library_id}-{book_id}", config={"a.b": 1})
    def book(self, library_id, book_id):
        return f"book {book_id} of {library_id}"

    def helper(self):
        raise AssertionError


def only(*methods):
    return {"method": list(methods)}


def test_include_connects_in_the_order_of_the_source(recorder):
    library = Library()
    recorder.include(library)
    assert recorder.calls == [
        (
            "library",
            "/library/{library_id}",
            library,
            {"conditions": only("GET"), "action": "show"},
        ),
        (
            "book",
            "/library/{library_id}/book/{book_id}",
            library,
            {"conditions": only("GET"), "action": "book"},
        ),
        (None, "/book/{library_id}-{book_id}", library, {"config": {"a.b": 1}, "action": "book"}),
    ]


def test_included_routes_are_served(recorder, mount, cp_client):
    recorder.include(Library())
    mount(recorder)
    assert cp_client.get("/library/12").text == "library 12"
    assert cp_client.get("/library/12/book/15").text == "book 15 of 12"
    assert cp_client.post("/book/12-15").text == "book 15 of 12"
    assert cp_client.post("/library/12").status_code == 405
    assert recorder.url_for("book", library_id=1, book_id=2).endswith("/library/1/book/2")


@pytest.mark.parametrize("methods", ["GET", ("GET",), iter(["GET"])])
def test_methods_may_be_one_or_several(recorder, methods):
    @route("/x", methods=methods)
    def x():
        return "x"

    recorder.include(x)
    assert recorder.calls == [(None, "/x", x, {"conditions": only("GET")})]


def test_methods_join_further_conditions(recorder):
    def odd(environ, result):
        return True

    @route("/x", methods=["PUT"], conditions={"function": odd}, requirements={"id": "1"}, page="2")
    def x(page):
        return "x"

    recorder.include(x)
    (call,) = recorder.calls
    assert call[3] == {
        "conditions": {"function": odd, "method": ["PUT"]},
        "requirements": {"id": "1"},
        "page": "2",
    }


def test_a_decorated_handler_stays_what_it_was():
    def handler():
        return "called"

    assert route("/x")(handler) is handler
    assert routes("/api")(Library) is Library
    del Library._cpkit_prefix


@pytest.mark.parametrize("kind", ["object", "class"])
def test_a_class_is_included_as_an_object_or_as_a_new_one_for_each_request(
    recorder, mount, cp_client, kind
):
    made = []

    class Counted:
        def __init__(self):
            made.append(self)

        @route("/x")
        def x(self):
            return "x"

    recorder.include(Counted if kind == "class" else Counted())
    mount(recorder)
    assert [cp_client.get("/x").text for _ in range(3)] == ["x"] * 3
    assert len(made) == (3 if kind == "class" else 1)


def test_several_handlers_are_included_in_their_order(recorder):
    @route("/b")
    def b(): ...

    @route("/a")
    def a(): ...

    recorder.include(b, Library, a)
    assert [template for _, template, *_ in recorder.calls][::4] == ["/b", "/a"]


@routes("/api/v1", name_prefix="v1_", config={"a.b": "class", "c.d": 1}, kind="book")
class Books:
    @route("", name="books", config={"a.b": "own"})
    def index(self, kind):
        return f"books {cherrypy.request.config['a.b']} {cherrypy.request.config['c.d']}"

    @route("/{book_id}", name="book", kind="own")
    def show(self, book_id, kind):
        return f"{kind} {book_id}"


def test_a_prefix_and_options_hold_for_all_routes_of_a_class(recorder, mount, cp_client):
    recorder.include(Books(), prefix="/shop", name_prefix="my_")
    assert [call[:2] for call in recorder.calls] == [
        ("my_v1_books", "/shop/api/v1"),
        ("my_v1_book", "/shop/api/v1/{book_id}"),
    ]
    mount(recorder)
    assert cp_client.get("/shop/api/v1").text == "books own 1"
    assert cp_client.get("/shop/api/v1/7").text == "own 7"


class Base:
    @route("/first", name="first")
    def first(self):
        return "base first"

    @route("/second", name="second")
    def second(self):
        return "base second"

    @route("/third")
    def third(self):
        return "base third"

    @route("/gone")
    def gone(self): ...


class Derived(Base):
    gone = None

    def first(self):
        return "derived first"

    @route("/other")
    def second(self):
        return "derived second"

    @route("/own")
    def own(self):
        return "own"


def test_routes_are_inherited_bases_first_and_an_override_may_have_its_own(
    recorder, mount, cp_client
):
    recorder.include(Derived())
    assert [template for _, template, *_ in recorder.calls] == [
        "/first",
        "/third",
        "/other",
        "/own",
    ]
    mount(recorder)
    assert cp_client.get("/first").text == "derived first"
    assert cp_client.get("/other").text == "derived second"
    assert cp_client.get("/second").status_code == 404


def test_a_prefix_is_inherited_unless_a_subclass_has_its_own(recorder):
    class Inheriting(Books):
        pass

    @routes("/v2")
    class Own(Books):
        pass

    recorder.include(Inheriting, Own)
    assert [template for _, template, *_ in recorder.calls] == [
        "/api/v1",
        "/api/v1/{book_id}",
        "/v2",
        "/v2/{book_id}",
    ]


class Kinds:
    @route("/above")
    @staticmethod
    def above():
        return "static above"

    @staticmethod
    @route("/below")
    def below():
        return "static below"

    @route("/class-above")
    @classmethod
    def class_above(cls):
        return cls.__name__

    @classmethod
    @route("/class-below")
    def class_below(cls):
        return cls.__name__

    @cherrypy.expose
    @route("/exposed")
    @cherrypy.config(**{"a.b": 1})
    def exposed(self):
        return "exposed"


@pytest.mark.parametrize("kind", [Kinds, Kinds()], ids=["class", "object"])
def test_static_and_class_methods_answer_too(recorder, mount, cp_client, kind):
    recorder.include(kind)
    mount(recorder)
    answers = [cp_client.get(template).text for _, template, *_ in recorder.calls]
    assert answers == ["static above", "static below", "Kinds", "Kinds", "exposed"]


def test_a_class_that_answers_by_method_has_a_route_itself(recorder, mount, cp_client):
    @route("/shelf", name="shelf")
    @cherrypy.expose
    class Shelf:
        def GET(self):  # noqa: N802
            return "got"

    recorder.include(Shelf, Shelf(), prefix="/a")
    assert recorder.calls[0] == ("shelf", "/a/shelf", Shelf, {})
    mount(recorder)
    assert cp_client.get("/a/shelf").text == "got"
    assert cp_client.put("/a/shelf").status_code == 405


def test_a_bound_method_is_included_alone(recorder, mount, cp_client):
    recorder.include(Library().show)
    mount(recorder)
    assert cp_client.get("/library/3").text == "library 3"


def test_a_bound_method_has_what_its_class_says_of_its_routes(recorder):
    @routes("/all", name_prefix="all_", config={"a.b": 2})
    class Below(Library):
        def show(self, library_id): ...

        @classmethod
        @route("/made")
        def made(cls): ...

    below = Below()
    recorder.include(below.show, Below.made)
    everything = Recorder()
    everything.include(below, Below)
    assert recorder.calls == [everything.calls[0], everything.calls[-1]]
    assert [template for _, template, *_ in recorder.calls] == [
        "/all/library/{library_id}",
        "/all/made",
    ]


def test_a_handler_may_be_wrapped_above_its_route(recorder, mount, cp_client):
    import functools

    def loud(function):
        @functools.wraps(function)
        def wrapper(*args, **params):
            return function(*args, **params).upper()

        return wrapper

    class Quiet:
        @loud
        @route("/quiet")
        def quiet(self):
            return "quiet"

    recorder.include(Quiet())
    mount(recorder)
    assert cp_client.get("/quiet").text == "QUIET"


@pytest.mark.parametrize(
    ("template", "written"), [("library", "/library"), ("{id}", "/{id}"), (":id", "/:id")]
)
def test_a_template_without_a_leading_slash_is_refused_at_once(template, written):
    with pytest.raises(RouteError, match="no leading slash") as caught:
        route(template)
    assert repr(written) in str(caught.value)


@pytest.mark.parametrize("prefix", ["api", "/api/", "/"])
def test_a_prefix_that_would_not_join_is_refused(recorder, prefix):
    for refused in (lambda: routes(prefix), lambda: recorder.include(Library(), prefix=prefix)):
        with pytest.raises(RouteError, match="begins with a slash and ends without"):
            refused()


@pytest.mark.parametrize("template", ["", "{.format}"])
def test_what_needs_a_prefix_is_refused_without(recorder, template):
    handler = route(template)(lambda format=None: "")
    with pytest.raises(RouteError, match="Give it a prefix"):
        recorder.include(handler)
    assert recorder.calls == []


@pytest.mark.parametrize("nothing", [object(), print, Exception, 7])
def test_what_has_no_route_is_refused(recorder, nothing):
    with pytest.raises(RouteError, match="declares no route"):
        recorder.include(nothing)


def test_what_is_no_function_is_refused():
    with pytest.raises(RouteError, match="is no function"):
        route("/x")("text")


def test_a_property_is_refused(recorder):
    class Wrong:
        @property
        @route("/x")
        def x(self): ...

    with pytest.raises(RouteError, match="'x' is a property"):
        recorder.include(Wrong())


def test_a_class_within_a_class_is_refused(recorder):
    class Outer:
        @route("/x")
        def x(self): ...

        @routes("/inner")
        class Inner:
            @route("/y")
            def y(self): ...

    class Bare:
        class Inner:
            y = Outer.Inner.y

        @route("/x")
        def x(self): ...

    for outer, inner in ((Outer, Outer.Inner), (Bare, Bare.Inner)):
        with pytest.raises(RouteError, match=r"Inner is a class within a class.* include both"):
            recorder.include(outer())
        assert recorder.calls == []
        recorder.include(inner(), prefix="/outer")
        assert recorder.calls.pop()[1].endswith("/y")


def test_a_class_within_a_class_that_declares_nothing_is_left_alone(recorder):
    class Outer:
        class Row(dict): ...

        kind = Library

        @route("/x")
        def x(self): ...

    recorder.include(Outer())
    assert len(recorder.calls) == 1


@pytest.mark.parametrize("name", ["action", "controller"])
def test_the_handler_is_not_named_twice(name):
    for decorator in (route, routes):
        with pytest.raises(RouteError, match="Leave it out"):
            decorator("/x", **{name: "y"})


def test_a_method_in_lower_case_is_refused(recorder):
    handler = route("/x", methods=["get"])(lambda: "")
    with pytest.raises(RouteError, match="Write 'GET'"):
        recorder.include(handler)


def test_the_start_check_knows_included_routes(recorder):
    from cpkit.routing.listing import faults

    class Wrong:
        @route("/{idd}")
        def show(self, id): ...

    recorder.include(Wrong())
    (fault,) = faults(recorder)
    assert "has no parameter 'idd'" in fault
    assert "Is id meant?" in fault


@pytest.mark.parametrize("decorator", [route, routes])
def test_a_decorator_without_its_brackets_says_how_it_is_written(decorator):
    with pytest.raises(RouteError, match=f"Write @{decorator.__name__}\\('/path'\\)"):
        decorator(Library)


def test_a_second_name_of_a_method_is_no_second_route(recorder):
    class Pages:
        @route("/books")
        def books(self): ...

        index = books

    recorder.include(Pages())
    assert [options["action"] for _, _, _, options in recorder.calls] == ["books"]
