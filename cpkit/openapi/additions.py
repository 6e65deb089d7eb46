"""What a description says of a handler or a class beyond what the code tells by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

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
    """
    added = Additions(
        tags=tuple(tags),
        responses=dict(responses or {}),
        summary=summary,
        operation_id=operation_id,
        deprecated=deprecated,
        hidden=hidden,
    )

    def decorate(described: Described) -> Described:
        setattr(described, _MARK, added)
        return described

    return decorate


def additions_of(handler: Callable[..., Any]) -> Additions:
    """Return what was added to *handler*, over what was added to its class."""
    owner = getattr(handler, "__self__", None)
    cls = owner if isinstance(owner, type) else type(owner)
    below = vars(cls).get(_MARK) or getattr(cls, _MARK, None) or Additions()
    own = getattr(handler, _MARK, None) or Additions()
    return own if own is below else own.over(below)


def named(name: str) -> Callable[[Class], Class]:
    """Return a decorator that gives a class's schema this *name*."""

    def decorate(cls: Class) -> Class:
        _NAMES[cls] = name
        return cls

    return decorate


def name_of(cls: type) -> str:
    """Return what a schema of *cls* is to be called."""
    return _NAMES.get(cls) or cls.__name__
