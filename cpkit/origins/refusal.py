"""What the csrf tool does to a request, worked out once for all requests of one setting."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import cherrypy

from cpkit.cherry import Hook, Request
from cpkit.settings import Allowed, ToolSettings, instance_of, setting

from .cross_site import SAFE_METHODS, is_cross_site
from .origin import Origins

# After tools.proxy (30), which says by what host the browser knows us; before the sessions (50).
PRIORITY = 35


def _are_named(value: Collection[str] | str) -> bool:
    listed = Origins.read(value)  # raises the error of the entry that is none
    return not listed.everyone and "null" not in listed  # which any page can be, in a frame


@dataclass(frozen=True, kw_only=True)
class CsrfSettings(ToolSettings):
    """The settings of the csrf tool."""

    trusted: Collection[str] | str = setting(
        (),
        "further origins whose pages may send, as `https://pay.example.org`",
        instance_of((list, tuple, str), "a list of origins"),
        Allowed("a list of origins, each by its name", _are_named),
    )


class Refusal:
    """One configuration of the tool: the origins that it trusts, and its hook."""

    def __init__(self, settings: CsrfSettings) -> None:
        self._trusted = Origins.read(settings.trusted)
        self._hook = Hook(self.check, priority=PRIORITY)

    def begin(self, request: Request) -> None:
        """Have *request* looked at if it may change anything, or opens a WebSocket."""
        # A page may open one to any site, with the visitor's cookies, and read what comes.
        if request.method not in SAFE_METHODS or _is_web_socket(request):
            request.hooks["before_request_body"].append(self._hook)

    def check(self) -> None:
        """Raise 403 if another site's page had a browser send the request."""
        request = cherrypy.serving.request
        # PERF: the map's own spelling of a name needs none of HeaderMap's folding of case.
        site = dict.get(request.headers, "Sec-Fetch-Site")
        origin = dict.get(request.headers, "Origin")
        if is_cross_site(site, origin, _host(request), self._trusted):
            raise cherrypy.HTTPError(403, "A page of another site sent this: nothing was done.")


def _is_web_socket(request: Request) -> bool:
    upgrade = dict.get(request.headers, "Upgrade")
    return upgrade is not None and "websocket" in upgrade.lower()


def _host(request: Request) -> str | None:
    """Return the host by which the browser knows us, as tools.proxy found it."""
    proxy = request.toolmaps.get("tools", {}).get("proxy")
    # NOTE: as CherryPy tells users of Squid to set it; Origin would be held against itself.
    if proxy and str(proxy.get("local")).lower() == "origin":
        return request.headers.get("Host")
    authority = request.base.partition("://")[2].partition("/")[0]  # tools.proxy.base has a path
    return authority or request.headers.get("Host")
