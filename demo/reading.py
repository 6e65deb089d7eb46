"""What clients send, checked: a value out of its range is a 400 that says the range."""

from __future__ import annotations

import re
from typing import Any

import cherrypy
from cherrypy._cpreqbody import process_urlencoded

# NOTE: ASCII digits alone; int() also takes spaces, underscores and the digits of all scripts.
_NUMBER = re.compile(r"-?[0-9]{1,9}")
# What ends a line, what turns the direction of all that follows, what no UTF-8 can write.
# NOTE: str.isprintable() has the joiners of Bengali, Persian and emoji, and wide spaces, refused.
_NOT_IN_A_LINE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def _no_body() -> None:
    if cherrypy.serving.request.body.fp.read(1):
        cherrypy.serving.response.headers["Connection"] = "close"  # the rest is not read
        raise cherrypy.HTTPError(415, "Send a form: application/x-www-form-urlencoded.")


FORMS = {
    "request.body.attempt_charsets": ["utf-8"],
    "request.body.processors": {"application/x-www-form-urlencoded": process_urlencoded},
    "request.body.default_proc": _no_body,
}
"""The settings that have forms, and nothing else, read into parameters."""


def whole_number(name: str, text: Any, least: int, most: int) -> int:
    """Return *text* as a number from *least* to *most*, or answer 400."""
    if not _NUMBER.fullmatch(_single(name, text)) or not least <= int(text) <= most:
        raise cherrypy.HTTPError(400, f"{name} must be a whole number from {least} to {most}.")
    return int(text)


def checked_text(name: str, text: Any, least: int, most: int) -> str:
    """Return *text* stripped, from *least* to *most* characters and printable, or answer 400."""
    text = _single(name, text).strip()
    if not least <= len(text) <= most:
        raise cherrypy.HTTPError(400, f"{name} must have {least} to {most} characters.")
    # NOTE: PostgreSQL refuses NUL in a text, and no control character belongs in one line.
    if _NOT_IN_A_LINE.search(text):
        raise cherrypy.HTTPError(400, f"{name} must be printable text in one line.")
    return str(text)


def _single(name: str, value: Any) -> str:
    """Return the value of a field; a repeated one, which is a list, is a 400."""
    if not isinstance(value, str):
        raise cherrypy.HTTPError(400, f"{name} must be given once.")
    return value
