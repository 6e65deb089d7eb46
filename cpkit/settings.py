"""The one way to declare, check and document settings, for every tool and plugin.

Declare the settings of a tool in its room as a frozen dataclass, and hand it to the tool::

    Handle = Literal["connection", "session", "dbapi"]

    @dataclass(frozen=True, kw_only=True)
    class LoanSettings(ToolSettings):
        handle: Handle = setting("connection", "what a handler gets", one_of(*get_args(Handle)))
        retry: int = setting(0, "how often a handler is run again", WHOLE)

    class DatabaseTool(Tool[LoanSettings]):
        __call__ = keywords_of(LoanSettings)  # typed for editors and mypy; see tools/_toolbox.py

That gives the tool its keyword arguments, its check at the start (:func:`check`), its errors, and
the table of its page in docs/ (:func:`table`, which tests/test_docs.py compares with the page).
``priority`` is declared where it has a meaning; ``on`` comes with :class:`ToolSettings`.

The settings of a plugin are a dataclass as well, but neither frozen nor a ToolSettings: CherryPy's
config assigns them one by one, at any time. Check the living ones with :func:`check_values`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from .errors import SettingError, UnknownSettingError

T = TypeVar("T")
S = TypeVar("S", bound="ToolSettings")
Given = Mapping[str, Any]  # settings, by name

_DECLARED = "cpkit"  # the key of a setting's declaration in the metadata of its field


@dataclass(frozen=True)
class Allowed:
    """The values that a setting can have: in words that follow *verb*, and as a test."""

    values: str
    fits: Callable[[Any], bool]
    verb: str = "set it to"

    def or_none(self) -> Allowed:
        """Return these values and None."""
        return Allowed(f"{self.values}, or None", self._fits_or_is_none, self.verb)

    def _fits_or_is_none(self, value: object) -> bool:
        return value is None or self.fits(value)


@dataclass(frozen=True)
class Setting:
    """The declaration of one setting: its default, its meaning, the values that it can have."""

    default: object
    meaning: str
    allowed: tuple[Allowed, ...]


def setting(default: T, meaning: str, *allowed: Allowed) -> T:
    """Return the field of a dataclass that declares a setting; *allowed* are tried in order."""
    declaration = Setting(default, meaning, allowed)
    return field(default=default, metadata={_DECLARED: declaration})


def one_of(*values: object) -> Allowed:
    """Allow these values alone."""
    names = dict.fromkeys(map(str, values))  # each once
    return Allowed(", ".join(names), values.__contains__, "take one of")


def instance_of(kind: type | tuple[type, ...], values: str) -> Allowed:
    """Allow the instances of *kind*, which *values* names."""
    return Allowed(values, lambda value: isinstance(value, kind))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_flag(value: object) -> bool:
    return isinstance(value, int) and value in (0, 1)


FLAG = Allowed("True or False", _is_flag)
NUMBER = Allowed("a number", _is_number)
SECONDS = Allowed("a number of seconds", lambda it: _is_number(it) and it >= 0)
FINITE_SECONDS = Allowed("a number of seconds", lambda it: _is_number(it) and 0 <= it < math.inf)
WHOLE = Allowed("a whole number from 0 on", lambda it: _is_whole(it) and it >= 0)
CALLABLE = Allowed("a callable", callable)


@dataclass(frozen=True, kw_only=True)
class ToolSettings:
    """The settings that every tool has."""

    on: bool = setting(True, "switch the tool on", FLAG)


def declared(settings: type[Any]) -> dict[str, Setting]:
    """Return the declarations of the dataclass *settings*, by name and in order."""
    return {it.name: it.metadata[_DECLARED] for it in fields(settings) if _DECLARED in it.metadata}


def check(tool: str, settings: type[ToolSettings], given: Given) -> None:
    """Raise for the first of the settings *given* to *tool* that cannot be used.

    UnknownSettingError for a name that is none, else SettingError, or the error of the test.
    """
    known = declared(settings)
    for name in given:
        if name not in known:
            raise UnknownSettingError(tool, name, tuple(it for it in known if it != "on"))
    check_values(tool, settings, given)


def check_values(prefix: str, settings: type[Any], given: Given) -> None:
    """Raise SettingError for the first of *given* that has a value it cannot have.

    The error names it *prefix*, a dot and its name.
    """
    known = declared(settings)
    for name, value in given.items():
        for allowed in known[name].allowed:
            if not allowed.fits(value):
                remedy = f"{allowed.verb} {allowed.values}."
                raise SettingError(f"{prefix}.{name}", value, remedy)


def read(tool: str, settings: type[S], given: Given) -> S:
    """Return the settings *given* to *tool*, with defaults for the others; raises as check()."""
    check(tool, settings, given)
    return settings(**given)


def table(prefix: str, settings: type[Any], off: Iterable[str] = ("on",)) -> str:
    """Return the table of a page in docs/, in Markdown: key, values, default and meaning.

    The settings named in *off* are said to be off unless given: a tool is, in config.
    """
    rows = []
    for name, it in declared(settings).items():
        default = "off" if name in off else _shown(it.default)
        rows.append((f"`{prefix}.{name}`", _values(it), default, it.meaning))
    head = [("key", "values", "default", "meaning"), ("---", "---", "---", "---")]
    return "\n".join(f"| {' | '.join(row)} |" for row in head + rows)


def _values(of: Setting) -> str:
    """Return what the values are: the first that is allowed says the type, later ones details."""
    first = of.allowed[0]
    return f"one of {first.values}" if first.verb == "take one of" else first.values


def _shown(default: object) -> str:
    if default is None or default == ():
        return "none"
    if isinstance(default, type):
        return f"`{default.__name__}`"
    return f'`"{default}"`' if isinstance(default, str) else f"`{default!r}`"
