"""The headers that every answer of the demo carries."""

from __future__ import annotations

from typing import ClassVar

import cherrypy
from cherrypy._cprequest import Request

from ..pages.errors import error_page

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class SecureRequest(Request):
    """A request whose answer is secure, whatever happens to it.

    No tool, since what is refused before the tools has the headers too.
    """

    # The config is read after the header fields: what is wrong with these is told by the class.
    show_tracebacks = False
    error_page: ClassVar = {"default": error_page}

    def process_headers(self) -> None:
        """Read the header fields, with those of the answer set already."""
        # PERF: written as CherryPy spells them, so that its map need not spell them anew.
        dict.update(cherrypy.serving.response.headers, HEADERS)
        super().process_headers()
