"""Read a handler's signature once: which parameters it has, and what each is read by."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Collection, Set
from datetime import date, datetime, time
from decimal import Decimal
from types import MethodType, SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec

from cpkit.errors import AnnotationError

from .moments import Moment
from .plan import ABSENT, Parameter, Plan, shape_in
from .reading import LOCAL, UnreadableError, shape_of
from .scalars import Binary, Choice
from .shapes import Anything, Nothing, Scalar, Shape

Handler = Callable[..., Any]
_FOR_A_BODY = "this is for a body: give it to cpkit.tools.body"
_OWN = (date, datetime, time, Decimal, UUID)  # a text of one is none


def plan_of(
    handler: Handler,
    *,
    skip: Collection[str] = (),
    file: type | None = None,
) -> Plan:
    """Return the plan of *handler*. Raise AnnotationError for a parameter that cannot be read.

    *skip* names parameters that others fill; *file* is the class of an uploaded file.
    """
    plan = Plan(receiver=_receiver(handler))
    for each in _signature(handler).parameters.values():
        if each.name in skip:
            if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD):
                plan.positional.append(Parameter(each.name, None, ABSENT))  # it has its place
            continue
        annotation = hint_of(handler, each.name)
        try:
            parameter = _parameter(each, annotation, file)
        except UnreadableError as error:
            raise AnnotationError(name_of(handler), each.name, str(error)) from error
        _place(plan, each.kind, parameter)
    plan.finish()
    return plan


def _signature(handler: Handler) -> inspect.Signature:
    try:
        return inspect.signature(handler)
    except (TypeError, ValueError) as error:  # as of a function that is written in C
        raise AnnotationError(name_of(handler), None, str(error)) from error


def _receiver(handler: Handler) -> str | None:
    """Return the name of the parameter that takes the controller, which nobody else may fill."""
    if not isinstance(handler, MethodType):
        return None
    # NOTE: of the function itself: a decorator may pass the controller on, or not.
    own = inspect.signature(handler.__func__, follow_wrapped=False)
    first = next(iter(own.parameters.values()), None)
    by_name = first is not None and first.kind is first.POSITIONAL_OR_KEYWORD
    return first.name if first and by_name else None


def _parameter(written: inspect.Parameter, annotation: object, file: type | None) -> Parameter:
    default = ABSENT if written.default is written.empty else written.default
    shape = _shape(annotation, file)
    parameter = Parameter(written.name, shape, default)
    if shape is not None and default is not ABSENT and default is not None:
        _check_default(parameter, annotation)
    return parameter


def _place(plan: Plan, kind: Any, parameter: Parameter) -> None:
    if kind is inspect.Parameter.VAR_POSITIONAL:
        plan.rest = parameter
    elif kind is inspect.Parameter.VAR_KEYWORD:
        plan.others = parameter
    elif kind is inspect.Parameter.POSITIONAL_ONLY:
        plan.only_positional.append(parameter.name)
        plan.positional.append(parameter)
    else:
        plan.named[parameter.name] = parameter
        if kind is not inspect.Parameter.KEYWORD_ONLY:
            plan.positional.append(parameter)


def _shape(annotation: object, file: type | None) -> Shape | None:
    """Return the shape of a parameter. Raise UnreadableError for one that no text writes."""
    shape = shape_of(annotation, file=file)
    item = shape_in(shape)
    if isinstance(item, Binary | Nothing):
        raise UnreadableError("no text writes that: take str")
    if not isinstance(item, Scalar | Anything):
        raise UnreadableError(_FOR_A_BODY)
    return None if type(shape) is Anything else shape


def _check_default(parameter: Parameter, annotation: object) -> None:
    """Raise UnreadableError for a default of another type; None is one of every type."""
    default, scalar, listed = parameter.default, parameter.scalar, parameter.listed
    problem = f"its default {default!r} does not fit"
    try:
        typed: Any = msgspec.convert(default, annotation, builtin_types=_OWN)
    except (msgspec.ValidationError, TypeError) as error:
        raise UnreadableError(f"{problem}: {error}") from error
    if listed and isinstance(default, Set) is not issubclass(listed.make, set | frozenset):
        raise UnreadableError(f"{problem}: take a {listed.make.__name__}")
    values: Any = default if listed else [default]
    if isinstance(scalar, Choice) and any(
        it not in (typed if listed else [typed]) for it in values
    ):
        raise UnreadableError(f"{problem}: take the Enum's member")
    if isinstance(scalar, Moment) and not all(map(scalar.suits, values)):
        raise UnreadableError(f"{problem}: it must be {scalar.expects}")


def check_default(default: object, annotation: object) -> None:
    """Raise UnreadableError for the default of a document that no document could stand for."""
    if default is None:
        return
    try:
        typed = msgspec.convert(default, annotation, builtin_types=(*_OWN, bytes))
    except (msgspec.ValidationError, TypeError) as error:
        raise UnreadableError(f"its default {default!r} does not fit: {error}") from error
    if typed != default:
        raise UnreadableError(f"its default {default!r} does not fit: take {typed!r}")


def hint_of(handler: Handler, name: str) -> object:
    """Return the annotation of *handler*'s parameter *name*, or of its "return", resolved.

    Any: there is none. Raise AnnotationError for one that leads nowhere.
    """
    function = _annotated(handler)
    written = getattr(function, "__annotations__", {})
    if name not in written:
        return Any
    # NOTE: one alone, since others may be imported for type checkers, and nobody's to read.
    alone = SimpleNamespace(
        __annotations__={name: written[name]},
        __type_params__=getattr(function, "__type_params__", ()),
    )
    known = getattr(function, "__globals__", {})
    try:
        return typing.get_type_hints(alone, known, include_extras=True)[name]
    except NameError as error:
        raise AnnotationError(name_of(handler), name, f"{error}: {LOCAL}") from error
    except Exception as error:  # a text is evaluated, which may raise anything
        problem = f"{written[name]!r} is no type: {error}"
        raise AnnotationError(name_of(handler), name, problem) from error


def _annotated(handler: Handler) -> Any:
    """Return the function whose annotations are those of *handler*."""
    function: Any = handler
    while isinstance(function, functools.partial):
        function = function.func
    if not inspect.isroutine(function):
        function = type(function).__call__
    return inspect.unwrap(function)


def parameter_of(handler: Handler, name: str) -> inspect.Parameter | None:
    """Return what is written of the parameter *name* that can be given by it."""
    found = _signature(handler).parameters.get(name)
    if found is None or found.kind in (found.VAR_POSITIONAL, found.VAR_KEYWORD):
        return None
    return found


def name_of(handler: Handler) -> str:
    """Return where *handler* is written, as ``package.module:Class.method``."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    named = handler if hasattr(handler, "__qualname__") else type(handler)
    return f"{getattr(named, '__module__', 'builtins')}:{named.__qualname__}"
