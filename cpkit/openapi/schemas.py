"""The schemas of classes: each is written once, under a name of its own."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Collection

from cpkit.errors import SettingError
from cpkit.parameters.columns import Json
from cpkit.parameters.reading import UnreadableError, shape_of
from cpkit.parameters.shapes import Schema

from .additions import name_of

_REF = "#/components/schemas/"
_PROBLEM = "Problem"  # which is described besides


class Schemas:
    """The classes met so far; their names are given at the end, when all are known."""

    def __init__(self) -> None:
        self._numbers: dict[type, int] = {}
        self._made: dict[type, Schema] = {}

    def ref(self, cls: type, make: Callable[[], Schema]) -> Schema:
        """Return a reference to the schema of *cls*, which *make* makes if it is the first."""
        if cls not in self._numbers:
            self._numbers[cls] = len(self._numbers)
            self._made[cls] = make()
        return {"$ref": f"{_REF}\0{self._numbers[cls]}"}

    def of(self, annotation: object) -> Schema | None:
        """Return the schema of an annotation; None if it says nothing."""
        try:
            return shape_of(annotation).schema(self.ref) or None
        except UnreadableError:
            return None

    def check(self, where: str, annotation: object) -> None:
        """Raise SettingError for an annotation that no schema describes; *where* it stands."""
        try:
            shape_of(annotation)
        except UnreadableError as error:
            raise SettingError(where, annotation, f"{error}.") from error

    def finish(self, document: Schema) -> Schema:
        """Return *document* with the names of the classes, and their schemas as components."""
        names = self._names()
        made: Schema = {names[cls]: schema for cls, schema in self._made.items()}
        own = document["components"]
        if isinstance(own, dict):
            own["schemas"] = {**made, **_objects(own.get("schemas"))}
        by_number = {
            f"{_REF}\0{number}": _REF + names[cls] for cls, number in self._numbers.items()
        }
        renamed = _renamed(document, by_number)
        return renamed if isinstance(renamed, dict) else document

    def _names(self) -> dict[type, str]:
        """Return a name for each class; two of one name have their module before it."""
        count = Counter([_PROBLEM, *(_spelled(name_of(cls)) for cls in self._numbers)])
        names: dict[type, str] = {}
        taken = {_PROBLEM}
        for cls in self._numbers:
            name = _spelled(name_of(cls))
            if count[name] > 1:
                name = _spelled(name_of(cls, full=True))
            names[cls] = _free(name, taken)
            taken.add(names[cls])
        return names


def _spelled(name: str) -> str:
    """Return *name* as a component may be called."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)


def _free(name: str, taken: Collection[str]) -> str:
    """Return *name*, numbered if it is taken: as by classes that a function makes at each call."""
    numbered = (f"{name}_{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain([name], numbered) if each not in taken)


def _objects(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _renamed(value: Json, names: dict[str, str]) -> Json:
    if isinstance(value, dict):
        return {
            key: names.get(each, each)
            if key == "$ref" and isinstance(each, str)
            else _renamed(each, names)
            for key, each in value.items()
        }
    return [_renamed(each, names) for each in value] if isinstance(value, list) else value
