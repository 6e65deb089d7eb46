"""Whether an SQL statement writes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Composed(Protocol):
    """What psycopg composes."""

    def as_string(self, context: Any = None) -> str:
        """Return the statement as text."""


Statement = str | bytes | Composed  # drivers take more than text

_LONGEST_REMEMBERED = 4096

# What opens a statement that changes nothing; anything else is held to write.
_READS = frozenset(
    {"select", "values", "table", "with", "show", "explain", "describe", "desc", "pragma", "help"}
    | {"set", "reset", "use", "begin", "start", "commit", "rollback", "savepoint", "release"}
    | {"declare", "fetch", "close"}
)
# NOTE: literals, quoted names, dollar quotes and comments are skipped whole, so that words in
# them do not count; each alternative is linear, and one that is never closed runs to the end.
_SKIPPED = re.compile(
    r"""'(?:[^']|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z) | `[^`]*(?:`|\Z) | --[^\n]* """
    r"""| /\*.*?(?:\*/|\Z) | \$(\w*)\$.*?(?:\$\1\$|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_FIRST = re.compile(r"[\s(;]*([a-z]+)", re.IGNORECASE)
_CHANGES = re.compile(r"\b(?:insert|update|delete|merge)\b", re.IGNORECASE)
_LOCKS = re.compile(
    r"\bfor\s+(?:no\s+key\s+update|update|key\s+share|share)\b|\binto\b", re.IGNORECASE
)
_ANALYZE = re.compile(r"\banaly[sz]e\b", re.IGNORECASE)


def is_write(statement: Statement) -> bool:
    """Tell whether *statement* changes data or locks rows.

    Judged by its words alone: a SELECT that calls a function that writes is not seen.
    """
    if not isinstance(statement, str):
        if isinstance(statement, Composed):
            statement = statement.as_string(None)
        else:
            statement = bytes(statement).decode(errors="replace")
    if len(statement) <= _LONGEST_REMEMBERED:
        return _remembered(statement)
    return _judge(statement)


def _judge(statement: str) -> bool:
    bare = _SKIPPED.sub(" ", statement)
    opening = _FIRST.match(bare)
    if opening is None:
        return False
    word = opening[1].lower()
    if word not in _READS:
        return True
    if word == "pragma":
        return "=" in bare
    if word == "explain" and not _ANALYZE.search(bare):
        return False
    changes = word in ("with", "explain", "declare") and _CHANGES.search(bare)
    return bool(changes or (word in ("select", "with", "values", "table") and _LOCKS.search(bare)))


_remembered = lru_cache(maxsize=1024)(_judge)
