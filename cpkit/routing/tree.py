"""A decision tree over the segments of paths, and its leaves: which routes are left to try.

PERF: nodes are plain tuples of three, the fastest to unpack, told apart by what is None:

* a branch is (position, children by the segment there, the default child);
* a leaf is (None, a function that answers, what it looks in).

What a leaf looks in, ``Left``, is one of

* a single route: (method or None for any, arguments ..., make, place);
* a chain of routes, in declared order: (make, arguments, place, the next chain or None);
* a dict of each method's single route or chain, that of any other method under None;
* Guarded, Several, or None where nothing is left.

A route's *place* is its number among all in declared order; ``make(segments, arguments)`` returns
its variables and defaults, or None; *arguments* end with the route.
"""

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
    probe_of,
    unread,
)
from .conditions import Admit, Environ
from .route import AnyRoute
from .shape import UNKNOWN, Shape

# (make, arguments, place, admit): a route to try. *admit* tests its other conditions.
Record = tuple[Maker, Arguments, int, "Admit | None"]
Left = Any
Node = tuple["int | None", Any, Any]

NO_HEAD = "", ""
# So few routes are tried as fast as told apart.
FEW = 8


class Guarded(NamedTuple):
    """The (methods, record) of a leaf that path and method alone don't decide.

    A record has other conditions, or a route of varying length may come before it.
    """

    records: list[tuple[frozenset[str] | None, Record]]


class Several(NamedTuple):
    """What is left in several trees, to be tried in declared order."""

    lefts: list[Left]


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

    def key(self, probe: Probe) -> str | None:
        """Return the text that a branch finds this route under; None: under every one."""
        at, separator = probe
        exact = self.shape.exact.get(at)
        if not separator:
            return exact
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
    return leaf(entries, frozenset(probe.at for probe in decided if not probe.separator))


def _parts(entries: Sequence[Entry], decided: frozenset[Probe]) -> Sequence[list[Entry]]:
    """Return *entries* by the first fixed position, or head, that is yet to be probed.

    They stay together where there are too many sets of those for it to be worth it.
    """
    parts: dict[tuple[int, str] | None, list[Entry]] = {}
    for entry in entries:
        first = min((probe for probe in _own(entry) if probe not in decided), default=None)
        parts.setdefault(first, []).append(entry)
    sets = {frozenset(_own(entry)) for entry in entries}
    return list(parts.values()) if FEW * len(sets) <= len(entries) else []


def _children(
    probe: Probe, entries: Sequence[Entry], budget: int, decided: frozenset[Probe]
) -> tuple[dict[str, Node], Node]:
    keys = [entry.key(probe) for entry in entries]
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
        counts = Counter(entry.key(probe) for entry in entries)
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
    left = remaining(entries, decided)
    if left is None or isinstance(left, Guarded):
        return None, unsure, left
    chains = left if isinstance(left, dict) else {None: left}
    scan = by_method if isinstance(left, dict) else in_order
    make = next(iter(chains.values()))[0]
    for each, _, _, following in chains.values():
        if each is not make or following is not None:
            return None, scan, left
    # PERF: one for each method, of one form.
    methods = tuple(chains)
    around = BY_METHOD if len(methods) > 1 else ANY_METHOD if None in chains else ONE_METHOD
    answer = answering(make, around)
    if answer is None:
        return None, scan, left
    singles = {
        method: (method, *arguments, make, place)
        for method, (_, arguments, place, _) in chains.items()
    }
    return None, answer, singles if len(methods) > 1 else singles[methods[0]]


def remaining(entries: Sequence[Entry], decided: frozenset[int]) -> Left:
    """Return what is left to try of *entries*."""
    records = [(entry.methods, _record(entry, decided)) for entry in entries]
    if len(entries) == 1 and entries[0].clear and entries[0].admit is None:
        # PERF: as most often.
        ((methods, (make, arguments, place, _)),) = records
        chain = make, arguments, place, None
        return chain if methods is None else dict.fromkeys(methods, chain)
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
    form, arguments = formed(route, shape, decided)
    return compiled(form, MAKE), arguments, place, admit


def unsure(segments: list[str], environ: Environ | None, left: Left, rest: Rest) -> Found | None:
    """Answer where path and method alone don't decide, or nothing is left."""
    return rest(segments, environ, left)


NOWHERE: Node = (None, unsure, None)


def in_order(segments: list[str], environ: Environ | None, chain: Left, rest: Rest) -> Found | None:
    """Answer by the first record of a chain that matches."""
    while chain is not None:
        make, arguments, _, chain = chain
        result = make(segments, arguments)
        if result is not None:
            return result, arguments[-1]
    return rest(segments, environ, None)


def by_method(
    segments: list[str], environ: Environ | None, chains: Left, rest: Rest
) -> Found | None:
    """Answer by the chain of the request's method."""
    if environ is None or "REQUEST_METHOD" not in environ:
        return rest(segments, environ, chains)
    chain = chains.get(environ["REQUEST_METHOD"]) or chains.get(None)
    return in_order(segments, environ, chain, rest)


def by_parts(
    segments: list[str], environ: Environ | None, trees: tuple[Node, ...], rest: Rest
) -> Found | None:
    """Answer by the one tree in which something is left, or let *rest* try what is in several."""
    leaves = leaves_in(trees, segments)
    if len(leaves) == 1:
        _, answer, left = leaves[0]
        found: Found | None = answer(segments, environ, left, rest)
        return found
    return rest(segments, environ, _several(leaves, segments))


def leaves_in(trees: Iterable[Node], segments: Sequence[str]) -> list[Node]:
    """Return the leaves of *trees* that *segments* lead to, and in which something is left."""
    leaves: list[Node] = []
    for at, found, left in trees:
        while at is not None:
            at, found, left = found.get(segments[at], left)
        if found is by_parts:
            leaves += leaves_in(left, segments)
        elif left is not None and _left_in(found, left, segments) is not None:
            leaves.append((None, found, left))
    return leaves


def _left_in(answer: Answer, left: Left, segments: Sequence[str]) -> Left:
    """Return what is left in a leaf whose *answer* may do the last look-up."""
    probe = probe_of(answer)
    return left if probe is None else left.get(segments[probe])


def _several(leaves: Sequence[Node], segments: Sequence[str]) -> Left:
    lefts = [_left_in(answer, left, segments) for _, answer, left in leaves]
    return Several(lefts) if len(lefts) > 1 else lefts[0] if lefts else None


def found_in(tree: Node, segments: Sequence[str]) -> Left:
    """Return what is left in *tree* for *segments*."""
    at, found, left = tree
    while at is not None:
        at, found, left = found.get(segments[at], left)
    if found is by_parts:
        return _several(leaves_in(left, segments), segments)
    probe = getattr(found, "probe", None)  # PERF: what _left_in() does.
    return left if probe is None else left.get(segments[probe])


def of_method(left: Left, method: str | None) -> list[Record]:
    """Return the records for *method*, all of them for None, in declared order."""
    if method is None:
        every = {order(record): record for record in of_any_method(left)}
        return [every[number] for number in sorted(every)]
    if left is None:
        return []
    if isinstance(left, Several):
        return sorted((rec for each in left.lefts for rec in of_method(each, method)), key=order)
    if isinstance(left, Guarded):
        return [rec for methods, rec in left.records if methods is None or method in methods]
    if isinstance(left, dict):
        return _records(left.get(method) or left.get(None))
    return _records(left) if callable(left[0]) or left[0] in (None, method) else []


def of_any_method(left: Left) -> list[Record]:
    """Return all records, in no order, those of several methods several times."""
    if left is None:
        return []
    if type(left) is tuple:
        return _records(left)
    if isinstance(left, dict):
        lefts = list(left.values())
        if callable(lefts[0][0]):
            return [record for chain in lefts for record in _records(chain)]
        return [(each[-2], each[1:-2], each[-1], None) for each in lefts]  # all single
    if isinstance(left, Guarded):
        return [record for _, record in left.records]
    return [record for each in left.lefts for record in of_any_method(each)]


order = itemgetter(2)  # a record's place among all routes


def _records(left: Left) -> list[Record]:
    """Return the records of a single route, or of a chain."""
    if left is None:
        return []
    if not callable(left[0]):
        return [(left[-2], left[1:-2], left[-1], None)]
    found: list[Record] = []
    while left is not None:
        following = left[3]
        found.append(left if following is None else (*left[:3], None))
        left = following
    return found
