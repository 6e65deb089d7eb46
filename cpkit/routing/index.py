"""An immutable index of a table of routes: which one answers a path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cpkit.routing.admission import Domains, Environ, admission, opaque
from cpkit.routing.route import Route
from cpkit.routing.shape import UNKNOWN, Controllers, Shape, shape_of
from cpkit.routing.tree import (
    Entry,
    Node,
    Record,
    found_in,
    grown,
    leaf,
    of_any_method,
    of_method,
    order,
)

Found = tuple[dict[str, Any], Any]

# What a route is filed under that lists no method at all: found where no method is asked for.
NO_METHOD: Any = object()
# How many times the routes may stand in the tree's leaves, for one in the table.
COPIES = 4


class Index:
    """Answer for *routes*, in declared order, as they are now.

    *controllers* are what ``{controller}`` may name; *environ* returns the request at hand for a
    look-up that was given none.
    """

    def __init__(
        self,
        routes: Iterable[Any],
        controllers: Sequence[str],
        domains: Domains,
        environ: Callable[[], Environ | None],
    ) -> None:
        self.environ, self.controllers = environ, controllers
        lengths, varying = _by_length(routes, Controllers.of(controllers), domains)
        self.limit = max([*map(_depth, varying), *(length + 1 for length in lengths), 1])
        self.fixed = [self._grown(lengths.get(n, [])) for n in range(self.limit + 2)]
        self.varying = self._grown(varying)
        # What a path without a leading slash can match: only a regex of the whole path knows.
        self.slashless = leaf([e for e in varying if e.shape.steps is None], frozenset())

    @staticmethod
    def _grown(entries: list[Entry]) -> Node:
        return grown(entries, COPIES * len(entries) + 16) if entries else None

    def search(self, url: str, environ: Environ | None) -> Found | None:
        """Return (variables and defaults, route) of the first route that matches, or None."""
        segments = url.split("/", self.limit)
        return self.rest(segments, environ, found_in(self.fixed[len(segments)], segments))

    def rest(self, segments: list[str], environ: Environ | None, node: Node) -> Found | None:
        """Search the leaf *node* and the routes of varying length, in declared order."""
        if node is None and self.varying is None:
            return None
        environ = environ or self.environ()
        method = environ.get("REQUEST_METHOD", "") if environ else None
        for make, arguments, route, admit in self._left(segments, method, node):
            result = make(segments, arguments)
            if result is not None and (admit is None or admit(environ, result, segments)):
                return result, route
        return None

    def methods(self, url: str, environ: Environ | None) -> frozenset[str] | None:
        """Return the methods for which a route matches *url*; None: any."""
        environ = environ or self.environ()
        segments = url.split("/", self.limit)
        found: set[str] = set()
        for make, arguments, route, admit in self._every(segments):
            methods = (route.conditions or {}).get("method")
            if methods is not None and found.issuperset(methods):
                continue
            if methods and not isinstance(route, Route):
                environ = {**(environ or {}), "REQUEST_METHOD": next(iter(methods))}
            result = make(segments, arguments)
            if result is not None and (admit is None or admit(environ, result, segments)):
                if methods is None:
                    return None
                found.update(methods)
        return frozenset(found)

    def _left(self, segments: list[str], method: str | None, node: Node) -> list[Record]:
        """Return the records of *node* and those of varying length, in declared order."""
        if segments[0]:
            return of_method(self.slashless, method)
        records = of_method(node, method)
        others = of_method(self._varying(segments), method)
        return sorted([*records, *others], key=order) if records and others else records or others

    def _every(self, segments: list[str]) -> list[Record]:
        if segments[0]:
            return of_any_method(self.slashless)
        node = found_in(self.fixed[len(segments)], segments)
        return of_any_method(node) + of_any_method(self._varying(segments))

    def _varying(self, segments: list[str]) -> Node:
        if self.varying is None:
            return None
        return found_in(self.varying, [*segments, *[""] * (self.limit + 1 - len(segments))])


def _depth(entry: Entry) -> int:
    """Return how many slashes to split a path at, to see every segment that a route looks at."""
    steps = entry.shape.steps or ()
    return max(*entry.shape.exact, *(step.at for step in steps), 0, -1) + 2


def _by_length(
    routes: Iterable[Any], controllers: Controllers, domains: Domains
) -> tuple[dict[int, list[Entry]], list[Entry]]:
    """Return the entries of each length, and those of varying length."""
    known = [(route, _shape(route, controllers)) for route in routes]
    first = _first_orders(shape for _, shape in known)
    lengths: dict[int, list[Entry]] = {}
    varying: list[Entry] = []
    for place, (route, shape) in enumerate(known):
        clear = not first or place < _first(first, shape)
        entries = varying if shape.length is None else lengths.setdefault(shape.length, [])
        entries.append(_entry(place, shape, clear, route, domains))
    return lengths, varying


def _shape(route: Any, controllers: Controllers) -> Shape:
    known = isinstance(route, Route) and type(route).match is Route.match
    return shape_of(route, controllers) if known else UNKNOWN


def _entry(place: int, shape: Shape, clear: bool, route: Any, domains: Domains) -> Entry:
    if shape is UNKNOWN:
        return Entry(place, shape, None, clear, route, opaque(route, domains))
    methods = (route.conditions or {}).get("method")
    named = None if methods is None else frozenset(methods or [NO_METHOD])
    return Entry(place, shape, named, clear, route, admission(route, domains))


def _first_orders(shapes: Iterable[Shape]) -> dict[str | None, int]:
    """Return, for each first segment, the first route of varying length that begins with it."""
    first: dict[str | None, int] = {}
    for place, shape in enumerate(shapes):
        if shape.length is None:
            first.setdefault(shape.exact.get(1), place)
    return first


def _first(first: dict[str | None, int], shape: Shape) -> float:
    """Return the order of the first route in *first* that may match a path of *shape*."""
    never = float("inf")
    if not first:
        return never
    if 1 in shape.exact:
        return min(first.get(shape.exact[1], never), first.get(None, never))
    return min(first.values(), default=never)
