"""What clients send, checked: a value out of its range is a 400 that says the range."""

from __future__ import annotations

import re

import cherrypy

# NOTE: ASCII digits alone; int() also takes spaces, underscores and the digits of all scripts.
_NUMBER = re.compile(r"-?[0-9]{1,9}")


def whole_number(name: str, text: str, least: int, most: int) -> int:
    """Return *text* as a number from *least* to *most*, or answer 400."""
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
        raise cherrypy.HTTPError(400, f"{name} must be a whole number from {least} to {most}.")
    return int(text)


def checked_text(name: str, text: str, least: int, most: int) -> str:
    """Return *text* stripped, from *least* to *most* characters and printable, or answer 400."""
    text = text.strip()
    if not least <= len(text) <= most:
        raise cherrypy.HTTPError(400, f"{name} must have {least} to {most} characters.")
    # NOTE: PostgreSQL refuses NUL in a text, and no control character belongs in one line.
    if not text.isprintable():
        raise cherrypy.HTTPError(400, f"{name} must be printable text in one line.")
    return text
