"""What is wrong with what a client sent, and where: told all at once, within bounds."""

from __future__ import annotations

import re
from typing import NamedTuple

MOST_TOLD = 20
_LONGEST_NAME = 100
# What msgspec appends to its messages.
_PLACE = re.compile(r"(.*) - at (?:(?:key in )?)`\$(.*)`", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[([0-9]+|\.\.\.)\]")


class Fault(NamedTuple):
    """A value that cannot be used: where it stood, its name, and what it must be.

    *place* is ``"path"``, ``"query"``, ``"form"`` or ``"body"``; the name of a value in a body
    is its JSON Pointer (RFC 6901), empty for the whole.
    """

    place: str
    name: str
    detail: str

    def told(self) -> dict[str, str]:
        """Return the member of a problem's ``errors``; a long name is cut."""
        name = self.name.encode(errors="replace").decode()
        if len(name) > _LONGEST_NAME:
            name = name[:_LONGEST_NAME] + "…"
        return {"in": self.place, "name": name, "detail": self.detail}


class Faults(list[Fault]):
    """The faults found so far; nobody looks for more when they are *full*."""

    @property
    def full(self) -> bool:
        """Tell whether there are as many as are told."""
        return len(self) >= MOST_TOLD

    def add(self, place: str, name: str, detail: str) -> None:
        """Add a fault, unless there are enough."""
        if not self.full:
            self.append(Fault(place, name, detail))


def told_by(error: Exception) -> tuple[str, str]:
    """Return what a ValidationError of msgspec's says, and the JSON Pointer of where."""
    message, at = str(error), ""
    found = _PLACE.fullmatch(message)
    for name, index in _STEP.findall(found[2]) if found else ():
        if index == "...":  # some member of a dict: it does not say which
            break
        at = pointer(at, name or index)
    return (found[1] if found else message)[:200], at


def pointer(at: str, key: object) -> str:
    """Return the JSON Pointer of the member *key* of what the pointer *at* leads to.

    RFC 6901, 3: a tilde is written ``~0``, a slash ``~1``.
    """
    return f"{at}/{str(key).replace('~', '~0').replace('/', '~1')}"
