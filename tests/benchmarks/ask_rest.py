"""What typed parameters and bodies cost: cpkit's tools beside CherryPy's, Flask's and Falcon's."""

from __future__ import annotations

import json
from collections.abc import Callable
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


def _as_json(app: Callable[..., Any]) -> Callable[..., Any]:
    return lambda environ, start: app({**environ, "CONTENT_TYPE": "application/json"}, start)


@question("rest", "What do three typed values of a query cost?")
def typed_query() -> Case:
    """What each way adds to a request whose handler converts three values by itself."""
    from datetime import date

    import cpkit.tools

    class Root:
        @cherrypy.expose
        def bare(self, page: str, price: str, day: str) -> str:
            return _shown(int(page), float(price), date.fromisoformat(day))

        @cherrypy.expose
        @cherrypy.tools.params()
        def theirs(self, page: int, price: float, day: str) -> str:
            return _shown(page, price, date.fromisoformat(day))

        @cherrypy.expose
        def ours(self, page: int, price: float, day: date) -> str:
            return _shown(page, price, day)

    # NOTE: the annotations of this file are texts, which name what is local here.
    Root.ours.__annotations__.update(page=int, price=float, day=date)
    Root.theirs.__annotations__.update(page=int, price=float, day=str)
    cpkit.tools.params()(Root.ours)
    app = application(Root())
    return Case(
        {
            PLAIN: sender(app, "GET", f"/bare?{QUERY}"),
            "CherryPy tools.params": sender(app, "GET", f"/theirs?{QUERY}"),
            "cpkit": sender(app, "GET", f"/ours?{QUERY}"),
            "Flask": sender(_flask(), "GET", f"/?{QUERY}"),
            "Falcon": sender(_falcon(), "GET", f"/?{QUERY}"),
        },
        baseline=PLAIN,
        expected=READ,
        without=[PLAIN],
    )


@question("rest", "What does a small JSON body cost?")
def small_body() -> Case:
    """A note of three members, read and checked; the others hand over what was sent unchecked."""
    from msgspec import Struct

    import cpkit.tools

    class Note(Struct):
        text: str
        copies: int = 1
        tags: list[str] = []

    Note.__annotations__.update(text=str, copies=int, tags=list[str])

    def told(note: Any) -> str:
        return f"{note['text']} {note['copies']} {len(note['tags'])}"

    class Root:
        @cherrypy.expose
        def bare(self) -> str:
            return told(json.loads(cherrypy.request.body.read()))

        @cherrypy.expose
        @cherrypy.tools.json_in()
        def theirs(self) -> str:
            return told(cherrypy.request.json)

        @cherrypy.expose
        def ours(self, body: Any) -> str:
            return f"{body.text} {body.copies} {len(body.tags)}"

    Root.ours.__annotations__["body"] = Note
    cpkit.tools.body()(Root.ours)
    app, sent = _as_json(application(Root())), json.dumps(NOTE).encode()
    return Case(
        {
            PLAIN: sender(app, "POST", "/bare", body=sent),
            "CherryPy json_in": sender(app, "POST", "/theirs", body=sent),
            "cpkit": sender(app, "POST", "/ours", body=sent),
            "Flask": sender(_as_json(_flask()), "POST", "/", body=sent),
            "Falcon": sender(_as_json(_falcon()), "POST", "/", body=sent),
        },
        baseline=PLAIN,
        expected=KEPT,
        without=[PLAIN],
    )


def _flask() -> Any:
    from datetime import date

    import flask

    app = flask.Flask(__name__)

    @app.get("/")
    def show() -> str:
        args = flask.request.args
        day = args.get("day", type=date.fromisoformat)
        return _shown(args.get("page", type=int) or 0, args.get("price", type=float) or 0, day)

    @app.post("/")
    def keep() -> str:
        note = flask.request.get_json()
        return f"{note['text']} {note['copies']} {len(note['tags'])}"

    return app


def _falcon() -> Any:
    import falcon

    class Resource:
        def on_get(self, request: Any, response: Any) -> None:
            values = (
                request.get_param_as_int("page"),
                request.get_param_as_float("price"),
                request.get_param_as_date("day"),
            )
            response.text = _shown(*values)

        def on_post(self, request: Any, response: Any) -> None:
            note = request.media
            response.text = f"{note['text']} {note['copies']} {len(note['tags'])}"

    app = falcon.App()
    app.add_route("/", Resource())
    return app
