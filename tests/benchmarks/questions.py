"""What a benchmark asks: a question, a baseline and variants that answer it alike.

A file ``ask_<piece>.py`` in this folder holds the questions of one piece. Each is a function
decorated with :func:`question`; it imports the peers, builds the inputs, and returns the variants.
Nothing runs when the file is imported. The runners (pytest, which takes turns, and the counter of
instructions) read this registry. A variant whose name starts with ``cpkit`` is cpkit's; the others
are its rivals, but for those that *without* names. To run one's own: ``make bench of=<piece>``.
"""

import importlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Call = Callable[[], object]
Build = Callable[[], "Case"]


@dataclass(frozen=True)
class Case:
    """The variants that one question compares, each a call that does one unit of work.

    *expected*, if given, is what every variant must return: it is checked before timing.
    *calls* is how many units of work one call does (a loop over 203 URLs: 203).
    *without* names the variants that leave the work out (CherryPy without the piece): they tell
    what the piece costs, and are no rivals. *ours* is the variant that a user of cpkit gets who
    sets nothing, the first of cpkit's unless it is named. *periods* names the variants that put
    work off, and after how many calls it is done (512): a count spans whole periods.
    """

    variants: dict[str, Call]
    baseline: str
    expected: object = None
    calls: int = 1
    cleanup: Callable[[], None] = lambda: None
    without: Collection[str] = ()
    ours: str | None = None
    periods: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """What is asked, of which piece, and how to build the case.

    Questions that share a *curve* differ in *size* only, and are drawn as one growth curve.
    *counted* is false where a count of instructions says nothing (the work waits for a disk).
    """

    piece: str
    title: str
    build: Build
    why: str = ""
    curve: str = ""
    size: int = 0
    counted: bool = True


REGISTRY: list[Question] = []


class WrongAnswerError(Exception):
    """A variant that doesn't do the work that it would be timed for."""


def question(piece: str, title: str, **more: object) -> Callable[[Build], Build]:
    """Register the decorated function; its docstring is the report's sentence on why.

    *more* are the other fields of the Question.
    """

    def register(build: Build) -> Build:
        why = " ".join((build.__doc__ or "").split())
        REGISTRY.append(Question(piece, title, build, why, **more))
        return build

    return register


def load(*pieces: str) -> list[Question]:
    """Import the ``ask_<piece>.py`` of *pieces*, or every one; return their questions.

    A piece that nothing is asked about is a LookupError.
    """
    found = sorted(Path(__file__).parent.glob("ask_*.py"))
    there = [path.stem.removeprefix("ask_") for path in found]
    if unknown := set(pieces).difference(there):
        raise LookupError(
            f"nothing is asked about {', '.join(unknown)}, but about {', '.join(there)}"
        )
    for piece in pieces or there:
        importlib.import_module(f"{__package__}.ask_{piece}")
    return [asked for asked in REGISTRY if not pieces or asked.piece in pieces]


def default_of(case: Case) -> str | None:
    """Return the variant by which cpkit is judged, if there is one."""
    return case.ours or next((name for name in case.variants if name.startswith("cpkit")), None)


def verify(case: Case) -> None:
    """Raise WrongAnswerError unless every variant returns what the case expects."""
    for name, call in case.variants.items():
        answer = call()
        if case.expected is not None and answer != case.expected:
            raise WrongAnswerError(f"{name!r} returned {answer!r:.200}, not {case.expected!r:.200}")
