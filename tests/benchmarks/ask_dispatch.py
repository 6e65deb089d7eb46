"""What dispatching by routes adds to a whole request, whatever the number of routes."""

from __future__ import annotations

from typing import Any

import cherrypy

from tests.benchmarks.questions import Call, Case, question
from tests.benchmarks.wsgi import application, getter, sender

ANSWER = ("200 OK", b"book 15 of 12")
NULL = "a dispatcher that knows the handler"
THEIRS = "CherryPy RoutesDispatcher"
OURS = "cpkit RoutesDispatcher"


CLASS, METHOD = {"library.shelves": 3}, {"library.lends": True}


@cherrypy.config(**CLASS)
class Library:
    """Answer with the variables of the path."""

    @cherrypy.expose
    @cherrypy.config(**METHOD)
    def show(self, library_id: str, book_id: str) -> bytes:
        """Return the book."""
        return f"book {book_id} of {library_id}".encode()


LIBRARY = Library()
CONFIG: dict[str, Any] = {"request.dispatch": None, **CLASS, **METHOD}


def null(path_info: str) -> None:
    """Do the least that a dispatcher has to do, with the config that it would merge."""
    request = cherrypy.serving.request
    request.config = {**cherrypy.config, **CONFIG}
    request.params.update(library_id="12", book_id="15")
    request.handler = cherrypy.dispatch.LateParamPageHandler(LIBRARY.show)


def asked(
    dispatcher: Any, size: int, sections: Any = (), refused: bool = False, **entries: Any
) -> Call:
    """Return a call that asks for the middle one of *size* routes that share a prefix.

    Where it is to be *refused*, no route has its method.
    """
    conditions = {"method": ["GET", "PUT"]} if refused else None
    for number in range(size):
        path = f"/api/v1/resource{number}/{{library_id}}/book/{{book_id}}"
        dispatcher.connect(f"route{number}", path, LIBRARY, action="show", conditions=conditions)
    config = {"/": {"request.dispatch": dispatcher, **entries}, **dict(sections)}
    method = "DELETE" if refused else "GET"
    return sender(application(None, config), method, f"/api/v1/resource{size // 2}/12/book/15")


def _ask(size: int) -> None:
    title = f"What does a whole request cost by {size:,} routes?"
    few = size <= 1_000  # more take minutes to build under valgrind

    @question("dispatch", title, curve="a whole request by routes", size=size, counted=few)
    def whole() -> Case:
        """Config merged, variables set, the handler called: all between a socket and an answer, but
        the socket."""
        from cpkit.dispatchers import RoutesDispatcher

        path = f"/api/v1/resource{size // 2}/12/book/15"
        variants = {
            NULL: getter(application(None, {"/": {"request.dispatch": null}}), path),
            THEIRS: asked(cherrypy.dispatch.RoutesDispatcher(), size),
            OURS: asked(RoutesDispatcher(), size),
        }
        return Case(variants, NULL, ANSWER, without=[NULL], ours=OURS)


for each in (10, 100, 1_000, 10_000):
    _ask(each)


@question("dispatch", "What do sections of the config cost?")
def sections() -> Case:
    """A section for the route's template and one for a path: the merge is the same for each
    request, so that a change of the config is seen at once."""
    from cpkit.dispatchers import RoutesDispatcher

    deep = {"/api/v1/resource5/{library_id}": {"a.b": 1}, "/api/v1/resource5/12": {"a.b": 2}}
    variants = {
        THEIRS: asked(cherrypy.dispatch.RoutesDispatcher(), 10, deep),
        OURS + ", no section": asked(RoutesDispatcher(), 10),
        OURS: asked(RoutesDispatcher(), 10, deep),
    }
    return Case(variants, THEIRS, ANSWER)


@question("dispatch", "What does a refusal cost?")
def refusal() -> Case:
    """405 with Allow, where CherryPy's dispatcher knows only 404: each method that the path
    could answer is tried, so that none is promised in vain."""
    from cpkit.dispatchers import RoutesDispatcher

    quickly = {"error_page.default": lambda **info: ""}
    theirs, ours = (
        asked(dispatcher, 1_000, refused=True, **quickly)
        for dispatcher in (cherrypy.dispatch.RoutesDispatcher(), RoutesDispatcher())
    )
    return Case({THEIRS + " (404)": theirs, OURS + " (405)": ours}, THEIRS + " (404)")
