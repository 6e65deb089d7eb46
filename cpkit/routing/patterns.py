"""What a requirement's regex can do: cross a slash, look around, take more than linear time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from math import factorial
from typing import Any, NamedTuple

try:
    from re import _constants as ops  # type: ignore[attr-defined]
    from re import _parser as parser  # type: ignore[attr-defined]
except ImportError:  # pragma: no cover (Python 3.10)
    import sre_constants as ops
    import sre_parse as parser

REPEATS = {ops.MAX_REPEAT, ops.MIN_REPEAT, getattr(ops, "POSSESSIVE_REPEAT", None)}
CATEGORIES: dict[Any, Callable[[str], bool]] = {
    ops.CATEGORY_DIGIT: str.isdecimal,
    ops.CATEGORY_NOT_DIGIT: lambda char: not char.isdecimal(),
    ops.CATEGORY_SPACE: str.isspace,
    ops.CATEGORY_NOT_SPACE: lambda char: not char.isspace(),
    ops.CATEGORY_WORD: lambda char: char.isalnum() or char == "_",
    ops.CATEGORY_NOT_WORD: lambda char: not (char.isalnum() or char == "_"),
}
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
        _takes(op, value, "/") or any(map(_crosses, _children(op, value))) for op, value in parsed
    )


def _takes(op: Any, value: Any, char: str) -> bool:
    """Tell whether what is read of one character, an op of the parser's, takes *char*."""
    if op is ops.LITERAL:
        return bool(value == ord(char))
    if op is ops.NOT_LITERAL:
        return bool(value != ord(char))
    if op is ops.IN:
        negated = value[0][0] is ops.NEGATE
        return negated != any(_holds(kind, what, char) for kind, what in value)
    return op is ops.ANY


def _holds(kind: Any, what: Any, char: str) -> bool:
    if kind is ops.RANGE:
        return bool(what[0] <= ord(char) <= what[1])
    if kind is ops.CATEGORY:
        return CATEGORIES[what](char)
    return kind is ops.LITERAL and what == ord(char)


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


def example(regex: str) -> str:
    """Return a short text that *regex* may match; look-arounds and references are left out."""
    return _example(parser.parse(regex))


def _example(parsed: Any) -> str:
    return "".join(_piece(op, value) for op, value in parsed)


def _piece(op: Any, value: Any) -> str:
    if op is ops.LITERAL:
        return chr(value)
    if op in REPEATS:
        return _example(value[2]) * int(max(value[0], min(value[1], 1)))
    if op is ops.BRANCH:
        return _example(value[1][0])
    children = list(_children(op, value))
    if children:
        return "".join(map(_example, children))
    if op in CHARACTERS:
        return next(_characters(op, value), "")
    return ""


def _characters(op: Any, value: Any) -> Iterator[str]:
    """Yield characters that are taken, everyday ones first."""
    members = value if op is ops.IN else [(op, value)]
    firsts = [what[0] for kind, what in members if kind is ops.RANGE]
    literals = [what for kind, what in members if kind is ops.LITERAL]
    chars = "a1A-_. " + "".join(map(chr, [*firsts, *literals]))
    return (char for char in chars if _takes(op, value, char))
