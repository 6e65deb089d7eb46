"""The tour: every chapter of the tutorial, and the line of the demo that is its answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import cherrypy

import cpkit.dispatchers
import cpkit.plugins
import cpkit.tools
from cpkit.dispatchers import route
from cpkit.openapi import operation

from ..library.handlers import Change, Holding
from ..pages import render, representations
from ..store.discount import discount
from ..store.staff import Staff
from ..store.tills import TillDispatcher
from ..versions import version_of
from .basics import Basics
from .generator import Generator
from .source import ROOT, line_link, source_link, sources
from .strings import found

BUNDLE = ROOT / "demo" / "static" / "app.js"


class Chapter(NamedTuple):
    """A card of the tour."""

    number: int
    name: str
    text: str
    piece: str
    sources: dict[str, str]


def chapter(
    number: int, name: str, text: str, piece: str, **at: Callable[..., Any] | str
) -> Chapter:
    """Describe a chapter; *at* names the functions, classes and addresses that are linked to."""
    links = {k: v if isinstance(v, str) else source_link(v) for k, v in at.items()}
    return Chapter(number, name, text, piece, links)


def _tests() -> dict[str, str]:
    """Return the link to the tests, which a deployed demo need not have."""
    path = "tests/demo/test_chapters.py"
    return {"tests": line_link(path, "def test_chapter_1")} if path in sources() else {}


class Pages:
    """The pages that are more than one resource's."""

    def __init__(self) -> None:
        self.chapters = [
            chapter(
                1,
                "A basic application",
                "The page that every CherryPy developer writes first.",
                "RoutesDispatcher",
                hello=Basics.hello,
            ),
            chapter(
                2,
                "URLs lead to functions",
                "A URL, a function, a random string.",
                "RoutesDispatcher, accept",
                generate=Basics.generate,
            ),
            chapter(
                3,
                "Parameters",
                "The length is checked: 100, -1 or abc is a 400 that says the range, in the "
                "type that you asked for.",
                "accept",
                generate=Basics.generate,
            ),
            chapter(
                4,
                "A form",
                "The form works by GET and by POST, with scripts and without.",
                "RoutesDispatcher",
                generate=Basics.generate,
            ),
            chapter(
                5,
                "A session",
                "Your last string. No string yet is a 404 that says so.",
                "sessions in the database",
                display=Basics.display,
            ),
            chapter(
                6,
                "Static files",
                "The stylesheet of this page, served by CherryPy's own tool.",
                "CherryPy's staticdir, cpkit's timing",
                static=line_link("demo/app.py", '"/static"'),
            ),
            chapter(
                7,
                "REST",
                "One resource, four methods, two media types. GET before POST is a 404; a method "
                "that is not there is a 405 that lists those that are.",
                "RoutesDispatcher, accept",
                generator=Generator,
            ),
            chapter(
                8,
                "Ajax",
                "The same, on a page that never reloads. All scripts come from here.",
                "accept",
                ajax=Pages.ajax,
            ),
            chapter(
                9,
                "A database",
                "One transaction a request, from a pool; committed or rolled back by the outcome. "
                "The waterfall below shows what it costs.",
                "DatabasePlugin, db, timing",
                holding=Holding,
            ),
            chapter(
                10,
                "React",
                "A single-page application on the same URLs: edits that stay, the waterfall of "
                "its own requests, percentiles by route.",
                "all of them",
                app=Pages.app,
            ),
            chapter(
                11,
                "The superstore",
                "A dispatcher finds your till, a tool gives a discount to one category of "
                "customers, a plugin restocks the shelves.",
                "CherryPy's three extension points",
                dispatcher=TillDispatcher,
                tool=discount,
                plugin=Staff,
            ),
            chapter(
                12,
                "Tests and coverage",
                "The demo's own tests run in the process, with cpkit's fixtures: make test.",
                "cpkit.testing",
                **_tests(),
            ),
            chapter(
                13,
                "An API that tells what it is",
                "Annotations decide what comes in: a path that does not fit is a 404, a query or a "
                "form a 400, a document a 422, each with every fault. The same annotations make "
                "the description of the API.",
                "params, body, openapi",
                change=Change,
                docs=line_link("demo/app.py", "openapi.Page("),
            ),
        ]

    @route("/", methods=["GET"], name="tour")
    @operation(tags=["Pages"])
    @cpkit.tools.accept(media=representations("tour"))
    def tour(self) -> dict[str, Any]:
        """Show the tour."""
        return {"chapters": [chapter._asdict() for chapter in self.chapters]}

    @route("/ajax", methods=["GET"], name="ajax")
    @operation(tags=["Pages"])
    @cpkit.tools.accept(media={"text/html": partial(render, "ajax.html")})
    @cpkit.tools.db(handle="dbapi")
    @cherrypy.tools.sessions()
    def ajax(self) -> dict[str, Any]:
        """Show the page without reload (chapter 8)."""
        string = found(cherrypy.request.db)
        return {"string": string, "version": version_of(string)}

    @route("/app", methods=["GET"], name="app")
    @operation(tags=["Pages"])
    @cpkit.tools.accept(media={"text/html": partial(render, "app.html")})
    def app(self) -> dict[str, Any]:
        """Show the single-page application, or how to build it (chapter 10)."""
        return {"built": BUNDLE.exists()}
