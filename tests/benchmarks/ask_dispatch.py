"""What dispatching by routes adds to a whole request, whatever the number of routes."""

from __future__ import annotations

from typing import Any

import cherrypy

from tests.benchmarks.questions import Call, Case, question
from tests.benchmarks.wsgi import application, getter, sender

SIZES = (10, 100, 1_000, 10_000)
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


def table(dispatcher: Any, size: int) -> Any:
    """Connect *size* routes that share a prefix; the one asked for stands in the middle."""
    for number in range(size):
        path = f"/api/v1/resource{number}/{{library_id}}/book/{{book_id}}"
        dispatcher.connect(f"route{number}", path, LIBRARY, action="show")
    return dispatcher


def asked(dispatcher: Any, path: str, **sections: Any) -> Call:
    """Return a call that sends GET *path* to an application of *dispatcher*."""
    config = {"/": {"request.dispatch": dispatcher}, **sections}
    return getter(application(None, config), path)


def _whole(size: int) -> Case:
    """Config merged, variables set, the handler called: everything that stands between a socket
    and an answer, but the socket. Ours may add 15 µs to a dispatcher that knows the handler
    beforehand, with ten routes or ten thousand."""
    from cpkit.dispatchers import RoutesDispatcher

    path = f"/api/v1/resource{size // 2}/12/book/15"
    variants = {
        NULL: asked(null, path),
        THEIRS: asked(table(cherrypy.dispatch.RoutesDispatcher(), size), path),
        OURS: asked(table(RoutesDispatcher(), size), path),
    }
    return Case(variants, NULL, ANSWER, without=[NULL], ours=OURS)


def _ask(size: int) -> None:
    def whole() -> Case:
        return _whole(size)

    whole.__doc__ = _whole.__doc__
    title = f"What does a whole request cost by {size:,} routes?"
    few = size <= 1_000  # more take minutes to build under valgrind
    question("dispatch", title, curve="a whole request by routes", size=size, counted=few)(whole)


for each in SIZES:
    _ask(each)


@question("dispatch", "What do sections of the config cost?")
def sections() -> Case:
    """A section for the route's template and one for a path: the merge is the same for each
    request, so that a change of the config is seen at once."""
    from cpkit.dispatchers import RoutesDispatcher

    path = "/api/v1/resource5/12/book/15"
    deep = {"/api/v1/resource5/{library_id}": {"a.b": 1}, "/api/v1/resource5/12": {"a.b": 2}}
    theirs = cherrypy.dispatch.RoutesDispatcher
    variants = {
        THEIRS: asked(table(theirs(), 10), path, **deep),
        OURS + ", no section": asked(table(RoutesDispatcher(), 10), path),
        OURS: asked(table(RoutesDispatcher(), 10), path, **deep),
    }
    return Case(variants, THEIRS, ANSWER)


@question("dispatch", "What does a refusal cost?")
def refusal() -> Case:
    """405 with Allow, where CherryPy's dispatcher knows only 404: each method that the path
    could answer is tried, so that none is promised in vain."""
    from cpkit.dispatchers import RoutesDispatcher

    path = "/api/v1/resource500/12/book/15"
    made = []
    for dispatcher in (cherrypy.dispatch.RoutesDispatcher(), RoutesDispatcher()):
        for number in range(1_000):
            template = f"/api/v1/resource{number}/{{library_id}}/book/{{book_id}}"
            conditions = {"method": ["GET", "PUT"]}
            dispatcher.connect(None, template, LIBRARY, action="show", conditions=conditions)
        config = {"/": {"request.dispatch": dispatcher, "error_page.default": lambda **info: ""}}
        made.append(sender(application(None, config), "DELETE", path))
    theirs, ours = made
    return Case({THEIRS + " (404)": theirs, OURS + " (405)": ours}, THEIRS + " (404)")
