"""What a database plugin can be told, as config keys, keyword arguments or attributes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from sqlalchemy import URL, Connection

from cpkit.errors import SettingError

from .addresses import mask_password

SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")

_SECRET = re.compile(r"pass|pwd|secret|token|key", re.IGNORECASE)


class Settings:
    """Hold the settings of a database; what is none of them is an option of create_engine."""

    url: str | None = None
    """SQLAlchemy's URL of the database."""

    required: bool = True
    """Whether the process ends if the database is not there at the start; if not, it answers 503
    until the database is there."""

    wait: float = 10.0
    """Seconds for which the start waits for the database."""

    timeout: float = 3.0
    """Seconds a request waits for a connection, or for its turn to write, before it is refused."""

    pool_size: int | None = None
    """How many connections at most; as many as the server has threads, unless given."""

    max_age: float = 1800.0
    """Seconds after which a connection is replaced when it is next lent."""

    statement_timeout: float | None = None
    """Seconds after which PostgreSQL or MariaDB cancels a statement; None: never. A second later
    its connection is cut, should the server hang."""

    slow_write: float = 1.0
    """Seconds after which a SQLite unit that writes is logged for holding up the others."""

    read_only: bool = False
    """Whether nothing of this database is ever written, so that its file need not be writable."""

    synchronous: str = "FULL"
    """SQLite: FULL survives a power cut, NORMAL may lose the last commits then, but is faster."""

    pragmas: Mapping[str, object] | None = None
    """SQLite: further pragmas for each connection."""

    setup: Callable[[Connection], object] | None = None
    """Called with a connection, in a transaction, when the database has been opened."""

    cleanup: Callable[[Connection], object] | None = None
    """Called likewise before the database is closed."""

    def __init__(self, bus: Any, given: dict[str, Any]) -> None:
        self.bus = bus
        self.engine_options: dict[str, Any] = {}
        for name, value in given.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        """Take a setting; a name that is none of ours is an option of ``create_engine``."""
        ours = getattr(type(self), name, self)
        known = ours is not self and not isinstance(ours, property)
        if known or name.startswith("_") or name in ("bus", "engine_options"):
            super().__setattr__(name, value)
        else:
            self.engine_options[name] = value

    @property
    def name(self) -> str:
        """Return the name under which the plugin stands on the engine."""
        return next((name for name, it in vars(self.bus).items() if it is self), "db")

    @property
    def masked_url(self) -> str:
        """Return the URL without its password."""
        return mask_password(str(self.url))

    def check(self) -> None:
        """Raise SettingError for the first setting that cannot be used."""
        for name, (fits, allowed) in _ALLOWED.items():
            if not fits(getattr(self, name)):
                raise self.unusable(name, f"give {allowed}.")
        for name in vars(self).keys() - _ALLOWED.keys():
            if callable(getattr(type(self), name, None)):  # a method that was written over
                raise self.unknown(name)

    def unknown(self, name: str) -> SettingError:
        """Return the error of a setting that neither the plugin nor create_engine has."""
        alike = get_close_matches(name, _ALLOWED, 1)
        meant = f"Did you mean {alike[0]}?" if alike else f"There are {', '.join(_ALLOWED)}."
        return self.unusable(name, f"no such setting, nor option of create_engine. {meant}")

    def unusable(self, name: str, remedy: str) -> SettingError:
        """Return the error of the setting *name*, by its config key; no password is in it."""
        value = self.engine_options.get(name, getattr(self, name, None))
        if name == "url":
            value = value and self.masked_url
        elif _SECRET.search(name):
            value = "***"
        return SettingError(f"engine.{self.name}.{name}", value, remedy)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _is_finite(value: Any) -> bool:
    return _is_number(value) and value < math.inf


def _is_flag(value: object) -> bool:
    return value in (True, False)


def _is_call(value: object) -> bool:
    return value is None or callable(value)


_SECONDS = "a number of seconds from 0 on"
_CALL = "a callable that takes a connection, or None"
_ALLOWED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "url": (lambda it: it and isinstance(it, str | URL), "the URL of the database, SQLAlchemy's"),
    "required": (_is_flag, "True or False"),
    "wait": (_is_number, _SECONDS),
    "timeout": (_is_finite, _SECONDS),
    "pool_size": (
        lambda it: it is None or (isinstance(it, int) and _is_number(it) and it > 0),
        "a whole number from 1 on, or None for as many as there are threads",
    ),
    "max_age": (_is_number, _SECONDS),
    "statement_timeout": (
        lambda it: it is None or (_is_finite(it) and it > 0),
        "a number of seconds over 0, or None",
    ),
    "slow_write": (_is_number, _SECONDS),
    "read_only": (_is_flag, "True or False"),
    "synchronous": (
        lambda it: str(it).upper() in SYNCHRONOUS,
        f"one of {', '.join(SYNCHRONOUS)}",
    ),
    "pragmas": (lambda it: it is None or isinstance(it, Mapping), "a mapping of names to values"),
    "setup": (_is_call, _CALL),
    "cleanup": (_is_call, _CALL),
}
