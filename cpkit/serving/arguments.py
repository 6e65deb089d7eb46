"""Page handlers that answer 404 or 400 to arguments that they cannot take."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from types import MethodType, TracebackType
from typing import Any

import cherrypy

from cpkit.cherry import test_callable_spec


class FittingPageHandler(cherrypy.dispatch.PageHandler):
    """A page handler of CherryPy's, which knows all arguments that do not fit."""

    def __call__(self) -> Any:
        """Call the handler; raise 404 or 400 if it cannot take its arguments."""
        try:
            return self.callable(*self.args, **self.kwargs)
        except TypeError as error:
            refuse_mismatch(self.callable, self.args, self.kwargs, error)
            raise


class LateFittingPageHandler(FittingPageHandler, cherrypy.dispatch.LateParamPageHandler):
    """The same, of one whose arguments include ``request.params``."""


_FITTING = {
    cherrypy.dispatch.PageHandler: FittingPageHandler,
    cherrypy.dispatch.LateParamPageHandler: LateFittingPageHandler,
}


def fitting(handler: Any) -> Any:
    """Return *handler*, which answers 404 or 400 to arguments that it cannot take from now on.

    Only CherryPy's own page handlers do; any other is returned as it is.
    """
    kind = _FITTING.get(type(handler))
    if kind is not None:
        # PERF: another one would be made, and its attributes copied, at each request.
        handler.__class__ = kind
    return handler


def refuse_mismatch(
    call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], error: TypeError
) -> None:
    """Raise the HTTPError of arguments that *call* cannot take; return if *error* is its own.

    CherryPy tells most of them, but not the name of a method's ``self``, what is positional or by
    keyword only, nor what functions lack.
    """
    test_callable_spec(call, args, kwargs)
    for level, (function, given) in enumerate(_levels(call, args)):
        names = _unfit(function, given, kwargs)
        if names is None or _has_run(function, error.__traceback__):
            continue
        if names or not level:  # a decorator may add arguments of its own
            sent = cherrypy.serving.request.body.params or {}
            in_body = bool(names) and names <= sent.keys()
            raise cherrypy.HTTPError(400 if in_body else 404) from error


def _levels(
    call: Callable[..., Any], args: tuple[Any, ...]
) -> Iterator[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Yield the function that is called, with the positional arguments it gets, and what it wraps.

    Decorators pass on what they get, so that the innermost function is what refuses it.
    """
    found: Any = call
    if not inspect.isroutine(found) and not isinstance(found, type | functools.partial):
        found = type(found).__call__.__get__(found)
    if isinstance(found, MethodType):
        found, args = found.__func__, (found.__self__, *args)
    yield found, args
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
        yield found, args


def _has_run(function: Callable[..., Any], traceback: TracebackType | None) -> bool:
    code = getattr(function, "__code__", None)
    while traceback is not None:
        if traceback.tb_frame.f_code is code:
            return True
        traceback = traceback.tb_next
    return False


def _unfit(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> set[str] | None:
    """Return which of *kwargs* are at fault, or none if some are missing; None if all fit."""
    try:
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):  # a builtin's
        return None
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        positional = [
            it.name
            for it in signature.parameters.values()
            if it.kind in (it.POSITIONAL_ONLY, it.POSITIONAL_OR_KEYWORD)
        ]
        return {name for name in positional[: len(args)] if name in kwargs}
    return None
