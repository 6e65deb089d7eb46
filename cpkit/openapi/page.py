"""Pages that show a description: a reference for people, JSON for programs."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import threading
from typing import Any

import cherrypy
from cherrypy.lib.cptools import validate_etags

import cpkit.tools
from cpkit.parameters.shapes import Schema
from cpkit.routing.table import RouteTable

from . import reference
from .additions import operation
from .description import application_of, check_dispatcher, describe

HTML, JSON = "text/html", "application/json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.1"

_TAGS = re.compile(r'"[^"]*"')


class Page:
    """The reference of what a dispatcher serves: ``root.docs = Page(dispatcher, …)``, or mounted.

    - ``/``: an HTML page, self-contained, under a Content-Security-Policy of its own; or JSON,
      for a client that likes it better
    - ``/openapi.json``: the description as JSON

    Both have an ETag. Keywords are those of :func:`cpkit.openapi.describe`, and *home*, the address
    of a page that it links to. It is described anew when a route was added. By routes:
    ``connect("docs", "/docs", page, action="index")`` and
    ``connect("openapi", "/openapi.json", page, action="openapi_json")``.
    """

    def __init__(
        self, dispatcher: RouteTable, *, title: str, version: str, home: str = "", **more: Any
    ) -> None:
        check_dispatcher(dispatcher)
        self._dispatcher, self._home = dispatcher, home
        self._told = {"title": title, "version": version, **more}
        self._lock = threading.Lock()
        self._made: dict[str, tuple[str, bytes]] = {}
        self._routes = -1

    @cherrypy.expose
    @operation(hidden=True)
    @cpkit.tools.accept(media=[HTML, JSON, OPENAPI])
    def index(self) -> bytes:
        """Answer with the page, or with the description."""
        if cherrypy.serving.request.accepted == HTML:
            headers = cherrypy.serving.response.headers
            headers["Content-Security-Policy"] = reference.POLICY
        return self._answer()

    @cherrypy.expose
    @operation(hidden=True)
    @cpkit.tools.accept(media=[JSON, OPENAPI])
    def openapi_json(self) -> bytes:
        """Answer with the description."""
        return self._answer()

    def description(self) -> Schema:
        """Return the description."""
        return describe(self._dispatcher, **self._told)

    def _answer(self) -> bytes:
        """Return the representation that was negotiated; a 304 where the client has it."""
        headers = cherrypy.serving.response.headers
        tag, body = self._representations()[cherrypy.serving.request.accepted]
        headers["ETag"] = tag
        headers["Cache-Control"] = "no-cache"  # to be kept, and asked for each time
        headers["X-Content-Type-Options"] = "nosniff"
        validate_etags()
        # NOTE: CherryPy compares strongly; here a weak tag is the same (RFC 9110, 13.1.2).
        if tag in _TAGS.findall(cherrypy.serving.request.headers.get("If-None-Match", "")):
            raise cherrypy.HTTPRedirect([], 304)
        return body

    def _representations(self) -> dict[str, tuple[str, bytes]]:
        """Return each representation after its ETag, made once for the routes there are."""
        with self._lock:
            routes = len(self._dispatcher.mapper.matchlist)
            if routes != self._routes:
                if "config" not in self._told and application_of(self._dispatcher) is None:
                    _say_unmounted()
                told = self.description()
                # NOTE: half of a surrogate pair, as a docstring may have one, is no UTF-8.
                text = json.dumps(told, ensure_ascii=False).encode(errors="replace")
                page = reference.page(told, self._home).encode(errors="replace")
                self._made = {kind: (_tag(kind, text), text) for kind in (JSON, OPENAPI)}
                self._made[HTML] = (_tag(HTML, page), page)
                self._routes = routes
            return self._made


def _say_unmounted() -> None:
    cherrypy.log(
        "This page describes a dispatcher that no application has, without the settings of any "
        "section: give it the one that is mounted. A file that runs as a program and is named in "
        "a .conf file is loaded twice, and has two.",
        "OPENAPI",
        logging.WARNING,
    )


def _tag(kind: str, body: bytes) -> str:
    """Return a strong ETag (RFC 9110, 8.8.3): of one representation, byte for byte."""
    return f'"{hashlib.sha256(kind.encode() + body).hexdigest()[:32]}"'
