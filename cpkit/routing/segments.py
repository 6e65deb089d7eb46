"""Match one segment of a path, such as ``{a}-{b}.html`` or ``{id}{.format}``, in linear time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from .patterns import facts, length_limit
from .template import Part

Values = tuple["str | None", ...]
Matcher = Callable[[str], "Values | None"]
Check = Callable[[str], object]

LONG = 1024


def is_decimal(text: str) -> bool:
    r"""Tell whether *text* matches ``\d+``: it is all of Unicode's category Nd."""
    if len(text) > LONG and text.isascii():
        return text.encode().isdigit()  # PERF: half a megabyte in a tenth of the time.
    return text.isdecimal()


# PERF: what a regex would say, said sooner.
CHECKS: dict[str, Check] = {r"\d+": is_decimal}
ANYTHING = {"[^/]+", "[^/]+?", r"[^\/]+", r"[^\/]+?"}


def plain(part: Part, requirements: dict[str, str]) -> bool:
    """Tell whether *part* is a variable that takes any text but a slash."""
    return part["type"] == ":" and (requirements.get(part["name"]) or "[^/]+?") in ANYTHING


@lru_cache(maxsize=1024)
def check(regex: str) -> Check:
    """Return the test of a whole segment against *regex*, bounded in time."""
    if regex in CHECKS:
        return CHECKS[regex]
    known = facts(regex)
    limit = length_limit(known.repeats, nested=known.nested)
    test = re.compile(regex).fullmatch
    return test if limit is None else lambda text: len(text) <= limit and test(text)


def matcher(parts: Sequence[Part], requirements: dict[str, str]) -> Matcher:
    """Return the matcher of one segment of several *parts*: its variables' values, or None."""
    variables = [part for part in parts if not isinstance(part, str)]
    formatted = variables[-1] is parts[-1] and variables[-1]["type"] == "."
    if formatted and not requirements.get(variables[-1]["name"]):
        lazy, ending = variables[:-1], parts[:-1]
    else:
        lazy, ending, formatted = variables, parts, False
    if not all(plain(part, {}) and not requirements.get(part["name"]) for part in lazy):
        return by_regex(parts, requirements)
    if not lazy:
        return formatted_text("".join(ending))
    if formatted and len(ending) == 1:
        return formatted_variable
    return formatted_lazily(literals(ending)) if formatted else lazily(literals(ending))


def literals(parts: Iterable[Part]) -> tuple[str, ...]:
    """Return the text before, between and after the variables."""
    found = [""]
    for part in parts:
        if isinstance(part, str):
            found[-1] += part
        else:
            found.append("")
    return tuple(found)


def lazily(texts: tuple[str, ...]) -> Matcher:
    """Match variables between *texts*, each as short as can be, without backtracking.

    The earliest end of a variable leaves most to those after it, so that no other needs a try.
    """
    prefix, *between, suffix = texts
    start, ending = len(prefix), len(suffix)

    def match(segment: str) -> Values | None:
        stop = len(segment) - ending
        if not (segment.startswith(prefix) and segment.endswith(suffix)):
            return None
        values, at = [], start
        for text in between:
            found = segment.find(text, at + 1, stop)
            if found < 0:
                return None
            values.append(segment[at:found])
            at = found + len(text)
        return (*values, segment[at:stop]) if at < stop else None

    return match


def formatted_text(text: str) -> Matcher:
    """Match *text*, or *text* with a dot and a format."""

    def match(segment: str) -> Values | None:
        if segment == text:
            return (None,)
        start = len(text) + 1
        if segment.rfind(".") == start - 1 and segment.startswith(text) and segment[start:]:
            return (segment[start:],)
        return None

    return match


def formatted_variable(segment: str) -> Values | None:
    """Match a variable and a format: :func:`formatted_lazily` without any text."""
    value, _, ending = segment.rpartition(".")
    if value and ending:
        return value, ending
    return (segment, None) if segment else None


def formatted_lazily(texts: tuple[str, ...]) -> Matcher:
    """Match as :func:`lazily`, the last variable ending at the last dot that starts a format."""
    head = lazily(texts)

    def match(segment: str) -> Values | None:
        dot = segment.rfind(".")
        if dot >= 0 and dot + 1 < len(segment):
            values = head(segment[:dot])
            if values is not None:
                return (*values, segment[dot + 1 :])
        values = head(segment)
        return None if values is None else (*values, None)

    return match


def by_regex(parts: Sequence[Part], requirements: dict[str, str]) -> Matcher:
    """Match with a regex of this one segment, bounded in time by the segment's length."""
    names = [part["name"] for part in parts if not isinstance(part, str)]
    known = [facts(requirements.get(name) or "[^/]+?") for name in names]
    degree = sum(each.repeats for each in known)
    limit = length_limit(degree, nested=any(each.nested for each in known))
    test = re.compile("".join(expression(part, requirements) for part in parts)).fullmatch

    def match(segment: str) -> Values | None:
        found = test(segment) if limit is None or len(segment) <= limit else None
        if found is None:
            return None
        values = found.group(*names)
        return values if len(names) > 1 else (values,)

    return match


def expression(part: Part, requirements: dict[str, str]) -> str:
    """Return the regex of one part, as Routes writes it."""
    if isinstance(part, str):
        return re.escape(part)
    name = part["name"]
    if part["type"] == ".":
        return rf"(?:\.(?P<{name}>{requirements.get(name) or '[^/.]+?'}))??"
    return f"(?P<{name}>{requirements.get(name) or '[^/]+?'})"
