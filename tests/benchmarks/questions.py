"""What a benchmark asks: a question, a baseline and variants that answer it alike.

A file ``ask_<piece>.py`` in this folder holds the questions of one piece. Each is a function
decorated with :func:`question`; it imports the peers, builds the inputs, and returns the
variants. Nothing runs when the file is imported. The runners (pytest-benchmark one after
another, the paired and interleaved one, the instruction counter) all read this registry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Call = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """Hold the variants that one question compares, each a call that does one unit of work.

    *expected*, if given, is what every variant must return: it is checked before timing.
    *calls* is how many units of work one call does (a loop over 203 URLs: 203).
    """

    variants: dict[str, Call]
    baseline: str
    expected: object = None
    calls: int = 1
    cleanup: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Question:
    """Name what is asked, of which piece, and how to build the case."""

    piece: str
    title: str
    build: Callable[[], Case]
    why: str = ""


REGISTRY: list[Question] = []


def question(piece: str, title: str) -> Callable[[Callable[[], Case]], Callable[[], Case]]:
    """Register the decorated function; its docstring is the report's sentence on why."""

    def register(build: Callable[[], Case]) -> Callable[[], Case]:
        REGISTRY.append(Question(piece, title, build, build.__doc__ or ""))
        return build

    return register
