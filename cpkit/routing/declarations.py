"""Ways to declare several routes: below a prefix, or each beside its handler."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from inspect import getattr_static
from types import MethodType
from typing import Any, NamedTuple, TypeVar

from routes.mapper import COLLECTION_ACTIONS, MEMBER_ACTIONS, SubMapperParent
from routes.mapper import SubMapper as RoutesSubMapper

from cpkit.errors import RouteError

ROUTES, PREFIX = "_cpkit_routes", "_cpkit_prefix"
MERGED = ("config", "conditions", "requirements")
DECORATE = "Decorate a function, a method or a class; nearest to it where others decorate it too."
WRAPS = "Use functools.wraps in the decorator, or write @route above it."
Handler = TypeVar("Handler")
Class = TypeVar("Class", bound=type)


class Submapping(SubMapperParent):
    """What has submappers, cpkit's own: they notice a path that is joined without a slash."""

    def submapper(self, **options: Any) -> SubMapper:
        """Return a submapper: *options* hold for each route that is connected through it."""
        return SubMapper(self, **options)

    def collection(
        self,
        collection_name: str | None,
        resource_name: str,
        path_prefix: str | None = None,
        member_prefix: str = "/{id}",
        controller: Any = None,
        collection_actions: Iterable[str] = COLLECTION_ACTIONS,
        member_actions: Iterable[str] = MEMBER_ACTIONS,
        member_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> SubMapper:
        """Return a submapper of a collection; its ``member`` is one of the collection's members."""
        below = "" if collection_name is None else f"/{collection_name}"
        collection = self.submapper(
            collection_name=collection_name,
            resource_name=resource_name,
            path_prefix=(path_prefix or "") + below,
            controller=resource_name or collection_name if controller is None else controller,
            actions=collection_actions,
            **options,
        )
        collection.member = collection.submapper(
            path_prefix=member_prefix, actions=member_actions, **(member_options or {})
        )
        return collection


class SubMapper(Submapping, RoutesSubMapper):
    """A submapper of Routes' that tells the mapper of a path that is joined without a slash."""

    def connect(self, routename: str, path: str | None = None, **options: Any) -> None:
        """Connect a route below the prefix."""
        super().connect(routename, path, **options)
        prefix = self.kwargs.get("path_prefix") or ""
        below = routename if path is None else path
        joined = prefix.endswith("/") == below.startswith("/")
        static = options.get("_static") or self.kwargs.get("_static")
        if prefix and below and joined and not static and not below.startswith((".", "{.")):
            parent: Any = self.obj
            while isinstance(parent, RoutesSubMapper):
                parent = parent.obj
            mapper = getattr(parent, "mapper", parent)
            getattr(mapper, "doubts", {})[mapper.matchlist[-1]] = (
                f"{prefix!r} and {below!r} are joined as they stand"
            )


class Declared(NamedTuple):
    """What one ``@route`` says: the path, its name, and further arguments of ``connect``."""

    template: str
    name: str | None
    options: Mapping[str, Any]


class Call(NamedTuple):
    """The arguments of one call of ``connect``."""

    name: str | None
    template: str
    controller: Any
    options: dict[str, Any]


def route(
    template: str,
    *,
    methods: Iterable[str] | None = None,
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    conditions: Mapping[str, Any] | None = None,
    **options: Any,
) -> Callable[[Handler], Handler]:
    """Declare that a method or a function answers the URLs of *template*.

    *methods* are those of HTTP that it answers (None: any); further *options* are ``connect``'s.
    A handler may have several routes. ``RoutesDispatcher.include`` connects them.
    Raises RouteError for a template without a leading slash, and where none is given.
    """
    _check_text(template, "@route")
    if template and not template.startswith(("/", "{.")):
        raise RouteError(template, "it has no leading slash", f"Write {'/' + template!r}.")
    _refuse_own(template, options)
    if methods is not None:
        named = [methods] if isinstance(methods, str) else list(methods)
        conditions = {**(conditions or {}), "method": named}
    if conditions:
        options["conditions"] = conditions
    if config:
        options["config"] = config
    declared = Declared(template, name, options)

    def decorate(handler: Handler) -> Handler:
        if not (callable(handler) or isinstance(handler, (staticmethod, classmethod))):
            raise RouteError(template, f"{handler!r} is no function", DECORATE)
        # NOTE: decorators run from the lowest up; the routes stay in the order of the source.
        _mark(handler, ROUTES, (declared, *vars(handler).get(ROUTES, ())))
        return handler

    return decorate


def routes(prefix: str = "", *, name_prefix: str = "", **options: Any) -> Callable[[Class], Class]:
    """Declare what the routes of a class have in common: *prefix* goes before their paths.

    *name_prefix* goes before their names, and *options* are arguments of ``connect`` for each; a
    route's own go before. A subclass that has no prefix of its own inherits it.
    Raises RouteError for a prefix that begins without a slash, or ends in one.
    """
    _check_text(prefix, "@routes")
    _check_prefix(prefix)
    _refuse_own(prefix, options)
    declared = Declared(prefix, name_prefix, options)

    def decorate(cls: Class) -> Class:
        _mark(cls, PREFIX, declared)
        return cls

    return decorate


def calls(handler: Any, prefix: str = "", name_prefix: str = "") -> list[Call]:
    """Return the calls of ``connect`` that *handler*'s routes stand for, in their order.

    Raises RouteError where there is none, and for a path that would have no leading slash.
    """
    _check_prefix(prefix)
    found = list(_calls(handler, prefix, name_prefix))
    for call in found:
        if not call.template.startswith("/"):
            raise RouteError(call.template, "it has no leading slash", "Give it a prefix.")
    if not found:
        raise RouteError(prefix, f"{handler!r} declares no route", "Decorate its methods: @route.")
    return found


def _calls(handler: Any, prefix: str, name_prefix: str) -> Iterator[Call]:
    cls = handler if isinstance(handler, type) else type(handler)
    common: Declared = getattr(cls, PREFIX, Declared("", None, {}))
    before = Declared(prefix + common.template, name_prefix + (common.name or ""), common.options)
    if isinstance(handler, MethodType):  # its class says what all its routes have in common
        of_all = _calls(handler.__self__, prefix, name_prefix)
        yield from (it for it in of_all if getattr(*_named(it), None) == handler)
        return
    for declared in getattr_static(handler, ROUTES, ()):
        yield _call(before, declared, handler, {})
    for name, routes_of in _members(cls).items():
        for declared in routes_of:
            yield _call(before, declared, handler, {"action": name})


def _named(call: Call) -> tuple[Any, str]:
    return call.controller, call.options.get("action", "")


def _call(before: Declared, own: Declared, handler: Any, action: dict[str, str]) -> Call:
    options = {**before.options, **own.options, **action}
    for key in MERGED:
        if key in before.options and key in own.options:
            options[key] = {**before.options[key], **own.options[key]}
    name = None if own.name is None else f"{before.name}{own.name}"
    return Call(name, before.template + own.template, handler, options)


def _members(cls: type) -> dict[str, tuple[Declared, ...]]:
    """Return the routes of each method of *cls*, in the order of the source, bases first.

    A method that is overridden keeps its routes, unless it gets routes of its own; ``name = None``
    takes them away.
    """
    found: dict[str, tuple[Declared, ...]] = {}
    for base in reversed(cls.__mro__):
        for name, member in vars(base).items():
            _refuse_nested(member, base)
            function = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
            own = getattr_static(member, ROUTES, ()) or getattr_static(function, ROUTES, ())
            if not own:
                _refuse_hidden(function, f"{base.__qualname__}.{name}")
            if own and isinstance(member, property):
                raise RouteError(own[0].template, f"{name!r} is a property", DECORATE)
            if own or member is None:
                found.pop(name, None)
            if own:
                found[name] = own
    # A second name for the same method, as ``index = books``, is no second route.
    first = {id(own): name for name, own in reversed(found.items())}
    return {name: own for name, own in found.items() if first[id(own)] == name}


def _refuse_nested(member: object, base: type) -> None:
    """Raise RouteError for a class that is written within *base* and declares routes."""
    within = f"{base.__qualname__}."
    if not isinstance(member, type) or not member.__qualname__.startswith(within):
        return
    common: Declared | None = vars(member).get(PREFIX)
    if common or any(getattr_static(each, ROUTES, ()) for each in vars(member).values()):
        remedy = "Write it beside that class, with its whole prefix, and include both."
        problem = f"{member.__qualname__} is a class within a class, and is left out"
        raise RouteError(common.template if common else "", problem, remedy)


def _refuse_hidden(function: object, name: str) -> None:
    """Raise RouteError for a *function* that took the place of a declared one of this *name*."""
    for each in closed_over(function):
        own = getattr_static(each, ROUTES, ())
        if own and getattr(each, "__qualname__", None) == name:
            raise RouteError(own[0].template, f"a decorator hides it: {name} is another now", WRAPS)


def closed_over(function: object) -> Iterator[object]:
    """Yield what a *function* knows from around it, as a decorator's knows what it decorated."""
    for cell in getattr(function, "__closure__", None) or ():
        with suppress(ValueError):  # it is empty
            yield cell.cell_contents


def _mark(thing: Any, name: str, value: object) -> None:
    setattr(thing, name, value)


def _check_text(text: object, decorator: str) -> None:
    """Raise RouteError for a decorator that is written without its parentheses."""
    if not isinstance(text, str):
        raise RouteError(text, "it is no path", f"Write {decorator}('/path').")


def _check_prefix(prefix: str) -> None:
    if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
        raise RouteError(
            prefix, "a prefix begins with a slash and ends without", "Write it like '/api'."
        )


def _refuse_own(template: str, options: Mapping[str, Any]) -> None:
    own = sorted({"action", "controller"} & options.keys())
    if own:
        raise RouteError(template, f"{own[0]!r} is the handler that is decorated", "Leave it out.")
