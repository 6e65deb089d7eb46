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

_SAFE = ("GET", "HEAD", "OPTIONS")  # the methods here that change nothing

toolbox = cherrypy._cptools.Toolbox("security")
cherrypy.Application.toolboxes["security"] = toolbox


def headers() -> None:
    """Set the security headers; no tool, since what is refused before the tools has them too."""
    # PERF: written as CherryPy spells them, so that its map need not spell them anew.
    dict.update(cherrypy.serving.response.headers, HEADERS)


class SecureRequest(Request):
    """A request whose answer is secure, whatever happens to it."""

    # The config is read after the header fields: what is wrong with these is told by the class.
    show_tracebacks = False
    error_page: ClassVar = {"default": error_page}

    def process_headers(self) -> None:
        """Read the header fields, with those of the answer set already."""
        headers()
        super().process_headers()


# Priority 10: before anything of the request is looked at.
@toolbox.register("on_start_resource", name="origin", priority=10)
def origin() -> None:
    """Refuse what another site's page has a browser send; config: ``security.origin.on``.

    Browsers tell by Sec-Fetch-Site (W3C Fetch Metadata); what is no browser, and so cannot be sent
    by a page, does not say.
    """
    request = cherrypy.serving.request
    site = dict.get(request.headers, "Sec-Fetch-Site", "none")
    if request.method not in _SAFE and site not in ("same-origin", "none"):
        raise cherrypy.HTTPError(403, "A page of another site sent this, so nothing was done.")


# Priority 60: after the sessions tool (50) has written its cookie.
@toolbox.register("before_finalize", name="cookies", priority=60)
def cookies(samesite: str = "Lax") -> None:
    """Give every cookie the attributes SameSite and HttpOnly; config: ``security.cookies.on``."""
    for morsel in cherrypy.serving.response.cookie.values():
        morsel["samesite"] = samesite
        morsel["httponly"] = True
