"""The automaton of a regex: how long backtracking may take, and matching without it.

Its states are the positions at which a regex reads a character (Glushkov's construction), with
an edge for each way from one to the next. A backtracking matcher tries one path through it after
another, so that its time is the number of paths there are for a text: polynomial, with how many
loops can take over from each other on the same text, or exponential, where a loop has two ways
round (Weber and Seidl, 1991). Following all paths at once takes linear time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple, Protocol

try:
    from re import _constants as ops  # type: ignore[attr-defined]
    from re import _parser as parser  # type: ignore[attr-defined]
except ImportError:  # pragma: no cover (Python 3.10)
    import sre_constants as ops
    import sre_parse as parser

Operand = Any  # what an op of the parser's goes with: each has another type


class Parsed(Protocol):
    """A regex as the standard library's parser reads it: pairs of an op and its operand."""

    def __iter__(self) -> Iterator[tuple[int, Operand]]: ...
    def __getitem__(self, part: slice) -> Parsed: ...
    def getwidth(self) -> tuple[int, int]:
        """Return how long a match is at least, and at most."""


REPEATS = {ops.MAX_REPEAT, ops.MIN_REPEAT, getattr(ops, "POSSESSIVE_REPEAT", None)}
LAZY_OR_GREEDY = {ops.MAX_REPEAT, ops.MIN_REPEAT}
CHARACTERS = {ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN}
ATOMIC = getattr(ops, "ATOMIC_GROUP", None)
ASSERTIONS = {ops.ASSERT, ops.ASSERT_NOT}
CATEGORIES: dict[int, Callable[[str], bool]] = {
    ops.CATEGORY_DIGIT: str.isdecimal,
    ops.CATEGORY_NOT_DIGIT: lambda char: not char.isdecimal(),
    ops.CATEGORY_SPACE: str.isspace,
    ops.CATEGORY_NOT_SPACE: lambda char: not char.isspace(),
    ops.CATEGORY_WORD: lambda char: char.isalnum() or char == "_",
    ops.CATEGORY_NOT_WORD: lambda char: not (char.isalnum() or char == "_"),
}
# What stands for all characters: which of these two classes have in common is exact in ASCII.
ALPHABET = [*map(chr, range(128)), "é", "²", "٣", "€", "\u2003", "字"]
# Of a repeat, so many positions are written out; where more are, it counts as unbounded.
WRITTEN_OUT = 200
# A search for loops that goes on for longer than this is given up for the worst answer.
SEARCHED = 100_000
MOST_POSITIONS = 2_000


def parsed(regex: str) -> Parsed:
    """Return *regex* as the standard library's parser reads it."""
    found: Parsed = parser.parse(regex)
    return found


def children(op: int, operand: Operand) -> list[Parsed]:
    """Return the regexes inside an op, those of assertions apart."""
    if op == ops.BRANCH:
        return list(operand[1])
    if op == ops.SUBPATTERN:
        return [operand[3]]
    if op in REPEATS:
        return [operand[2]]
    return [operand] if op == ATOMIC else []


def takes(op: int, operand: Operand, char: str) -> bool:
    """Tell whether an op that reads one character reads *char*."""
    if op == ops.LITERAL:
        return bool(operand == ord(char))
    if op == ops.NOT_LITERAL:
        return bool(operand != ord(char))
    if op == ops.IN:
        negated = operand[0][0] == ops.NEGATE
        return bool(negated != any(_holds(kind, member, char) for kind, member in operand))
    return op == ops.ANY and char != "\n"


def first_characters(op: int, operand: Operand) -> Iterator[str]:
    """Yield the characters that an op names, of a range the first."""
    for kind, member in operand if op == ops.IN else [(op, operand)]:
        if kind == ops.RANGE:
            yield chr(member[0])
        elif kind == ops.LITERAL:
            yield chr(member)


def _holds(kind: int, member: Operand, char: str) -> bool:
    if kind == ops.RANGE:
        return bool(member[0] <= ord(char) <= member[1])
    if kind == ops.CATEGORY:
        return bool(CATEGORIES[member](char))
    return kind == ops.LITERAL and bool(member == ord(char))


class Piece(NamedTuple):
    """A part of a regex: the positions that begin and end it, and the ways to leave it empty.

    Positions go with the number of ways to them from the piece's begin, or to its end.
    """

    first: dict[int, int]
    last: dict[int, int]
    empty: int


EMPTY = Piece({}, {}, 1)


class Growth(NamedTuple):
    """How backtracking's time grows: with the *degree*-th power, or exponentially."""

    degree: int
    exponential: bool


class Automaton:
    """The positions of a regex, and the edges between them.

    *exact* says that it shall accept the same texts, else it may have more paths than the regex.
    *faithful* tells whether it does: look-arounds, references and flags are beyond it.
    """

    def __init__(self, regex: Parsed, *, exact: bool = False) -> None:
        self.exact = self.faithful = exact
        self.reads: list[tuple[int, Operand]] = []
        self.follow: list[dict[int, int]] = []
        self.ahead = Growth(0, exponential=False)  # of what looks ahead, tried at any position
        self.whole = self._sequence(regex)

    def _sequence(self, regex: Iterable[tuple[int, Operand]]) -> Piece:
        piece = EMPTY
        for op, operand in regex:
            piece = self._joined(piece, self._piece(op, operand))
        return piece

    def _joined(self, one: Piece, other: Piece) -> Piece:
        self._link(one.last, other.first)
        first = _added(one.first, other.first, one.empty)
        return Piece(
            first, _added(other.last, one.last, other.empty), min(one.empty * other.empty, 2)
        )

    def _link(self, ends: dict[int, int], begins: dict[int, int]) -> None:
        for end, ways in ends.items():
            self.follow[end] = _added(self.follow[end], begins, ways)

    def _piece(self, op: int, operand: Operand) -> Piece:
        if op in CHARACTERS:
            return self._position(op, operand)
        if op == ops.BRANCH:
            pieces = [self._sequence(branch) for branch in operand[1]]
            return Piece(
                {at: ways for piece in pieces for at, ways in piece.first.items()},
                {at: ways for piece in pieces for at, ways in piece.last.items()},
                min(sum(piece.empty for piece in pieces), 2),
            )
        if op in REPEATS:
            self.faithful &= op in LAZY_OR_GREEDY
            return self._repeated(*operand)
        if op == ops.SUBPATTERN:
            self.faithful &= not (operand[1] or operand[2])
            return self._sequence(operand[3])
        self.faithful = False
        if op == ATOMIC:
            return self._sequence(operand)
        if op in ASSERTIONS:
            self._look(*operand)
        return EMPTY if op in ASSERTIONS or op == ops.AT else self._anything()

    def _position(self, op: int, operand: Operand) -> Piece:
        at = len(self.reads)
        if self.exact and at >= MOST_POSITIONS:
            raise OverflowError
        self.reads.append((op, operand))
        self.follow.append({})
        return Piece({at: 1}, {at: 1}, 0)

    def _anything(self) -> Piece:
        """Return a loop over any character, in the place of what isn't understood."""
        return self._loop(self._position(ops.ANY, None))

    def _loop(self, piece: Piece) -> Piece:
        # NOTE: an iteration that reads nothing is tried once, and ends the loop.
        self._link(piece.last, piece.first)
        last = _added({}, piece.last, 1 + piece.empty)
        return Piece(piece.first, last, min(1 + piece.empty, 2))

    def _repeated(self, least: int, most: int, regex: Parsed) -> Piece:
        before = len(self.reads)
        piece = self._sequence(regex)
        size = max(len(self.reads) - before, 1)
        if most == 1:
            return piece if least else piece._replace(empty=min(piece.empty + 1, 2))
        if not self.exact and least * size > WRITTEN_OUT:
            return self._loop(piece)
        for _ in range(least - 1):
            piece = self._joined(piece, self._sequence(regex))
        if most == least:
            return piece
        if most == ops.MAXREPEAT or not self.exact:
            return self._joined(piece if least else EMPTY, self._loop(self._sequence(regex)))
        rest = EMPTY
        for _ in range(most - max(least, 1)):
            rest = self._joined(self._sequence(regex), rest)
            rest = rest._replace(empty=1)
        piece = self._joined(piece, rest)
        return piece if least else piece._replace(empty=1)

    def _look(self, direction: int, regex: Parsed) -> None:
        if direction > 0:
            degree, exponential = Automaton(regex).growth()
            self.ahead = Growth(self.ahead.degree + degree, self.ahead.exponential or exponential)

    def masks(self) -> list[int]:
        """Return which characters of the alphabet each position reads, as bits."""
        return [_mask(op, _frozen(operand)) for op, operand in self.reads]

    def growth(self) -> Growth:
        """Return how the time that backtracking takes grows with a hostile text."""
        # PERF: positions are numbered from left to right, so that only a loop leads back.
        if all(min(follow) > at for at, follow in enumerate(self.follow) if follow):
            return self.ahead
        loops = Loops(self)
        degree = 1 + loops.takeovers() if loops.parts else 0
        exponential = any(map(loops.has_two_ways_round, loops.parts))
        return Growth(degree + self.ahead.degree, exponential or self.ahead.exponential)


class Loops:
    """The loops of an automaton, and which of them can take over from which."""

    def __init__(self, automaton: Automaton) -> None:
        self.follow = automaton.follow
        self.masks = automaton.masks()
        self.reached = self._reached()
        self.steps = 0
        parts: dict[int, list[int]] = {}
        for at, reached in enumerate(self.reached):
            if reached >> at & 1:
                back = sum(1 << to for to in bits(reached) if self.reached[to] >> at & 1)
                parts.setdefault(back, []).append(at)
        self.parts = list(parts.values())

    def _reached(self) -> list[int]:
        """Return the positions that each one leads to, as bits."""
        reached, changed = [0] * len(self.follow), True
        while changed:
            changed = False
            for at in reversed(range(len(reached))):
                found = reached[at]
                for to in self.follow[at]:
                    found |= 1 << to | reached[to]
                changed = changed or found != reached[at]
                reached[at] = found
        return reached

    def has_two_ways_round(self, part: list[int]) -> bool:
        """Tell whether some text leads from a position back to it in two ways."""
        within = set(part)
        if any(ways > 1 for at in part for to, ways in self.follow[at].items() if to in within):
            return True
        seen: set[tuple[int, ...]] = {(at, at) for at in part}
        left = list(seen)
        while left:
            one, other = states = left.pop()
            for pair in self._steps(states, (within, within)):
                if one != other and pair[0] == pair[1]:
                    return True
                if pair not in seen:
                    seen.add(pair)
                    left.append(pair)
            if self.steps > SEARCHED:
                return True
        return False

    def takeovers(self) -> int:
        """Return how many times, at most, one loop can take over from another on one text."""
        best: dict[int, int] = {}
        order = sorted(
            range(len(self.parts)), key=lambda at: self.reached[self.parts[at][0]].bit_count()
        )
        for at in order:
            part = self.parts[at]
            best[at] = max(
                (
                    best[other] + self._takes_over(part, self.parts[other])
                    for other in best
                    if self.reached[part[0]] >> self.parts[other][0] & 1
                ),
                default=0,
            )
        return max(best.values(), default=0)

    def _takes_over(self, part: list[int], other: list[int]) -> bool:
        """Tell whether a text goes round in *part*, round in *other*, and from one to the other."""
        way = {at for at in bits(self.reached[part[0]]) if self.reached[at] >> other[0] & 1}
        allowed = set(part), way | set(part) | set(other), set(other)
        return any(self._leads((p, p, q), (p, q, q), allowed) for p in part for q in other)

    def _leads(
        self, begin: tuple[int, ...], end: tuple[int, ...], allowed: tuple[set[int], ...]
    ) -> bool:
        seen, left = {begin}, [begin]
        while left:
            for states in self._steps(left.pop(), allowed):
                if states == end or self.steps > SEARCHED:
                    return True
                if states not in seen:
                    seen.add(states)
                    left.append(states)
        return False

    def _steps(
        self, states: tuple[int, ...], allowed: tuple[set[int], ...]
    ) -> Iterator[tuple[int, ...]]:
        """Yield where paths at *states* may go that read the same character."""
        choices = [
            [to for to in self.follow[at] if to in within]
            for at, within in zip(states, allowed, strict=True)
        ]
        for found in product(*choices):
            self.steps += 1
            common = -1
            for at in found:
                common &= self.masks[at]
            if common:
                yield found


def _added(one: dict[int, int], other: dict[int, int], ways: int) -> dict[int, int]:
    """Return *one* with the positions of *other*, each in *ways* times as many ways."""
    found = dict(one)
    for at, count in other.items() if ways else ():
        found[at] = min(found.get(at, 0) + count * ways, 2)
    return found


def bits(number: int) -> Iterator[int]:
    """Yield the places of the bits that are set."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


def _frozen(operand: Operand) -> Operand:
    return tuple(operand) if isinstance(operand, list) else operand


@lru_cache(maxsize=1024)
def _mask(op: int, operand: Operand) -> int:
    """Return which characters of the alphabet are read, as bits; letters without their case."""
    if op == ops.ANY:
        return (1 << len(ALPHABET)) - 1
    mask = 0
    for at, char in enumerate(ALPHABET):
        if takes(op, operand, char) or takes(op, operand, char.swapcase()[:1]):
            mask |= 1 << at
    members = operand if op == ops.IN else [(op, operand)]
    far = any(
        (kind == ops.LITERAL and member > 127) or (kind == ops.RANGE and member[1] > 127)
        for kind, member in members
    )
    return mask | FAR if far else mask


FAR = ((1 << len(ALPHABET)) - 1) & ~((1 << 128) - 1)
