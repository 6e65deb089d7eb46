"""What typed parameters and bodies cost: cpkit's tools beside CherryPy's, Flask's and Falcon's."""

import json
from datetime import date
from typing import Any

import cherrypy

from tests.benchmarks.questions import Case, question
from tests.benchmarks.wsgi import application, sender

QUERY = "?page=3&price=1.5&day=2026-11-29"
READ = ("200 OK", b"3 1.5 2026-11-29")
NOTE = {"text": "A note of a reader", "copies": 3, "tags": ["a", "b", "c"]}
KEPT = ("200 OK", b"A note of a reader 3 3")
PLAIN = "CherryPy, the handler converts"


def _shown(page: int, price: float, day: object) -> str:
    return f"{page} {price} {day}"


def _told(note: Any) -> str:
    return f"{note['text']} {note['copies']} {len(note['tags'])}"


@question("rest", "What do three typed values of a query cost?")
def typed_query() -> Case:
    """What each way adds to a request whose handler converts three values by itself."""
    import cpkit.tools

    class Root:
        @cherrypy.expose
        def bare(self, page, price, day):
            return _shown(int(page), float(price), date.fromisoformat(day))

        @cherrypy.expose
        @cherrypy.tools.params()
        def theirs(self, page: int, price: float, day: str) -> str:
            return _shown(page, price, date.fromisoformat(day))

        @cherrypy.expose
        @cpkit.tools.params()
        def ours(self, page: int, price: float, day: date) -> str:
            return _shown(page, price, day)

    return _case(Root(), "tools.params", QUERY, READ)


@question("rest", "What does a small JSON body cost?")
def small_body() -> Case:
    """A note of three members, read and checked; the others hand over what was sent unchecked."""
    from msgspec import defstruct

    import cpkit.tools

    note = defstruct("Note", [("text", str), ("copies", int, 1), ("tags", list[str], [])])

    class Root:
        @cherrypy.expose
        def bare(self) -> str:
            return _told(json.loads(cherrypy.request.body.read()))

        @cherrypy.expose
        @cherrypy.tools.json_in()
        def theirs(self) -> str:
            return _told(cherrypy.request.json)

        @cherrypy.expose
        @cpkit.tools.body()
        def ours(self, body: note) -> str:
            return f"{body.text} {body.copies} {len(body.tags)}"

    return _case(Root(), "json_in", "", KEPT, "POST", json.dumps(NOTE).encode())


def _case(root: object, tool: str, query: str, told: Any, *sent: Any) -> Case:
    own = application(root)
    asked = {PLAIN: (own, "/bare"), f"CherryPy {tool}": (own, "/theirs"), "cpkit": (own, "/ours")}
    asked |= {"Flask": (_flask(), "/"), "Falcon": (_falcon(), "/")}
    media = {"media": "application/json"} if sent else {}
    calls = {
        name: sender(app, path + query, None, *sent, **media) for name, (app, path) in asked.items()
    }
    return Case(calls, PLAIN, told, without=[PLAIN])


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
