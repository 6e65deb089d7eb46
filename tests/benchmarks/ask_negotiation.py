"""What content negotiation costs: the choice alone, and the tool in a whole request."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from itertools import cycle, islice

import cherrypy

from tests.benchmarks.questions import Call, Case, question
from tests.benchmarks.wsgi import application, getter

OFFERS = ("application/json", "text/html", "text/plain", "text/csv")
CHROME = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,"
    "*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
)
LANGUAGES = ("fr", "en")
BROWSER_LANGUAGES = "en-US,en;q=0.9,de;q=0.8"
BATCH = 16

Ask = Callable[[str], object]


def _cherrypy() -> Ask:
    """Return CherryPy's own function, in a request of which only the Accept field changes."""
    from cherrypy.lib.cptools import accept
    from cherrypy.lib.httputil import HeaderMap

    class Request:
        headers = HeaderMap()

    def ask(field: str) -> object:
        cherrypy.serving.request = Request
        dict.__setitem__(Request.headers, "Accept", field)
        return accept(OFFERS)

    return ask


def _over(ask: Ask, fields: Iterable[str]) -> Call:
    """Return a call that asks BATCH times: a call more for each would be a third of the least."""
    following = cycle(fields)

    def batch() -> object:
        for field in islice(following, BATCH):
            answer = ask(field)
        return answer

    return batch


def _choices(fields: list[str]) -> Case:
    from falcon.util.mediatypes import best_match
    from werkzeug.datastructures import MIMEAccept
    from werkzeug.http import parse_accept_header

    from cpkit.negotiation import negotiate

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from webob.acceptparse import create_accept_header
    asks: dict[str, Ask] = {
        "cpkit": lambda field: negotiate(field, OFFERS),
        "CherryPy": _cherrypy(),
        "werkzeug": lambda field: parse_accept_header(field, MIMEAccept).best_match(OFFERS),
        "webob": lambda field: create_accept_header(field).acceptable_offers(OFFERS)[0][0],
        "falcon": lambda field: best_match(OFFERS, field),
    }
    calls = {name: _over(ask, fields) for name, ask in asks.items()}
    return Case(calls, "CherryPy", "text/html", calls=BATCH, cleanup=cherrypy.serving.clear)


@question("negotiation", "What does a browser's Accept field cost, never seen before?")
def unlike_fields() -> Case:
    """Every field differs, so that no cache helps: the cost of parsing and choosing."""
    return _choices([f"{CHROME},image/x-{number:04}" for number in range(2048)])


@question("negotiation", "What does a browser's Accept field cost, seen before?")
def same_field() -> Case:
    """One field over and over, as from the users of one browser: cpkit looks the choice up."""
    return _choices(["".join(CHROME) for _ in range(16)])


@question("negotiation", "What does a browser's Accept-Language field cost?")
def unlike_languages() -> Case:
    """Every field differs; the choice by RFC 4647 lookup, as werkzeug and webob make it too."""
    from werkzeug.datastructures import LanguageAccept
    from werkzeug.http import parse_accept_header

    from cpkit.negotiation import negotiate_language

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from webob.acceptparse import create_accept_language_header

    fields = [f"{BROWSER_LANGUAGES},gd-{number:04};q=0.1" for number in range(2048)]
    asks: dict[str, Ask] = {
        "cpkit": lambda field: negotiate_language(field, LANGUAGES),
        "werkzeug": lambda field: parse_accept_header(field, LanguageAccept).best_match(LANGUAGES),
        "webob": lambda field: create_accept_language_header(field).lookup(LANGUAGES, default="fr"),
    }
    variants = {name: _over(ask, fields) for name, ask in asks.items()}
    return Case(variants, baseline="werkzeug", expected="en", calls=BATCH)


@question("negotiation", "What does negotiation add to a whole request?")
def whole_request() -> Case:
    """What switching the tool on adds to a request; cpkit's also sets Content-Type and Vary."""
    import cpkit.tools

    class Root:
        @cherrypy.expose
        def without(self) -> str:
            return "page"

        theirs = cherrypy.expose(cherrypy.tools.accept(media=OFFERS)(lambda self: "page"))
        ours = cherrypy.expose(cpkit.tools.accept(media=OFFERS)(lambda self: "page"))
        rendered = cherrypy.expose(
            cpkit.tools.accept(media=dict.fromkeys(OFFERS, str))(lambda self: "page")
        )

    app = application(Root())
    asked, plain = {"Accept": CHROME}, "CherryPy, no tool"
    return Case(
        {
            plain: getter(app, "/without", asked),
            "CherryPy": getter(app, "/theirs", asked),
            "cpkit": getter(app, "/ours", asked),
            "cpkit with renderers": getter(app, "/rendered", asked),
        },
        baseline=plain,
        expected=("200 OK", b"page"),
        without=[plain],
        ours="cpkit",
    )
