"""What a session in the database can be told, beside CherryPy's own settings of sessions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from cpkit.errors import UnknownSettingError
from cpkit.settings import FINITE_SECONDS, Allowed, Given, check_values, declared, one_of, setting

_NAME = Allowed("a name", lambda it: isinstance(it, str) and bool(it))
_LEASE = Allowed("a number of seconds above 0", lambda it: FINITE_SECONDS.fits(it) and it > 0)


@dataclass(frozen=True)
class SessionSettings:
    """The settings of a session in the database."""

    plugin: str = setting("db", "the database: `cherrypy.engine.<plugin>`", _NAME)
    table: str = setting("cpkit_sessions", "the table, created at first use", _NAME)
    lease: float = setting(60.0, "seconds after which the lock of a request is void", _LEASE)
    lock_wait: float = setting(10.0, "seconds that a request waits for another", FINITE_SECONDS)
    samesite: str = setting("Lax", "the cookie's attribute", one_of("Lax", "Strict", "None", ""))


def check_session(given: Given, kind: type, others: Collection[str]) -> None:
    """Raise SettingError for the first of *given* that cannot be used.

    It is ours, one of *others*, or an attribute of the *kind* of session: CherryPy makes one of
    whatever else is given, and nothing reads that.
    """
    ours = declared(SessionSettings)
    for name in given:
        if name not in ours and name not in others and not hasattr(kind, name):
            raise UnknownSettingError("sessions", name, (*ours, *others))
    check_values("tools.sessions", SessionSettings, {k: v for k, v in given.items() if k in ours})
