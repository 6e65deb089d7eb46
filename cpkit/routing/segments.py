"""Match one segment of a path, such as ``{a}-{b}.html`` or ``{id}{.format}``, in linear time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from .patterns import accepts, fullmatch
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
# What resource() requires of a member's id.
MEMBER_ID = r"[^\/]+(?<!\\)"
ANYTHING = {"[^/]+", "[^/]+?", r"[^\/]+", r"[^\/]+?"}


def linear(parts: Sequence[Part], requirements: dict[str, str]) -> bool:
    """Tell whether :func:`matcher` does without a regex."""
    if _member_of_a_resource(parts, requirements):
        return True
    variables = [part for part in parts if not isinstance(part, str)]
    last = variables[-1]
    if last is parts[-1] and last["type"] == "." and not requirements.get(last["name"]):
        variables.pop()
    return all(plain(part, {}) and not requirements.get(part["name"]) for part in variables)


def _member_of_a_resource(parts: Sequence[Part], requirements: dict[str, str]) -> bool:
    """Tell whether *parts* are ``:(id).:(format)``, as ``resource()`` declares them."""
    if len(parts) != 3 or parts[1] != "." or isinstance(parts[0], str):
        return False
    member, ending = parts[0]["name"], parts[2]
    unbounded = plain(ending, {}) and ending["name"] not in requirements
    return requirements.get(member) == MEMBER_ID and unbounded


def plain(part: Part, requirements: dict[str, str]) -> bool:
    """Tell whether *part* is a variable that takes any text but a slash."""
    return part["type"] == ":" and (requirements.get(part["name"]) or "[^/]+?") in ANYTHING


@lru_cache(maxsize=1024)
def check(regex: str) -> Check:
    """Return the test of a whole text against *regex*, bounded in time. It may raise TooLong."""
    return CHECKS.get(regex) or accepts(regex)


def matcher(parts: Sequence[Part], requirements: dict[str, str]) -> Matcher:
    """Return the matcher of one segment of several *parts*: its variables' values, or None."""
    if _member_of_a_resource(parts, requirements):
        return member_and_format
    if not linear(parts, requirements):
        return by_regex(parts, requirements)
    last = parts[-1]
    formatted = not isinstance(last, str) and last["type"] == "."
    ending = parts[:-1] if formatted else parts
    if all(isinstance(part, str) for part in ending):
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


def member_and_format(segment: str) -> Values | None:
    """Match as Routes' regex of a resource's member does: at the last dot that suits."""
    dot = segment.rfind(".", 1, -1)
    while dot > 0 and segment[dot - 1] == "\\":
        dot = segment.rfind(".", 1, dot)
    return (segment[:dot], segment[dot + 1 :]) if dot > 0 else None


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
    """Match with a regex of this one segment, bounded in time. It may raise TooLong."""
    names = [part["name"] for part in parts if not isinstance(part, str)]
    test = fullmatch(expression(parts, requirements))

    def match(segment: str) -> Values | None:
        found = test(segment)
        if found is None:
            return None
        values = found.group(*names)
        return values if len(names) > 1 else (values,)

    return match


def expression(parts: Iterable[Part], requirements: dict[str, str]) -> str:
    """Return the regex of some *parts*."""
    return "".join(_expression(part, requirements) for part in parts)


def _expression(part: Part, requirements: dict[str, str]) -> str:
    """Return the regex of one part, as Routes writes it."""
    if isinstance(part, str):
        return re.escape(part)
    name = part["name"]
    if part["type"] == ".":
        return rf"(?:\.(?P<{name}>{requirements.get(name) or '[^/.]+?'}))??"
    return f"(?P<{name}>{requirements.get(name) or '[^/]+?'})"
