"""What a description says of a handler or a class beyond what the code tells by itself."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, TypeVar
from weakref import WeakKeyDictionary

from cpkit.errors import SettingError

Described = TypeVar("Described", bound=Callable[..., Any])
Class = TypeVar("Class", bound=type)
# A sentence, an object of OpenAPI's, a type, a type after a sentence, or None: it never comes.
Response = Any

_MARK = "_cpkit_openapi"
_NAMES: WeakKeyDictionary[type, str] = WeakKeyDictionary()


@dataclass(frozen=True, kw_only=True)
class Additions:
    """What was added to a handler, or to the class that it is in."""

    tags: tuple[str, ...] = ()
    responses: Mapping[int, Response] = field(default_factory=dict)
    summary: str | None = None
    operation_id: str | None = None
    deprecated: bool = False
    hidden: bool = False

    def over(self, below: Additions) -> Additions:
        """Return these additions, and those *below* where nothing is said here."""
        return replace(
            self,
            tags=self.tags or below.tags,
            responses={**below.responses, **self.responses},
            deprecated=self.deprecated or below.deprecated,
            hidden=self.hidden or below.hidden,
        )


def operation(
    *,
    tags: Sequence[str] = (),
    responses: Mapping[int, Response] | None = None,
    summary: str | None = None,
    operation_id: str | None = None,
    deprecated: bool = False,
    hidden: bool = False,
) -> Callable[[Described], Described]:
    """Return a decorator that adds to the description of a handler, or of all in a class.

    *responses* by status: a sentence, a type (or a pair of both), an object as OpenAPI has it,
    or None for one that never comes. A status of success takes the place of 200. A *hidden*
    handler is not described. *summary* stands for the first line of the docstring.
    Raises SettingError for what is no status, for a tuple that is no such pair, and for *tags*
    that are one text.
    """
    if isinstance(tags, str):
        raise SettingError("tags", tags, f"Write a list: [{tags!r}].")
    _check_responses(responses or {})
    added = Additions(
        tags=tuple(tags),
        responses=dict(responses or {}),
        summary=summary,
        operation_id=operation_id,
        deprecated=deprecated,
        hidden=hidden,
    )

    def decorate(described: Described) -> Described:
        # Of a staticmethod or a classmethod, it is the function that is found again.
        setattr(getattr(described, "__func__", described), _MARK, added)
        return described

    return decorate


def _check_responses(responses: Mapping[int, Response]) -> None:
    if not isinstance(responses, Mapping):
        raise SettingError("responses", responses, 'Write a mapping: {201: "It is made."}.')
    for status, told in responses.items():
        if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 599:
            raise SettingError("A status of responses", status, "It is a number from 100 to 599.")
        if isinstance(told, tuple) and not (len(told) == 2 and isinstance(told[0], str)):
            raise SettingError(
                f"responses[{status}]", told, "A pair is a sentence and a type, in this order."
            )


def additions_of(handler: Callable[..., Any]) -> Additions:
    """Return what was added to *handler*, over what was added to its class."""
    if not inspect.isroutine(handler):
        handler = handler.__call__  # type: ignore[operator]  # of an object that is called
    owner = getattr(handler, "__self__", None)
    below: Additions = inspect.getattr_static(owner, _MARK, Additions())
    own: Additions = getattr(handler, _MARK, below)
    return own if own is below else own.over(below)


def named(name: str) -> Callable[[Class], Class]:
    """Return a decorator that gives a class's schema this *name*."""
    if not isinstance(name, str) or not name:
        raise TypeError(f'Write @named("{getattr(name, "__name__", "Name")}"): it takes a name.')

    def decorate(cls: Class) -> Class:
        _NAMES[cls] = name
        return cls

    return decorate


def name_of(cls: type, *, full: bool = False) -> str:
    """Return what a schema of *cls* is to be called, *full*: with its module, if it has no name.

    One of a generic class has the names of its arguments after that of the class.
    """
    origin = typing.get_origin(cls) or cls
    own = f"{origin.__module__}.{origin.__qualname__}" if full else origin.__name__
    given = _NAMES.get(cls) or _NAMES.get(origin)
    name = own if full or not given else given
    return "_".join([name, *map(_called, typing.get_args(cls))])


def _called(argument: Any) -> str:
    """Return the name of an argument of a generic class."""
    parts = typing.get_args(argument)
    if typing.get_origin(argument) is Annotated:
        return _called(parts[0])
    if isinstance(argument, type) and not parts:
        return name_of(argument)
    union = typing.get_origin(argument) in (typing.Union, types.UnionType)
    first = [] if union or not parts else [getattr(argument, "__name__", "")]
    return "_".join([*first, *map(_called, parts)]) or str(argument)
