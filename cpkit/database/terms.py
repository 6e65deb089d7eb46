"""What a unit of work asks for and keeps track of: without SQLAlchemy or CherryPy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

UNIT = "cpkit.unit"  # what a connection's record calls the unit that has it (None: one had it)

Value = str | int | float | bool
Local = Mapping[str, Value | Callable[[], Value]]  # values, or what returns them for a request


@dataclass(frozen=True)
class Terms:
    """What a unit of work asks of its transactions.

    *write*: whether it may write. *isolation* (``"SERIALIZABLE"``…), *read_only* and *set_local*
    (settings of PostgreSQL's for each transaction) ask for a real transaction around reads too.
    """

    write: bool = True
    isolation: str | None = None
    read_only: bool = False
    set_local: Local | None = None
    special: bool = field(init=False)  # whether anything but *write* is asked for
    real: bool = field(init=False)  # whether a real transaction is

    def __post_init__(self) -> None:
        """Work out what every borrowing asks."""
        special = bool(self.isolation or self.read_only or self.set_local)
        object.__setattr__(self, "special", special)
        object.__setattr__(self, "real", special or self.write)


def should_commit(
    status: int | None,
    *,
    failed: bool = False,
    doomed: bool = False,
    commit_on: Collection[int | str] = (),
) -> bool:
    """Tell whether the answer *status* means that the work is to be kept.

    An unanticipated exception (*failed*) and a doomed unit never commit, nor does a missing
    status. Any status below 400 commits; of the others those in *commit_on*, which holds codes
    (``409``) and classes of them (``"4xx"``).
    """
    if failed or doomed or status is None:
        return False
    return status < 400 or status in commit_on or f"{status // 100}xx" in commit_on


class AfterCommit:
    """What is called after a commit, in the order in which it was asked for."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], object]] = []
        self._savepoints: dict[str, int] = {}  # how many calls there were, by savepoint
        self._due: list[Callable[[], object]] = []

    def transaction_ended(self, *, committed: bool) -> None:
        """Note that what was registered is to be called, or never."""
        if committed:
            self._due += self.calls
        self.calls, self._savepoints = [], {}

    def note(self, savepoint: str, undone_to: str) -> None:
        """Note how many calls there are at a *savepoint*; forget those after *undone_to*."""
        if savepoint:
            self._savepoints[savepoint] = len(self.calls)
        else:
            del self.calls[self._savepoints.get(undone_to, 0) :]

    def call_back(self, failed: Callable[[Callable[[], object]], None]) -> None:
        """Call what was waiting for a commit that has come; tell *failed* what raised."""
        due, self._due = self._due, []
        for call in due:
            try:
                call()
            except Exception:  # the work is stored, so that the answer is what it is
                failed(call)
