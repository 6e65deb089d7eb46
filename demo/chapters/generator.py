"""Chapters 7 and 9: the string as a resource with methods, stored in the database."""

from __future__ import annotations

from operator import itemgetter

import cherrypy

import cpkit.tools
from cpkit.dispatchers import route
from cpkit.openapi import operation

from ..pages import as_json
from ..values import Length, Line
from ..versions import ChangedError, is_wanted, tag, version_of
from .strings import forget, found, keep, kept, new_string, replace

_FORMS = {"text/plain": itemgetter("string"), "application/json": as_json}


class Generator:
    """The visitor's string, dispatched by method."""

    @route("/generator", methods=["GET"], name="generator")
    @operation(responses={304: "The client has it.", 404: "There is no string yet."})
    @cpkit.tools.accept(media=_FORMS)
    @cpkit.tools.db(handle="dbapi")
    @cherrypy.tools.sessions()
    def GET(self) -> dict[str, str]:  # noqa: N802
        """Show the string."""
        string = kept(cherrypy.request.db)
        tag(version_of(string))
        return {"string": string}

    @route("/generator", methods=["POST"], name="new_string")
    @operation(responses={201: "The string, and where it is."})
    @cpkit.tools.accept(media=_FORMS)
    @cpkit.tools.db(handle="dbapi")
    @cherrypy.tools.sessions()
    def POST(self, length: Length = 8) -> dict[str, str]:  # noqa: N802
        """Make a new string."""
        made = keep(cherrypy.request.db, new_string(length))
        tag(version_of(made))
        cherrypy.response.status = 201
        cherrypy.response.headers["Location"] = "/generator"
        return {"string": made}

    @route("/generator", methods=["PUT"], name="replace_string")
    @operation(responses={412: "Another window has changed it."})
    @cpkit.tools.accept(media=_FORMS)
    @cpkit.tools.db(handle="dbapi")
    @cherrypy.tools.sessions()
    def PUT(self, another_string: Line) -> dict[str, str]:  # noqa: N802
        """Replace the string by one of the visitor's own; If-Match says which one."""
        db, string = cherrypy.request.db, another_string.strip()
        if "If-Match" not in cherrypy.request.headers:
            keep(db, string)
        else:
            before = found(db)
            version = version_of(before)
            wanted = before == string or is_wanted(version)  # sent twice, it is changed once
            if before is None or not wanted or not replace(db, before, string):
                raise ChangedError("gone" if before is None else before, version)
        tag(version_of(string))
        return {"string": string}

    @route("/generator", methods=["DELETE"], name="drop_string")
    @operation(responses={204: "There is no string."})
    @cpkit.tools.db(handle="dbapi")
    @cherrypy.tools.sessions()
    def DELETE(self) -> None:  # noqa: N802
        """Drop the string."""
        forget(cherrypy.request.db)
        cherrypy.response.status = 204
        cherrypy.response.headers.pop("Content-Type", None)
