"""What content negotiation costs: the choice alone, and the tool in a whole request."""

from collections.abc import Callable, Mapping
from itertools import cycle, islice
from types import SimpleNamespace

import cherrypy
from cherrypy.lib.cptools import accept
from cherrypy.lib.httputil import HeaderMap
from falcon.util.mediatypes import best_match
from webob.acceptparse import create_accept_header, create_accept_language_header
from werkzeug.datastructures import LanguageAccept, MIMEAccept
from werkzeug.http import parse_accept_header

import cpkit.tools  # noqa: F401 (the toolbox)
from cpkit.negotiation import negotiate, negotiate_language
from tests.benchmarks.questions import Case, question
from tests.benchmarks.wsgi import ANSWER, Page, senders

OFFERS = ("application/json", "text/html", "text/plain", "text/csv")
CHROME = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,"
    "*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
)
LANGUAGES = ("fr", "en")
BROWSER_LANGUAGES = "en-US,en;q=0.9,de;q=0.8"
BATCH = 16
REQUEST = SimpleNamespace(headers=HeaderMap())


def _cherrypys(field: str) -> object:
    """Ask CherryPy's own function, in a request of which only the Accept field changes."""
    cherrypy.serving.request = REQUEST
    dict.__setitem__(REQUEST.headers, "Accept", field)
    return accept(OFFERS)


MEDIA_TYPES: Mapping[str, Callable[[str], object]] = {
    "cpkit": lambda field: negotiate(field, OFFERS),
    "CherryPy": _cherrypys,
    "werkzeug": lambda field: parse_accept_header(field, MIMEAccept).best_match(OFFERS),
    "webob": lambda field: create_accept_header(field).acceptable_offers(OFFERS)[0][0],
    "falcon": lambda field: best_match(OFFERS, field),
}
WEBOB = create_accept_language_header
OF_LANGUAGES: Mapping[str, Callable[[str], object]] = {
    "cpkit": lambda field: negotiate_language(field, LANGUAGES),
    "werkzeug": lambda field: parse_accept_header(field, LanguageAccept).best_match(LANGUAGES),
    "webob": lambda field: WEBOB(field).lookup(LANGUAGES, default="fr"),
}


def _case(asks: Mapping[str, Callable[[str], object]], fields: list[str], *told: str) -> Case:
    """Compare calls that ask BATCH times: a call more for each would be a third of the least."""

    def batch(ask: Callable[[str], object]) -> Callable[[], object]:
        following = cycle(fields)

        def call() -> object:
            for field in islice(following, BATCH):
                answer = ask(field)
            return answer

        return call

    calls = {name: batch(ask) for name, ask in asks.items()}
    return Case(calls, *told, calls=BATCH)


@question("negotiation", "What does a browser's Accept field cost, never seen before?")
def unlike_fields() -> Case:
    """Every field differs, so that no cache helps: the cost of parsing and choosing."""
    fields = [f"{CHROME},image/x-{number:04}" for number in range(2048)]
    return _case(MEDIA_TYPES, fields, "CherryPy", "text/html")


@question("negotiation", "What does a browser's Accept field cost, seen before?")
def same_field() -> Case:
    """One field over and over, as from the users of one browser: cpkit looks the choice up."""
    return _case(MEDIA_TYPES, ["".join(CHROME) for _ in range(16)], "CherryPy", "text/html")


@question("negotiation", "What does a browser's Accept-Language field cost?")
def unlike_languages() -> Case:
    """Every field differs; the choice by RFC 4647 lookup, as werkzeug and webob make it too."""
    fields = [f"{BROWSER_LANGUAGES},gd-{number:04};q=0.1" for number in range(2048)]
    return _case(OF_LANGUAGES, fields, "werkzeug", "en")


@question("negotiation", "What does negotiation add to a whole request?")
def whole_request() -> Case:
    """What switching the tool on adds to a request; cpkit's also sets Content-Type and Vary."""
    ours, plain = {"cpkit.accept.on": True, "cpkit.accept.media": OFFERS}, "CherryPy, no tool"
    settings = {
        plain: {},
        "CherryPy": {"tools.accept.on": True, "tools.accept.media": OFFERS},
        "cpkit": ours,
        "cpkit with renderers": {**ours, "cpkit.accept.media": dict.fromkeys(OFFERS, bytes.decode)},
    }
    calls = senders(Page(), settings, "/", {"Accept": CHROME})
    return Case(calls, plain, ANSWER, without=[plain], ours="cpkit")
