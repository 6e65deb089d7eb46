"""The schemas of classes: each is written once, under a name of its own."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator

from cpkit.errors import SettingError
from cpkit.parameters.columns import Json
from cpkit.parameters.reading import UnreadableError, shape_of
from cpkit.parameters.shapes import Schema

from .additions import name_of

_REF = "#/components/schemas/"
_ANSWER = "Answer"  # what is answered, where that has another schema than what is sent
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
        return {"$ref": self._ref(cls)}

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

    def of_answers(self, annotation: object) -> Schema | None:
        """Return the schema of what is answered: a Decimal of a handler's has any digits."""
        schema = self.of(annotation)
        return schema and _objects(_answered(schema))

    def finish(self, document: Schema) -> Schema:
        """Return *document* with the names of the classes, and their schemas as components."""
        names = self._names()
        made: Schema = {names[cls]: schema for cls, schema in self._made.items()}
        refs = {self._ref(cls): _REF + name for cls, name in names.items()}
        answers = {ref + _ANSWER: name for ref, name in refs.items()}
        asked = self._asked(document)
        for cls in self._with_decimals():
            twice = self._ref(cls) in asked
            name = _free(names[cls] + _ANSWER, made) if twice else names[cls]
            made[name] = _answered(self._made[cls])
            answers[self._ref(cls) + _ANSWER] = _REF + name
        own = document["components"]
        if isinstance(own, dict):
            own["schemas"] = {**made, **_objects(own.get("schemas"))}
        return _objects(_renamed(document, {**refs, **answers}))

    def _ref(self, cls: type) -> str:
        return f"{_REF}\0{self._numbers[cls]}"

    def _with_decimals(self) -> list[type]:
        """Return the classes whose answers have a schema of their own."""
        found: set[str] = set()
        known = -1
        while known < len(found):  # a class may hold one that is found after it
            known = len(found)
            for cls, schema in self._made.items():
                if any(_is_decimal(it) for it in _parts(schema)) or found & set(_refs(schema)):
                    found.add(self._ref(cls))
        return [cls for cls in self._made if self._ref(cls) in found]

    def _asked(self, document: Schema) -> set[str]:
        """Return the references to classes that are in requests, or in what is in them."""
        found = set(_refs(document))
        known = -1
        while known < len(found):
            known = len(found)
            for cls, schema in self._made.items():
                if self._ref(cls) in found:
                    found |= set(_refs(schema))
        return found

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


def _parts(value: Json) -> Iterator[Schema]:
    """Yield the schemas within a schema, itself among them."""
    if isinstance(value, dict):
        yield value
    for each in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from _parts(each)


def _refs(value: Json) -> Iterator[str]:
    """Yield the references in a schema."""
    for schema in _parts(value):
        if isinstance(ref := schema.get("$ref"), str):
            yield ref


def _is_decimal(schema: Schema) -> bool:
    return schema.get("format") == "decimal"


def _answered(value: Json) -> Json:
    """Return a schema with Decimals that have any number of digits."""
    if isinstance(value, list):
        return [_answered(each) for each in value]
    if not isinstance(value, dict):
        return value
    if isinstance(ref := value.get("$ref"), str):
        return {**value, "$ref": ref + _ANSWER}
    if _is_decimal(value):
        return {"type": "string", "format": "decimal"}
    made: Schema = {name: _answered(each) for name, each in value.items()}
    either = value.get("anyOf")
    if isinstance(either, list) and any(_is_decimal(_objects(each)) for each in either):
        made["anyOf"] = [{"type": "number"}, {"type": "string", "format": "decimal"}]
    return made


def _renamed(value: Json, names: dict[str, str]) -> Json:
    if isinstance(value, dict):
        return {
            key: names.get(each, each)
            if key == "$ref" and isinstance(each, str)
            else _renamed(each, names)
            for key, each in value.items()
        }
    return [_renamed(each, names) for each in value] if isinstance(value, list) else value
