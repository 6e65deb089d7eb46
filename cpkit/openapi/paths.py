"""A route's template as OpenAPI writes paths, and what each variable may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cpkit.parameters.patterns import ecma
from cpkit.parameters.plan import Plan
from cpkit.parameters.scalars import Whole
from cpkit.parameters.shapes import Scalar, Schema

_SLASHES = "May hold slashes."


def paths_of(route: Any) -> Iterator[tuple[str, list[str]]]:
    """Yield each path of a Routes *route*, with the names of its variables.

    There is a second one where the template ends in an optional ``{.format}``.
    """
    parts = list(route.routelist)
    yield _path(parts)
    if parts and isinstance(parts[-1], dict) and parts[-1]["type"] == ".":
        yield _path(parts[:-1])


def _path(parts: list[Any]) -> tuple[str, list[str]]:
    text, names = "", []
    for part in parts:
        if isinstance(part, str):
            text += part
        else:
            dot = "." if part["type"] == "." else ""
            text += f"{dot}{{{part['name']}}}"
            names.append(part["name"])
    return (text if text.startswith("/") else f"/{text}"), names


def path_parameter(name: str, requirement: str | None, plan: Plan | None, kind: str) -> Schema:
    """Return what a path's variable may be: by its annotation, and by the route's regex.

    The regex of an integer is left out, since its digits are those of all scripts. *kind* is
    Routes': ``"*"`` for a variable that takes slashes.
    """
    parameter = plan.named.get(name) if plan else None
    scalar = parameter.scalar if parameter else None
    schema: Schema = {"type": "string", "minLength": 1}
    if isinstance(scalar, Scalar):
        schema = {**scalar.text_schema(), **scalar.extra}
        if schema.get("type") == "string" and "format" not in schema:
            schema.setdefault("minLength", 1)
    if requirement and not isinstance(scalar, Whole) and "pattern" not in schema:
        pattern = ecma(requirement, whole=True)
        if pattern and schema.get("type") == "string":
            schema["pattern"] = pattern
    told: Schema = {"name": name, "in": "path", "required": True, "schema": schema}
    if kind == "*" or (requirement and _takes_slashes(requirement)):
        told["description"] = _SLASHES
    return told


def _takes_slashes(requirement: str) -> bool:
    return "." in requirement.replace(r"\.", "") or "[^" in requirement


def kinds_of(route: Any) -> Mapping[str, str]:
    """Return the kind that Routes gives each variable of *route*."""
    return {part["name"]: part["type"] for part in route.routelist if isinstance(part, dict)}
