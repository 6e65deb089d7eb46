"""Python's regular expressions as the schemas' ECMA 262 has them, where it can."""

from __future__ import annotations

import re

# Each means the same to Python, and another thing, or nothing, to ECMA 262.
_TRANSLATED = {"\\A": "^", "\\Z": "$", "(?P<": "(?<", "\\d": "[0-9]"}
_PART = re.compile(r"\\.|\(\?P<(?![=!])|\(\?[a-zA-Z(#>-]|\(\?P[=>]|[*+?}]\+|\[|\]|.", re.DOTALL)


def ecma(pattern: str, *, whole: bool = False) -> str | None:
    """Return *pattern* for a JSON Schema, or None if ECMA 262 has no such thing.

    With *whole* it is one that ``re.fullmatch`` tries. Flags in the pattern, comments,
    conditions, possessive quantifiers and references by name are Python's alone. ``\\d`` matches
    the digits of all scripts in Python: the schema promises ASCII's.
    """
    made, in_set = [], False
    for found in _PART.finditer(pattern):
        part = found[0]
        if not in_set and (_is_pythons(part) or part in ("\\w", "\\W", "\\D")):
            return None
        if part in "[]" and not part.startswith("\\"):
            in_set = part == "["
        translated = _TRANSLATED.get(part, part)
        made.append(translated.strip("[]") if in_set and part == "\\d" else translated)
    return f"^(?:{''.join(made)})$" if whole else "".join(made)


def _is_pythons(part: str) -> bool:
    return len(part) > 1 and (
        (part.startswith("(?") and part != "(?P<") or (part[0] in "*+?}" and part[1] == "+")
    )
