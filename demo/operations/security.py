"""The headers that every answer of the demo carries."""

from __future__ import annotations

from typing import ClassVar

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


class TellingRequest(Request):
    """A request whose errors have the demo's page, whatever is wrong with it.

    The config is read after the header fields: what is wrong with these is told by the class.
    """

    show_tracebacks = False
    error_page: ClassVar = {"default": error_page}
