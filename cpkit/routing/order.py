"""What the declared order decides: which routes never match, and where Routes 2.5 finds another.

Shadows are routes of which earlier ones take every path. Differences are requests that Routes 2.5,
which does not keep to the declared order, answers by another route.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from itertools import takewhile
from typing import Any, NamedTuple

from .conditions import Domains, Environ
from .index import Index
from .patterns import example
from .route import Route
from .shape import Controllers, Shape, Step, shapes_of

PLAIN, TAIL, TYPED_TAIL = "plain", "tail", "typed tail"


class Shadow(NamedTuple):
    """A route that can't match, and the earlier route *by* which.

    Where several earlier routes divide its methods between them, *by* is the last of them; it is
    None for a route that only a path without a leading slash could match.
    """

    route: Route
    by: Route | None


class Cover(NamedTuple):
    """An earlier route, the methods it takes (None: all) and what else it asks for."""

    place: int
    route: Route
    methods: frozenset[str] | None
    conditions: dict[str, Any]


class Place:
    """A place in a trie of the routes so far: by fixed texts, and by what variables accept."""

    __slots__ = ("covers", "fixed", "tails", "variable")

    def __init__(self) -> None:
        self.fixed: defaultdict[str, Place] = defaultdict(Place)
        self.variable: defaultdict[Any, Place] = defaultdict(Place)
        self.covers: list[Cover] = []
        self.tails: list[tuple[bool, Cover]] = []


def shadows(routes: Iterable[Any], controllers: Sequence[str]) -> Iterator[Shadow]:
    """Yield the shadowed of *routes*, which are in declared order.

    What is left out, since it isn't certain: paths with line ends, condition functions.
    """
    root, by_regex, known = Place(), dict[str, list[Cover]](), Controllers.of(controllers)
    for place, route in enumerate(routes):
        if not isinstance(route, Route):
            continue
        shapes = [each for shape in shapes_of(route, known) for each in _unfolded(shape)]
        regex = str(route.makeregexp(controllers, include_names=False))
        cover = _cover(place, route)
        # NOTE: the empty path is that of a mount point without its slash.
        if not route.minimization and route.template[:1] not in ("/", "{", ":", "*", ""):
            yield Shadow(route, None)
        alike = by_regex.get(regex, [])
        taken = [
            _taking(cover, [*alike, *_covering(root, shape, _steps(shape), 1)]) for shape in shapes
        ]
        if None not in taken:
            yield Shadow(route, max(each for each in taken if each is not None).route)
        elif "function" not in cover.conditions:
            by_regex.setdefault(regex, []).append(cover)
            for shape in shapes:
                _add(root, shape, cover)


def _unfolded(shape: Shape) -> list[Shape]:
    """Return *shape* with each optional variable there, and empty: as shapes without any."""
    step = next((step for step in shape.steps or () if step.optional), None)
    if step is None:
        return [shape]
    others = tuple(each for each in shape.steps or () if each is not step)
    there = shape._replace(steps=(*others, step._replace(optional=False)))
    empty = shape._replace(steps=others, exact={**shape.exact, step.at: ""})
    return _unfolded(there) + _unfolded(empty)


def _cover(place: int, route: Route) -> Cover:
    conditions = dict(route.conditions or {})
    methods = conditions.pop("method", None)
    return Cover(place, route, None if methods is None else frozenset(methods), conditions)


def _taking(wanted: Cover, covers: Iterable[Cover]) -> Cover | None:
    """Return the one with which *covers* have taken all that *wanted* could match."""
    left = None if wanted.methods is None else set(wanted.methods)
    for cover in covers:
        if cover.conditions and cover.conditions != wanted.conditions:
            continue
        if cover.methods is None or (left is not None and left and left <= cover.methods):
            return cover
        if left is not None:
            left -= cover.methods
    return None


def _steps(shape: Shape) -> dict[int, Step]:
    return {step.at: step for step in shape.steps or ()}


def _edge(step: Step) -> Any:
    return PLAIN if step.kind == PLAIN else step.test


def _add(node: Place, shape: Shape, cover: Cover) -> None:
    if shape.steps is None:
        return
    steps = _steps(shape)
    for at in range(1, len(shape.exact) + len(steps) + 1):
        step = steps.get(at)
        if step is None:
            node = node.fixed[shape.exact[at]]
        elif step.kind == TYPED_TAIL:
            return  # what it accepts is not known of other texts
        elif step.kind == TAIL:
            node.tails.append((step.test, cover))
            return
        else:
            node = node.variable[_edge(step)]
    node.covers.append(cover)


def _covering(node: Place, shape: Shape, steps: dict[int, Step], at: int) -> Iterator[Cover]:
    """Yield the routes below *node* that match whatever *shape* matches from segment *at* on.

    *steps* are the shape's by position.
    """
    if shape.steps is None:
        return
    text, step = shape.exact.get(at), steps.get(at)
    if text is None and step is None:
        yield from node.covers
        return
    ends = shape.length == at + 1
    for empty, cover in node.tails:
        if empty or not ends or text or (step and not _takes_nothing(step)):
            yield cover
    if step and step.kind in (TAIL, TYPED_TAIL):
        return
    if text is not None and text in node.fixed:
        yield from _covering(node.fixed[text], shape, steps, at + 1)
    for edge, child in node.variable.items():
        if _accepts(edge, text, step):
            yield from _covering(child, shape, steps, at + 1)


def _takes_nothing(step: Step) -> bool:
    """Tell whether a step accepts the empty text."""
    return bool(step.test if step.kind == TAIL else step.kind != PLAIN and step.test(""))


def _accepts(edge: Any, text: str | None, step: Step | None) -> bool:
    if step is not None:
        return bool(edge is _edge(step) or (edge is PLAIN and not _takes_nothing(step)))
    return bool(text) if edge is PLAIN else bool(edge(text))


class Difference(NamedTuple):
    """An example request for which the order of the routes decides.

    *declared* is the first declared route that matches, *upstream* the one that Routes 2.5 finds
    first; None stands for no route.
    """

    method: str
    path: str
    declared: Route | None
    upstream: Route | None


class Candidate(NamedTuple):
    """A route, what it says of paths, and an example of a path."""

    route: Route
    shape: Shape
    methods: frozenset[str] | None
    sub_domain: str
    static_prefix: str
    segments: list[str]


def differences(
    routes: Iterable[Route], controllers: Sequence[str], domains: Domains
) -> Iterator[Difference]:
    """Yield examples of what Routes 2.5 answers by another route: each route concerned is in one.

    Routes 2.5 tries the routes by the length of their static prefix, the longest first, and does
    not find a route whose optional prefix is left out. Paths begin below the mapper's ``prefix``.
    Condition functions are not called, but taken to accept.
    """
    known, seen = Controllers.of(controllers), set[int]()
    compared = [route for route in routes if isinstance(route, Route)]
    candidates = [_candidate(_unguarded(route), known) for route in compared]
    originals = {id(each.route): route for each, route in zip(candidates, compared, strict=True)}
    find = _finders(candidates, controllers, domains)
    for method, host, path in _examples(candidates, seen):
        environ = {"REQUEST_METHOD": method, "HTTP_HOST": f"{host}.example.com".lstrip(".")}
        declared, upstream = (answer(path, environ) for answer in find)
        if declared is not upstream and not seen.issuperset((id(declared), id(upstream))):
            seen |= {id(declared), id(upstream)}
            yield Difference(method, path, originals.get(id(declared)), originals.get(id(upstream)))


def _unguarded(route: Route) -> Route:
    """Return *route* without its condition function."""
    found = copy(route)
    conditions = route.conditions or {}
    found.conditions = {name: conditions[name] for name in conditions if name != "function"}
    return found


def _candidate(route: Route, controllers: Controllers) -> Candidate:
    methods, wanted = route.conditions.get("method"), route.conditions.get("sub_domain")
    host = str(wanted[0]) if isinstance(wanted, list) and wanted else "www" if wanted else ""
    prefix = "".join(takewhile(lambda part: isinstance(part, str), route.routelist))
    if route.minimization and not prefix.startswith("/"):
        prefix = "/" + prefix
    named = None if methods is None else frozenset(methods)
    segments = _filled(route, controllers, len(route.routelist)).split("/")
    shape = shapes_of(route, controllers)[:2][-1]  # the first of several ends in a slash
    return Candidate(route, shape, named, host, prefix.rstrip("/"), segments)


def _filled(route: Route, controllers: Controllers, count: int) -> str:
    """Return a path of the first *count* parts of *route*."""
    path = ""
    for part in route.routelist[:count]:
        if isinstance(part, str):
            path += part
        elif part["name"] == "controller":
            path += min(controllers.names, default="")
        else:
            text = example(route.reqs.get(part["name"]) or "[^/.]+")
            path += "." + text if part["type"] == "." else text
    return path if path.startswith("/") else "/" + path


Finder = Callable[[str, Environ], "Route | None"]


def _finders(
    candidates: list[Candidate], controllers: Sequence[str], domains: Domains
) -> tuple[Finder, Finder]:
    """Return what finds a route in declared order, and what does in Routes 2.5's."""
    prefixes = {id(each.route): each.static_prefix for each in candidates}
    reordered = sorted(candidates, key=lambda each: -len(each.static_prefix))
    indexes = [
        Index([each.route for each in order], controllers, domains, lambda: None).searching()
        for order in (candidates, reordered)
    ]

    def declared(path: str, environ: Environ) -> Route | None:
        found = indexes[0](path, environ)
        return found and found[1]

    def upstream(path: str, environ: Environ) -> Route | None:
        found = indexes[1](path, environ)
        if found is None or path.startswith(prefixes[id(found[1])]):
            return found and found[1]
        fitting = (each.route for each in reordered if path.startswith(each.static_prefix))
        matching = (route for route in fitting if route.match(path, environ, *domains) is not False)
        return next(matching, None)

    return declared, upstream


def _examples(candidates: list[Candidate], seen: set[int]) -> Iterator[tuple[str, str, str]]:
    """Yield (method, sub-domain, path) of each route, and of each two that may differ.

    Two routes that have been *seen* to differ, from each other or from a third, are left out.
    """
    earlier: dict[str, list[Candidate]] = {}
    for later in candidates:
        method = min(later.methods or {"GET"})
        for path in _paths(later):
            yield method, later.sub_domain, path
        for length in range(len(later.static_prefix)):
            for each in earlier.get(later.static_prefix[:length], ()):
                if seen.issuperset((id(each.route), id(later.route))):
                    continue
                common = _common(each.methods, later.methods)
                merged = _merged(each, later) if common else None
                if merged is not None:
                    yield common, each.sub_domain or later.sub_domain, merged
        earlier.setdefault(later.static_prefix, []).append(later)


def _paths(candidate: Candidate) -> Iterator[str]:
    """Yield the candidate's own example, and shorter ones where it lets its end be left out."""
    path = "/".join(candidate.segments)
    yield path
    if candidate.route.minimization:
        while "/" in path[1:]:
            path = path.rpartition("/")[0]
            yield path
        yield candidate.static_prefix.rstrip("/,;.#")


def _common(one: frozenset[str] | None, other: frozenset[str] | None) -> str:
    """Return a method that both take, or the empty text; None takes any."""
    if one is None or other is None:
        return min(one or other or {"GET"}) if one != frozenset() != other else ""
    return min(one & other, default="")


def _merged(one: Candidate, other: Candidate) -> str | None:
    """Return a path that both may match; None if their segments contradict each other."""
    if one.shape.steps is None or other.shape.steps is None:
        return "/".join(other.segments if one.shape.steps is None else one.segments)
    lengths = {each.shape.length for each in (one, other) if each.shape.length is not None}
    if len(lengths) > 1:
        return None
    count = min(lengths, default=max(len(one.segments), len(other.segments)))
    path = ""
    for at in range(1, count):
        texts = [each.segments[at] for each in (one, other) if at < len(each.segments)]
        texts += ["".join(texts), "".join(reversed(texts))]  # one may begin it, the other end it
        both = [text for text in texts if _takes(one, at, text) and _takes(other, at, text)]
        if not both:
            return None
        path += "/" + both[0]
    return path


def _takes(candidate: Candidate, at: int, text: str) -> bool:
    """Tell whether the candidate can have *text* as the segment at a position."""
    if at in candidate.shape.exact:
        return candidate.shape.exact[at] == text
    steps = candidate.shape.steps or ()
    step = next((step for step in steps if step.at == at), steps[-1] if steps else None)
    return step is not None and _reads(step, at, text)


def _reads(step: Step, at: int, text: str) -> bool:
    if step.kind == "tail":
        return at >= step.at
    if step.at != at:
        return False
    if step.kind == "mixed":
        return step.test(text) is not None
    return bool(step.test(text) if step.kind == "typed" else text)
