"""The leaves of the tree: which routes are left to try, by method, and what answers for them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from .makers import (
    ANY_METHOD,
    BY_METHOD,
    MAKE,
    ONE_METHOD,
    Maker,
    by_regex,
    compiled,
    formed,
    unread,
)
from .shape import UNKNOWN, Shape

# (make, arguments, the route's place among all, admit); arguments end with the route.
Record = tuple[Maker, tuple[Any, ...], int, Any]
# Chain: (make, arguments, place, next chain or None), in declared order.
# What routes are left: a chain; or (method, arguments ..., chain) of a single route, method None
# being any; or a dict of each method's chain, with that of any other method under None; or
# Guarded; or None.
Left = Any
# Branch: (position, children by segment, default child).
# Leaf: (None, a function that answers, what it looks in).
# PERF: plain tuples of three, told apart by what is None, are the fastest to unpack.
Node = tuple["int | None", Any, Any]


class Guarded(NamedTuple):
    """Hold the (methods, record) of a leaf that path and method alone don't decide.

    A record has other conditions, or a route of varying length may come before it.
    """

    records: list[tuple[frozenset[str] | None, Record]]


class Entry(NamedTuple):
    """Hold a route on its way into the tree."""

    order: int
    shape: Shape
    methods: frozenset[str] | None
    clear: bool
    route: Any
    admit: Any

    def key(self, probe: int) -> str | None:
        """Return the text that a branch finds this route under; None: under every one.

        *probe* is a position, or the complement of one whose head is meant.
        """
        if probe >= 0:
            return self.shape.exact.get(probe)
        exact = self.shape.exact.get(~probe)
        return self.shape.heads.get(~probe) if exact is None else exact.partition(".")[0]


def leaf(entries: Sequence[Entry], decided: frozenset[int]) -> Node:
    """Return the leaf of *entries*, by method where any of them asks for one."""
    left = remaining(entries, decided)
    if left is None or isinstance(left, Guarded):
        return None, unsure, left
    chains = left if isinstance(left, dict) else {None: left}
    makers = [make for chain in chains.values() for make, *_ in _records(chain)]
    if len(makers) > len(chains) or any(make is not makers[0] for make in makers):
        return None, by_method if isinstance(left, dict) else in_order, left
    # PERF: one for each method, of one form.
    form, _ = vars(makers[0])["form"]
    (method, chain), *others = chains.items()
    if others:
        return None, compiled(form, BY_METHOD), left
    around = ANY_METHOD if method is None else ONE_METHOD
    return None, compiled(form, around), (method, *chain[1], chain)


def remaining(entries: Sequence[Entry], decided: frozenset[int]) -> Left:
    """Return what is left to try of *entries*."""
    records = [(entry.methods, _record(entry, decided)) for entry in entries]
    if not all(entry.clear and entry.admit is None for entry in entries):
        return Guarded(records)
    named = {method for methods, _ in records for method in methods or ()}
    chains: dict[str | None, Left] = dict.fromkeys(named)
    if any(methods is None for methods, _ in records):
        chains[None] = None
    for methods, (*record, _) in reversed(records):
        for method in chains if methods is None else methods:
            chains[method] = (*record, chains[method])
    return chains if named else chains.get(None)


def _record(entry: Entry, decided: frozenset[int]) -> Record:
    place, shape, _, _, route, admit = entry
    if shape is UNKNOWN:
        return (*unread(route), place, admit)
    if shape.steps is None:
        return (*by_regex(route, shape.limit), place, admit)
    form, arguments = formed(route, shape, route.defaults, decided)
    return compiled(form, MAKE), arguments, place, admit


def unsure(segments: list[str], environ: Any, left: Left, rest: Any) -> Any:
    """Answer where path and method alone don't decide, or nothing is left."""
    return rest(segments, environ, left)


NOWHERE: Node = (None, unsure, None)


def in_order(segments: list[str], environ: Any, chain: Left, rest: Any) -> Any:
    """Answer by the first record of a chain that matches."""
    while chain is not None:
        make, arguments, _, chain = chain
        result = make(segments, arguments)
        if result is not None:
            return result, arguments[-1]
    return rest(segments, environ, None)


def by_method(segments: list[str], environ: Any, chains: Left, rest: Any) -> Any:
    """Answer by the chain of the request's method."""
    try:
        chain = chains.get(environ["REQUEST_METHOD"]) or chains.get(None)
    except (KeyError, TypeError):
        return rest(segments, environ, chains)
    return in_order(segments, environ, chain, rest)


def of_method(left: Left, method: str | None) -> list[Record]:
    """Return the records for *method*, all of them for None, in declared order."""
    if method is None:
        every = {order(record): record for record in of_any_method(left)}
        return [every[number] for number in sorted(every)]
    if left is None:
        return []
    if isinstance(left, Guarded):
        return [rec for methods, rec in left.records if methods is None or method in methods]
    if isinstance(left, dict):
        return _records(left.get(method) or left.get(None))
    return _records(_chain(left)) if callable(left[0]) or left[0] in (None, method) else []


def of_any_method(left: Left) -> list[Record]:
    """Return all records, in no order, those of several methods several times."""
    if left is None:
        return []
    if isinstance(left, Guarded):
        return [record for _, record in left.records]
    chains = left.values() if isinstance(left, dict) else (_chain(left),)
    return [record for chain in chains for record in _records(chain)]


order = itemgetter(2)  # a record's place among all routes


def _chain(left: Left) -> Left:
    """Return a chain, or that of a single route."""
    return left if callable(left[0]) else left[-1]


def _records(chain: Left) -> list[Record]:
    found: list[Record] = []
    while chain is not None:
        following = chain[3]
        found.append(chain if following is None else (*chain[:3], None))
        chain = following
    return found
