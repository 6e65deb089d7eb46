"""A decision tree over the segments of paths: which routes are left, after a probe or two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from cpkit.routing.makers import Maker, by_regex, maker, unread
from cpkit.routing.shape import UNKNOWN, Shape

# (make, arguments, route, admit), see cpkit.routing.makers; arguments end with the order.
Record = tuple[Maker, tuple[Any, ...], Any, Any]
# Branch: [position, children by segment, default child].
# Chain: (make, arguments, route, next chain or None), in declared order.
# Leaf: a chain; or a dict of each method's, with the chain of any other method under None; or
# Guarded. PERF: plain lists, dicts and tuples, told apart by class, are the fastest to unpack.
Node = Any


FEW = 8


class Heads(dict[str, Node]):
    """Hold children by what stands before the first dot of a segment."""

    def get(self, segment: str, default: Node = None) -> Node:
        return dict.get(self, segment.partition(".")[0], default)


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
        """Return the text that a branch finds this route under; None: under every one."""
        exact = self.shape.exact.get(abs(probe))
        if probe >= 0:
            return exact
        return self.shape.heads.get(-probe) if exact is None else exact.partition(".")[0]


def grown(entries: Sequence[Entry], budget: int, decided: frozenset[int] = frozenset()) -> Node:
    """Return the tree of *entries*, which are in declared order.

    A route that is variable where a branch probes stands below each child; *budget* bounds how
    many times routes stand in leaves altogether. Where it is spent, a leaf is scanned.
    """
    best = _best_probe(entries, budget, decided)
    if best is None:
        return leaf(entries, frozenset(at for at in decided if at > 0))
    keys = [entry.key(best) for entry in entries]
    groups: dict[str, list[Entry]] = {key: [] for key in keys if key is not None}
    everywhere = [entry for entry, key in zip(entries, keys, strict=True) if key is None]
    for entry, key in zip(entries, keys, strict=True):
        for group in groups.values() if key is None else (groups[key],):
            group.append(entry)
    share = budget / (len(everywhere) + sum(map(len, groups.values())))
    decided |= {best}
    kind = dict if best > 0 else Heads
    children = kind(
        (key, grown(group, int(share * len(group)), decided)) for key, group in groups.items()
    )
    default = grown(everywhere, int(share * len(everywhere)), decided) if everywhere else None
    return [abs(best), children, default]


def _best_probe(entries: Sequence[Entry], budget: int, decided: frozenset[int]) -> int | None:
    """Return the position that leaves the fewest routes to try, if any is worth a probe."""
    if all(_alike(entry.shape, entries[0].shape) for entry in entries):
        return None
    # A leaf of a few is scanned as fast as it is split; splitting a large one can only help.
    scored = [(len(entries) ** 2, 0)] if len(entries) <= FEW else []
    for probe in sorted(_probes(entries) - decided, key=lambda probe: (probe < 0, abs(probe))):
        counts = Counter(entry.key(probe) for entry in entries)
        everywhere = counts.pop(None, 0)
        if sum(counts.values()) + everywhere * (len(counts) + 1) <= budget:
            left = sum((count + everywhere) ** 2 for count in counts.values())
            scored.append((left + everywhere**2, probe))
    return min(scored, key=itemgetter(0), default=(0, 0))[1] or None


def _alike(one: Shape, other: Shape) -> bool:
    return one.exact == other.exact and one.heads == other.heads


def _probes(entries: Iterable[Entry]) -> set[int]:
    exact = {at for entry in entries for at in entry.shape.exact}
    return exact | {-at for entry in entries for at in entry.shape.heads}


def leaf(entries: Sequence[Entry], decided: frozenset[int]) -> Node:
    """Return the leaf of *entries*, by method where any of them asks for one."""
    records = [(entry.methods, _record(entry, decided)) for entry in entries]
    if not all(entry.clear and entry.admit is None for entry in entries):
        return Guarded(records)
    chains: dict[str | None, Node] = {None: None}
    for methods, _ in records:
        chains |= dict.fromkeys(methods or ())
    for methods, (*record, _) in reversed(records):
        for method in chains if methods is None else methods:
            chains[method] = (*record, chains[method])
    return chains if len(chains) > 1 else chains[None]


def _record(entry: Entry, decided: frozenset[int]) -> Record:
    place, shape, _, _, route, admit = entry
    if shape is UNKNOWN:
        return (*unread(place), route, admit)
    if shape.steps is None:
        return (*by_regex(place, route, shape.limit), route, admit)
    return (*maker(place, shape, route.defaults, decided), route, admit)


def found_in(node: Node, segments: Sequence[str]) -> Node:
    """Walk from *node* to the leaf for *segments*."""
    while isinstance(node, list):
        at, children, default = node
        node = children.get(segments[at], default)
    return node


def of_method(node: Node, method: str | None) -> list[Record]:
    """Return a leaf's records for *method*, all of them for None, in declared order."""
    if method is None:
        every = {order(record): record for record in of_any_method(node)}
        return [every[number] for number in sorted(every)]
    if isinstance(node, Guarded):
        return [rec for methods, rec in node.records if methods is None or method in methods]
    return _records((node.get(method) or node[None]) if isinstance(node, dict) else node)


def of_any_method(node: Node) -> list[Record]:
    """Return all of a leaf's records, in no order, those of several methods several times."""
    if isinstance(node, Guarded):
        return [record for _, record in node.records]
    chains = node.values() if isinstance(node, dict) else (node,)
    return [record for chain in chains for record in _records(chain)]


def order(record: Record) -> int:
    """Return the place of a record's route among all routes."""
    place: int = record[1][-1]
    return place


def _records(chain: Node) -> list[Record]:
    found: list[Record] = []
    while chain is not None:
        make, arguments, route, chain = chain
        found.append((make, arguments, route, None))
    return found
