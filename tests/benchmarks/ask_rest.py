"""What typed parameters and bodies cost: cpkit's tools beside CherryPy's, Flask's and Falcon's."""

import json
from datetime import date
from typing import Any

import cherrypy
import falcon
import flask
from msgspec import defstruct

import cpkit.tools
from tests.benchmarks.questions import Case, question
from tests.benchmarks.wsgi import application, sender

QUERY = "?page=3&price=1.5&day=2026-11-29"
READ = ("200 OK", b"3 1.5 2026-11-29")
SENT = {"text": "A note of a reader", "copies": 3, "tags": ["a", "b", "c"]}
KEPT = ("200 OK", b"A note of a reader 3 3")
PLAIN = "CherryPy, the handler converts"
Note = defstruct("Note", [("text", str), ("copies", int, 1), ("tags", list[str], [])])


def _shown(page: int, price: float, day: object) -> str:
    return f"{page} {price} {day}"


def _told(note: Any) -> str:
    return f"{note['text']} {note['copies']} {len(note['tags'])}"


class Query:
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

    def flask(self) -> str:
        args = flask.request.args
        day = args.get("day", type=date.fromisoformat)
        return _shown(args.get("page", type=int) or 0, args.get("price", type=float) or 0, day)

    def on_get(self, asked: Any, response: Any) -> None:
        page, price = asked.get_param_as_int("page"), asked.get_param_as_float("price")
        response.text = _shown(page, price, asked.get_param_as_date("day"))


class Body:
    @cherrypy.expose
    def bare(self) -> str:
        return _told(json.loads(cherrypy.request.body.read()))

    @cherrypy.expose
    @cherrypy.tools.json_in()
    def theirs(self) -> str:
        return _told(cherrypy.request.json)

    @cherrypy.expose
    @cpkit.tools.body()
    def ours(self, body: Note) -> str:
        return f"{body.text} {body.copies} {len(body.tags)}"

    def flask(self) -> str:
        return _told(flask.request.get_json())

    def on_post(self, asked: Any, response: Any) -> None:
        response.text = _told(asked.media)


def _case(of: Any, tool: str, told: Any, method: str, query: str = "", body: bytes = b"") -> Case:
    own, in_flask, in_falcon = application(of), flask.Flask(__name__), falcon.App()
    in_flask.add_url_rule("/", view_func=of.flask, methods=[method])
    in_falcon.add_route("/", of)
    asked = {PLAIN: (own, "/bare"), f"CherryPy {tool}": (own, "/theirs"), "cpkit": (own, "/ours")}
    asked |= {"Flask": (in_flask, "/"), "Falcon": (in_falcon, "/")}
    sent = (None, method, body)
    calls = {name: sender(app, path + query, *sent) for name, (app, path) in asked.items()}
    return Case(calls, PLAIN, told, without=[PLAIN])


@question("rest", "What do three typed values of a query cost?")
def typed_query() -> Case:
    """What each way adds to a request whose handler converts three values by itself."""
    return _case(Query(), "tools.params", READ, "GET", QUERY)


@question("rest", "What does a small JSON body cost?")
def small_body() -> Case:
    """A note of three members, read and checked; the others hand over what was sent unchecked."""
    return _case(Body(), "json_in", KEPT, "POST", body=json.dumps(SENT).encode())
