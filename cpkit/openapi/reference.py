"""A description as a page for people: one file, no foreign host, no framework."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cpkit.negotiation.problems import PROBLEM

from .wording import kind, words

Told = Mapping[str, Any]
_FOLDER = Path(__file__).parent
_STYLE = (_FOLDER / "reference.css").read_text()
_SCRIPT = (_FOLDER / "reference.js").read_text()


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


POLICY = (
    f"default-src 'none'; style-src 'sha256-{_hash(_STYLE)}'; "
    f"script-src 'sha256-{_hash(_SCRIPT)}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)


def page(description: Told, home: str = "") -> str:
    """Return the page of an OpenAPI *description*, with a link to *home* if there is one."""
    return "".join(_page(description, home))


def _page(told: Told, home: str) -> Iterator[str]:
    yield from _top(told["info"], home)
    for tag, operations in _by_tag(told).items():
        yield f"<section><h2>{_text(tag)}</h2>"
        for path, method, operation in operations:
            yield from _operation(told, path, method, operation)
        yield "</section>"
    yield from _schemas(told["components"]["schemas"])
    yield f"</main><script>{_SCRIPT}</script></body></html>"


def _top(info: Told, home: str) -> Iterator[str]:
    title = _text(info["title"])
    yield (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>"
        '<a class="skip" href="#all-operations">Skip to the operations</a>'
        f"<header><h1>{title} <small>{_text(info['version'])}</small></h1>"
    )
    if info.get("description"):
        yield f'<p dir="auto">{_text(info["description"])}</p>'
    back = f'<a href="{_text(home)}">Home</a> · ' if home else ""
    yield f'<p>{back}<a href="openapi.json">openapi.json</a></p>'
    yield (
        '<search><label for="search-field">Search</label>'
        '<input id="search-field" type="search" autocomplete="off" spellcheck="false" '
        'aria-describedby="search-found" aria-keyshortcuts="/">'
        '<span id="search-found" role="status"></span>'
        '</search></header><main id="all-operations" tabindex="-1">'
    )


def _by_tag(told: Told) -> dict[str, list[tuple[str, str, Told]]]:
    found: dict[str, list[tuple[str, str, Told]]] = {}
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            tag = next(iter(operation.get("tags", ())), "Others")
            found.setdefault(tag, []).append((path, method.upper(), operation))
    return found


# NOTE: the names of operations have no hyphen: the page's own ids have one.
def _operation(told: Told, path: str, method: str, operation: Told) -> Iterator[str]:
    key = _text(operation["operationId"])
    summary = _text(operation.get("summary", ""))
    old = ' <em class="old">deprecated</em>' if operation.get("deprecated") else ""
    yield (
        f'<details class="operation" id="{key}"><summary><b class="method {method.lower()}">'
        f"{method}</b> <code>{_breakable(path)}</code> "
        f'<span dir="auto">{summary}{old}</span></summary>'
    )
    if operation.get("description"):
        yield f'<p class="told" dir="auto">{_text(operation["description"])}</p>'
    yield from _parameters(operation.get("parameters", ()))
    if "requestBody" in operation:
        yield from _body(operation["requestBody"])
    yield '<h3>Answers</h3><dl class="answers">'
    for status, response in operation["responses"].items():
        yield _response(told, status, response)
    yield "</dl></details>"


def _parameters(parameters: Sequence[Told]) -> Iterator[str]:
    if parameters:
        yield "<h3>Parameters</h3><dl>"
        for parameter in parameters:
            yield _value(
                parameter["name"],
                parameter["schema"],
                parameter["in"],
                required=parameter["required"],
                told=parameter.get("description", ""),
            )
        yield "</dl>"


def _body(body: Told) -> Iterator[str]:
    need = "required" if body["required"] else "optional"
    media = ", ".join(f"<code>{_text(kind)}</code>" for kind in body["content"])
    yield f'<h3>Body <small>{need}</small></h3><p class="media">{media}</p>'
    if body.get("description"):
        yield f"<p>{_text(body['description'])}</p>"
    schema = next(iter(body["content"].values())).get("schema", {})
    if "properties" in schema:
        yield from _members(schema)
    elif schema:
        yield f"<p>{words(schema)}</p>"


def _response(told: Told, status: str, response: Told) -> str:
    if "$ref" in response:
        name = response["$ref"].rpartition("/")[2]
        response = told["components"]["responses"].get(name, {"description": name})
    parts = [_text(response.get("description", ""))]
    parts += [f"<small>field {_text(name)}</small>" for name in response.get("headers", ())]
    if int(status) < 400 or PROBLEM not in response.get("content", {}):
        for media, content in response.get("content", {}).items():
            schema = content.get("schema", {})
            of = f": {kind(schema)}" if schema else ""
            parts.append(f"<span><code>{_text(media)}</code>{of}</span>")
    level = f"s{status[0]}"
    return f'<dt><b class="status {level}">{status}</b></dt><dd>{"<br>".join(parts)}</dd>'


def _schemas(schemas: Told) -> Iterator[str]:
    yield "<section><h2>Schemas</h2>"
    for name, schema in schemas.items():
        yield f'<details class="schema" id="schema-{_text(name)}"><summary><b>{_text(name)}</b> '
        yield f'<span dir="auto">{_text(schema.get("description", ""))}</span></summary>'
        if "properties" in schema:
            yield from _members(schema)
        else:
            yield f"<p>{words(schema)}</p>"
        yield "</details>"
    yield "</section>"


def _members(schema: Told) -> Iterator[str]:
    required = schema.get("required", ())
    yield "<dl>"
    for name, member in schema["properties"].items():
        yield _value(name, member, "", required=name in required, told="")
    yield "</dl>"
    others = schema.get("additionalProperties", True)
    if isinstance(others, Mapping):
        yield f"<p>Any other name: {kind(others)}</p>"
    elif others is False:
        yield "<p>No other name.</p>"


def _value(name: str, schema: object, place: str, *, required: bool, told: str) -> str:
    need = " <small>· required</small>" if required else ""
    where = f" <small>{place}</small>" if place else ""
    said = told or (schema.get("description", "") if isinstance(schema, Mapping) else "")
    said = f'<br><span dir="auto">{_text(said)}</span>' if said else ""
    return f"<dt><code>{_text(name)}</code>{where}{need}</dt><dd>{words(schema)}{said}</dd>"


def _breakable(path: str) -> str:
    """Return a path that a narrow screen may break after its slashes."""
    return _text(path).replace("/", "/<wbr>")


def _text(text: object) -> str:
    return html.escape(str(text))
