"""What the pieces cost that every deployment needs: compression, CORS, the cross-site check."""

import cherrypy

import cpkit.tools  # noqa: F401 (the toolbox)
from tests.benchmarks.questions import Case, question
from tests.benchmarks.wsgi import ANSWER, Page, senders

LONG = "".join(f"<p>Line {number} of a page with some words in it.</p>\n" for number in range(400))
ORIGIN = "https://app.example.org"
CORS = {"cpkit.cors.on": True, "cpkit.cors.origins": [ORIGIN]}
CSRF = {"cpkit.csrf.on": True, "cpkit.csrf.trusted": [ORIGIN]}


class Long:
    @cherrypy.expose
    def index(self) -> str:
        return LONG


@question("deployment", "What does it cost to compress a page of 21 kB?")
def compressing() -> Case:
    """The processor's time is what compression costs a server; tools.gzip's level is 5, and so is
    ours."""
    plain = "not compressed"
    settings = {plain: {}, "CherryPy's tools.gzip": {"tools.gzip.on": True}}
    for coding in ("gzip", "br", "zstd"):
        on = {"cpkit.compress.on": True, "cpkit.compress.encodings": [coding]}
        settings[f"cpkit.compress, {coding}"] = on
    sends = senders(Long(), settings, "/", {"Accept-Encoding": "gzip, br, zstd"})
    calls = {name: (lambda send=send: send()[0]) for name, send in sends.items()}
    return Case(calls, plain, "200 OK", without=[plain])


@question("deployment", "What do CORS and the cross-site check add to a request?")
def origins() -> Case:
    """A request of a page of another origin that may read the answer."""
    plain = "CherryPy, nothing on"
    settings = {plain: {}, "cpkit.cors": CORS, "cpkit.csrf": CSRF, "cpkit, both": {**CORS, **CSRF}}
    calls = senders(Page(), settings, "/", {"Origin": ORIGIN}, "POST")
    return Case(calls, plain, ANSWER, without=[plain])
