"""JSON Schemas in words, as HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

Told = Mapping[str, Any]
_REF = "#/components/schemas/"
_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "object": "object",
    "array": "list",
}
_FORMATS = {
    "uuid": "UUID",
    "binary": "file",
    "date-time": "date and time",
    "decimal": "decimal number",
}
_BOUNDS = {
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
}
_BEYOND = 2**63 - 1


def kind(schema: Told) -> str:
    """Return what a schema allows, in words; a class is a link to its schema."""
    if "$ref" in schema:
        name = html.escape(schema["$ref"].removeprefix(_REF))
        return f'<a href="#schema-{name}">{name}</a>'
    if {"type": "boolean"} in schema.get("anyOf", ()):
        return _WORDS["boolean"]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            each = dict.fromkeys(kind(one) for one in schema[several])
            return " or ".join(each)
    if "enum" in schema:
        return "one of " + ", ".join(f"<code>{_text(value)}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        items = schema.get("items") or {}
        return f"list of {kind(items)}" if items else "list"
    if isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {kind(schema['additionalProperties'])}"
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    return str(schema.get("format") or _WORDS.get(schema.get("type", ""), "anything"))


def constraints(schema: Told) -> str:
    """Return the bounds of a schema, in words."""
    said = []
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and least > -_BEYOND:
        said.append(f"at least {least}")
    if most is not None and most < _BEYOND:
        said.append(f"at most {most}")
    said += [
        words.format(schema[name])
        for name, words in _BOUNDS.items()
        if schema.get(name) is not None
    ]
    if "pattern" in schema and "format" not in schema:
        said.append(f"matches <code>{_text(schema['pattern'])}</code>")
    if "default" in schema:
        said.append(f"default <code>{_text(schema['default'])}</code>")
    return ", ".join(said)


def _text(value: object) -> str:
    return html.escape(str(value).lower() if isinstance(value, bool) else str(value))
