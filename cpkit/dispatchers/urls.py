"""URLs made from routes, and redirects to them; and what ``routes.url_for`` needs in a handler.

``routes.url_for`` and ``routes.redirect_to`` ask ``routes.request_config()``, one object per
thread. CherryPy's dispatcher fills it at each request, and what it leaves there outlives the
request. Here a thread is told once whom to ask, and the answer is made from the current request
when somebody asks.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import quote

import cherrypy
import routes

from cpkit.cherry import behind
from cpkit.errors import UrlError
from cpkit.routing.generation import ascii_only, path_for
from cpkit.routing.route import Route
from cpkit.routing.table import RouteTable

from .request import RoutedRequest, uri_encoding

ENVIRON = ("SCRIPT_NAME", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "wsgi.url_scheme")
OURS = frozenset({"controller", "action", "sub_domain"})
thread = threading.local()


def url_for(
    table: RouteTable,
    name: str,
    params: Mapping[str, Any],
    *,
    fragment: str | None,
    relative: bool | str | None,
) -> str:
    """Return the URL of a named route, below the mount point of the dispatcher's application.

    Raises UrlError.
    """
    url = located(table, path_for(table.mapper, name, params), relative)
    return url if fragment is None else f"{url}#{quote(fragment)}"


def located(table: RouteTable, path: str, relative: bool | str | None = None) -> str:
    """Return the URL of a path of the dispatcher's; one with a host is one already."""
    path, _, query = path.partition("?")
    if "://" in path or path.startswith("//"):
        return f"{path}?{query}" if query else path
    prefix = virtual_prefix(table)
    if prefix and path.startswith(quote(prefix) + "/"):
        path = path[len(quote(prefix)) :]
    script_name = mount_point(table)
    if not script_name.isascii():
        script_name = quote(script_name)
    return str(cherrypy.url(path, query, script_name=script_name, relative=relative))


def mount_point(table: RouteTable) -> str:
    """Return the script name of the application that *table* serves, in a request or not."""
    request = cherrypy.serving.request
    if routed_by(table):
        return str(request.script_name)
    dispatchers = [
        (script_name, section.get("request.dispatch"))
        for script_name, app in cherrypy.tree.apps.items()
        for section in getattr(app, "config", {}).values()
    ]
    for script_name, dispatch in dispatchers:
        if dispatch is table:
            return str(script_name)
    for script_name, dispatch in dispatchers:
        if any(each is table for each in behind(dispatch)):
            return str(script_name)
    return ""


def routed_by(table: RouteTable) -> bool:
    """Tell whether *table* is the one of the current request, if there is one."""
    routed = getattr(cherrypy.serving.request, "routed", None)
    return bool(routed and routed[0] is table)


def virtual_prefix(table: RouteTable) -> str:
    """Return what ``cherrypy.dispatch.VirtualHost`` put before the path of this request."""
    request = cherrypy.serving.request
    if not routed_by(table):
        return ""
    inner, outer = request.routed[1], request.path_info
    return str(inner[: -len(outer)]) if outer and inner.endswith(outer) else ""


def follow(table: RouteTable, route: Route, variables: Mapping[str, Any]) -> NoReturn:
    """Redirect to where a ``mapper.redirect()`` route leads."""
    known = {key: value for key, value in variables.items() if key not in OURS}
    try:
        path = path_for(table.mapper, f"_redirect_{id(route)}", known)
    except UrlError as error:  # what the old path may hold, the new one may not
        raise cherrypy.NotFound from error
    # NOTE: a slash that came as "%2F" stays one. The URL is made when the handler runs, after
    # tools.proxy has set the base.
    url = located(table, path.replace("%252F", "%2F"))
    raise cherrypy.HTTPRedirect(url, int(route.redirect_status.split()[0]))


def to_other_slash(request: RoutedRequest) -> NoReturn:
    """Redirect to the same path with, or without, its slash, for good (RFC 9110, 15.4.2, 15.4.9).

    A 301 may turn another method than GET or HEAD into GET, a 308 may not.
    """
    path = request.path_info
    other = path[:-1] if path.endswith("/") else path + "/"
    encoding = uri_encoding(request, path)
    # NOTE: CherryPy's server leaves "%2F" as it is.
    quoted = "%2F".join(quote(text, encoding=encoding) for text in other.split("%2F"))
    place = quote(request.script_name, encoding=encoding)
    url = cherrypy.url(quoted, ascii_only(request.query_string), script_name=place)
    status = request.config.get("tools.trailing_slash.status")
    if not status:
        status = 301 if request.method in ("GET", "HEAD") else 308
    raise cherrypy.HTTPRedirect(url, status)


class RequestConfig:
    """What ``routes.request_config()`` is during one request."""

    def __init__(self, request: RoutedRequest) -> None:
        dispatcher, _, self.mapper_dict, self.route = request.routed
        self.mapper, self.redirect = dispatcher.mapper, dispatcher.redirect
        self.host, self.protocol = request.headers.get("Host"), request.scheme
        environ = getattr(request, "wsgi_environ", {})
        # NOTE: the mapper keeps it in the thread; without the whole, no body is kept alive.
        self.environ = {key: environ[key] for key in ENVIRON if key in environ}
        self.mapper.environ = self.environ


def register_thread() -> None:
    """Make this thread's ``routes.request_config()`` ask the current request."""
    thread.registered = True
    config = routes.request_config(original=True)
    if not config.request_local:  # somebody may have one of their own
        config.request_local = _current


def _current() -> Any:
    request = cherrypy.serving.request
    routed = getattr(request, "routed", None)
    if routed and routed[0].register:
        return RequestConfig(request)
    return routes.request_config(original=True)
