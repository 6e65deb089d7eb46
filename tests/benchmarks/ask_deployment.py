"""What the pieces cost that every deployment needs: compression, CORS, the cross-site check."""

from __future__ import annotations

import cherrypy

import cpkit.tools  # noqa: F401 (the toolbox)
from tests.benchmarks.questions import Case, question
from tests.benchmarks.wsgi import application, sender

PAGE = "".join(f"<p>Line {number} of a page with some words in it.</p>\n" for number in range(400))
ORIGIN = "https://app.example.org"


class Root:
    @cherrypy.expose
    def index(self) -> str:
        return "page"

    @cherrypy.expose
    def long(self) -> str:
        return PAGE


@question("deployment", "What does it cost to compress a page of 21 kB?")
def compressing() -> Case:
    """The time of the processor is what compression costs a server; the page gets five to
    ten times as small by each. tools.gzip's level is 5, and so is ours."""
    configs = {
        "not compressed": {},
        "CherryPy's tools.gzip": {"tools.gzip.on": True},
        **{
            f"cpkit.compress, {coding}": {
                "cpkit.compress.on": True,
                "cpkit.compress.encodings": [coding],
            }
            for coding in ("gzip", "br", "zstd")
        },
    }
    fields = {"Accept-Encoding": "gzip, br, zstd"}
    sends = {
        name: sender(application(Root(), {"/": config}), "GET", "/long", fields)
        for name, config in configs.items()
    }
    return Case(
        {name: (lambda send=send: send()[0]) for name, send in sends.items()},
        baseline="not compressed",
        expected="200 OK",
        without=["not compressed"],
    )


@question("deployment", "What do CORS and the cross-site check add to a request?")
def origins() -> Case:
    """A request of a page of another origin that may read the answer."""
    cors = {"cpkit.cors.on": True, "cpkit.cors.origins": [ORIGIN]}
    csrf = {"cpkit.csrf.on": True, "cpkit.csrf.trusted": [ORIGIN]}
    configs = {
        "CherryPy, nothing on": {},
        "cpkit.cors": cors,
        "cpkit.csrf": csrf,
        "cpkit, both": {**cors, **csrf},
    }
    return Case(
        {
            name: sender(application(Root(), {"/": config}), "POST", "/", {"Origin": ORIGIN})
            for name, config in configs.items()
        },
        baseline="CherryPy, nothing on",
        expected=("200 OK", b"page"),
        without=["CherryPy, nothing on"],
    )
