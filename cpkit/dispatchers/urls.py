"""URLs made from routes."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

import cherrypy

from cpkit.errors import UrlError
from cpkit.routing.route import named_routes


def url_for(
    dispatcher: Any, name: str, params: Mapping[str, Any], *, fragment: str | None, relative: Any
) -> str:
    """Return the URL of a named route, below the mount point of the dispatcher's application.

    Raises UrlError.
    """
    url = located(dispatcher, path_for(dispatcher.mapper, name, params), relative)
    return url if fragment is None else f"{url}#{quote(fragment)}"


def located(dispatcher: Any, path: str, relative: Any = None) -> str:
    """Return the URL of a path of the dispatcher's; an external one is one already."""
    path, _, query = path.partition("?")
    if "://" in path:
        return f"{path}?{query}" if query else path
    prefix = virtual_prefix(dispatcher)
    if path.startswith(prefix + "/"):
        path = path[len(prefix) :]
    script_name = mount_point(dispatcher)
    return str(cherrypy.url(path, query, script_name=script_name, relative=relative))


def path_for(mapper: Any, name: str, params: Mapping[str, Any]) -> str:
    """Return the path and query of a named route. Raises UrlError."""
    routes = named_routes(mapper)
    route = routes.get(name)
    if route is None:
        close = get_close_matches(str(name), map(str, routes), n=3)
        raise UrlError(name, "there is no such route", f"Close names: {', '.join(close) or '-'}.")
    values = {**route.defaults, **params}
    if route.filter:
        values = route.filter(values)
    path = route.generate(**values)
    if path is False:
        missing = sorted(route.minkeys - route.dotkeys - values.keys())
        problem = f"it lacks {', '.join(missing)}" if missing else f"{dict(params)!r} doesn't fit"
        raise UrlError(name, problem, f"Its template is {route.routepath!r}.")
    return str((mapper.prefix or "") + path)


def mount_point(dispatcher: Any) -> str:
    """Return the script name of the application that *dispatcher* serves, in a request or not."""
    request = cherrypy.serving.request
    if routed_by(dispatcher):
        return str(request.script_name)
    for script_name, app in cherrypy.tree.apps.items():
        sections = getattr(app, "config", {}).values()
        if any(section.get("request.dispatch") is dispatcher for section in sections):
            return str(script_name)
    return ""


def routed_by(dispatcher: Any) -> bool:
    """Tell whether *dispatcher* is the one of the current request, if there is one."""
    routed = getattr(cherrypy.serving.request, "routed", None)
    return bool(routed and routed[0] is dispatcher)


def virtual_prefix(dispatcher: Any) -> str:
    """Return what ``cherrypy.dispatch.VirtualHost`` put before the path of this request."""
    request = cherrypy.serving.request
    if not routed_by(dispatcher):
        return ""
    inner, outer = request.routed[1], request.path_info
    return str(inner[: -len(outer)]) if outer and inner.endswith(outer) else ""


def follow(dispatcher: Any, route: Any, variables: Mapping[str, Any]) -> None:
    """Redirect to where a ``mapper.redirect()`` route leads."""
    ours = ("controller", "action", "sub_domain")
    known = {key: value for key, value in variables.items() if key not in ours}
    path = path_for(dispatcher.mapper, f"_redirect_{id(route)}", known)
    # NOTE: made when the handler runs, after tools.proxy has set the base.
    url = located(dispatcher, path)
    raise cherrypy.HTTPRedirect(url, int(route.redirect_status.split()[0]))
