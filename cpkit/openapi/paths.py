"""A route's template as OpenAPI writes paths, and what each variable may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cpkit.parameters.patterns import ecma
from cpkit.parameters.plan import Plan
from cpkit.parameters.scalars import Whole
from cpkit.parameters.shapes import Scalar, Schema

# The methods that a path of OpenAPI 3.1 has a place for.
DESCRIBED = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
Names = dict[str, str]  # of a route's variables, to what they are called in the description
_SLASHES = "May hold slashes."


class Path(NamedTuple):
    """A path as OpenAPI writes it, the names of its variables, and what is left without these."""

    text: str
    names: list[str]
    shape: str


class Paths:
    """The paths of a description: two that differ in the names of their variables are one."""

    def __init__(self) -> None:
        self.items: dict[str, Any] = {}
        self._known: dict[str, Path] = {}

    def at(self, path: Path) -> tuple[dict[str, Any], Names]:
        """Return what is described at *path*, and what each of its variables is called there."""
        known = self._known.setdefault(path.shape, path)
        return self.items.setdefault(known.text, {}), dict(
            zip(path.names, known.names, strict=True)
        )


def paths_of(route: Any) -> Iterator[Path]:
    """Yield each path of a Routes *route*.

    There is a second one where the template ends in an optional ``{.format}``.
    """
    parts = list(route.routelist)
    yield _path(parts)
    if parts and isinstance(parts[-1], dict) and parts[-1]["type"] == ".":
        yield _path(parts[:-1])


def _path(parts: list[Any]) -> Path:
    text, names, shape = "", [], ""
    for part in parts:
        if isinstance(part, str):
            text, shape = text + part, shape + part
        else:
            dot = "." if part["type"] == "." else ""
            text, shape = f"{text}{dot}{{{part['name']}}}", f"{shape}{dot}{{}}"
            names.append(part["name"])
    slash = "" if text.startswith("/") else "/"
    return Path(slash + text, names, slash + shape)


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
    words = [str(schema.pop("description"))] if "description" in schema else []
    if kind == "*" or (requirement and _takes_slashes(requirement)):
        words.append(_SLASHES)
    told: Schema = {"name": name, "in": "path", "required": True}
    if words:
        told["description"] = " ".join(words)
    return {**told, "schema": schema}


def _takes_slashes(requirement: str) -> bool:
    return "." in requirement.replace(r"\.", "") or "[^" in requirement


def kinds_of(route: Any) -> Mapping[str, str]:
    """Return the kind that Routes gives each variable of *route*."""
    return {part["name"]: part["type"] for part in route.routelist if isinstance(part, dict)}
