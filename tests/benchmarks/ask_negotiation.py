"""What content negotiation costs: the choice alone, and the tool in a whole request."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import cycle, islice

import cherrypy

from tests.benchmarks.questions import Call, Case, question
from tests.benchmarks.wsgi import ANSWER, Page, senders

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


def _over(asks: Mapping[str, Ask], fields: Iterable[str]) -> dict[str, Call]:
    """Return calls that ask BATCH times: a call more for each would be a third of the least."""

    def batch(ask: Ask, following: Iterator[str]) -> object:
        for field in islice(following, BATCH):
            answer = ask(field)
        return answer

    return {name: partial(batch, ask, cycle(fields)) for name, ask in asks.items()}


def _choices(fields: list[str]) -> Case:
    from falcon.util.mediatypes import best_match
    from webob.acceptparse import create_accept_header
    from werkzeug.datastructures import MIMEAccept
    from werkzeug.http import parse_accept_header

    from cpkit.negotiation import negotiate

    asks = {
        "cpkit": lambda field: negotiate(field, OFFERS),
        "CherryPy": _cherrypy(),
        "werkzeug": lambda field: parse_accept_header(field, MIMEAccept).best_match(OFFERS),
        "webob": lambda field: create_accept_header(field).acceptable_offers(OFFERS)[0][0],
        "falcon": lambda field: best_match(OFFERS, field),
    }
    calls, done = _over(asks, fields), cherrypy.serving.clear
    return Case(calls, "CherryPy", "text/html", calls=BATCH, cleanup=done)


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
    from webob.acceptparse import create_accept_language_header as webob
    from werkzeug.datastructures import LanguageAccept
    from werkzeug.http import parse_accept_header

    from cpkit.negotiation import negotiate_language

    asks = {
        "cpkit": lambda field: negotiate_language(field, LANGUAGES),
        "werkzeug": lambda field: parse_accept_header(field, LanguageAccept).best_match(LANGUAGES),
        "webob": lambda field: webob(field).lookup(LANGUAGES, default="fr"),
    }
    fields = [f"{BROWSER_LANGUAGES},gd-{number:04};q=0.1" for number in range(2048)]
    return Case(_over(asks, fields), "werkzeug", "en", calls=BATCH)


@question("negotiation", "What does negotiation add to a whole request?")
def whole_request() -> Case:
    """What switching the tool on adds to a request; cpkit's also sets Content-Type and Vary."""
    import cpkit.tools  # noqa: F401

    ours, plain = {"cpkit.accept.on": True, "cpkit.accept.media": OFFERS}, "CherryPy, no tool"
    settings = {
        plain: {},
        "CherryPy": {"tools.accept.on": True, "tools.accept.media": OFFERS},
        "cpkit": ours,
        "cpkit with renderers": {**ours, "cpkit.accept.media": dict.fromkeys(OFFERS, _text)},
    }
    calls = senders(Page(), settings, "/", {"Accept": CHROME})
    return Case(calls, plain, ANSWER, without=[plain], ours="cpkit")


def _text(page: bytes) -> str:
    return page.decode()
