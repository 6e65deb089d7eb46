"""Text of others, made fit for a line of the log."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return *text* in one line: what is not printable is escaped, as ``\n`` and ``\u202e``."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
