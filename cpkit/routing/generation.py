"""URLs from routes: that they lead back to their route, and which routes can make one."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote, unquote

from cpkit.errors import UrlError

from .route import Route, named_routes

ANY = "*"
URLS = 1600  # how many are kept, as Routes keeps them
KEPT = {str, int}
DOTS = frozenset({".", ".."})
ASCII = string.ascii_letters + string.digits + string.punctuation
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
Choice = tuple[list[Any], dict[str, Any]]


class GenerationTable:
    """Stand in for Routes' two-deep dict of controllers and actions, without building it.

    Routes fills in every pair of a controller and an action: 2,000 routes and 20 that fix
    neither made four million entries, in half a minute, at the first ``generate()``.
    """

    def __init__(self, routes: Iterable[Any]) -> None:
        self.controllers, self.actions = {ANY}, {ANY}
        self.groups: dict[tuple[Any, Any], list[tuple[int, Any]]] = {}
        for order, route in enumerate(routes):
            self.controllers |= {route.defaults.get("controller", ANY)}
            self.actions |= {route.defaults.get("action", ANY)}
            key = _fixed(route, "controller"), _fixed(route, "action")
            self.groups.setdefault(key, []).append((order, route))
        self.rows: dict[Any, Actions] = {}

    def get(self, controller: Any, default: Any = None) -> Any:
        """Return the actions of *controller*, or *default* if no route knows it."""
        if controller not in self.controllers:
            return default
        return self.rows.setdefault(controller, Actions(self, controller))


class Actions:
    """Stand in for the dict of one controller's actions."""

    def __init__(self, table: GenerationTable, controller: Any) -> None:
        self.table, self.controller = table, controller
        self.choices: dict[Any, Choice] = {}

    def get(self, action: Any, default: Any = None) -> Any:
        """Return (routes in declared order, a cache for their sorting), or *default*."""
        if action not in self.table.actions:
            return default
        if action not in self.choices:
            self.choices[action] = self._routes(action), {}
        choice = self.choices[action]
        return choice if choice[0] else default

    def _routes(self, action: Any) -> list[Any]:
        groups = self.table.groups
        keys = {(c, a) for c in (self.controller, ANY) for a in (action, ANY)}
        found = [pair for key in keys for pair in groups.get(key, ())]
        return [route for _, route in sorted(found, key=lambda pair: pair[0])]


def _fixed(route: Any, name: str) -> Any:
    return route.defaults[name] if name in route.hardcoded else ANY


def path_for(mapper: Any, name: str, params: Mapping[str, Any]) -> str:
    """Return the path and query of a named route.

    Raises UrlError if there is no such route, if *params* don't fit it, or if their path would
    lead to another one, be read as other values, or be another place to a browser. Values of two
    variables in one segment may be read otherwise: ``1.5`` and no format as ``1`` and ``5``.
    """
    made: dict[object, str] | None = getattr(mapper, "made", None)
    if made is None or not all(type(value) in KEPT for value in params.values()):
        return _path_for(mapper, name, params)
    # PERF: most pages link to the same places again. A change of the routes drops what was made.
    key = name, *params.items()
    path = made.get(key)
    if path is None:
        path = _path_for(mapper, name, params)
        if len(made) >= URLS:
            made.clear()
        if not named_routes(mapper)[name].filter:
            made[key] = path
    return path


def _path_for(mapper: Any, name: str, params: Mapping[str, Any]) -> str:
    routes = named_routes(mapper)
    route = routes.get(name)
    if route is None:
        close = get_close_matches(str(name), map(str, routes), n=3)
        raise UrlError(name, "there is no such route", f"Close names: {', '.join(close) or '-'}.")
    values = {**route.defaults, **params}
    if route.filter:
        values = route.filter(values)
    remedy = f"Its template is {route.routepath!r}."
    try:
        path = route.generate(**values)
    except UnicodeEncodeError as error:
        raise UrlError(name, f"{error.object!r} is no text", remedy) from error
    if path is False:
        missing = sorted(route.minkeys - route.dotkeys - values.keys())
        problem = f"it lacks {', '.join(missing)}" if missing else f"{dict(params)!r} doesn't fit"
        raise UrlError(name, problem, remedy)
    whole = f"{mapper.prefix or ''}{path}"
    # The variables are encoded, the text of the template is not.
    if not (whole.isascii() and " " not in whole) and "://" not in whole:
        whole = ascii_only(whole, route.encoding or "utf-8")
    astray = _astray(mapper, route, whole, values)
    if astray:
        raise UrlError(name, f"{dict(params)!r} doesn't fit: {astray}", remedy)
    return whole


def ascii_only(url: str, encoding: str = "utf-8") -> str:
    """Return *url* with what no URL may hold percent-encoded (RFC 3986, 2.1)."""
    if url.isascii() and url.isprintable() and " " not in url:
        return url
    return quote(url, ASCII, encoding)


def _astray(mapper: Any, route: Route, path: str, values: Mapping[str, Any]) -> str | None:
    """Return why *path* doesn't lead to *route*, or None."""
    path = path.partition("?")[0]
    if ("/." in path or "//" in path) and _is_moved(path, route):
        return f"{path} is another place to a browser"
    if route.static:
        return None
    read = path
    if "%" in path:  # as CherryPy's server decodes it
        encoding = route.encoding or "utf-8"
        read = "%2F".join(unquote(text, encoding, "replace") for text in path.split("%2F"))
        if not read.isprintable() and CONTROL.search(read):
            return "it holds a control character"
        if "%252F" in path and any("%2F" in str(values.get(name)) for name in route.plain):
            return "%2F in a value would be read as a slash"
    if not hasattr(mapper, "leads"):
        return None
    methods = (route.conditions or {}).get("method") or [ANY]
    return None if mapper.leads(read, route, methods[0]) else _taken(mapper, route, path, read)


def _is_moved(path: str, route: Route) -> bool:
    """Tell whether *path* has segments that a browser or CherryPy's server takes away."""
    segments = path.split("/")
    if route.static:  # which may have a host
        empty = path.startswith("//") and not route.routepath.startswith("//")
    else:
        empty = "" in segments[1:-1]
    return empty or not DOTS.isdisjoint(segments)


def _taken(mapper: Any, route: Route, path: str, read: str) -> str | None:
    """Return which earlier route takes *path*, or None: it may ask more of a request."""
    left = set((route.conditions or {}).get("method") or [ANY])
    for other in mapper.fitting(read):
        if other is route:
            return None
        if _takes(other, route, left):
            return f"{path} leads to the route {other.name or other.routepath!r}"
    return f"{path} doesn't lead to it"


def _takes(other: Route, route: Route, left: set[str]) -> bool:
    """Tell whether *other*, declared before, takes the last of the methods that are *left*.

    A condition function is not called, and taken to refuse; so is another sub-domain.
    """
    theirs, ours = other.conditions or {}, route.conditions or {}
    if "function" in theirs:
        return False
    if "sub_domain" in theirs and theirs["sub_domain"] != ours.get("sub_domain"):
        return False
    if not theirs.get("method"):
        return "method" not in theirs
    left -= set(theirs["method"])
    return not left
