"""Find the routes that can never match, because earlier ones take every path of theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from .route import Route
from .shape import Controllers, Shape, Step, shape_of

PLAIN, TAIL = "plain", "tail"


class Shadow(NamedTuple):
    """Name a route that can't match, and the earlier route *by* which.

    Where several earlier routes divide its methods between them, *by* is the last of them; it is
    None for a route that only a path without a leading slash could match.
    """

    route: Any
    by: Any


class Cover(NamedTuple):
    """Hold an earlier route, the methods it takes (None: all) and what else it asks for."""

    route: Any
    methods: frozenset[str] | None
    conditions: dict[str, Any]


class Node:
    """A trie of the routes declared so far: by fixed texts, and by what variables accept."""

    __slots__ = ("covers", "fixed", "tails", "variable")

    def __init__(self) -> None:
        self.fixed: dict[str, Node] = {}
        self.variable: dict[Any, Node] = {}
        self.covers: list[Cover] = []
        self.tails: list[tuple[bool, Cover]] = []


def shadows(routes: Iterable[Any], controllers: Sequence[str]) -> Iterator[Shadow]:
    """Yield the shadowed of *routes*, which are in declared order.

    What is left out, since it isn't certain: paths with line ends, condition functions.
    """
    root, by_regex, known = Node(), dict[str, list[Cover]](), Controllers.of(controllers)
    for route in routes:
        if not isinstance(route, Route):
            continue
        shape = shape_of(route, known)
        regex = str(route.makeregexp(controllers, include_names=False))
        cover = _cover(route)
        if not route.minimization and not route.template.startswith(("/", "{", ":", "*")):
            yield Shadow(route, None)
        earlier = _taking(cover, [*by_regex.get(regex, ()), *_covering(root, shape, 1)])
        if earlier is not None:
            yield Shadow(route, earlier)
        elif "function" not in cover.conditions:
            by_regex.setdefault(regex, []).append(cover)
            _add(root, shape, cover)


def _cover(route: Any) -> Cover:
    conditions = dict(route.conditions or {})
    methods = conditions.pop("method", None)
    return Cover(route, None if methods is None else frozenset(methods), conditions)


def _taking(wanted: Cover, covers: Iterable[Cover]) -> Any:
    """Return the route with which *covers* have taken all that *wanted* could match."""
    left = None if wanted.methods is None else set(wanted.methods)
    for cover in covers:
        if cover.conditions and cover.conditions != wanted.conditions:
            continue
        if cover.methods is None or (left is not None and left and left <= cover.methods):
            return cover.route
        if left is not None:
            left -= cover.methods
    return None


def _steps(shape: Shape) -> dict[int, Step]:
    return {step.at: step for step in shape.steps or ()}


def _edge(step: Step) -> Any:
    return PLAIN if step.kind == PLAIN else step.test


def _add(node: Node, shape: Shape, cover: Cover) -> None:
    if shape.steps is None:
        return
    steps = _steps(shape)
    for at in range(1, len(shape.exact) + len(steps) + 1):
        step = steps.get(at)
        if step is None:
            node = node.fixed.setdefault(shape.exact[at], Node())
        elif step.kind == TAIL:
            node.tails.append((step.test, cover))
            return
        else:
            node = node.variable.setdefault(_edge(step), Node())
    node.covers.append(cover)


def _covering(node: Node, shape: Shape, at: int) -> Iterator[Cover]:
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
    if step and step.kind == TAIL:
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
