"""Read a handler's signature once: which parameters it has, and what each is read by."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Collection
from typing import Any

import msgspec

from cpkit.errors import AnnotationError

from .containers import Listed
from .plan import ABSENT, Parameter, Plan, Upload, Value, shape_in
from .reading import UnreadableError, shape_of
from .scalars import Binary
from .shapes import Anything, Nothing, Scalar, Shape

Handler = Callable[..., Any]
_FOR_A_BODY = "this is for a body: give it to cpkit.tools.body"
_LOCAL = "it is imported for type checkers only, or local to a function"


def plan_of(
    handler: Handler,
    *,
    skip: Collection[str] = (),
    file: type | None = None,
) -> Plan:
    """Return the plan of *handler*. Raise AnnotationError for a parameter that cannot be read.

    *skip* names parameters that others fill; *file* is the class of an uploaded file.
    """
    hints, plan = hints_of(handler), Plan()
    for each in inspect.signature(handler).parameters.values():
        if each.name in skip:
            continue
        try:
            parameter = _parameter(each, hints.get(each.name, Any), file)
        except UnreadableError as error:
            raise AnnotationError(name_of(handler), each.name, str(error)) from error
        _place(plan, each.kind, parameter)
    plan.finish()
    return plan


def _parameter(written: inspect.Parameter, annotation: object, file: type | None) -> Parameter:
    default = ABSENT if written.default is written.empty else written.default
    shape = _shape(annotation, file)
    if default is not ABSENT and default is not None and shape and not isinstance(shape, Upload):
        _check_default(default, annotation)
    parameter = Parameter(written.name, shape, default)
    if parameter.listed:
        parameter.make = _maker(annotation)
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
    if file is not None:
        parts = typing.get_args(annotation)
        if annotation is file or (file in parts and type(None) in parts):
            return Upload()
        if typing.get_origin(annotation) is list and parts[0] is file:
            return Listed(Upload(), None, None)
    shape = shape_of(annotation)
    if isinstance(shape, Anything):
        return None
    item = shape_in(shape)
    if isinstance(item, Binary | Nothing):
        raise UnreadableError("no text writes that: take str")
    if not isinstance(item, Scalar | Anything):
        raise UnreadableError(_FOR_A_BODY)
    return shape


def _check_default(default: object, annotation: object) -> None:
    """Raise UnreadableError for a default of another type; None is one of every type."""
    try:
        plain = msgspec.to_builtins(default)
        msgspec.convert(plain, annotation)
    except (msgspec.ValidationError, TypeError) as error:
        raise UnreadableError(f"its default {default!r} does not fit: {error}") from error


def _maker(annotation: object) -> Callable[[list[Value]], object]:
    """Return what makes the list, set or tuple of its values."""
    for part in (annotation, *typing.get_args(annotation)):
        origin = typing.get_origin(part) or part
        if origin in (set, frozenset, tuple):
            return typing.cast("Callable[[list[Value]], object]", origin)
    return list


def hints_of(handler: Handler) -> dict[str, object]:
    """Return the annotations of *handler*, resolved. Raise AnnotationError if one is not there."""
    function: Any = handler
    while isinstance(function, functools.partial):
        function = function.func
    if not inspect.isroutine(function):
        function = type(function).__call__
    function = inspect.unwrap(function)
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise AnnotationError(name_of(handler), None, f"{error}: {_LOCAL}") from error
    except TypeError as error:
        raise AnnotationError(name_of(handler), None, str(error)) from error


def parameter_of(handler: Handler, name: str) -> inspect.Parameter | None:
    """Return what is written of the parameter *name* that can be given by it."""
    found = inspect.signature(handler).parameters.get(name)
    if found is None or found.kind in (found.VAR_POSITIONAL, found.VAR_KEYWORD):
        return None
    return found


def name_of(handler: Handler) -> str:
    """Return where *handler* is written, as ``package.module:Class.method``."""
    named = handler if hasattr(handler, "__qualname__") else type(handler)
    return f"{named.__module__}:{named.__qualname__}"
