"""Chapters 1 to 5: functions behind URLs, parameters, a form, a session."""

from __future__ import annotations

import cherrypy

import cpkit.tools
from cpkit.dispatchers import route
from cpkit.openapi import operation

from ..pages import representations
from ..values import Length
from .strings import keep, kept, new_string


class Basics:
    """The tutorial's first application."""

    @route("/hello", methods=["GET"], name="hello")
    @operation(tags=["Pages"])
    def hello(self) -> str:
        """Greet (chapter 1)."""
        return "Hello world!"

    @route("/generate", methods=["GET", "POST"], name="generate")
    @operation(responses={303: "To the string that is kept, for a form in a browser."})
    @cpkit.tools.accept(media=representations("string", first="text/plain"))
    @cpkit.tools.db(handle="dbapi")
    @cherrypy.tools.sessions()
    def generate(self, length: Length = 8) -> dict[str, str]:
        """Make a string of the asked length (chapters 2 to 4); a POST keeps it, a GET does not."""
        made = new_string(length)
        if cherrypy.request.method == "POST":
            keep(cherrypy.request.db, made)
            if cherrypy.request.accepted == "text/html":  # a reload of which must not make another
                raise cherrypy.HTTPRedirect("/display", 303)
        return {"string": made}

    @route("/display", methods=["GET"], name="display")
    @operation(responses={404: "There is no string yet."})
    @cpkit.tools.accept(media=representations("string", first="text/plain"))
    @cpkit.tools.db(handle="dbapi")
    @cherrypy.tools.sessions()
    def display(self) -> dict[str, str]:
        """Show the last string of this visitor (chapter 5)."""
        return {"string": kept(cherrypy.request.db)}
