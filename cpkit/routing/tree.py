"""A decision tree over the segments of paths: which routes are left, after a probe or two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from .leaves import NOWHERE, Entry, Left, Node, leaf
from .makers import MAKE, compiled
from .shape import Shape

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
