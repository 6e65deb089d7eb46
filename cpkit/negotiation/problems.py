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


def form(
    header: str | None,
    accepted: str | None = None,
    last_resort: str = PROBLEM,
    own: tuple[str, ...] = (),
) -> str:
    """Return the media type in which to tell an error: one of *own*, or of :data:`FORMS`.

    *header* is the Accept field. What is nearest to *accepted*, the type negotiated for the
    resource, comes first: it itself, if it is one of *own*, or its form (HTML, plain text, JSON);
    then *own*.
    """
    if accepted in own:
        return accepted
    try:
        nearest = _forms_of(accepted, header) if accepted else ()
        chosen = negotiate(header, nearest + own) if nearest or own else None
        chosen = chosen or negotiate(header, FORMS)
        return chosen or (nearest[0] if nearest else last_resort)
    except FieldTooLargeError:
        return last_resort


def _forms_of(accepted: str, header: str | None) -> tuple[str, ...]:
    kind = accepted.partition(";")[0].strip().lower()
    if kind == JSON and PROBLEM not in (header or "").lower():
        return JSON, PROBLEM  # the negotiated type, where the client leaves the choice
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
