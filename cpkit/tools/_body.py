"""The body tool: a request's document as the type that a handler's annotation names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cpkit.cherry import Served
from cpkit.errors import AnnotationError, SettingError
from cpkit.parameters.settings import BODY, FORM, BodySettings, require_msgspec
from cpkit.settings import Given, read

from ._toolbox import F, Setup, Tool, keywords_of

_BODILESS = frozenset({"GET", "HEAD"})  # RFC 9110, 9.3.1: their content has no meaning


class BodyTool(Tool[BodySettings]):
    """Decode the request's body into the handler's parameter, by its Content-Type.

    Settings, as arguments of the decorator or under ``cpkit.body.`` in config:

    - ``media``: what is taken: ``"application/json"`` unless given, a list of media types, or a
      mapping of media type to parser, a callable that takes bytes and returns what JSON could
      hold, or raises ValueError. With JSON, types that end in ``+json`` are taken as well; forms
      (``"application/x-www-form-urlencoded"``) need no parser.
    - ``parameter``: the name of the parameter, ``"body"`` unless given. Its annotation is a
      msgspec Struct, a dataclass, a TypedDict, or what these are made of.
    - ``max_bytes``: how long a body may be, 65,536 unless given.
    - ``max_values``: how much may be made of a document, twice ``max_bytes`` unless given: each
      Decimal counts as 20, each default that is filled in as 1, or as 10 if it is made anew.

    Leaves the bytes as ``cherrypy.request.document``. Raises
    :class:`~cpkit.tools.InvalidRequest`: 415 with ``Accept``, 413, 400 for a malformed or a
    missing document, 422 for a wrong one, with every fault. Needs msgspec: ``cpkit[params]``.
    """

    __call__ = keywords_of(BodySettings)

    def __init__(self) -> None:
        super().__init__("before_request_body", BodySettings)

    def check_settings(self, given: Given) -> None:
        """Raise the error of a wrong setting, MissingExtraError without msgspec."""
        super().check_settings(given)
        if given.get("on", True):
            require_msgspec()

    def setup_for(self, settings: BodySettings) -> Setup:
        """Return what reads the body of each request that has these *settings*."""
        from cpkit.parameters.receiving import Receiving

        return Receiving(settings).begin

    def check_handler(self, served: Served) -> None:
        """Raise AnnotationError if the handler's parameter for the body cannot be filled.

        One that was decorated must have it; others may have the tool from a section.
        """
        from cpkit.parameters.plan import ABSENT
        from cpkit.parameters.receiving import documents_of
        from cpkit.parameters.signature import name_of

        handler = served.handler
        settings = read(self._name, self.settings, self.given_in(served.config))
        name, problem = settings.parameter, None
        found = documents_of(handler, name, form=FORM in settings.parsers)
        own = self.given_in(getattr(handler, "_cp_config", {}))
        if found is None:
            problem = "there is none: add it" if own.get("on") else None
        elif name in served.variables:
            problem = "the path fills it: call one of the two otherwise"
        elif found[1] is ABSENT and served.methods and served.methods <= _BODILESS:
            problem = "a GET has no body: let it be a POST, or call what a query sends otherwise"
        if problem:
            raise AnnotationError(name_of(handler), name, problem)

    def switched_on(self, *args: object, **given: Any) -> Callable[[F], F]:
        """Return the decorator; it raises SettingError for a handler that has one already."""
        decorator: Callable[[F], F] = super().switched_on(*args, **given)

        def decorate(handler: F) -> F:
            function = getattr(handler, "__func__", handler)  # of a staticmethod
            before = self.given_in(vars(function).get("_cp_config", {}))
            if before.get("on"):
                named = before.get("parameter", BODY)
                remedy = f"A request has one body, and {named!r} takes it: decorate once."
                raise SettingError("body.parameter", given.get("parameter", BODY), remedy)
            return decorator(handler)

        return decorate
