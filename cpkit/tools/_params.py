"""The params tool: path, query and form as the types that a handler's annotations name."""

from __future__ import annotations

from cpkit.cherry import Part, Served, behind
from cpkit.errors import AnnotationError
from cpkit.parameters.settings import BODY, WITH_FORMS, ParamsSettings, require_msgspec
from cpkit.routing.patterns import may_share_a_text
from cpkit.settings import Given

from ._toolbox import Setup, Tool, keywords_of

_BY_NAME = (
    "a route passes its variables by name: leave the * or the / out, or have the decorator that "
    "took the handler's place use functools.wraps"
)
_NO_FILE = "nothing sends a file there: forms do, by POST, PUT or PATCH; give it a default"
_NEVER = (
    "nothing fits that matches {!r}, as its route demands: correct one of the two, or name it to "
    "skip where another tool converts it"
)


class ParamsTool(Tool[ParamsSettings]):
    """Convert what a request says to the handler's annotations, and refuse what does not fit.

    Settings, as arguments of the decorator or under ``cpkit.params.`` in config:

    - ``skip``: names of parameters that other tools fill; they are neither read nor refused.
    - ``form``: False leaves the body to the handler; parameters come from path and query alone.

    Read are ``int``, ``float``, ``bool``, ``str``, ``Decimal``, ``UUID``, ``date``, ``datetime``,
    ``time``, Enums, Literals, lists, sets and tuples of these, ``X | None``, and files as
    :class:`~cpkit.tools.Part`; ``Annotated[int, msgspec.Meta(ge=1)]`` bounds them. Raises
    :class:`~cpkit.tools.InvalidRequest`: 404 for the path, 400 for query and form, with every
    fault; 415 for a body that is no form. Needs msgspec: ``cpkit[params]``.
    """

    __call__ = keywords_of(ParamsSettings)

    def __init__(self) -> None:
        super().__init__("before_request_body", ParamsSettings)

    def check_settings(self, given: Given) -> None:
        """Raise the error of a wrong setting, MissingExtraError without msgspec."""
        super().check_settings(given)
        if given.get("on", True):
            require_msgspec()

    def setup_for(self, settings: ParamsSettings) -> Setup:
        """Return what reads the parameters of each request that has these *settings*."""
        from cpkit.parameters.taking import Taking

        return Taking(settings).begin

    def check_handler(self, served: Served) -> None:
        """Raise AnnotationError for a parameter that cannot be read, or that nothing can send."""
        from cpkit.parameters.signature import name_of, plan_of

        handler, config = served.handler, served.config
        given = self.given_in(config)
        body = f"{self.namespace}.body"
        skip = [*given.get("skip", ())]
        if config.get(f"{body}.on"):
            skip.append(config.get(f"{body}.parameter", BODY))
        plan = plan_of(handler, skip=skip, file=Part)
        name, problem = plan.unnamed(), _BY_NAME
        by_name = any(hasattr(each, "mapper") for each in behind(config.get("request.dispatch")))
        if name is None or not by_name:
            forms = served.methods is None or not served.methods.isdisjoint(WITH_FORMS)
            files = forms and bool(given.get("form", True))
            name, problem = plan.unsent(served.variables, files=files), _NO_FILE
        if name is not None:
            raise AnnotationError(name_of(handler), name, problem)
        for name, regex in served.variables.items():
            taken = None if name in skip else plan.in_path(name)
            if regex and taken and not may_share_a_text(regex, taken.grammar):
                raise AnnotationError(name_of(handler), name, _NEVER.format(regex))
