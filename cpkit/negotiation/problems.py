"""Errors told in a form that the client accepts: problem details (RFC 9457), text or HTML."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from cpkit.errors import FieldTooLargeError

from . import negotiate

Problem = Mapping[str, Any]

HTML = "text/html"
TEXT = "text/plain"
JSON = "application/json"
PROBLEM = "application/problem+json"
FORMS = (HTML, PROBLEM, JSON, TEXT)


def problem(status: str, detail: str, **extensions: Any) -> Problem:
    """Return the members of RFC 9457, 3.1, for *status* (code and reason), and *extensions*."""
    code, _, title = status.partition(" ")
    return {"status": int(code), "title": title, "detail": detail, **extensions}


def form(header: str | None, accepted: str | None = None, last_resort: str = PROBLEM) -> str:
    """Return the media type in which to tell an error, one of :data:`FORMS`.

    *header* is the Accept field. If *accepted*, the type negotiated for the resource, has a form
    of its own (HTML, plain text, JSON), that comes first.
    """
    try:
        first = negotiate(header, _forms_of(accepted)) if accepted else None
        return first or negotiate(header, FORMS) or last_resort
    except FieldTooLargeError:
        return last_resort


def _forms_of(accepted: str) -> tuple[str, ...]:
    kind = accepted.partition(";")[0].strip().lower()
    if kind.endswith(("/json", "+json")):
        return PROBLEM, JSON
    return (kind,) if kind in (HTML, TEXT) else ()


def as_json(problem: Problem) -> bytes:
    """Write *problem* as the members of RFC 9457, 3.1, and its extensions."""
    return json.dumps(problem, ensure_ascii=False).encode()


def as_text(problem: Problem) -> bytes:
    """Write the title and the detail of *problem* as plain text."""
    return f"{problem['status']} {problem['title']}\n\n{problem['detail']}\n".encode()


RENDERERS: dict[str, Callable[[Problem], bytes]] = {
    PROBLEM: as_json,
    JSON: as_json,
    TEXT: as_text,
}
