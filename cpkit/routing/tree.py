"""A decision tree over the segments of paths, and its leaves: which routes are left to try."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from .compiled import (
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
        return (*by_regex(route), place, admit)
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


FEW = 8


class Heads(dict[str, Node]):
    """Hold children by what stands before the first dot of a segment."""

    def get(self, segment: str, default: Any = None) -> Any:
        return dict.get(self, segment.partition(".")[0], default)


def grown(entries: Sequence[Entry], budget: int, decided: frozenset[int] = frozenset()) -> Node:
    """Return the tree of *entries*, which are in declared order.

    A route that is variable where a branch probes stands below each child; *budget* bounds how
    many times routes stand in leaves altogether. Where it is spent, a leaf is scanned.
    """
    best = _best_probe(entries, budget, decided)
    if best is None:
        return leaf(entries, frozenset(at for at in decided if at >= 0))
    keys = [entry.key(best) for entry in entries]
    groups: dict[str, list[Entry]] = {key: [] for key in keys if key is not None}
    everywhere = [entry for entry, key in zip(entries, keys, strict=True) if key is None]
    for entry, key in zip(entries, keys, strict=True):
        for group in groups.values() if key is None else (groups[key],):
            group.append(entry)
    share = budget / (len(everywhere) + sum(map(len, groups.values())))
    decided |= {best}
    children = {
        key: grown(group, int(share * len(group)), decided) for key, group in groups.items()
    }
    default = grown(everywhere, int(share * len(everywhere)), decided) if everywhere else NOWHERE
    return _branch(best, children, default)


def _branch(probe: int, children: dict[str, Node], default: Node) -> Node:
    at, answer, _ = next(iter(children.values()))
    alike = at is None and all(child[1] is answer for child in children.values())
    form, around = getattr(answer, "form", (None, MAKE))
    if probe < 0:
        return ~probe, Heads(children), default
    if form is None or around.probe is not None or not alike or default is not NOWHERE:
        return probe, children, default
    # PERF: where all leaves answer alike, their function does the last look-up, too.
    left = {key: child[2] for key, child in children.items()}
    return None, compiled(form, around._replace(probe=probe)), left


def _best_probe(entries: Sequence[Entry], budget: int, decided: frozenset[int]) -> int | None:
    """Return the position that leaves the fewest routes to try, if any is worth a probe."""
    if all(_alike(entry.shape, entries[0].shape) for entry in entries):
        return None
    # A leaf of a few is scanned as fast as it is split; splitting a large one can only help.
    scored: list[tuple[int, int | None]] = []
    if len(entries) <= FEW:
        scored.append((len(entries) ** 2, None))
    for probe in sorted(_probes(entries) - decided, key=_by_position):
        counts = Counter(entry.key(probe) for entry in entries)
        everywhere = counts.pop(None, 0)
        if sum(counts.values()) + everywhere * (len(counts) + 1) <= budget:
            left = sum((count + everywhere) ** 2 for count in counts.values())
            scored.append((left + everywhere**2, probe))
    return min(scored, key=itemgetter(0), default=(0, None))[1]


def _by_position(probe: int) -> tuple[bool, int]:
    return probe < 0, max(probe, ~probe)


def _alike(one: Shape, other: Shape) -> bool:
    return one.exact == other.exact and one.heads == other.heads


def _probes(entries: Iterable[Entry]) -> set[int]:
    exact = {at for entry in entries for at in entry.shape.exact}
    return exact | {~at for entry in entries for at in entry.shape.heads}


def found_in(node: Node, segments: Sequence[str]) -> Left:
    """Walk from *node* to what is left for *segments*."""
    at, found, left = node
    while at is not None:
        at, found, left = found.get(segments[at], left)
    _, around = getattr(found, "form", (None, MAKE))
    return left if around.probe is None else left.get(segments[around.probe])
