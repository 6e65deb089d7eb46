"""What an operation answers: its own statuses, and those of the pieces that are on for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from cpkit.negotiation.problems import HTML, JSON, PROBLEM, TEXT
from cpkit.negotiation.settings import listed
from cpkit.parameters.columns import Json
from cpkit.parameters.settings import is_json
from cpkit.parameters.shapes import Schema

from .additions import Additions, Response
from .schemas import Schemas

Config = Mapping[str, Any]
_SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
_TEXT: Schema = {"schema": {"type": "string"}}

PROBLEM_SCHEMA: Schema = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["status", "title", "detail"],
    "properties": {
        "status": {"type": "integer"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "offers": {"type": "array", "items": {"type": "string"}},
        "errors": {
            "type": "array",
            "description": "Every fault, 20 at most.",
            "items": {
                "type": "object",
                "required": ["in", "name", "detail"],
                "properties": {
                    "in": {"enum": ["path", "query", "form", "body"]},
                    "name": {
                        "type": "string",
                        "description": "In a body, a JSON Pointer (RFC 6901).",
                    },
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_WHY = {
    400: "What was sent cannot be used.",
    403: "A page of another site sent this.",
    404: "There is nothing here.",
    405: "There is no such method here; Allow lists those that are.",
    406: "Nothing on offer is acceptable.",
    413: "The body is too long, or has too many values.",
    415: "No such media type is taken; Accept lists those that are.",
    422: "The document is well-formed and wrong.",
    431: "A header field is too long.",
    500: "Something failed that should not have.",
    503: "The database cannot be had now.",
}
_FIELDS = {201: "Location", 405: "Allow", 415: "Accept", 503: "Retry-After"}
_PIECES = ("accept", "compress", "csrf", "db")
_ALWAYS_SENT = (405, 415, 503)


def responses_of(
    handler: Callable[..., Any],
    returned: object,
    method: str,
    config: Config,
    added: Additions,
    schemas: Schemas,
    statuses: set[int],
) -> Schema:
    """Return the responses of an operation, by status."""
    own = added.responses
    answers: dict[int, Json] = {status: _reference(status) for status in statuses}
    if not any(200 <= status < 300 and told is not None for status, told in own.items()):
        answers[200] = _success(200, "The answer.", returned, config, schemas)
    for status, told in own.items():
        if told is None:
            answers.pop(status, None)
        else:
            answers[status] = _own(status, told, returned, config, schemas)
    return {str(status): answers[status] for status in sorted(answers)}


def statuses_of(
    method: str, config: Config, *, variables: bool, typed: bool, form: bool, document: bool
) -> set[int]:
    """Return the statuses that the pieces answer by themselves."""
    on = {name: bool(config.get(f"cpkit.{name}.on")) for name in _PIECES}
    negotiated = on["accept"] and bool(config.get("cpkit.accept.media"))
    spoken = on["accept"] and bool(config.get("cpkit.accept.languages"))
    strict = negotiated and config.get("cpkit.accept.on_none") != "first"
    answered = {
        400: True,
        403: on["csrf"] and method not in _SAFE,
        404: variables or not typed,
        405: True,
        406: strict or on["compress"],
        413: form or document,
        415: form or document,
        422: document,
        431: negotiated or spoken or on["compress"],
        500: True,
        503: on["db"],
    }
    return {status for status, is_so in answered.items() if is_so}


def components() -> Schema:
    """Return the answers that many operations share, by the names of their statuses."""
    return {_name(status): error(status, why) for status, why in _WHY.items()}


def error(status: int, why: str) -> Schema:
    """Return an answer that is told as a problem, in whichever form the client likes."""
    problem: Schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    content: Schema = {PROBLEM: problem, JSON: problem, HTML: _TEXT, TEXT: _TEXT}
    return {"description": why, **_fields(status), "content": content}


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "").replace("-", "")


def _reference(status: int) -> Schema:
    return {"$ref": f"#/components/responses/{_name(status)}"}


def _fields(status: int) -> Schema:
    name = "Location" if 300 <= status < 400 else _FIELDS.get(status)
    if name is None:
        return {}
    field: Schema = {"schema": {"type": "string"}, "required": status in _ALWAYS_SENT}
    return {"headers": {name: field}}


def _own(status: int, told: Response, returned: object, config: Config, schemas: Schemas) -> Json:
    """Return what a decorator says of a status, as OpenAPI has it."""
    if isinstance(told, Mapping):
        return dict(told)
    words, *kind = told if isinstance(told, tuple) else (told,)
    if not isinstance(words, str):
        words, kind = _phrase(status), [told]
    if 200 <= status < 300 or kind:
        of = kind[0] if kind else returned
        if kind and any(map(_is_json, _media(config))):
            schemas.check(f"responses[{status}]", of)
        return _success(status, words, of, config, schemas)
    if status >= 400:
        return error(status, words)
    return {"description": words, **_fields(status)}


def _phrase(status: int) -> str:
    try:
        return f"{HTTPStatus(status).phrase}."
    except ValueError:  # one that the standard library does not know
        return "The answer."


def _success(status: int, words: str, returned: object, config: Config, schemas: Schemas) -> Schema:
    """Return an answer with the representations that the accept tool offers."""
    answer: Schema = {"description": words, **_fields(status)}
    if status in (204, 205) or returned in (None, type(None)):  # for which nothing is sent
        return answer
    content = {kind: _representation(kind, returned, schemas) for kind in _media(config)}
    return {**answer, "content": content}


def _representation(kind: str, returned: object, schemas: Schemas) -> Json:
    """Return what one media type holds: JSON what the handler returns, all others text."""
    if not _is_json(kind):
        return dict(_TEXT)
    schema = schemas.of_answers(returned)
    return {} if schema is None else {"schema": schema}


def _is_json(kind: str) -> bool:
    return is_json(kind.partition(";")[0].strip().lower())


def _media(config: Config) -> Iterator[str]:
    """Yield the media types on offer; CherryPy's own is HTML."""
    media = config.get("cpkit.accept.media") if config.get("cpkit.accept.on") else None
    yield from listed(media) if media else (HTML,)
