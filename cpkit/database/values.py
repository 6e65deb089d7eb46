"""What an error tells of a statement's values, which are no more for a log than its parameters."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

HIDDEN = "***"

# What PostgreSQL adds to its message: a row or its key, the statement (with values, where the
# driver puts them in itself), what a value is a part of. A value may look like what follows it.
_ADDED = re.compile(r"(?s)\n(?:LINE \d+|DETAIL|HINT|QUERY|CONTEXT):.*")
# NOTE: of names and syntax a hint tells what was meant, and no detail before it has a value.
_ADDED_TO_NAMES = re.compile(r"(?s)\n(?:LINE \d+|DETAIL|QUERY|CONTEXT):.*?(?=\nHINT:|\Z)")
_ADDED_FIELDS = frozenset("DWq")  # the same in the protocol, as pg8000 has it
# Of SQLSTATE: the class whose messages quote the value itself, that of names, a syntax error.
_DATA, _NAMES, _SYNTAX = "22", "42", "42601"
_QUOTED = re.compile(r'(?s)".*"')
# MariaDB's messages that quote a value or a piece of the statement, into which its drivers put
# the values themselves.
_MARIADB = frozenset({1062, 1064, 1292, 1300, 1366, 1367, 1411, 1525, 1586, 1690})
_MARIADB_VALUE = re.compile(r"(?s)'.*'(?= for (?:key|column|function) )|'.*'")
_SQLITE_VALUE = re.compile(r"(?s)(fts5: syntax error near |JSON path error near |JSON path: ).*")

# What SQLAlchemy says of an Enum.
_ENUM = re.compile(r"(?s)\A'.*'(?= is not among the defined enum values)")


def hide_values(error: BaseException | None) -> None:
    """Take the values of its statement out of the text of a driver's *error*.

    So too of what it was raised from. What a driver keeps beside the text stays: psycopg's ``diag``
    has the constraint's name, and the detail; in the text of PyMySQL the name stays.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        _BY_DRIVER.get(_package(type(error)), _hide_enum)(error)
        error = error.__cause__ or error.__context__


def _hide_postgresql(error: BaseException) -> None:
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or ""
    # NOTE: psycopg 2 puts the values into the statement, of which a syntax error quotes a piece.
    quotes = state.startswith(_DATA) or (state == _SYNTAX and hasattr(error, "pgcode"))
    added = _ADDED_TO_NAMES if state.startswith(_NAMES) else _ADDED

    def hidden(text: str) -> str:
        return added.sub("", _QUOTED.sub(f'"{HIDDEN}"', text) if quotes else text)

    _change_texts(error, hidden)


def _hide_pg8000(error: BaseException) -> None:
    if not error.args or not isinstance(error.args[0], dict):
        return
    told = {name: it for name, it in error.args[0].items() if name not in _ADDED_FIELDS}
    if str(told.get("C", "")).startswith(_DATA):
        told["M"] = _QUOTED.sub(f'"{HIDDEN}"', str(told.get("M", "")))
    error.args = (told, *error.args[1:])


def _hide_mariadb(error: Any) -> None:
    code = getattr(error, "errno", None) or (error.args and error.args[0])
    if code in _MARIADB:
        _change_texts(error, lambda text: _MARIADB_VALUE.sub(f"'{HIDDEN}'", text, count=1))


def _hide_sqlite(error: BaseException) -> None:
    _change_texts(error, lambda text: _SQLITE_VALUE.sub(rf"\1{HIDDEN}", text))


def _hide_statement(error: Any) -> None:
    """Hide what a column's type, and not the driver, says of a value that it cannot take."""
    orig = getattr(error, "orig", None)
    if orig is None or any(_package(it) in _BY_DRIVER for it in type(orig).__mro__):
        return
    inner: BaseException | None = orig
    while inner is not None:
        inner.args = (_without_value(inner),)
        inner = inner.__cause__
    told = f"({type(orig).__module__}.{type(orig).__qualname__}) {orig.args[0]}"
    error.args = (told, *error.args[1:])


def _hide_enum(error: BaseException) -> None:
    """Hide what was stored and is none of an Enum's values."""
    if isinstance(error, LookupError) and _ENUM.match(str(error)):
        error.args = (_without_value(error),)
        if error.__cause__ is not None:
            error.__cause__.args = (HIDDEN,)


def _package(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def _without_value(error: BaseException) -> str:
    text = str(error)
    return _ENUM.sub(f"'{HIDDEN}'", text) if _ENUM.match(text) else HIDDEN


def _change_texts(error: BaseException, change: Callable[[str], str]) -> None:
    """Have *change* make anew each text that *error* is shown by."""
    error.args = tuple(change(it) if isinstance(it, str) else it for it in error.args)
    for name in ("msg", "_full_msg"):  # mysql-connector's
        text = getattr(error, name, None)
        if isinstance(text, str):
            setattr(error, name, change(text))


_BY_DRIVER: dict[str, Callable[[Any], None]] = {
    "psycopg": _hide_postgresql,
    "psycopg2": _hide_postgresql,
    "pg8000": _hide_pg8000,
    **dict.fromkeys(("pymysql", "MySQLdb", "mysql", "mariadb"), _hide_mariadb),
    "sqlite3": _hide_sqlite,
    "sqlalchemy": _hide_statement,
}
