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


def hide_values(error: BaseException | None) -> None:
    """Take the values of its statement out of the text of a driver's *error*.

    So too of what it was raised from. What a driver keeps beside the text stays: psycopg's ``diag``
    has the constraint's name, and the detail; in the text of PyMySQL the name stays.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        hide = _BY_DRIVER.get(type(error).__module__.partition(".")[0])
        if hide is not None:
            hide(error)
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
}
