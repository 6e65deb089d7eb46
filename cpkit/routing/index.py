"""An immutable index of a table of routes: which one answers a path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .compiled import Found, form_of, searching
from .conditions import Domains, Environ, admission, opaque
from .patterns import TooLong
from .route import AnyRoute, Route
from .shape import UNKNOWN, Controllers, Shape, shapes_of
from .tree import NOWHERE, Entry, Node, Record, grown, leaf, leaves_in, order, records_in

Search = Callable[[str, "Environ | None"], "Found | None"]

Shaped = tuple[int, AnyRoute, Shape]  # a route's place, the route, one of its shapes
# What a route is filed under that lists no method at all: found where no method is asked for.
NO_METHOD: Any = object()
# The leaves that are yet to be looked for.
AGAIN: Sequence[Node] = ()
# How many times the routes may stand in the tree's leaves, for one in the table.
COPIES = 4
# For how many lengths of path, at most, an answer is written out in the search itself.
WRITTEN = 4


class Index:
    """What answers for *routes*, in declared order, as they are now.

    *controllers* are what ``{controller}`` may name; *environ* returns the request at hand for a
    look-up that was given none.
    """

    def __init__(
        self,
        routes: Iterable[AnyRoute],
        controllers: Sequence[str],
        domains: Domains,
        environ: Callable[[], Environ | None],
    ) -> None:
        self.environ, self.controllers = environ, controllers
        known = Controllers.of(controllers)
        shaped = [
            (place, route, shape)
            for place, route in enumerate(routes)
            for shape in _shapes(route, known)
        ]
        self.places: dict[AnyRoute, int] = {route: place for place, route, _ in reversed(shaped)}
        self.head, shapes = _parted([shape for *_, shape in shaped])
        if self.head:
            placed = zip(shaped, shapes, strict=True)
            shaped = [(place, route, shape) for (place, route, _), shape in placed]
        lengths, varying = _by_length(shaped, domains)
        self.limit = max([*map(_depth, varying), *(length + 1 for length in lengths), 1])
        self.fixed = [self._grown(lengths.get(n, [])) for n in range(self.limit + 2)]
        self.varying = self._grown(varying)
        self.common = sorted(lengths, key=lambda length: -len(lengths[length]))[:WRITTEN]
        # What a path without a leading slash can match: only a regex of the whole path knows.
        by_regex = [entry for entry in varying if entry.shape.steps is None]
        self.slashless = [leaf(by_regex, frozenset())] if by_regex else []

    @staticmethod
    def _grown(entries: list[Entry]) -> Node:
        return grown(entries, COPIES * len(entries) + 16) if entries else NOWHERE

    def searching(self) -> Search:
        """Compile the function that finds (variables and defaults, route), or None."""
        written, nodes = [], []
        for length in self.common:
            at, answer, node = self.fixed[length]
            if at is None and (made := form_of(answer)):
                written.append((length, made.form, made.around))
                nodes.append(node)
        return searching(self.limit, self.head, tuple(written), tuple(nodes), self.fixed, self.rest)

    def _segments(self, url: str) -> list[str] | None:
        """Return the segments below the head that all routes share; None for another head."""
        if not url.startswith(self.head):
            return None
        return url[len(self.head) :].split("/", self.limit)

    def rest(
        self, segments: list[str], environ: Environ | None, leaves: Sequence[Node] | None = AGAIN
    ) -> Found | None:
        """Search what is left in *leaves*, and the routes of varying length, in declared order."""
        if leaves is None and self.varying is NOWHERE:
            return None
        environ = environ or self.environ()
        method = environ.get("REQUEST_METHOD", "") if environ else None
        records = self._records(segments, method, leaves)
        for make, arguments, _, admit in sorted(records, key=order):
            result = make(segments, arguments)
            if result is not None and (admit is None or admit(environ, result, segments)):
                return result, arguments[-1]
        return None

    def methods(self, url: str, environ: Environ | None) -> frozenset[str] | None:
        """Return the methods for which a route matches *url*; None: any.

        There are none where a route before is too long to be judged.
        """
        try:
            return self._methods(url, environ)
        except TooLong:
            return frozenset()

    def _methods(self, url: str, environ: Environ | None) -> frozenset[str] | None:
        environ = environ or self.environ()
        segments = self._segments(url)
        if segments is None:
            return frozenset()
        found: set[str] = set()
        for make, arguments, _, admit in self._records(segments, None):
            route = arguments[-1]
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

    def fitting(self, url: str) -> list[Route]:
        """Return the routes whose path fits *url*, in declared order, whatever else they ask.

        They end with one that *url* is too long for.
        """
        segments, found = self._segments(url), []
        every = () if segments is None else sorted(self._records(segments, None), key=order)
        for make, arguments, _, _ in every:
            try:
                fits = make(segments or [], arguments) is not None
            except TooLong:
                break
            if fits:
                found.append(arguments[-1])
        return found

    def _records(
        self, segments: list[str], method: str | None, leaves: Sequence[Node] | None = AGAIN
    ) -> list[Record]:
        """Return the records of *leaves* and those of varying length; for None of all methods."""
        if segments[0] and not self.head:
            leaves = self.slashless
        elif leaves is AGAIN:
            leaves = leaves_in((self.fixed[len(segments)],), segments)
        found: list[Record] = []
        for each in leaves or ():
            found += records_in(each, segments, method, self.places)
        if self.varying is not NOWHERE and leaves is not self.slashless:
            padded = [*segments, *[""] * (self.limit + 1 - len(segments))]
            for each in leaves_in((self.varying,), padded):
                found += records_in(each, padded, method, self.places)
        return found


def _depth(entry: Entry) -> int:
    """Return how many slashes to split a path at, to see every segment that a route looks at."""
    steps = entry.shape.steps or ()
    return max(*entry.shape.exact, *(step.at for step in steps), 0, -1) + 2


def _parted(shapes: list[Shape]) -> tuple[str, list[Shape]]:
    """Return what all paths begin with, and the shapes of what follows.

    PERF: what all routes share is compared once, and not split. Of a single segment that would
    cost more than it saves.
    """
    if not shapes or any(shape.steps is None for shape in shapes):
        return "", shapes  # a regex judges the whole path
    first, depth = shapes[0].exact, 0
    while all(_goes_on(shape, depth + 1, first.get(depth + 1)) for shape in shapes):
        depth += 1
    if depth < 2:
        return "", shapes
    head = "".join(f"/{first[at]}" for at in range(1, depth + 1)) + "/"
    return head, [shape.below(depth + 1) for shape in shapes]


def _goes_on(shape: Shape, at: int, text: str | None) -> bool:
    """Tell whether *shape* has this fixed text at a position, and more after it."""
    if text is None or shape.exact.get(at) != text:
        return False
    return at + 1 in shape.exact or any(step.at > at for step in shape.steps or ())


def _by_length(
    shaped: Sequence[Shaped], domains: Domains
) -> tuple[dict[int, list[Entry]], list[Entry]]:
    """Return the entries of each length, and those of varying length."""
    first = _first_orders(shaped)
    lengths: dict[int, list[Entry]] = {}
    varying: list[Entry] = []
    for place, route, shape in shaped:
        clear = not first or place < _first(first, shape)
        entries = varying if shape.length is None else lengths.setdefault(shape.length, [])
        entries.append(_entry(place, shape, clear, route, domains))
    return lengths, varying


def _shapes(route: AnyRoute, controllers: Controllers) -> list[Shape]:
    known = isinstance(route, Route) and type(route).match is Route.match
    return shapes_of(route, controllers) if known else [UNKNOWN]


def _entry(place: int, shape: Shape, clear: bool, route: AnyRoute, domains: Domains) -> Entry:
    if shape is UNKNOWN:
        return Entry(place, shape, None, clear, route, opaque(route, domains))
    methods = (route.conditions or {}).get("method")
    named = None if methods is None else frozenset(methods or [NO_METHOD])
    return Entry(place, shape, named, clear, route, admission(route, domains))


def _first_orders(shaped: Iterable[Shaped]) -> dict[str | None, int]:
    """Return, for each first segment, the first route of varying length that begins with it."""
    first: dict[str | None, int] = {}
    for place, _, shape in shaped:
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
