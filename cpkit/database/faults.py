"""What a driver's exception means, whichever driver it comes from, and when to try again."""

from __future__ import annotations

import enum
import random
import re
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator

_SQLITE_MASK = 0xFF  # the low byte of an extended result code is the primary one


class Fault(enum.Enum):
    """What went wrong, as far as it decides what to do next."""

    BUSY = "busy"  # a lock, or a connection, was not to be had: another try may do
    CONFLICT = "conflict"  # the server rolled back for another's sake: a fresh one may do
    GONE = "gone"  # the connection or the server is lost
    FULL = "full"  # the disk is full
    READ_ONLY = "read-only"  # the file or the server takes no writes


# PostgreSQL, appendix A: classes and codes.
_SQLSTATE = {
    "40001": Fault.CONFLICT,
    "40P01": Fault.CONFLICT,
    "55P03": Fault.BUSY,
    "53300": Fault.BUSY,
    "53100": Fault.FULL,
    "25006": Fault.READ_ONLY,
    "57P01": Fault.GONE,
    "57P02": Fault.GONE,
    "57P03": Fault.GONE,
    "25P03": Fault.GONE,
}
# NOTE: libpq tells no SQLSTATE of a connection that the server, or PgBouncer, refuses; what it
# tells in another language than English is taken for a server that is gone.
_NO_CONNECTION_LEFT = ("too many c", "connection slots are", "no more connections allowed")
# NOTE: so says a server of what a driver has bound; all that PgBouncer says has the same state.
_WRONG_PARAMETERS = "bind message supplies"
_REFUSED_FOR_GOOD = re.compile(
    r'(?:database|role|user|certificate file) ".*" does not exist|authentication failed|no pg_hba'
    r"|SSL was required|certificate|not permitted to log in|permission denied|no password supplied"
)
# sqlite.org/rescode.html
_SQLITE = {5: Fault.BUSY, 6: Fault.BUSY, 8: Fault.READ_ONLY, 13: Fault.FULL}
_SQLITE_TEXT = {
    "locked": Fault.BUSY,
    "readonly": Fault.READ_ONLY,
    "disk is full": Fault.FULL,
}
# What a driver for PostgreSQL raises when it cannot reach the server (PEP 249).
_LOST_BY_DRIVER = {
    "psycopg": ("OperationalError",),
    "psycopg2": ("OperationalError", "InterfaceError"),
    "pg8000": ("InterfaceError",),
}
_MYSQL_DRIVERS = ("pymysql", "MySQLdb", "mysql", "mariadb")
# MariaDB Server error codes; 2xxx are the client's.
_MYSQL = {
    **dict.fromkeys((1205, 1213, 1020), Fault.CONFLICT),
    **dict.fromkeys((1040, 1203, 1226), Fault.BUSY),
    **dict.fromkeys((1021, 1114, 1041), Fault.FULL),
    **dict.fromkeys((1290, 1792, 1836), Fault.READ_ONLY),
    **dict.fromkeys(
        (1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2002, 2003, 2006, 2013, 2055),
        Fault.GONE,
    ),
}


def fault_of(error: BaseException | None) -> Fault | None:
    """Return what *error* of a driver, or of SQLAlchemy around one, means; None if nothing here.

    The driver is asked for first, since what an exception has (``sqlstate``, ``errno``) several
    drivers have: then SQLite's result code, MariaDB's error number or SQLSTATE is read.
    """
    if error is None:
        return None
    if getattr(error, "connection_invalidated", False):
        return Fault.GONE
    error = getattr(error, "orig", None) or error
    if isinstance(error, FileGoneError):
        return Fault.GONE
    driver = type(error).__module__.partition(".")[0]
    if driver == "sqlite3":
        return _of_sqlite(error)
    if driver == "sqlalchemy":  # all connections of its pool are in use
        return Fault.BUSY if _is(error, "TimeoutError") else None
    if driver in _MYSQL_DRIVERS:
        return _of_mysql(error)
    return _of_postgresql(error, driver)


class FileGoneError(sqlite3.OperationalError):
    """The file of a SQLite database that was there, and is no more."""


def _of_postgresql(error: BaseException, driver: str) -> Fault | None:
    state = _sqlstate(error)
    if state is not None:
        if state == "08P01" and _WRONG_PARAMETERS in str(error):
            return None
        return _SQLSTATE.get(state) or (Fault.GONE if state.startswith("08") else None)
    if not any(_is(error, name) for name in _LOST_BY_DRIVER.get(driver, ())):
        return None
    # NOTE: without SQLSTATE it never came from the server, unless it refused to be connected.
    told = str(error)
    if any(text in told for text in _NO_CONNECTION_LEFT):
        return Fault.BUSY
    return None if _REFUSED_FOR_GOOD.search(told) else Fault.GONE


def is_aftermath(error: BaseException) -> bool:
    """Tell whether *error* only says that a statement before it has failed (25P02)."""
    return _sqlstate(getattr(error, "orig", None) or error) == "25P02"


def _sqlstate(error: BaseException) -> str | None:
    """Return what the server said; psycopg 2 and pg8000 keep it elsewhere."""
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if state is None and error.args and isinstance(error.args[0], dict):
        state = error.args[0].get("C")
    return state if isinstance(state, str) else None


def _of_sqlite(error: BaseException) -> Fault | None:
    code = getattr(error, "sqlite_errorcode", None)  # Python 3.11
    if code is not None:
        return _SQLITE.get(code & _SQLITE_MASK)
    return next((fault for text, fault in _SQLITE_TEXT.items() if text in str(error)), None)


def _of_mysql(error: BaseException) -> Fault | None:
    if _is(error, "ConnectionTimeoutError") or _is(error, "ReadTimeoutError"):
        return Fault.GONE  # NOTE: mysql-connector gives it the number of a statement's timeout
    code = mariadb_number(error)
    if isinstance(code, int) and code > 0:
        return _MYSQL.get(code)
    # What a driver answers for a connection that it has closed itself.
    closed = _is(error, "InterfaceError") or (code == -1 and _is(error, "OperationalError"))
    return Fault.GONE if closed else None


def mariadb_number(error: BaseException) -> object:
    """Return the number of an *error* of a driver's for MariaDB."""
    number = getattr(error, "errno", None)  # of mysql-connector and MariaDB's own
    return error.args[0] if number is None and error.args else number


def _is(error: BaseException, name: str) -> bool:
    """Tell whether one of *error*'s classes bears the DB-API's *name* (PEP 249)."""
    return any(cls.__name__ == name for cls in type(error).__mro__)


def patiently(call: Callable[[], None], wait: float, passing: Collection[Fault]) -> None:
    """Call until it succeeds, for up to *wait* seconds, while what it raises is *passing*."""
    deadline = time.monotonic() + wait
    for pause in backoff():
        try:
            call()
        except Exception as error:
            if fault_of(error) not in passing or time.monotonic() + pause > deadline:
                raise
        else:
            return
        time.sleep(pause)


def backoff(
    first: float = 0.05,
    most: float = 1.0,
    jitter: float = 0.5,
    chance: Callable[[], float] = random.random,
) -> Iterator[float]:
    """Yield pauses in seconds without end: from *first*, doubling, up to *most*.

    Each is shortened by up to the fraction *jitter*, so that those who failed together
    do not come back together.
    """
    pause = first
    while True:
        yield pause * (1 - jitter * chance())
        pause = min(pause * 2, most)
