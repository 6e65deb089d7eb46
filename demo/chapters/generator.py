"""Chapters 7 and 9: the string as a resource with methods, stored in the database."""

from __future__ import annotations

from operator import itemgetter

import cherrypy

import cpkit.tools
from cpkit.dispatchers import route
from cpkit.openapi import operation

from ..pages import as_json
from ..values import Length, Line
from .strings import forget, keep, kept, known_visitor, new_string, visitor

_FORMS = {"text/plain": itemgetter("string"), "application/json": as_json}


class Generator:
    """The visitor's string, dispatched by method."""

    @route("/generator", methods=["GET"], name="generator")
    @operation(responses={404: "There is no string yet."})
    @cpkit.tools.accept(media=_FORMS)
    @cpkit.tools.db()
    @cherrypy.tools.sessions()
    def GET(self) -> dict[str, str]:  # noqa: N802
        """Show the string."""
        return {"string": kept(cherrypy.request.db, known_visitor())}

    @route("/generator", methods=["POST"], name="new_string")
    @operation(responses={201: "The string, and where it is."})
    @cpkit.tools.accept(media=_FORMS)
    @cpkit.tools.db()
    @cherrypy.tools.sessions()
    def POST(self, length: Length = 8) -> dict[str, str]:  # noqa: N802
        """Make a new string."""
        made = keep(cherrypy.request.db, visitor(), new_string(length))
        cherrypy.response.status = 201
        cherrypy.response.headers["Location"] = "/generator"
        return {"string": made}

    @route("/generator", methods=["PUT"], name="replace_string")
    @cpkit.tools.accept(media=_FORMS)
    @cpkit.tools.db()
    @cherrypy.tools.sessions()
    def PUT(self, another_string: Line) -> dict[str, str]:  # noqa: N802
        """Replace the string by one of the visitor's own."""
        return {"string": keep(cherrypy.request.db, visitor(), another_string.strip())}

    @route("/generator", methods=["DELETE"], name="drop_string")
    @operation(responses={204: "There is no string."})
    @cpkit.tools.db()
    @cherrypy.tools.sessions()
    def DELETE(self) -> None:  # noqa: N802
        """Drop the string."""
        forget(cherrypy.request.db, known_visitor())
        cherrypy.response.status = 204
        cherrypy.response.headers.pop("Content-Type", None)
