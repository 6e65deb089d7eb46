"""What a template is made of, and what matches one segment of it, in linear time.

A template has static text, ``{name}``, ``{name:regex}``, ``:name`` and ``*name``; a segment may
have several of them, such as ``{a}-{b}.html`` or ``{id}{.format}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from cpkit.errors import RouteError

from .patterns import accepts, fullmatch

Part = Any  # static text (str), or a variable: {"type": ":" | "." | "*", "name": str}

# Where a bare ``:name`` ends; the character belongs to the text that follows.
NAME_ENDS = frozenset("/,;.#-")
ESCAPABLE = frozenset("\\:*{}")
SPECIAL = re.compile(r"[\\{}:*)]")
# A variable as most are: without what needs reading from left to right.
BRACED = re.compile(r"\{(\.?)([^\W\d]\w*)(?::([^\\{}]+))?\}")
QUANTIFIER = re.compile(r"\{(?:\d+(?:,\d*)?|,\d+)\}")

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


@lru_cache(maxsize=1024)
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


@lru_cache(maxsize=1024)
def variable_part(kind: str, name: str) -> Part:
    """Return a variable as Routes has it in its list of parts: one for all routes."""
    return {"type": kind, "name": name}


class Reader:
    """A reader of a template, from left to right, into Routes' list of parts."""

    def __init__(self, template: str, *, static: bool = False) -> None:
        self.template = template
        self.openers = "{" if static else "{:*"
        self.parts: list[Part] = []
        self.requirements: dict[str, str] = {}
        self.text = ""
        self.at = 0

    def read(self) -> list[Part]:
        while self.at < len(self.template):
            char = self.template[self.at]
            if char == "\\":
                self.text += self.escape()
            elif char in self.openers:
                self.flush()
                self.variable(char)
            else:
                self.text += self.plain()
        self.flush()
        return self.parts

    def plain(self) -> str:
        """Take all text up to what might mean something."""
        start, found = self.at, SPECIAL.search(self.template, self.at + 1)
        self.at = found.start() if found else len(self.template)
        return self.template[start : self.at]

    def flush(self) -> None:
        if self.text:
            self.parts.append(self.text)
            self.text = ""

    def escape(self) -> str:
        """Take a backslash and what it escapes; before anything else it is text."""
        char = self.template[self.at + 1 : self.at + 2]
        self.at += 2
        return char if char in ESCAPABLE else char and "\\" + char

    def variable(self, opener: str) -> None:
        braced = BRACED.match(self.template, self.at) if opener == "{" else None
        self.at += 1
        if braced:  # PERF: without a backslash or a quantifier there is nothing to take apart.
            self.at = braced.end()
            dot, name, requirement = braced.groups()
            self.require(name, requirement)
            self.parts.append(variable_part(dot or ":", name))
        elif opener == "{":
            self.braced()
        elif self.template.startswith("(", self.at):
            self.at += 1
            self.add(opener, self.until(")", opener + "("))
        else:
            self.bare(opener)

    def braced(self) -> None:
        name, _, requirement = self.until("}", "{").partition(":")
        kind = "." if name.startswith(".") else ":"
        name = name.removeprefix(".")
        self.require(name, requirement)
        self.add(kind, name)

    def require(self, name: str, requirement: str | None) -> None:
        if requirement:
            self.requirements[name] = requirement

    def until(self, closer: str, opener: str) -> str:
        """Return the text up to *closer*, a regex's ``{4}`` or ``{2,3}`` taken whole."""
        taken = ""
        while self.at < len(self.template):
            char = self.template[self.at]
            quantifier = char == "{" and ":" in taken and QUANTIFIER.match(self.template, self.at)
            if quantifier:
                taken += quantifier[0]
                self.at = quantifier.end()
            elif char == "\\":
                taken += self.escape()
            elif char == closer:
                self.at += 1
                return taken
            else:
                taken += self.plain()
        raise RouteError(
            self.template, f"{opener!r} is never closed", f"Write {closer!r} after the name."
        )

    def bare(self, opener: str) -> None:
        start = self.at
        while self.at < len(self.template) and self.template[self.at] not in NAME_ENDS:
            self.at += 1
        self.add(opener, self.template[start : self.at])
        if self.at < len(self.template):
            self.parts.append(self.template[self.at])
            self.at += 1

    def add(self, kind: str, name: str) -> None:
        if not name:
            raise RouteError(self.template, "a variable has no name", "Write {name}.")
        self.parts.append(variable_part(kind, name))


class Spelling(Reader):
    """A template without the requirements of its variables: ``/a/{b}`` for ``/a/{b:\\d+}``.

    *pieces* are the (text before a variable, the variable as written, without its requirement).
    """

    def __init__(self, template: str) -> None:
        super().__init__(template)
        self.pieces: list[tuple[str, str, str]] = []
        self.ended = 0
        if "{" in template and ":" in template:
            self.read()

    def variable(self, opener: str) -> None:
        start = self.at
        super().variable(opener)
        if opener == "{":
            written = self.template[start : self.at]
            name, colon, _ = written.partition(":")
            before = self.template[self.ended : start]
            self.pieces.append((before, written, name + "}" if colon else written))
            self.ended = self.at

    def __str__(self) -> str:
        plain = "".join(before + name for before, _, name in self.pieces)
        return plain + self.template[self.ended :]
