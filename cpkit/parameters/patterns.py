"""Python's regular expressions as the schemas' ECMA 262 has them, where it can."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Each means the same to Python, and another thing, or nothing, to ECMA 262.
_TRANSLATED = {"\\A": "^", "\\Z": "$", "(?P<": "(?<", ".": "[^\\n]", "\\a": "\\x07"}
_SPACES = "\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"
_SETS = {"\\d": "0-9", "\\s": _SPACES}  # what is a set of its own, and can be a part of one
_PART = re.compile(
    r"\\.|\(\?P<(?![=!])|\(\?[a-zA-Z(#>-]|\(\?P[=>]|[*+?}]\+|\{,?[0-9]*,?[0-9]*\}\+?|\[\^?\]?|.",
    re.DOTALL,
)
_COUNTS = re.compile(r"\{(?:[0-9]+(?:,[0-9]*)?|,[0-9]*)\}")
# What a backslash may stand before in ECMA 262 (with its flag u); other signs are themselves.
_SYNTAX = frozenset("^$\\.*+?()[]{}|/")
_ESCAPES = frozenset("fnrtv")
_CODES = frozenset("xu")


def ecma(pattern: str, *, whole: bool = False) -> str | None:
    """Return *pattern* for a JSON Schema, or None if ECMA 262 has no such thing.

    With *whole* it is one that ``re.fullmatch`` tries. Flags in the pattern, comments,
    conditions, possessive quantifiers, references, ``\\w`` and ``\\b`` are Python's alone. ``\\d``
    matches the digits of all scripts in Python: the schema promises ASCII's.
    """
    made = []
    for part, in_set in _parts(pattern):
        translated = _in_set(part) if in_set else _outside(part)
        if translated is None:
            return None
        made.append(translated)
    return f"^(?:{''.join(made)})$" if whole else "".join(made)


def at_the_very_end(pattern: str) -> str:
    """Return *pattern* with ``$`` as ECMA 262 has it: the end, and not before a last newline.

    One that ECMA 262 does not have stays as it is.
    """
    if "$" not in pattern or ecma(pattern) is None:
        return pattern
    parts = _parts(pattern)
    return "".join("\\Z" if part == "$" and not in_set else part for part, in_set in parts)


def _parts(pattern: str) -> Iterator[tuple[str, bool]]:
    """Yield each part of a *pattern*, and whether it stands in a set."""
    in_set = False
    for found in _PART.finditer(pattern):
        yield found[0], in_set
        in_set = found[0] != "]" if in_set else found[0].startswith("[")


def _outside(part: str) -> str | None:
    """Return a *part* outside of any set as ECMA 262 has it; None: it has no such thing."""
    if part in _TRANSLATED:
        return _TRANSLATED[part]
    if part in _SETS or part.lower() == "\\s":
        return f"[{'^' * part.isupper()}{_SETS[part.lower()]}]"
    if part.startswith("\\"):
        return _escape(part)
    if part.startswith("[") and part.endswith("]"):
        return part[:-1] + "\\]"  # which ends no set where it comes first
    if part.startswith("{") or part in ("}", "]"):
        return _brace(part)
    return None if len(part) > 1 and not part.startswith("[") else part


def _in_set(part: str) -> str | None:
    """Return a *part* of a set as ECMA 262 has it."""
    if part.startswith("\\"):
        return _SETS.get(part) or ("\\-" if part == "\\-" else _escape(part))
    return part.replace("[", "\\[") if part != "]" else part


def _escape(part: str) -> str | None:
    sign = part[1]
    if sign in _SYNTAX or sign in _ESCAPES or sign in _CODES:
        return part
    if part in _TRANSLATED and len(_TRANSLATED[part]) > 1:
        return _TRANSLATED[part]
    return None if sign.isalnum() and sign.isascii() else sign


def _brace(part: str) -> str | None:
    """Return how often something comes; a brace that counts nothing is itself."""
    if part.endswith("+"):
        return None
    if _COUNTS.fullmatch(part):
        return part.replace("{,", "{0,")
    return "".join(f"\\{sign}" if sign in "{}]" else sign for sign in part)


_PLACES = 6  # of a bound that are told: a schema may leave out the last of many numbers


def whole_numbers(least: int, most: int) -> str:
    """Return the regex of the integers from *least* to *most*, as JSON writes them.

    Of more than a million, it may miss some next to the bounds, and has none beyond.
    """
    parts = [_positive(max(least, 1), most)] if most >= 1 else []
    if least <= 0 <= most:
        parts.append("-?0")
    if least <= -1:
        parts.append(f"-(?:{_positive(max(-most, 1), -least)})")
    return "|".join(parts)


def _positive(least: int, most: int) -> str:
    below = f"(?!(?:{_up_to(least - 1, len(str(least)))})$)" if least > 1 else ""
    return f"{below}(?:{_up_to(most, _PLACES)})"


def _up_to(most: int, places: int) -> str:
    """Return the regex of the integers from 1 to *most*, exact in its first *places*."""
    digits = str(most)
    parts = [f"[1-9][0-9]{{0,{len(digits) - 2}}}"] if len(digits) > 1 else []
    for place, digit in enumerate(digits[:places]):
        least, rest = int(place == 0), len(digits) - place - 1
        if int(digit) > least:
            parts.append(f"{digits[:place]}[{least}-{int(digit) - 1}][0-9]{{{rest}}}")
    return "|".join([*parts, digits])
