"""What a requirement's regex can do: cross a slash, look around, take more than linear time.

A regex whose time is linear is asked about texts of any length. Another is asked about short
texts only, and an automaton about longer ones; where that can't say, TooLong is raised, so that
no later route answers in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import product
from math import factorial
from typing import NamedTuple

from .automaton import (
    ASSERTIONS,
    CHARACTERS,
    REPEATS,
    Automaton,
    Operand,
    Parsed,
    bits,
    children,
    first_characters,
    parsed,
    takes,
)

# A backtracking matcher may take so many steps, about ten milliseconds of them.
STEPS = 2**20
# A text is left to the automaton where backtracking might take more steps than that takes time.
QUICK_STEPS = 2**12
NESTED_LIMIT, NESTED_QUICK = 255, 12
# So long a text takes the automaton a millisecond. PathGuard lets half of it through.
RECOGNIZED = 2**14
GUARDED = 8192
# So many (set of positions, character) are remembered of an automaton.
MOST_KNOWN = 10_000


class PatternWarning(UserWarning):
    """A warning of a regex whose time may grow faster than a hostile path.

    Where the text for *regex* is longer than *limit* characters, the path is not found.
    """

    def __init__(self, template: str, regex: str, limit: int) -> None:
        super().__init__(template, regex, limit)
        self.template, self.regex, self.limit = template, regex, limit

    def __str__(self) -> str:
        nested = facts(self.regex).nested
        return (
            f"Route {self.template!r}: {self.regex!r} "
            + ("repeats a repeat" if nested else "has repeats that compete for the same text")
            + ", so that backtracking can take"
            + (" exponential time." if nested else " more than linear time.")
            + f" On a text of more than {self.limit} characters it is not tried: the path is not"
            " found. Write it without "
            + (
                "nesting, such as [a-z-]+ for ([a-z]+-?)+."
                if nested
                else "overlap, such as [^/-]+-[^/]+ for .+-.+."
            )
        )


class TooLong(Exception):  # noqa: N818
    """A text is too long for a regex to be tried: no route declared later may answer."""


class Facts(NamedTuple):
    """What a regex can do.

    *alone*: it judges a segment alone as it would inside the whole path. *crosses*: it can match
    a slash. *degree*: its time grows at most with this power of the text's length, unless it is
    *nested*, one repeat in another with two ways to match a text: then exponentially. *width*:
    how long a text it matches at most.
    """

    alone: bool
    crosses: bool
    degree: int
    nested: bool
    width: int

    @property
    def limit(self) -> int | None:
        """Return how long a text may be for backtracking; None: any length."""
        limit = length_limit(self.degree, nested=self.nested)
        harmless = NESTED_QUICK if self.nested else limit
        return None if limit is None or self.width <= (harmless or 0) else limit

    @property
    def quick(self) -> int:
        """Return up to what length backtracking takes less time than the automaton."""
        return length_limit(self.degree, nested=self.nested, steps=QUICK_STEPS) or 0


@lru_cache(maxsize=1024)
def facts(regex: str) -> Facts:
    """Return the facts of *regex*, which must compile; the unknown counts as the worst."""
    tree = parsed(regex)
    alone = not re.compile(regex).groupindex and _stands_alone(tree)
    growth = Automaton(tree).growth()
    return Facts(alone, _crosses(tree), growth.degree, growth.exponential, tree.getwidth()[1])


def length_limit(degree: int, *, nested: bool = False, steps: int = STEPS) -> int | None:
    """Return how long a text may be for a regex whose time grows with that power of it.

    None means any length (linear time); otherwise about a million steps are allowed.
    """
    limits = [NESTED_LIMIT if steps == STEPS else NESTED_QUICK] if nested else []
    if degree > 1:
        # So many ways are there to part n characters among the repeats: n^d / d!, not n^d.
        limits.append(round((steps * factorial(degree)) ** (1 / degree)))
    return min(limits, default=None)


class Recognizer:
    """What tells whether a whole text matches a regex, in linear time.

    It follows all paths of the automaton at once; the sets of positions that it has met, and what
    each character leads to, are remembered, up to a bound.
    """

    def __init__(self, automaton: Automaton) -> None:
        self.reads, whole = automaton.reads, automaton.whole
        self.follow = [sum(1 << to for to in each) for each in automaton.follow]
        self.first, self.last = (sum(1 << at for at in each) for each in whole[:2])
        self.empty = bool(whole.empty)
        self.known: dict[int, dict[str, int]] = {}
        self.count = 0

    def __call__(self, text: str) -> bool:
        if not text:
            return self.empty
        state = self._next(self.first, text[0])
        for char in text[1:]:
            # PERF: a character takes two look-ups, once its state and it have been met.
            try:
                state = self.known[state][char]
            except KeyError:
                state = self._learnt(state, char)
            if not state:
                return False
        return bool(state & self.last)

    def _learnt(self, state: int, char: str) -> int:
        reachable = 0
        for at in bits(state):
            reachable |= self.follow[at]
        found = self._next(reachable, char)
        if self.count >= MOST_KNOWN:
            self.known, self.count = {}, 0
        self.known.setdefault(state, {})[char] = found
        self.count += 1
        return found

    def _next(self, reachable: int, char: str) -> int:
        return sum(1 << at for at in bits(reachable) if takes(*self.reads[at], char))


def may_share_a_text(one: str, other: str) -> bool:
    """Tell whether there may be a text that matches both regexes as a whole.

    False is certain: an automaton takes all texts of its regex, and maybe others.
    """
    automata = [Automaton(parsed(regex)) for regex in (one, other)]
    (first, last, empty), (begin, end, nothing) = (automaton.whole for automaton in automata)
    masks, others = (automaton.masks() for automaton in automata)
    left, seen = [*product(first, begin)], set[tuple[int, int]]()
    while left:
        at, beside = pair = left.pop()
        if pair in seen or not masks[at] & others[beside]:
            continue
        if at in last and beside in end:
            return True
        seen.add(pair)
        left += product(automata[0].follow[at], automata[1].follow[beside])
    return bool(empty and nothing)


@lru_cache(maxsize=256)
def recognizer(regex: str) -> Recognizer | None:
    """Return what recognizes the texts of *regex*; None for what needs backtracking, or is huge."""
    try:
        automaton = Automaton(parsed(regex), exact=True)
    except OverflowError:
        return None
    return Recognizer(automaton) if automaton.faithful else None


Fullmatch = Callable[[str], "re.Match[str] | None"]


def fullmatch(regex: str) -> Fullmatch:
    """Return what matches a whole text with *regex*, bounded in time. It raises TooLong."""
    known, test = facts(regex), re.compile(regex).fullmatch
    if (limit := known.limit) is None:
        return test
    longest, quick, width, recognized = limit, known.quick, known.width, recognizer(regex)

    def bounded(text: str) -> re.Match[str] | None:
        if len(text) <= quick:
            return test(text)
        if len(text) > width:
            return None
        if recognized is not None and len(text) <= RECOGNIZED and not recognized(text):
            return None
        if len(text) > longest:
            raise TooLong
        return test(text)

    return bounded


def accepts(regex: str) -> Callable[[str], object]:
    """Return what tells whether a whole text matches *regex*, as :func:`fullmatch`.

    Where no variables are to be read, the automaton says it all.
    """
    known, judge = facts(regex), fullmatch(regex)
    recognized = None if known.limit is None else recognizer(regex)
    if recognized is None:
        return judge
    quick, longest = known.quick, min(known.width, RECOGNIZED)
    return lambda text: recognized(text) if quick < len(text) <= longest else judge(text)


def warning(template: str, regex: str, *, variables: bool) -> PatternWarning | None:
    """Return what to say of *regex* in a route; None where every guarded path can be judged.

    *variables* tells whether it reads several of them from the text.
    """
    known = facts(regex)
    limit = known.limit
    if limit is None:
        return None
    if not variables and recognizer(regex) is not None:
        limit = RECOGNIZED
    return PatternWarning(template, regex, limit) if known.nested or limit < GUARDED else None


def _stands_alone(tree: Parsed) -> bool:
    for at, (op, operand) in enumerate(tree):
        inside = children(op, operand)
        if op in ASSERTIONS:
            # A look-behind that stays within what the regex itself has matched.
            direction, inner = operand
            if direction > 0 or tree[:at].getwidth()[0] < inner.getwidth()[1]:
                return False
        elif not inside and op not in CHARACTERS:
            return False
        if not all(map(_stands_alone, inside)):
            return False
    return True


def _crosses(tree: Parsed) -> bool:
    return any(
        (op in CHARACTERS and takes(op, operand, "/")) or any(map(_crosses, children(op, operand)))
        for op, operand in tree
    )


def example(regex: str) -> str:
    """Return a short text that *regex* may match; look-arounds and references are left out."""
    return _example(parsed(regex))


def _example(tree: Parsed) -> str:
    return "".join(_piece(op, operand) for op, operand in tree)


def _piece(op: int, operand: Operand) -> str:
    if op in REPEATS:
        return _example(operand[2]) * int(max(operand[0], min(operand[1], 1)))
    if op in CHARACTERS:
        return next(_characters(op, operand), "")
    inside = children(op, operand)
    return _example(inside[0]) if inside else ""


def _characters(op: int, operand: Operand) -> Iterator[str]:
    """Yield characters that are taken, everyday ones first."""
    chars = "a1A-_. " + "".join(first_characters(op, operand))
    return (char for char in chars if takes(op, operand, char))
