"""The accept tool: which representation of a resource a request gets."""

from __future__ import annotations

from typing import Any

import cherrypy

from cpkit.errors import FieldTooLargeError, MalformedFieldError
from cpkit.negotiation.error_pages import ErrorPage
from cpkit.negotiation.plan import Plan, choose, refusal
from cpkit.negotiation.rendering import vary_hooks
from cpkit.negotiation.settings import AcceptSettings, Names, Renderers, check_offers
from cpkit.settings import Given, check_values

from ._toolbox import Setup, Tool, keywords_of


class AcceptTool(Tool[AcceptSettings]):
    """The choice of a representation, made before the body is read; and its rendering.

    Settings, as arguments of the decorator or under ``cpkit.accept.`` in config:

    - ``on``: True switches it on. It needs ``media`` or ``languages`` then.
    - ``media``: a media type, a list of them in the server's order, or a mapping of media types
      to renderers: callables that take what the handler returned and return str or bytes.
    - ``languages``: language tags in the server's order, for Accept-Language.
    - ``on_none``: ``"406"``, or ``"first"`` to serve the first offer when none is accepted.
    - ``strict``: answer 400 to a malformed field; otherwise the malformed element is dropped.
    - ``format_param``: the query parameter that overrides Accept (``"format"``); none unless set.
    - ``formats``: the values of that parameter, a mapping to media types.
    - ``errors``: True to tell errors of the resource in the negotiated type, or a mapping of
      media types to renderers of a problem (``status``, ``title``, ``detail``; none is escaped).
    - ``priority``: of the hook at ``on_start_resource``; 50 unless given.
    - ``debug``: log each choice.

    Sets ``Content-Type``, ``Content-Language``, ``Vary``, ``cherrypy.request.accepted`` and
    ``.language``. Answers 406, 400 and, for a field over 8,192 characters or 128 elements, 431.
    Files, and what another tool answers, are sent as they are, with their own type.
    Where RFC 9110 leaves the choice open, :func:`cpkit.negotiation.negotiate` tells the policy.
    """

    __call__ = keywords_of(AcceptSettings)
    deciding = ("on", "media", "languages")

    def __init__(self, priority: int = 50) -> None:
        super().__init__("on_start_resource", AcceptSettings, accept, priority)
        self.priority = priority

    def check_whole(self, given: Given) -> None:
        """Raise SettingError where there is nothing to choose from."""
        check_offers(given.get("media"), given.get("languages"))

    def setup_for(self, settings: AcceptSettings) -> Setup:
        """Return what begins to negotiate with each request that has these *settings*."""
        priority = self.priority if settings.priority is None else settings.priority
        return Plan(settings, priority).begin


def accept(
    media: Names | Renderers | None = None, debug: bool = False, **settings: Any
) -> str | None:
    """Return the one of *media* that the client likes best; for use inside a handler.

    Adds ``Vary`` and leaves ``Content-Type`` to the handler. Takes ``on_none`` and ``strict``, and
    answers as :class:`AcceptTool` does; but the last resort for a 406 is CherryPy's page.
    """
    if not media:
        return None
    request = cherrypy.serving.request
    for point, hook in vary_hooks("Accept"):
        request.hooks[point].append(hook)
    # The monitored way to read a field, so that the autovary tool knows of it.
    request.headers.get("Accept")
    asked = AcceptSettings(media=media, debug=debug, **settings)
    check_values("accept", AcceptSettings, {"on_none": asked.on_none})
    try:
        page = ErrorPage(asked, asked.offers, last_resort="text/html")
        chosen = choose(asked, asked.offers, request, page)
    except (MalformedFieldError, FieldTooLargeError) as error:
        raise refusal(error) from error
    request.accepted = chosen
    return chosen
