"""What a requirement's regex can do: cross a slash, look around, take more than linear time."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import factorial
from typing import Any, NamedTuple

try:
    from re import _constants as ops  # type: ignore[attr-defined]
    from re import _parser as parser  # type: ignore[attr-defined]
except ImportError:  # pragma: no cover (Python 3.10)
    import sre_constants as ops
    import sre_parse as parser

SLASH = ord("/")
REPEATS = {ops.MAX_REPEAT, ops.MIN_REPEAT, getattr(ops, "POSSESSIVE_REPEAT", None)}
NEGATIVE = {ops.CATEGORY_NOT_DIGIT, ops.CATEGORY_NOT_SPACE, ops.CATEGORY_NOT_WORD}
# A repeat up to this many times is as good as fixed: it multiplies time by a constant.
FEW = 64
STEPS = 2**20
NESTED_LIMIT = 255


class PatternWarning(UserWarning):
    """Warn of a regex with a repeat inside a repeat: its time may grow exponentially."""

    def __init__(self, template: str, regex: str) -> None:
        super().__init__(
            f"Route {template!r}: the requirement {regex!r} repeats a repeat, which can take"
            " exponential time on a hostile path. Write it without nesting, such as"
            " [a-z-]+ for ([a-z]+-?)+."
        )
        self.template, self.regex = template, regex


class Facts(NamedTuple):
    """Tell what a regex can do.

    *alone*: it judges a segment alone as it would inside the whole path. *crosses*: it can match
    a slash. *repeats*: how many unbounded repeats it has. *nested*: one repeats what varies
    in length itself.
    """

    alone: bool
    crosses: bool
    repeats: int
    nested: bool


@lru_cache(maxsize=1024)
def facts(regex: str) -> Facts:
    """Return the facts of *regex*, which must compile; the unknown counts as the worst."""
    parsed = parser.parse(regex)
    repeats, nested = _repeats(parsed)
    alone = not parsed.state.groupdict and _stands_alone(parsed)
    return Facts(alone, _crosses(parsed), repeats, nested)


def length_limit(degree: int, *, nested: bool = False) -> int | None:
    """Return how long a text may be for a regex whose time grows with that power of it.

    None means any length (linear time); otherwise about a million steps are allowed.
    """
    limits = [NESTED_LIMIT] if nested else []
    if degree > 1:
        # So many ways are there to part n characters among the repeats: n^d / d!, not n^d.
        limits.append(round((STEPS * factorial(degree)) ** (1 / degree)))
    return min(limits, default=None)


def _children(op: Any, value: Any) -> Iterable[Any]:
    if op is ops.BRANCH:
        return list(value[1])
    if op is ops.SUBPATTERN:
        return [value[3]]
    if op in REPEATS:
        return [value[2]]
    if op is getattr(ops, "ATOMIC_GROUP", None):
        return [value]
    return []


def _stands_alone(parsed: Any) -> bool:
    for at, (op, value) in enumerate(parsed):
        children = _children(op, value)
        if op in (ops.ASSERT, ops.ASSERT_NOT):
            # A look-behind that stays within what the regex itself has matched.
            behind, inner = value
            if behind > 0 or parsed[:at].getwidth()[0] < inner.getwidth()[1]:
                return False
        elif not children and op not in CHARACTERS:
            return False
        if not all(_stands_alone(child) for child in children):
            return False
    return True


CHARACTERS = {ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN}


def _crosses(parsed: Any) -> bool:
    return any(
        _is_slash(op, value) or any(map(_crosses, _children(op, value))) for op, value in parsed
    )


def _is_slash(op: Any, value: Any) -> bool:
    if op is ops.LITERAL:
        return bool(value == SLASH)
    if op is ops.NOT_LITERAL:
        return bool(value != SLASH)
    if op is ops.IN:
        negated = value[0][0] is ops.NEGATE
        return negated != any(_holds_slash(kind, what) for kind, what in value)
    return op is ops.ANY


def _holds_slash(kind: Any, what: Any) -> bool:
    if kind is ops.RANGE:
        return bool(what[0] <= SLASH <= what[1])
    return (kind is ops.LITERAL and what == SLASH) or (kind is ops.CATEGORY and what in NEGATIVE)


def _repeats(parsed: Any) -> tuple[int, bool]:
    count, nested = 0, False
    for op, value in parsed:
        inner = [_repeats(child) for child in _children(op, value)]
        within = sum(number for number, _ in inner)
        nested = nested or any(deep for _, deep in inner)
        if op in REPEATS and value[1] > FEW:
            nested = nested or _varies(value[2])
            within += 1
        count += within
    return count, nested


def _varies(parsed: Any) -> bool:
    """Tell whether there is more than one way to match a text with what is repeated."""
    for op, value in parsed:
        if op in REPEATS and value[0] != value[1]:
            return True
        if op is ops.BRANCH and not _distinct(value[1]):
            return True
        if any(map(_varies, _children(op, value))):
            return True
    return False


def _distinct(branches: Iterable[Any]) -> bool:
    firsts = [branch[0] if len(branch) else None for branch in branches]
    literal = all(first and first[0] is ops.LITERAL for first in firsts)
    return literal and len({first[1] for first in firsts if first}) == len(firsts)
