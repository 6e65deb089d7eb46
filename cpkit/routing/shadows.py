"""Find the routes that can never match, because earlier ones take every path of theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

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
        self.fixed: dict[str, Place] = {}
        self.variable: dict[Any, Place] = {}
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
        taken = [_taking(cover, [*alike, *_covering(root, shape, 1)]) for shape in shapes]
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
            node = node.fixed.setdefault(shape.exact[at], Place())
        elif step.kind == TYPED_TAIL:
            return  # what it accepts is not known of other texts
        elif step.kind == TAIL:
            node.tails.append((step.test, cover))
            return
        else:
            node = node.variable.setdefault(_edge(step), Place())
    node.covers.append(cover)


def _covering(node: Place, shape: Shape, at: int) -> Iterator[Cover]:
    """Yield the routes below *node* that match whatever *shape* matches from segment *at* on."""
    if shape.steps is None:
        return
    text, step = shape.exact.get(at), _steps(shape).get(at)
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
        yield from _covering(node.fixed[text], shape, at + 1)
    for edge, child in node.variable.items():
        if _accepts(edge, text, step):
            yield from _covering(child, shape, at + 1)


def _takes_nothing(step: Step) -> bool:
    """Tell whether a step accepts the empty text."""
    return bool(step.test if step.kind == TAIL else step.kind != PLAIN and step.test(""))


def _accepts(edge: Any, text: str | None, step: Step | None) -> bool:
    if step is not None:
        return bool(edge is _edge(step) or (edge is PLAIN and not _takes_nothing(step)))
    return bool(text) if edge is PLAIN else bool(edge(text))
