"""What is in a session, as it is stored: JSON."""

from __future__ import annotations

import json
from typing import Any

import cherrypy

from cpkit.errors import SessionDataError

Data = dict[str, Any]

_LONGEST = 2**23  # characters: MariaDB takes a statement of 16 MiB, unless it is told otherwise
_ABSENT = object()


def encoded(data: Data) -> str:
    """Return *data* as JSON; SessionDataError if it cannot be that, or is too long."""
    try:
        text = json.dumps(data)
    except (TypeError, ValueError, RecursionError) as error:
        raise SessionDataError(str(error)) from error
    if len(text) > _LONGEST:
        raise SessionDataError(f"its {len(text):,} characters are more than {_LONGEST:,}")
    return text


def decoded(stored: str) -> Data | None:
    """Return the data that is *stored*; None, and a line in the log, for what is damaged."""
    try:
        data = json.loads(stored)
    except (ValueError, RecursionError):
        data = None
    if isinstance(data, dict):
        return data
    cherrypy.log("A stored session is damaged: its visitor gets a new one.", "CPKIT.SESSIONS", 30)
    return None


def merged(before: Data, mine: Data, theirs: Data) -> Data:
    """Return *theirs* with what *mine* changed since *before*; mine counts where both did."""
    kept = {name: it for name, it in theirs.items() if name in mine or name not in before}
    changed = {name: it for name, it in mine.items() if before.get(name, _ABSENT) != it}
    return {**kept, **changed}
