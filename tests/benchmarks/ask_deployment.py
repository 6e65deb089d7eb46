"""What the pieces cost that every deployment needs: compression, CORS, the cross-site check."""

from __future__ import annotations

import cherrypy

import cpkit.tools  # noqa: F401 (the toolbox)
from tests.benchmarks.questions import Case, question
from tests.benchmarks.wsgi import senders

PAGE = "".join(f"<p>Line {number} of a page with some words in it.</p>\n" for number in range(400))
ORIGIN = "https://app.example.org"
CORS = {"cpkit.cors.on": True, "cpkit.cors.origins": [ORIGIN]}
CSRF = {"cpkit.csrf.on": True, "cpkit.csrf.trusted": [ORIGIN]}


class Root:
    @cherrypy.expose
    def index(self) -> str:
        return "page"

    @cherrypy.expose
    def long(self) -> str:
        return PAGE


@question("deployment", "What does it cost to compress a page of 21 kB?")
def compressing() -> Case:
    """The processor's time is what compression costs a server; tools.gzip's level is 5, and so is
    ours."""
    settings: dict[str, dict[str, object]] = {
        "not compressed": {},
        "CherryPy's tools.gzip": {"tools.gzip.on": True},
    }
    for coding in ("gzip", "br", "zstd"):
        on = {"cpkit.compress.on": True, "cpkit.compress.encodings": [coding]}
        settings[f"cpkit.compress, {coding}"] = on
    sends = senders(Root(), settings, "GET", "/long", {"Accept-Encoding": "gzip, br, zstd"})
    return Case(
        {name: (lambda send=send: send()[0]) for name, send in sends.items()},
        baseline="not compressed",
        expected="200 OK",
        without=["not compressed"],
    )


@question("deployment", "What do CORS and the cross-site check add to a request?")
def origins() -> Case:
    """A request of a page of another origin that may read the answer."""
    plain = "CherryPy, nothing on"
    settings = {plain: {}, "cpkit.cors": CORS, "cpkit.csrf": CSRF, "cpkit, both": {**CORS, **CSRF}}
    calls = senders(Root(), settings, "POST", "/", {"Origin": ORIGIN})
    return Case(calls, plain, ("200 OK", b"page"), without=[plain])
