"""An immutable index of a table of routes: which one answers a path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from cpkit.routing.admission import Domains, Environ, admission, opaque
from cpkit.routing.makers import by_regex, maker
from cpkit.routing.route import Route
from cpkit.routing.shape import Controllers, Shape, shape_of
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

UNKNOWN = Shape(None, {}, {}, None)
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
        known = Controllers.of(controllers)
        entries = [_entry(order, route, known, domains) for order, route in enumerate(routes)]
        varying = [entry for entry in entries if entry.shape.length is None]
        first = _first_orders(varying)
        lengths: dict[int, list[Entry]] = {}
        for entry in entries:
            length = entry.shape.length
            if length is not None:
                clear = entry.order < _first(first, entry.shape)
                lengths.setdefault(length, []).append(entry._replace(clear=clear))
        self.limit = max(map(_depth, entries), default=1)
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
        for make, defaults, arguments, route, admit in self._left(segments, method, node):
            result = make(segments, defaults, arguments)
            if result is not None and (admit is None or admit(environ, result, segments)):
                return result, route
        return None

    def methods(self, url: str, environ: Environ | None) -> frozenset[str] | None:
        """Return the methods for which a route matches *url*; None: any."""
        environ = environ or self.environ()
        segments = url.split("/", self.limit)
        found: set[str] = set()
        for make, defaults, arguments, route, admit in self._every(segments):
            methods = (route.conditions or {}).get("method")
            if methods is not None and found.issuperset(methods):
                continue
            if methods and not isinstance(route, Route):
                environ = {**(environ or {}), "REQUEST_METHOD": next(iter(methods))}
            result = make(segments, defaults, arguments)
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


def _entry(order: int, route: Any, controllers: Controllers, domains: Domains) -> Entry:
    methods = (route.conditions or {}).get("method")
    known = isinstance(route, Route) and type(route).match is Route.match
    shape = shape_of(route, controllers) if known else UNKNOWN
    admit = admission(route, domains) if known else opaque(route, domains)
    record = partial(_record if known else _foreign, order, route, shape, admit)
    named = None if methods is None or not known else frozenset(methods or [NO_METHOD])
    return Entry(order, shape, named, True, record)


def _record(order: int, route: Any, shape: Shape, admit: Any, decided: frozenset[int]) -> Record:
    if shape.steps is None:
        return (*by_regex(order, route, shape.limit), route, admit)
    return (*maker(order, shape, route.defaults, decided), route, admit)


def _foreign(order: int, route: Any, shape: Shape, admit: Any, _: frozenset[int]) -> Record:
    return (lambda segments, defaults, arguments: {}, {}, (order,), route, admit)


def _first_orders(varying: Iterable[Entry]) -> dict[str | None, int]:
    """Return, for each first segment, the first route of varying length that begins with it."""
    first: dict[str | None, int] = {}
    for entry in varying:
        first.setdefault(entry.shape.exact.get(1), entry.order)
    return first


def _first(first: dict[str | None, int], shape: Shape) -> float:
    """Return the order of the first route in *first* that may match a path of *shape*."""
    never = float("inf")
    if not first:
        return never
    if 1 in shape.exact:
        return min(first.get(shape.exact[1], never), first.get(None, never))
    return min(first.values(), default=never)
