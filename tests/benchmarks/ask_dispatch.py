"""What dispatching by routes adds to a whole request, whatever the number of routes."""

from functools import partial
from typing import Any

import cherrypy

from cpkit.dispatchers import RoutesDispatcher
from tests.benchmarks.questions import Call, Case, question
from tests.benchmarks.wsgi import application, sender

ANSWER = ("200 OK", b"book 15 of 12")
NULL = "a dispatcher that knows the handler"
THEIRS, OURS = "CherryPy RoutesDispatcher", "cpkit RoutesDispatcher"
CLASS, METHOD = {"library.shelves": 3}, {"library.lends": True}


@cherrypy.config(**CLASS)
class Library:
    @cherrypy.expose
    @cherrypy.config(**METHOD)
    def show(self, library_id: str, book_id: str) -> bytes:
        return f"book {book_id} of {library_id}".encode()


LIBRARY = Library()
CONFIG: dict[str, Any] = {"request.dispatch": None, **CLASS, **METHOD}


def null(path_info: str) -> None:
    """Do the least that a dispatcher has to do, with the config that it would merge."""
    request = cherrypy.serving.request
    request.config = {**cherrypy.config, **CONFIG}
    request.params.update(library_id="12", book_id="15")
    request.handler = cherrypy.dispatch.LateParamPageHandler(LIBRARY.show)


def asked(make: Any, size: int, method: str = "GET", entries: Any = (), sections: Any = ()) -> Call:
    """Return a call that asks for the middle one of *size* routes of one prefix, none of DELETE."""
    of, conditions = make(), {"method": ["GET", "PUT"]} if method == "DELETE" else None
    for number in range(0 if of is null else size):
        path = f"/api/v1/resource{number}/{{library_id}}/book/{{book_id}}"
        of.connect(f"route{number}", path, LIBRARY, action="show", conditions=conditions)
    config = {"/": {"request.dispatch": of, **dict(entries)}, **dict(sections)}
    path = f"/api/v1/resource{size // 2}/12/book/15"
    return sender(application(None, config), path, method=method)


theirs, ours = partial(asked, cherrypy.dispatch.RoutesDispatcher), partial(asked, RoutesDispatcher)


BY_ROUTES = "What does a whole request cost by {size:,} routes?"


@question("dispatch", BY_ROUTES, (10, 100, 1_000, 10_000), curve="a whole request by routes")
def whole(size: int) -> Case:
    """Config merged, variables set, the handler called: all between a socket and an answer, but the
    socket."""
    calls = {NULL: asked(lambda: null, size), THEIRS: theirs(size), OURS: ours(size)}
    return Case(calls, NULL, ANSWER, without=[NULL], ours=OURS)


@question("dispatch", "What do sections of the config cost?")
def sections() -> Case:
    """A section for the route's template and one for a path: the merge is the same for each
    request, so that a change of the config is seen at once."""
    deep = {"/api/v1/resource5/{library_id}": {"a.b": 1}, "/api/v1/resource5/12": {"a.b": 2}}
    calls = {THEIRS: theirs(10, sections=deep), f"{OURS}, no section": ours(10)}
    calls[OURS] = ours(10, sections=deep)
    return Case(calls, THEIRS, ANSWER)


@question("dispatch", "What does a refusal cost?")
def refusal() -> Case:
    """405 with Allow, where CherryPy's dispatcher knows only 404: each method that the path
    could answer is tried, so that none is promised in vain."""
    how = {"method": "DELETE", "entries": {"error_page.default": lambda **info: ""}}
    calls = {f"{THEIRS} (404)": theirs(1_000, **how), f"{OURS} (405)": ours(1_000, **how)}
    return Case(calls, f"{THEIRS} (404)")
