"""What an SQL statement does, judged by its words."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, runtime_checkable


@runtime_checkable
class Composed(Protocol):
    """What psycopg composes."""

    def as_string(self, context: Any = None) -> str:
        """Return the statement as text."""


Statement = str | bytes | Composed  # drivers take more than text


class Judged(NamedTuple):
    """What a statement does, or the statements of one text together."""

    writes: bool = False  # changes data, or locks rows
    sets: bool = False  # leaves something on its connection: SET, PRAGMA, a temporary table
    is_local: bool = False  # sets something for the transaction, which there has to be
    autocommits: bool = False  # has MariaDB commit each statement from now on
    two_phases: bool = False  # is of a transaction that is prepared first
    only_reads: bool = False  # has this transaction, or those after it, refuse writes
    commits: bool = False
    undoes: bool = False
    savepoint: str = ""  # its name, in lower case and without quotes; "?" if it is not known
    undone_to: str = ""  # a savepoint
    released: str = ""  # a savepoint
    begins: bool = False
    commits_first: bool = False  # what was done before it, in MariaDB
    may_commit: bool = False  # runs a procedure, in MariaDB, where that can commit
    several: bool = False  # is several statements, so that there may be several results


PLAIN = Judged()  # reads, and does nothing else
WRITE = Judged(writes=True)  # writes, and does nothing else

_LONGEST_REMEMBERED = 4096

# What opens a statement that changes nothing; anything else is held to write.
_READS = frozenset(
    {"select", "values", "table", "with", "show", "explain", "describe", "desc", "pragma", "help"}
    | {"set", "reset", "use", "commit", "end", "rollback", "abort", "savepoint"}
    | {"release", "declare", "fetch", "move", "close", "copy", "attach", "detach", "discard"}
    | {"listen", "unlisten", "notify", "prepare", "deallocate", "load"}
)
# What stays on the connection for whoever has it next; of DO and CALL nobody knows what they run.
_SETS = frozenset(
    {"set", "reset", "use", "attach", "detach", "discard", "listen", "unlisten", "declare"}
    | {"prepare", "deallocate", "load", "lock", "do", "call", "flush", "handler", "backup"}
    | {"execute", "begin"}  # of a text, or of several statements at once, in MariaDB
)
# NOTE: literals, quoted names, dollar quotes and comments are skipped whole, so that words in
# them do not count; each alternative is linear, and one that is never closed runs to the end.
# A # begins a comment in MariaDB; where a statement begins, it can be nothing else anywhere.
_COMMON = (
    r"""(?<!\w)[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z) | `[^`]*(?:`|\Z) | (?:\A|(?<=;))\s*\#[^\n]* | """
)
_SKIPPED = re.compile(
    rf"""{_COMMON} '(?:[^']|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z) | /\*.*?(?:\*/|\Z) | --[^\n]* """
    r"""| (?<![\w$])\$(\w*)\$.*?(?:\$\1\$|\Z)""",
    re.VERBOSE | re.DOTALL,
)
# MariaDB runs what is in comments that begin with ! or M!, and has backslashes in literals. After
# its -- a space has to follow, 5--1 is 6; it has no dollar quotes, a $ is a letter.
_SKIPPED_IN_MARIADB = re.compile(
    rf"""{_COMMON} '(?:[^'\\]|\\.|'')*(?:'|\Z) | "(?:[^"\\]|\\.|"")*(?:"|\Z) | \#[^\n]* """
    r"""| --(?=[\x00-\x20]|\Z)[^\n]* | /\*(?!M?!).*?(?:\*/|\Z) | /\*M?!\d* | \*/""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = re.compile(r"[a-z_]+|[=(]")
_FIRST = re.compile(r"[\s(]*([a-z]+)")
_CREATES = re.compile(r"(?:\A|;)[\s(]*create\b")
_CHANGES = re.compile(r"\b(?:insert|update|delete|merge|replace\s+into)\b")
_ROUTINE = re.compile(r"[\s(]*create\s[^;]*?\b(?:trigger|procedure|function|event|package)\b")
# What a SELECT locks, stores or takes from a sequence, as far as its words tell.
_STORES = re.compile(
    r"\bfor\s+(?:no\s+key\s+update|update|key\s+share|share)\b|\binto\b|\bnext\s+value\s+for\b"
    r"|\b(?:nextval|setval|lo_(?:creat|create|from_bytea|import|put|truncate|unlink)|lowrite)\s*\("
)
_ANALYZE = re.compile(r"\banaly[sz]e\b")
_FOR_ALL = re.compile(r"\b(?:global|persist|persist_only|password)\b")
_AUTOCOMMIT = re.compile(r"\bautocommit\b")
_LOCAL = re.compile(r"set\s+(?:local|transaction|constraints)\b|declare\b")
# Functions of PostgreSQL's whose effect lasts as long as the transaction in which they are called.
_FOR_TRANSACTION = re.compile(
    r"\b(?:set_config|pg_(?:try_)?advisory_xact_lock\w*|pg_export_snapshot|lo_open)\s*\("
)
# Of a CREATE or a SELECT INTO, wherever it says so: `CREATE TABLE temp.x`, `"pg_temp".x`.
_TEMPORARY = re.compile(r"\b(?:pg_)?temp(?:orary)?\b")
_INTO_TEMPORARY = re.compile(r"\binto\s+(?:local\s+|global\s+)?temp(?:orary)?\b")
_VARIABLE = re.compile(r":=|\binto\s+@")  # MariaDB's, of the session
_KEPT = re.compile(
    r"\b(?:set_config|get_lock|pg_advisory_lock\w*|pg_try_advisory_lock\w*)\s*\(|\bpg_settings\s+set\b"
)
_KEPT_QUOTED = re.compile(r'"(?:set_config|pg_(?:try_)?advisory_lock\w*)"\s*\(')
_FROM_CLIENT = re.compile(r"\bfrom\s*(?:stdin|program|\Z|\s)")
_SAVEPOINT = re.compile(r"savepoint\s+(\S*)")
_UNDONE_TO = re.compile(r"rollback\s+(?:work\s+|transaction\s+)?to\b\s*(?:savepoint\s+)?(\S*)")
_RELEASED = re.compile(r"release\s+(?:savepoint\s+)?(\S*)")
# A savepoint whose name is quoted, where a text says nothing else.
_QUOTED_SAVEPOINT = re.compile(
    r"""(?ix)\A\s*(?:(savepoint) | rollback(?:\s+work|\s+transaction)?\s+(to)(?:\s+savepoint)?
    | (release)(?:\s+savepoint)?)\s*("[^";]*" | `[^`;]*` | '[^';]*' | \[[^\];]*\])\s*;?\s*\Z"""
)
# mariadb.com/kb: statements that cause an implicit commit; of those that a request may run.
_COMMITS_FIRST = re.compile(
    r"[\s(]*(?:create(?!\s+(?:or\s+replace\s+)?temporary\b)|drop(?!\s+temporary\b)|alter|rename"
    r"|truncate|grant|revoke|begin(?!\s+not\b)|start\s+transaction|(?:un)?lock\s+tables?"
    r"|(?:analyze|optimize|repair|check)\s+(?:\w+\s+)?tables?|flush|set\s+password)\b"
)
_RUNS_ROUTINE = re.compile(r"[\s(]*(?:call|execute|begin\s+not)\b")
_TWO_PHASES = re.compile(r"(?:prepare\s+transaction|(?:commit|rollback)\s+prepared)\b")
_IN_MARIADB_TWO_PHASES = re.compile(r"[\s(]*xa\s+(?!recover\b)")
_ONLY_READS = re.compile(r"\bread\s+only\b|read_only\b")
_BEGINS = re.compile(r"(?:begin(?!\s+not\b)|start\s+transaction)\b")
_SET_FOR = re.compile(r"\A\s*set\s+statement\b.*?\bfor\b", re.DOTALL)  # MariaDB's
# Pragmas whose argument is a question.
_ASKS = re.compile(
    r"pragma\s+(?:\w+\.)?(?:table_x?info|table_list|index_list|index_x?info|foreign_key_list"
    r"|foreign_key_check|integrity_check|quick_check)\b"
)


def is_write(statement: Statement) -> bool:
    """Tell whether *statement* changes data or locks rows.

    Judged by its words alone: a SELECT that calls a function that writes is not seen.
    """
    return judge(statement).writes


def judge(statement: Statement, *, mariadb: bool = False) -> Judged:
    """Return what *statement* does."""
    if type(statement) is str and len(statement) <= _LONGEST_REMEMBERED:  # PERF: most are
        return judge_mariadb(statement) if mariadb else judge_text(statement)
    if not isinstance(statement, str):
        if isinstance(statement, Composed):
            statement = statement.as_string(None)
        else:
            statement = bytes(statement).decode(errors="replace")
    return _judge(statement, _SKIPPED_IN_MARIADB if mariadb else _SKIPPED)


def _judge(text: str, skipped: re.Pattern[str]) -> Judged:
    quoted = _QUOTED_SAVEPOINT.match(text)
    if quoted:
        savepoint, undone_to, released, name = quoted.groups("")
        return _of_savepoint(savepoint, undone_to, released, name[1:-1])
    bare = skipped.sub(" ", text).lower()
    made = bool(_CREATES.search(bare) and _TEMPORARY.search(text.lower()))
    # NOTE: of a routine, the statements in it are not run now.
    parts = [bare] if _ROUTINE.match(bare) else [it for it in bare.split(";") if it.strip()]
    found = [_judge_one(part) for part in parts]
    if len(parts) > 1:
        found.append(Judged(several=True))
    if made:
        found.append(Judged(sets=True))
    if _KEPT_QUOTED.search(text):
        found.append(Judged(sets=True, is_local=True))
    if skipped is _SKIPPED_IN_MARIADB:
        found += filter(any, map(_judge_in_mariadb, parts))
    if len(found) == 1:
        return found[0]
    return Judged(*map(_any, zip(*found, strict=True))) if found else PLAIN


def _of_savepoint(savepoint: str, undone_to: str, released: str, name: str) -> Judged:
    """Return what is done with the savepoint *name*, by which of the first three is not empty."""
    name = name.lower() or "?"
    if savepoint:
        return Judged(savepoint=name)
    return Judged(undone_to=name) if undone_to else Judged(released=name)


def _judge_in_mariadb(bare: str) -> Judged:
    """Return what a statement does in MariaDB alone."""
    return Judged(
        sets=bool(_VARIABLE.search(bare)),
        commits_first=bool(_COMMITS_FIRST.match(bare)),
        may_commit=bool(_RUNS_ROUTINE.match(bare)),
        two_phases=bool(_IN_MARIADB_TWO_PHASES.match(bare)),
    )


def _any(values: tuple[Any, ...]) -> Any:
    return next(filter(None, values), values[0])


def _judge_one(bare: str) -> Judged:
    """Return what one statement does, in lower case and without what is skipped."""
    bare = _SET_FOR.sub("", bare, count=1)
    opening = _FIRST.match(bare)
    word = opening[1] if opening else ""
    bare = bare[opening.start(1) :] if opening else bare
    of_transaction = _judge_transaction(word, bare)
    if of_transaction is not None:
        return of_transaction
    writes, sets = _writes(word, bare), _sets(word, bare)
    is_local = bool(_LOCAL.match(bare) or _FOR_TRANSACTION.search(bare))
    if not (sets or is_local):
        return WRITE if writes else PLAIN
    autocommits = word == "set" and bool(_AUTOCOMMIT.search(bare))
    is_set = sets and not (word == "set" and _LOCAL.match(bare))
    only_reads = word == "set" and bool(_ONLY_READS.search(bare))
    return Judged(writes, is_set, is_local, autocommits, only_reads=only_reads)


def _judge_transaction(word: str, bare: str) -> Judged | None:
    """Return what a statement does to its transaction; None if it is of another kind."""
    if _TWO_PHASES.match(bare):
        return Judged(writes=True, two_phases=True)
    if _BEGINS.match(bare):
        return Judged(begins=True, only_reads=bool(_ONLY_READS.search(bare)))
    match word:
        case "commit" | "end":
            return Judged(commits=True)
        case "rollback" | "abort":
            to = _UNDONE_TO.match(bare)
            return Judged(undone_to=to[1] or "?") if to else Judged(undoes=True)
        case "savepoint":
            named = _SAVEPOINT.match(bare)
            return Judged(savepoint=(named and named[1]) or "?")
        case "release":
            named = _RELEASED.match(bare)
            return Judged(released=(named and named[1]) or "?")
    return None


def _sets(word: str, bare: str) -> bool:
    if word == "pragma":
        return ("=" in bare or "(" in bare) and not _ASKS.match(bare)
    if word in ("select", "with", "values", "table") and _INTO_TEMPORARY.search(bare):
        return True
    return word in _SETS or bool(_KEPT.search(bare))


def _writes(word: str, bare: str) -> bool:
    if word not in _READS:
        return True
    match word:
        case "pragma":
            return _sets(word, bare)
        case "set":
            return bool(_FOR_ALL.search(bare))
        case "load":
            return "data" in bare or "xml" in bare
        case "copy":
            given = _FROM_CLIENT.search(bare) and not re.search(r"\bto\b", bare)
            return bool(given or _CHANGES.search(bare))
        case "explain" | "describe" | "desc":
            changes = _CHANGES.search(bare) or _STORES.search(bare)
            return bool(changes and _ANALYZE.search(bare))
        case "with" | "declare" | "prepare":
            return bool(_CHANGES.search(bare) or _STORES.search(bare))
        case "select" | "values" | "table":
            return bool(_STORES.search(bare))
    return False


judge_text: Callable[[str], Judged] = lru_cache(maxsize=1024)(lambda text: _judge(text, _SKIPPED))
judge_mariadb: Callable[[str], Judged] = lru_cache(maxsize=1024)(
    lambda text: _judge(text, _SKIPPED_IN_MARIADB)
)
