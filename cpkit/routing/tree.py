"""A decision tree over the segments of paths: which routes are left, after a probe or two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from cpkit.routing.makers import Maker, Result
from cpkit.routing.shape import Shape

# (order, route, make, defaults, arguments of make, admit), see cpkit.routing.makers
Record = tuple[int, Any, Maker, Result, tuple[Any, ...], Any]
# Branch [position, children by segment, default child]; a negative position probes what stands
# before the segment's first dot. Leaf: records in declared order, or those of each method, with
# those of any other under None. Crossed: a leaf before whose records others may be declared.
# PERF: plain lists, dicts and tuples, told apart by class: unpacking them is the fastest there is.
Node = Any


class Crossed(NamedTuple):
    """Mark a leaf that doesn't decide alone: a route of varying length may come first."""

    leaf: Node


class Entry(NamedTuple):
    """Hold a route on its way into the tree."""

    order: int
    shape: Shape
    methods: frozenset[str] | None
    clear: bool
    record: Callable[[frozenset[int]], Record]

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
    everywhere = [entry for entry in entries if entry.key(best) is None]
    groups: dict[str, list[Entry]] = {
        key: [] for key in (entry.key(best) for entry in entries) if key is not None
    }
    for entry in entries:
        key = entry.key(best)
        for group in groups.values() if key is None else (groups[key],):
            group.append(entry)
    share = budget / (len(everywhere) + sum(map(len, groups.values())))
    decided |= {best}
    children = {
        key: grown(group, int(share * len(group)), decided) for key, group in groups.items()
    }
    default = grown(everywhere, int(share * len(everywhere)), decided) if everywhere else None
    return [best, children, default]


def _best_probe(entries: Sequence[Entry], budget: int, decided: frozenset[int]) -> int | None:
    """Return the position that leaves the fewest routes to try, if any is worth a probe."""
    if len(entries) < 2 or len({_path(entry) for entry in entries}) < 2:
        return None
    scored = [(len(entries) ** 2, 0)]
    for probe in sorted(_probes(entries) - decided, key=lambda probe: (probe < 0, abs(probe))):
        counts = Counter(entry.key(probe) for entry in entries)
        everywhere = counts.pop(None, 0)
        if sum(counts.values()) + everywhere * (len(counts) + 1) <= budget:
            left = sum((count + everywhere) ** 2 for count in counts.values())
            scored.append((left + everywhere**2, probe))
    return min(scored, key=itemgetter(0))[1] or None


def _path(entry: Entry) -> tuple[Any, ...]:
    return tuple(entry.shape.exact.items()), tuple(entry.shape.heads.items())


def _probes(entries: Iterable[Entry]) -> set[int]:
    exact = {at for entry in entries for at in entry.shape.exact}
    return exact | {-at for entry in entries for at in entry.shape.heads}


def leaf(entries: Sequence[Entry], decided: frozenset[int]) -> Node:
    """Return the leaf of *entries*, by method where any of them asks for one."""
    records = [(entry.methods, entry.record(decided)) for entry in entries]
    named = {method for methods, _ in records for method in methods or ()}
    found: Node = tuple(record for methods, record in records if methods is None)
    if any(methods is not None for methods, _ in records):
        found = {None: found} | {
            method: tuple(rec for methods, rec in records if methods is None or method in methods)
            for method in named
        }
    return found if all(entry.clear for entry in entries) else Crossed(found)


def found_in(node: Node, segments: Sequence[str | None]) -> Node:
    """Walk from *node* to the leaf for *segments*."""
    while node.__class__ is list:
        at, children, default = node
        text = segments[at] if at > 0 else segments[-at]
        node = children.get(text if at > 0 or text is None else text.partition(".")[0], default)
    return node


def of_method(node: Node, method: str | None) -> Sequence[Record]:
    """Return a leaf's records for *method*, all of them for None, in declared order."""
    if isinstance(node, Crossed):
        node = node.leaf
    if not isinstance(node, dict):
        return node or ()
    if method is not None:
        found: Sequence[Record] = node.get(method) or node[None]
        return found
    every = {record[0]: record for records in node.values() for record in records}
    return [every[order] for order in sorted(every)]
