"""The body tool: a request's document as the type that a handler's annotation names."""

from __future__ import annotations

from cpkit.cherry import Handler
from cpkit.errors import AnnotationError
from cpkit.parameters.settings import FORM, BodySettings, require_msgspec
from cpkit.settings import Given, read

from ._toolbox import Setup, Tool, keywords_of


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

    def check_handler(self, handler: Handler, config: Given) -> None:
        """Raise AnnotationError if *handler*'s parameter for the body cannot be read.

        One that was decorated must have it; others may have the tool from a section.
        """
        from cpkit.parameters.receiving import documents_of
        from cpkit.parameters.signature import name_of

        settings = read(self._name, self.settings, self.given_in(config))
        name = settings.parameter
        own = self.given_in(getattr(handler, "_cp_config", {}))
        if documents_of(handler, name, form=FORM in settings.parsers) is None and own.get("on"):
            raise AnnotationError(name_of(handler), name, "there is none")
