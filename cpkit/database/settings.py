"""The settings of a database, and how they are shown without a password."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from sqlalchemy import URL, Connection
from sqlalchemy.orm import Session

from cpkit.errors import SettingError
from cpkit.settings import FLAG, SECONDS, WHOLE, Allowed, check_values, declared, setting

from .terms import refuse_autocommit

SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")

# A password may hold anything, "/" and "#" too, and a URL may lack its "://" by mistake: what
# could be a password is masked, at the price of a host where a query has an "@".
_USERINFO = re.compile(r"(?s)(://[^:@/?#]*|^(?!.*://)[^:@]*):.*(?=@)")
_PAIR = re.compile(r"(^(?!.*://)|[?&;#\s])([^=&;?#\s]+)=([^&;#\s]*)")
# What may be shown of a query: the value of a name that is known to be harmless, and a short number
# or a switch where the name tells of no secret. No list could name what is secret: each driver
# has words of its own.
_HARMLESS = {
    "application_name", "cache", "charset", "client_encoding", "collation", "connect_timeout",
    "database", "dbname", "driver", "encrypt", "host", "immutable", "isolation_level", "mode",
    "nolock", "port", "role", "schema", "server", "service", "sslcert", "sslmode", "sslrootcert",
    "target_session_attrs", "timeout", "unix_socket", "uri", "user", "vfs", "warehouse",
}  # fmt: skip
_SWITCH = re.compile(r"\d{1,4}|true|false|yes|no|on|off", re.IGNORECASE)
_SECRET = re.compile(r"pass|pwd|secret|token|key|pin|code|auth|cred", re.IGNORECASE)


def _give(values: str, fits: Callable[[Any], Any]) -> Allowed:
    return Allowed(values, fits, "give")


_FROM_0 = "a number of seconds from 0 on"
_SECONDS = _give(_FROM_0, SECONDS.fits)
_FINITE = _give(_FROM_0, lambda it: SECONDS.fits(it) and it < math.inf)
_FLAG = _give(FLAG.values, FLAG.fits)
_CALL = _give("a callable that takes a connection, or None", lambda it: it is None or callable(it))
_MAPPING = _give("a mapping of names to values", lambda it: it is None or isinstance(it, Mapping))
_URL = _give("the URL of the database, SQLAlchemy's", lambda it: it and isinstance(it, str | URL))
_SIZE = _give(
    "a whole number from 1 on, or None for as many as there are threads",
    lambda it: it is None or (WHOLE.fits(it) and it > 0),
)
_LIMIT = _give(
    "a number of seconds over 0, or None", lambda it: it is None or (_FINITE.fits(it) and it > 0)
)
_SESSION = _give(
    "SQLAlchemy's Session or a class that inherits from it",
    lambda it: isinstance(it, type) and issubclass(it, Session),
)
_LEVEL = _give(f"one of {', '.join(SYNCHRONOUS)}", lambda it: str(it).upper() in SYNCHRONOUS)


@dataclass
class DatabaseSettings:
    """The settings of a database; they may change while it runs."""

    url: str | URL | None = setting(None, "SQLAlchemy's URL of the database", _URL)
    required: bool = setting(
        True,
        "without the database the process ends; `False`: it starts, answers 503, and recovers",
        _FLAG,
    )
    wait: float = setting(10.0, "seconds for which the start waits for the database", _SECONDS)
    timeout: float = setting(
        3.0,
        "seconds a request waits, in all, for its turn to write and a connection; then 503",
        _FINITE,
    )
    pool_size: int | None = setting(
        None, "connections at most; as many as the server has threads, unless set", _SIZE
    )
    max_age: float = setting(
        1800.0,
        "seconds after which a connection is replaced (up to a tenth earlier, so that not all are "
        "at once)",
        _SECONDS,
    )
    statement_timeout: float | None = setting(
        None,
        "seconds after which PostgreSQL or MariaDB cancels a statement; its connection is cut a "
        "second later",
        _LIMIT,
    )
    slow_write: float = setting(
        1.0,
        "seconds after which a SQLite unit that kept others from writing is logged",
        _SECONDS,
    )
    read_only: bool = setting(
        False, "nothing is ever written, so the file need not be writable", _FLAG
    )
    synchronous: str = setting(
        "FULL",
        "SQLite: `FULL` survives a power cut; `NORMAL` may lose the last commits then, but is "
        "faster",
        _LEVEL,
    )
    pragmas: Mapping[str, object] | None = setting(
        None, "SQLite: further pragmas, such as `{'cache_size': -8000}`", _MAPPING
    )
    setup: Callable[[Connection], object] | None = setting(
        None, "called with a connection, in a transaction, when the database has been opened", _CALL
    )
    cleanup: Callable[[Connection], object] | None = setting(
        None, "called likewise before the database is closed", _CALL
    )
    session_class: type[Session] = setting(
        Session, "the class of the ORM's sessions, such as SQLModel's `sqlmodel.Session`", _SESSION
    )
    session_options: Mapping[str, Any] | None = setting(
        None, "what it is called with, such as `{'expire_on_commit': False}`", _MAPPING
    )
    engine_options: dict[str, Any] = field(default_factory=dict)
    """What is no setting of ours: options of ``sqlalchemy.create_engine``."""

    @property
    def masked_url(self) -> str:
        """Return the URL without its password."""
        return mask_password(str(self.url))

    def check(self, prefix: str) -> None:
        """Raise SettingError for the first setting that cannot be used, by its config key."""
        try:
            check_values(prefix, type(self), {name: getattr(self, name) for name in SETTINGS})
        except SettingError as error:
            name = error.setting.rpartition(".")[2]
            raise self.unusable(prefix, name, error.remedy) from None
        given = self.engine_options
        for options in (given, given.get("execution_options", {})):
            refuse_autocommit(f"{prefix}.isolation_level", options.get("isolation_level"))

    def unknown(self, prefix: str, name: str) -> SettingError:
        """Return the error of a setting that neither the plugin nor create_engine has."""
        alike = get_close_matches(name, SETTINGS, 1)
        meant = f"Did you mean {alike[0]}?" if alike else f"There are {', '.join(SETTINGS)}."
        return self.unusable(prefix, name, f"no such setting, nor option of create_engine. {meant}")

    def unusable(self, prefix: str, name: str, remedy: str) -> SettingError:
        """Return the error of the setting *name*; no password is in it."""
        value = self.engine_options.get(name, getattr(self, name, None))
        if name == "url":
            value = value and self.masked_url
        elif name not in SETTINGS and (_SECRET.search(name) or isinstance(value, str | Mapping)):
            value = "***"
        return SettingError(f"{prefix}.{name}", value, remedy)


SETTINGS = tuple(declared(DatabaseSettings))

# What pip calls a driver's module.
PACKAGES = {
    "psycopg": "'psycopg[binary]'",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "mysql": "mysql-connector-python",
}


def misread(url: URL, is_async: bool) -> str | None:
    """Return what to write instead of a URL that SQLAlchemy reads otherwise than it was meant."""
    if is_async:
        return (
            f"{url.get_driver_name()} is for asyncio, and CherryPy serves in threads: "
            "take a driver such as sqlite, postgresql+psycopg or mysql+pymysql."
        )
    if url.get_backend_name() == "sqlite" and url.host:
        return (
            f"three slashes come before a relative path, and four before one from the root: "
            f"sqlite:///{url.host}{url.database or ''}."
        )
    if "@" in (url.host or ""):
        return "an @ in the user or the password is written %40, a : is %3A, and a / is %2F."
    return None


def mask_password(url: str) -> str:
    """Return *url* with each password in it replaced by three asterisks.

    So is each value of the query, but for those that are known to be harmless.
    """
    return _PAIR.sub(_shown, _USERINFO.sub(r"\1:***", url))


def _shown(pair: re.Match[str]) -> str:
    before, name, value = pair.groups()
    switch = _SWITCH.fullmatch(value) and not _SECRET.search(name)
    return pair[0] if switch or name.lower() in _HARMLESS else f"{before}{name}=***"
