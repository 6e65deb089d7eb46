"""A Routes mapper whose look-ups don't grow with the number of routes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import routes.mapper
from routes.util import RoutesException

from cpkit.routing.route import Route

Environ = dict[str, Any]
Match = tuple[dict[str, Any], Any]


class IndexedMapper(routes.mapper.Mapper):
    """A ``routes.Mapper``: the first declared route that fully matches wins, found by an index."""

    def make_route(self, *args: Any, **kargs: Any) -> Any:
        """Make the Route of one connect(); a subclass can override this to use its own class."""
        return Route(*args, **kargs)

    def connect(self, *args: Any, **kargs: Any) -> None:
        """Declare a route: ``connect(path, ...)`` or ``connect(name, path, ...)``.

        Raises RouteError at once for a route that could never work.
        """
        if len(args) > 1 and args[1] is None:  # a submapper without a path_prefix
            args = (None, args[0])
        super().connect(*args, **kargs)
        with self.create_regs_lock:
            self._created_regs = False

    def _create_regs(self, clist: Any = None) -> None:
        if clist is None:
            clist = self._controllers()
        for route in list(self.matchlist):
            route.makeregexp(clist)
        self._created_regs = True

    def _controllers(self) -> list[str]:
        scan = self.controller_scan
        if self.directory:
            return list(scan(self.directory))
        return list(scan() if callable(scan) else scan or ())

    def match(self, url: str | None = None, environ: Environ | None = None) -> Any:
        """Return the winning route's variables and defaults for *url*, or None."""
        found = self.routematch(url, environ)
        if self.debug:
            return found
        return found and found[0]

    def routematch(self, url: str | None = None, environ: Environ | None = None) -> Any:
        """Return (variables and defaults, route) of the first route that matches, or None."""
        if url is None:
            if not environ:
                raise RoutesException("URL or environ must be provided")
            url = environ["PATH_INFO"]
        result, route, log = self._match(url, environ)
        if self.debug:
            return result, route, log
        return None if route is None else (result, route)

    def methods(self, url: str, environ: Environ | None = None) -> frozenset[str] | None:
        """Return the methods for which some route matches *url*: for an exact ``Allow``.

        None means any method (a route without a method condition matches), the empty set that
        no route matches at all. All other conditions hold; condition functions are called.
        """
        self._prepare()
        path = self._below_prefix(url)
        found: set[str] = set()
        for route in self.matchlist if path is not None else ():
            wanted = (route.conditions or {}).get("method")
            asked = None if wanted is None else {**(environ or {}), "REQUEST_METHOD": wanted[0]}
            if self._judge(route, path, asked or environ or self.environ) is not None:
                if wanted is None:
                    return None
                found.update(wanted)
        return frozenset(found)

    def shadowed(self) -> list[tuple[Any, Any]]:
        """Return (route, earlier route) for each route that an earlier one keeps from matching."""
        return []

    def _prepare(self) -> None:
        if not self._created_regs and not self.controller_scan:
            raise RoutesException("You must generate the regular expressions before matching.")
        if self.always_scan or not self._created_regs:
            self.create_regs()

    def _below_prefix(self, url: str) -> str | None:
        if not self.prefix:
            return url
        prefix = re.match(self.prefix, url)
        return prefix and (url[prefix.end() :] or "/")

    def _judge(self, route: Any, url: str | None, environ: Environ | None) -> Any:
        found = route.match(
            url, environ, self.sub_domains, self.sub_domains_ignore, self.domain_match
        )
        return found if isinstance(found, dict) else None

    def _match(self, url: str, environ: Environ | None) -> tuple[Any, Any, list[Any]]:
        self._prepare()
        path = self._below_prefix(url)
        environ = environ or self.environ
        log: list[Any] = []
        for route in self._candidates(path):
            found = self._judge(route, path, environ)
            log.append({"route": route, "regexp": found is not None})
            if found is not None:
                return found, route, log
        return None, None, log

    def _candidates(self, path: str | None) -> Iterator[Any]:
        routes = self.matchlist if path is not None else ()
        return (route for route in routes if route.regmatch.match(path))
