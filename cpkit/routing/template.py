"""The grammar of a path: static text, ``{name}``, ``{name:regex}``, ``:name``, ``*name``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from cpkit.errors import RouteError

Part = Any  # static text (str), or a variable: {"type": ":" | "." | "*", "name": str}

# Where a bare ``:name`` ends; the character belongs to the text that follows.
NAME_ENDS = frozenset("/,;.#-")
ESCAPABLE = frozenset("\\:*{}")
SPECIAL = re.compile(r"[\\{}:*)]")
# A variable as most are: without what needs reading from left to right.
BRACED = re.compile(r"\{(\.?)([^\W\d]\w*)(?::([^\\{}]+))?\}")
QUANTIFIER = re.compile(r"\{(?:\d+(?:,\d*)?|,\d+)\}")


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
        """Take a backslash and what it escapes; it stays before what needs no escape."""
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
