"""What typed parameters and bodies cost: cpkit's tools beside CherryPy's, Flask's and Falcon's."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import cherrypy

from tests.benchmarks.questions import Case, question
from tests.benchmarks.wsgi import application, sender

QUERY = "page=3&price=1.5&day=2026-11-29"
READ = ("200 OK", b"3 1.5 2026-11-29")
NOTE = {"text": "A note of a reader", "copies": 3, "tags": ["a", "b", "c"]}
KEPT = ("200 OK", b"A note of a reader 3 3")
PLAIN = "CherryPy, the handler converts"


def _shown(page: int, price: float, day: object) -> str:
    return f"{page} {price} {day}"


def _told(note: Any) -> str:
    return f"{note['text']} {note['copies']} {len(note['tags'])}"


def _annotated(handler: Any, **annotations: Any) -> Any:
    """Return an exposed *handler*; the annotations of this file are texts."""
    handler.__annotations__.update(annotations)
    return cherrypy.expose(handler)


@question("rest", "What do three typed values of a query cost?")
def typed_query() -> Case:
    """What each way adds to a request whose handler converts three values by itself."""
    import cpkit.tools

    def converted(self: Any, page: str, price: str, day: str) -> str:
        return _shown(int(page), float(price), date.fromisoformat(day))

    def two(self: Any, page: int, price: float, day: str) -> str:
        return _shown(page, price, date.fromisoformat(day))

    def three(self: Any, page: int, price: float, day: date) -> str:
        return _shown(page, price, day)

    class Root:
        bare = cherrypy.expose(converted)
        theirs = cherrypy.tools.params()(_annotated(two, page=int, price=float, day=str))
        ours = cpkit.tools.params()(_annotated(three, page=int, price=float, day=date))

    return _case("GET", Root(), "tools.params", f"?{QUERY}", READ)


@question("rest", "What does a small JSON body cost?")
def small_body() -> Case:
    """A note of three members, read and checked; the others hand over what was sent unchecked."""
    from msgspec import defstruct

    import cpkit.tools

    note = defstruct("Note", [("text", str), ("copies", int, 1), ("tags", list[str], [])])

    def checked(self: Any, body: Any) -> str:
        return f"{body.text} {body.copies} {len(body.tags)}"

    class Root:
        @cherrypy.expose
        def bare(self) -> str:
            return _told(json.loads(cherrypy.request.body.read()))

        @cherrypy.expose
        @cherrypy.tools.json_in()
        def theirs(self) -> str:
            return _told(cherrypy.request.json)

        ours = cpkit.tools.body()(_annotated(checked, body=note))

    return _case("POST", Root(), "json_in", "", KEPT, json.dumps(NOTE).encode())


def _case(method: str, root: object, tool: str, query: str, told: Any, body: bytes = b"") -> Case:
    cherrypys, flask, falcon = (
        _as_json(app) if body else app for app in (application(root), _flask(), _falcon())
    )
    asked = {
        PLAIN: (cherrypys, "/bare"),
        f"CherryPy {tool}": (cherrypys, "/theirs"),
        "cpkit": (cherrypys, "/ours"),
        "Flask": (flask, "/"),
        "Falcon": (falcon, "/"),
    }
    calls = {
        name: sender(app, method, path + query, body=body) for name, (app, path) in asked.items()
    }
    return Case(calls, PLAIN, told, without=[PLAIN])


def _as_json(app: Callable[..., Any]) -> Callable[..., Any]:
    return lambda environ, start: app({**environ, "CONTENT_TYPE": "application/json"}, start)


def _flask() -> Any:
    import flask

    app = flask.Flask(__name__)

    @app.get("/")
    def show() -> str:
        args = flask.request.args
        day = args.get("day", type=date.fromisoformat)
        return _shown(args.get("page", type=int) or 0, args.get("price", type=float) or 0, day)

    @app.post("/")
    def keep() -> str:
        return _told(flask.request.get_json())

    return app


def _falcon() -> Any:
    import falcon

    class Resource:
        def on_get(self, asked: Any, response: Any) -> None:
            page, price = asked.get_param_as_int("page"), asked.get_param_as_float("price")
            response.text = _shown(page, price, asked.get_param_as_date("day"))

        def on_post(self, asked: Any, response: Any) -> None:
            response.text = _told(asked.media)

    app = falcon.App()
    app.add_route("/", Resource())
    return app
