"""A decision tree over the segments of paths, and its leaves: which routes are left to try.

PERF: nodes are plain tuples of three, the fastest to unpack, told apart by what is None:

* a branch is (position, children by the segment there, the default child);
* a leaf is (None, a function that answers, what it looks in).

What a leaf looks in is, where all its routes are of one form and one for each method,

* the arguments of its single route; before them the method, where it asks for one;
* a dict of each method's arguments.

Else it is a dict of each method's records in declared order, those of any other method under None;
the records alone, where no route asks for a method; methods and records, where they don't decide;
None where nothing is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple, cast

from .compiled import (
    ANY_METHOD,
    BY_METHOD,
    MAKE,
    ONE_METHOD,
    Answer,
    Arguments,
    Found,
    Maker,
    Rest,
    answering,
    by_regex,
    compiled,
    form_of,
    formed,
    unread,
)
from .conditions import Admit, Environ
from .route import AnyRoute
from .shape import UNKNOWN, Shape

# (make, arguments, place, admit): a route to try. ``make(segments, arguments)`` returns its
# variables and defaults, or None; *arguments* end with the route; its *place* is its number among
# all in declared order; *admit* tests its other conditions.
Record = tuple[Maker, Arguments, int, "Admit | None"]
Records = Sequence[tuple["frozenset[str] | None", Record]]
Node = tuple["int | None", Any, Any]

NO_HEAD = "", ""
ANY = (None,)  # the methods of a route that asks for none
# So few routes are tried as fast as told apart.
FEW = 8


class Probe(NamedTuple):
    """Where a branch looks: at a segment, or at what stands before the first *separator* in it."""

    at: int
    separator: str = ""


class Entry(NamedTuple):
    """A route on its way into the tree, with one of its shapes.

    *clear* tells that no route of varying length can come before it.
    """

    order: int
    shape: Shape
    methods: frozenset[str] | None
    clear: bool
    route: AnyRoute
    admit: Admit | None

    def head(self, at: int, separator: str) -> str | None:
        """Return what stands before the first *separator* at a position, where it is known."""
        exact = self.shape.exact.get(at)
        if exact is not None:
            return exact.partition(separator)[0]
        ends, head = self.shape.heads.get(at, NO_HEAD)
        return head if ends == separator else None


class Heads(dict[str, Node]):
    """Children by what stands before the first *separator* of a segment."""

    def __init__(self, children: dict[str, Node], separator: str) -> None:
        super().__init__(children)
        self.separator = separator

    def get(self, segment: str, default: Any = None) -> Any:
        return dict.get(self, segment.partition(self.separator)[0], default)


def grown(entries: Sequence[Entry], budget: int, decided: frozenset[Probe] = frozenset()) -> Node:
    """Return the tree of *entries*, which are in declared order.

    A route that is variable where a branch probes stands below each child; *budget* bounds how
    many times routes stand in leaves altogether. Where no probe is affordable, the routes are
    parted by their first fixed position that no branch has probed, into a tree for each.
    """
    # PERF: most leaves are one route, or one for each method.
    if len(entries) > 1 and not all(_alike(entry.shape, entries[0].shape) for entry in entries):
        best = _best_probe(entries, budget, decided)
        if best is not None:
            return _branch(best, *_children(best, entries, budget, decided))
        parts = _parts(entries, decided)
        if len(parts) > 1:
            share = budget / len(entries)
            trees = [grown(part, int(share * len(part)), decided) for part in parts]
            return None, by_parts, tuple(trees)
    return leaf(entries, _compared(decided))


@lru_cache(maxsize=64)
def _compared(decided: frozenset[Probe]) -> frozenset[int]:
    """Return the positions whose whole text has been compared."""
    return frozenset(probe.at for probe in decided if not probe.separator)


def _keys(entries: Iterable[Entry], probe: Probe) -> list[str | None]:
    """Return the text that a branch finds each route under; None: under every one."""
    at, separator = probe
    if separator:
        return [entry.head(at, separator) for entry in entries]
    return [entry.shape.exact.get(at) for entry in entries]


def _parts(entries: Sequence[Entry], decided: frozenset[Probe]) -> Sequence[list[Entry]]:
    """Return *entries* by the first fixed position, or head, that is yet to be probed.

    They stay together where there are too many sets of those for it to be worth it.
    """
    parts: dict[tuple[int, str] | None, list[Entry]] = {}
    sets = set()
    for entry in entries:
        own = frozenset(_own(entry))
        sets.add(own)
        parts.setdefault(min(own - decided, default=None), []).append(entry)
    return list(parts.values()) if FEW * len(sets) <= len(entries) else []


def _children(
    probe: Probe, entries: Sequence[Entry], budget: int, decided: frozenset[Probe]
) -> tuple[dict[str, Node], Node]:
    keys = _keys(entries, probe)
    groups: dict[str, list[Entry]] = {key: [] for key in keys if key is not None}
    everywhere = [entry for entry, key in zip(entries, keys, strict=True) if key is None]
    for entry, key in zip(entries, keys, strict=True):
        for group in groups.values() if key is None else (groups[key],):
            group.append(entry)
    share = budget / (len(everywhere) + sum(map(len, groups.values())))
    decided |= {probe}
    children = {
        key: grown(group, int(share * len(group)), decided) for key, group in groups.items()
    }
    default = grown(everywhere, int(share * len(everywhere)), decided) if everywhere else NOWHERE
    return children, default


def _branch(probe: Probe, children: dict[str, Node], default: Node) -> Node:
    if probe.separator:
        return probe.at, Heads(children, probe.separator), default
    at, answer, _ = next(iter(children.values()))
    form = form_of(answer)
    alike = at is None and all(child[1] is answer for child in children.values())
    if form is None or form.around.probe is not None or not alike or default is not NOWHERE:
        return probe.at, children, default
    # PERF: where all leaves answer alike, their function does the last look-up, too.
    left = {key: child[2] for key, child in children.items()}
    return None, compiled(form.form, form.around._replace(probe=probe.at)), left


def _best_probe(entries: Sequence[Entry], budget: int, decided: frozenset[Probe]) -> Probe | None:
    """Return the probe that leaves the fewest routes to try, if any is worth it."""
    # A leaf of a few is scanned as fast as it is split; splitting a large one can only help.
    scored: list[tuple[int, Probe | None]] = []
    if len(entries) <= FEW:
        scored.append((len(entries) ** 2, None))
    for probe in sorted(_probes(entries) - decided, key=itemgetter(1, 0)):
        counts = Counter(_keys(entries, probe))
        everywhere = counts.pop(None, 0)
        if sum(counts.values()) + everywhere * (len(counts) + 1) <= budget:
            left = sum((count + everywhere) ** 2 for count in counts.values())
            scored.append((left + everywhere**2, probe))
    return min(scored, key=itemgetter(0), default=(0, None))[1]


def _alike(one: Shape, other: Shape) -> bool:
    return one.exact == other.exact and one.heads == other.heads


def _probes(entries: Iterable[Entry]) -> set[Probe]:
    return {Probe(*probe) for entry in entries for probe in _own(entry)}


def _own(entry: Entry) -> list[tuple[int, str]]:
    """Return the probes that tell a route from others, as plain tuples: they are as good."""
    own = [(at, "") for at in entry.shape.exact]
    if entry.shape.heads:
        own += [(at, separator) for at, (separator, _) in entry.shape.heads.items()]
    return own


def leaf(entries: Sequence[Entry], decided: frozenset[int]) -> Node:
    """Return the leaf of *entries*, by method where any of them asks for one.

    *decided* are the positions whose fixed text the branches above have compared.
    """
    records = [(entry.methods, _record(entry, decided)) for entry in entries]
    if not all(entry.clear and entry.admit is None for entry in entries):
        return None, unsure, records
    singles = {
        method: arguments for methods, (_, arguments, _, _) in records for method in methods or ANY
    }
    make = records[0][1][0]
    # PERF: as most often, one for each method, of one form.
    around = BY_METHOD if len(singles) > 1 else ANY_METHOD if None in singles else ONE_METHOD
    answer = answering(make, around) if _are_single(records, singles) else None
    if answer is None:
        left = _by_method(records)
        return (None, by_method, left) if left.keys() != {None} else (None, in_order, left[None])
    if around is BY_METHOD:
        return None, answer, singles
    ((method, arguments),) = singles.items()
    return None, answer, arguments if method is None else (method, *arguments)


def _are_single(records: Records, singles: Collection[str | None]) -> bool:
    """Tell whether *records* are of one form, and one for each method."""
    if len(records) == 1:
        return True
    alike = all(record[0] is records[0][1][0] for _, record in records)
    return alike and None not in singles and len(singles) == sum(len(m or ()) for m, _ in records)


def _by_method(records: Records) -> dict[str | None, list[Record]]:
    named = {method for methods, _ in records for method in methods or ANY}
    return {
        method: [record for methods, record in records if methods is None or method in methods]
        for method in named
    }


def _record(entry: Entry, decided: frozenset[int]) -> Record:
    place, shape, _, _, route, admit = entry
    if shape is UNKNOWN:
        return (*unread(route), place, admit)
    if shape.steps is None:
        return (*by_regex(route), place, admit)
    form, arguments = formed(route, shape, decided)
    return compiled(form, MAKE), arguments, place, admit


def unsure(segments: list[str], environ: Environ | None, left: Any, rest: Rest) -> Found | None:
    """Answer where path and method alone don't decide, or nothing is left.

    A route has other conditions, or one of varying length may come before it.
    """
    return rest(segments, environ, left and ((None, unsure, left),))


NOWHERE: Node = (None, unsure, None)


def in_order(
    segments: list[str], environ: Environ | None, records: Iterable[Record], rest: Rest
) -> Found | None:
    """Answer by the first record that matches."""
    for make, arguments, _, _ in records:
        result = make(segments, arguments)
        if result is not None:
            return result, arguments[-1]
    return rest(segments, environ, None)


def by_method(segments: list[str], environ: Environ | None, left: Any, rest: Rest) -> Found | None:
    """Answer by the records for the request's method."""
    if environ is None or "REQUEST_METHOD" not in environ:
        return rest(segments, environ)
    records = left.get(environ["REQUEST_METHOD"]) or left.get(None, ())
    return in_order(segments, environ, records, rest)


def by_parts(
    segments: list[str], environ: Environ | None, trees: tuple[Node, ...], rest: Rest
) -> Found | None:
    """Answer by the one tree in which something is left, or let *rest* try what is in several."""
    leaves = leaves_in(trees, segments)
    if len(leaves) == 1:
        _, answer, left = leaves[0]
        found: Found | None = answer(segments, environ, left, rest)
        return found
    return rest(segments, environ, leaves or None)


def leaves_in(trees: Iterable[Node], segments: Sequence[str]) -> list[Node]:
    """Return the leaves of *trees* that *segments* lead to, and in which something is left."""
    leaves: list[Node] = []
    for at, answer, left in trees:
        while at is not None:
            at, answer, left = answer.get(segments[at], left)
        if answer is by_parts:
            leaves += leaves_in(left, segments)
        elif left is not None:
            probe = getattr(answer, "probe", None)  # None: it looks nothing up itself
            if probe is None or segments[probe] in left:
                leaves.append((None, answer, left))
    return leaves


def records_in(
    leaf: Node, segments: Sequence[str], method: str | None, places: Mapping[AnyRoute, int]
) -> Sequence[Record]:
    """Return the records for *method* in a leaf that *segments* lead to, in declared order.

    For None all of them, in no order; those of several methods several times.
    """
    _, answer, left = leaf
    made = getattr(answer, "compiled", None)  # PERF: what form_of() does.
    if made is None:
        return _stored(answer, left, method)
    _, around, make = made
    if around.probe is not None:
        left = left[segments[around.probe]]
    if isinstance(left, dict):
        singles = left.values() if method is None else [left[method]] if method in left else ()
        return [(make, arguments, places[arguments[-1]], None) for arguments in singles]
    if around.demands:
        if method not in (None, left[0]):
            return ()
        left = left[1:]
    return [(make, left, places[left[-1]], None)]


def _stored(answer: Answer, left: Any, method: str | None) -> Sequence[Record]:
    if answer is in_order:
        return cast(Sequence[Record], left)
    if answer is unsure:
        every = method is None
        return [record for methods, record in left if every or methods is None or method in methods]
    if method is None:
        return [record for records in left.values() for record in records]
    return cast(Sequence[Record], left.get(method) or left.get(None, ()))


order = itemgetter(2)  # a record's place among all routes
