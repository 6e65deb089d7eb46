"""JSON Schemas in words, as HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
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
}
_LENGTHS = {
    "minLength": "at least {} character",
    "maxLength": "at most {} character",
    "minItems": "at least {} item",
    "maxItems": "at most {} item",
    "minProperties": "at least {} member",
    "maxProperties": "at most {} member",
}
_BEYOND = 2**63 - 1


def words(schema: object) -> str:
    """Return what a schema allows, and its bounds, in words."""
    return ", ".join(filter(None, (kind(schema), constraints(schema))))


def kind(schema: object) -> str:
    """Return what a schema allows, in words; a class is a link to its schema."""
    if not isinstance(schema, Mapping):
        return "nothing" if schema is False else "anything"
    if "$ref" in schema:
        return _link(str(schema["$ref"]))
    if {"type": "boolean"} in schema.get("anyOf", ()):
        return _WORDS["boolean"]
    for name, between in (("anyOf", " or "), ("oneOf", " or "), ("allOf", " and ")):
        if schema.get(name):
            return between.join(dict.fromkeys(map(_within, schema[name])))
    if "enum" in schema or "const" in schema:
        return _values(schema.get("enum", [schema.get("const")]))
    if isinstance(schema.get("type"), list):
        return " or ".join(kind({**schema, "type": each}) for each in schema["type"])
    return _of_type(schema)


def _link(reference: str) -> str:
    name = _text(reference.removeprefix(_REF))
    return f'<a href="#schema-{name}">{name}</a>' if reference.startswith(_REF) else name


def _values(values: Sequence[object]) -> str:
    if all(value in ("", [""]) for value in values):
        return "empty"
    shown = ", ".join(f"<code>{_text(value)}</code>" for value in values)
    return shown if len(values) == 1 else f"one of {shown}"


def _of_type(schema: Told) -> str:
    """Return what a schema allows that has one type, or none."""
    if schema.get("type") == "array":
        items = schema.get("items")
        if "prefixItems" in schema:
            return f"list of {' and '.join(map(_within, schema['prefixItems']))}"
        return f"list of {_within(items)}" if items else "list"
    members = schema.get("additionalProperties")
    if isinstance(members, Mapping):
        return f"object of {_within(members)}"
    said = str(schema.get("format", ""))
    if said:
        return _FORMATS.get(said) or _text(said)
    return _WORDS.get(str(schema.get("type")), "anything")


def _within(schema: object) -> str:
    """Return a part of another schema, its bounds in brackets."""
    bounds = constraints(schema)
    return f"{kind(schema)} ({bounds})" if bounds else kind(schema)


def constraints(schema: object) -> str:
    """Return the bounds of a schema, in words."""
    if not isinstance(schema, Mapping):
        return ""
    said = []
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and least > -_BEYOND:
        said.append(f"at least {least}")
    if most is not None and most < _BEYOND:
        said.append(f"at most {most}")
    said += [text.format(_text(schema[name])) for name, text in _BOUNDS.items() if name in schema]
    if "prefixItems" not in schema:  # which are as many as they are
        said += [
            text.format(_text(schema[name])) + "s" * (schema[name] != 1)
            for name, text in _LENGTHS.items()
            if name in schema
        ]
    if "pattern" in schema and "format" not in schema:
        said.append(f"matches <code>{_text(schema['pattern'])}</code>")
    if "default" in schema:
        said.append(f"default <code>{_text(schema['default'])}</code>")
    return ", ".join(said)


def _text(value: object) -> str:
    """Return *value* as JSON would spell it, but for text, which is shown as it is."""
    if value is None or isinstance(value, bool):
        value = {None: "null", True: "true", False: "false"}[value]
    return html.escape(str(value))
