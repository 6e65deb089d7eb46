"""What a unit of work asks for, and how it is told to: without SQLAlchemy or CherryPy."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, get_args

from cpkit.errors import SettingError
from cpkit.settings import FLAG, WHOLE, Allowed, ToolSettings, instance_of, one_of, setting

UNIT = "cpkit.unit"  # what a connection's record calls the unit that has it (None: one had it)

SEEN = "cpkit.seen"  # likewise, whether SQLAlchemy has begun on it, where no unit had it

Value = str | int | float | bool
Local = Mapping[str, Value | Callable[[], Value]]  # values, or what returns them for a request


def is_unseen(info: Mapping[Any, Any]) -> bool:
    """Tell whether a connection was taken for its driver's own, which may have committed.

    *info* is what its record knows.
    """
    return UNIT not in info and SEEN not in info


class State(enum.Enum):
    """What has become of a transaction."""

    THERE = "there"  # or nobody can tell
    ENDED = "ended"  # committed or rolled back by hand
    LOST = "lost"  # undone by the database, and nobody asked for it


@dataclass(frozen=True, slots=True)
class Terms:
    """What a unit of work asks of its transactions.

    *write*: whether it may write, which *read_only* denies. *isolation* (``"SERIALIZABLE"``…),
    *read_only* and *set_local* (settings of PostgreSQL's for each transaction) ask for a real
    transaction around reads too.
    """

    write: bool = True
    isolation: str | None = None
    read_only: bool = False
    set_local: Local | None = None
    special: bool = field(init=False)  # whether anything but *write* is asked for
    real: bool = field(init=False)  # whether a real transaction is

    def __post_init__(self) -> None:
        """Work out what every borrowing asks."""
        refuse_autocommit("isolation", self.isolation)
        object.__setattr__(self, "write", self.write and not self.read_only)
        special = bool(self.isolation or self.read_only or self.set_local)
        object.__setattr__(self, "special", special)
        object.__setattr__(self, "real", special or self.write)


def is_autocommit(level: object) -> bool:
    """Tell whether *level* is what SQLAlchemy calls the isolation level AUTOCOMMIT."""
    return isinstance(level, str) and level.upper() == "AUTOCOMMIT"


def refuse_autocommit(setting: str, level: object) -> None:
    """Raise SettingError if *level* is AUTOCOMMIT."""
    if is_autocommit(level):
        remedy = (
            "an answer of 409, or a block that fails, could undo nothing. For what is to stay "
            "whatever the answer is, call commit() after it, or take a connection of "
            "cherrypy.engine.db.engine."
        )
        raise SettingError(setting, level, remedy)


def refuse_two_phases(asked: object) -> NoReturn:
    """Raise SettingError, for a transaction that is to be prepared now and committed later."""
    remedy = (
        "what is prepared outlives its request, with its locks, and an answer of 409 could undo "
        "nothing. Take a connection of cherrypy.engine.db.engine for it."
    )
    raise SettingError("two-phase commit", str(asked), remedy)


def local_values(local: Local) -> dict[str, Value]:
    """Return what *local* sets now. Raise SettingError for a value that there is not."""
    values = {name: it() if callable(it) else it for name, it in local.items()}
    for name, value in values.items():
        if value is None:  # PostgreSQL would know a tenant of that name, or undo a role
            remedy = f"there is no {name} when the transaction begins: return '' for nobody."
            raise SettingError(f"set_local[{name!r}]", value, remedy)
    return values


Handle = Literal["connection", "session", "dbapi"]
_NAME = instance_of(str, "the name of a plugin on the engine").or_none()
_LEVEL = Allowed(
    "a level's name other than AUTOCOMMIT",
    lambda it: isinstance(it, str) and not is_autocommit(it),
).or_none()
_STATUSES = Allowed(
    "numbers from 400 to 599, '4xx' or '5xx'", lambda it: all(map(_is_status, listed(it)))
)


def listed(given: Any) -> Collection[Any]:
    """Return a setting that may be one value, or several, as several."""
    return given if isinstance(given, Collection) and not isinstance(given, str) else (given,)


def _is_status(it: object) -> bool:
    return it in ("4xx", "5xx") or (isinstance(it, int) and 400 <= it <= 599)


@dataclass(frozen=True, kw_only=True)
class LoanSettings(ToolSettings):
    """The settings of the db tool."""

    plugin: str | None = setting(
        None,
        "the database is `cherrypy.engine.<plugin>`; `db`, or the tool's own, unless set",
        _NAME,
    )
    read_plugin: str | None = setting(
        None,
        "a replica, `cherrypy.engine.<read_plugin>`, for the requests that only read",
        _NAME,
    )
    handle: Handle = setting("connection", "what is lent", one_of(*get_args(Handle)))
    write: bool | None = setting(
        None, "whether the request writes; the method tells, unless set", FLAG.or_none()
    )
    isolation: str | None = setting(None, "the isolation level, `'SERIALIZABLE'`", _LEVEL)
    read_only: bool = setting(False, "whether the request may never write", FLAG)
    set_local: Local | None = setting(
        None,
        "PostgreSQL: settings for each transaction, such as a tenant or `role`: values, or "
        "callables that return them",
        instance_of(Mapping, "a mapping of names to values or callables").or_none(),
    )
    commit_on: Collection[int | str] | int | str = setting(
        (), "statuses from 400 on that commit too", _STATUSES
    )
    retry: int = setting(0, "how often a handler is run again after a conflict", WHOLE)


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
        self._savepoints: list[tuple[str, int]] = []  # the name, and how many calls there were
        self._due: list[Callable[[], object]] = []

    def transaction_ended(self, *, committed: bool) -> None:
        """Note that what was registered is to be called, or never."""
        if committed:
            self._due += self.calls
        self.calls, self._savepoints = [], []

    def note(self, savepoint: str, undone_to: str, released: str) -> None:
        """Note how many calls there are at a *savepoint*; forget those after *undone_to*.

        A name means the last savepoint that has it; with it go those that came after.
        """
        if savepoint:
            self._savepoints.append((savepoint, len(self.calls)))
            return
        name, points = undone_to or released, self._savepoints
        at = next((n for n in range(len(points) - 1, -1, -1) if points[n][0] == name), 0)
        if undone_to:
            del self.calls[points[at][1] if points else 0 :]
        del points[at + bool(undone_to) :]

    def due(self) -> list[Callable[[], object]]:
        """Return what waited for a commit that has come; each call once."""
        due, self._due = self._due, []
        return due
