"""Chapters 7 and 9: the string as a resource with methods, stored in the database."""

from __future__ import annotations

from operator import itemgetter

import cherrypy

import cpkit.tools

from ..pages import as_json
from ..reading import checked_text
from .strings import forget, keep, kept, known_visitor, new_string, visitor

_FORMS = {"text/plain": itemgetter("string"), "application/json": as_json}


class Generator:
    """The visitor's string, dispatched by method."""

    exposed = True

    @cpkit.tools.accept(media=_FORMS)
    @cpkit.tools.db()
    @cherrypy.tools.sessions()
    def GET(self) -> dict[str, str]:  # noqa: N802
        """Show the string."""
        return {"string": kept(cherrypy.request.db, known_visitor())}

    @cpkit.tools.accept(media=_FORMS)
    @cpkit.tools.db()
    @cherrypy.tools.sessions()
    def POST(self, length: str = "8") -> dict[str, str]:  # noqa: N802
        """Make a new string."""
        made = keep(cherrypy.request.db, visitor(), new_string(length))
        cherrypy.response.status = 201
        cherrypy.response.headers["Location"] = "/generator"
        return {"string": made}

    @cpkit.tools.accept(media=_FORMS)
    @cpkit.tools.db()
    @cherrypy.tools.sessions()
    def PUT(self, another_string: str = "") -> dict[str, str]:  # noqa: N802
        """Replace the string by one of the visitor's own."""
        text = checked_text("another_string", another_string, 1, 200)
        return {"string": keep(cherrypy.request.db, visitor(), text)}

    @cpkit.tools.db()
    @cherrypy.tools.sessions()
    def DELETE(self) -> None:  # noqa: N802
        """Drop the string."""
        forget(cherrypy.request.db, known_visitor())
        cherrypy.response.status = 204
