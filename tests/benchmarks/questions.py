"""What a benchmark asks: a question, a baseline and variants that answer it alike.

A file ``ask_<piece>.py`` in this folder holds the questions of one piece. Each is a function
decorated with :func:`question`; it imports the peers, builds the inputs, and returns the variants.
A variant whose name starts with ``cpkit`` is cpkit's; the others are its rivals, but for those that
*without* names.
"""

import importlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cpkit.testing import isolated

Call = Callable[[], object]


class WrongAnswerError(Exception):
    """A variant that doesn't do the work that it would be timed for."""


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

    @property
    def default(self) -> str | None:
        """The variant by which cpkit is judged, if there is one."""
        return self.ours or next((name for name in self.variants if name.startswith("cpkit")), None)

    def verify(self) -> None:
        """Raise WrongAnswerError unless every variant returns what is expected."""
        for name, call in self.variants.items():
            answer, wanted = call(), self.expected
            if wanted is not None and answer != wanted:
                raise WrongAnswerError(f"{name!r} returned {answer!r:.200}, not {wanted!r:.200}")


@dataclass(frozen=True)
class Question:
    """What is asked, of which piece, and how to build the case.

    Questions that share a *curve* differ in *size* only, and are drawn as one growth curve.
    *counted* is false where a count of instructions says nothing (the work waits for a disk).
    """

    piece: str
    title: str
    build: Callable[[], Case]
    why: str = ""
    curve: str = ""
    size: int = 0
    counted: bool = True

    @contextmanager
    def built(self) -> Iterator[Case]:
        """Build and verify the case, and clean up behind it."""
        with isolated(), ExitStack() as after:
            case = self.build()
            after.callback(case.cleanup)
            case.verify()
            yield case


REGISTRY: list[Question] = []
MOST_COUNTED = 1_000  # larger sizes take minutes to build under valgrind


def question(
    piece: str, title: str, sizes: Iterable[int] = (), **more: object
) -> Callable[[Callable[..., Case]], object]:
    """Register the decorated function; its docstring is the report's sentence on why.

    With *sizes*, it is asked for each of them, which it takes and the title names as ``{size}``.
    *more* are the other fields of the Question.
    """

    def register(build: Callable[..., Case]) -> object:
        why = " ".join((build.__doc__ or "").split())
        for size in sizes:
            told = {"size": size, "counted": size <= MOST_COUNTED, **more}
            named = title.format(size=size)
            REGISTRY.append(Question(piece, named, partial(build, size), why, **told))
        if not sizes:
            REGISTRY.append(Question(piece, title, build, why, **more))
        return build

    return register


def load(*pieces: str) -> list[Question]:
    """Import the ``ask_<piece>.py`` of *pieces*, or every one; return their questions.

    A piece that nothing is asked about is a LookupError.
    """
    found = sorted(Path(__file__).parent.glob("ask_*.py"))
    there = [path.stem.removeprefix("ask_") for path in found]
    if unknown := ", ".join(set(pieces).difference(there)):
        raise LookupError(f"nothing is asked about {unknown}, but about {', '.join(there)}")
    for piece in pieces or there:
        importlib.import_module(f"{__package__}.ask_{piece}")
    return [asked for asked in REGISTRY if not pieces or asked.piece in pieces]
