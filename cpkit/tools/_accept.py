"""The accept tool: which representation of a resource a request gets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import cherrypy
from cherrypy._cprequest import Hook
from cherrypy.lib.httputil import valid_status

from cpkit import problem
from cpkit.errors import FieldTooLargeError, MalformedFieldError
from cpkit.negotiation import negotiate, negotiate_language

from ._accept_settings import Settings
from ._negotiated_errors import NotAcceptable, tell_errors
from ._representation import needs_encoding, represent
from ._varying import AFTER_HANDLER, vary_on


class AcceptTool(cherrypy.Tool):
    """Choose the representation before the body is read, and make it from the handler's data.

    Settings, as arguments of the decorator or under ``cpkit.accept.`` in config:

    - ``media``: a media type, a list of them in the server's order, or a mapping of media type
      to renderer, a callable that takes what the handler returned and returns str or bytes.
    - ``languages``: language tags in the server's order, for Accept-Language.
    - ``on_none``: ``"406"``, or ``"first"`` to serve the first offer when none is accepted.
    - ``strict``: answer 400 to a malformed field; otherwise the malformed element is dropped.
    - ``format_param``: the query parameter that overrides Accept (``"format"``); none unless set.
    - ``formats``: the values of that parameter, a mapping to media types.
    - ``errors``: true to tell errors of the resource in the negotiated type, or a mapping of
      media type to renderer of a problem (``status``, ``title``, ``detail``).

    Sets ``Content-Type``, ``Content-Language``, ``Vary``, ``cherrypy.request.accepted`` and
    ``.language``. Raises 406, 400 and, for a field over 8,192 characters or 128 elements, 431.
    Where RFC 9110 leaves the choice open, :func:`cpkit.negotiation.negotiate` tells the policy.
    """

    def __init__(self, priority: int = 50) -> None:
        super().__init__("on_start_resource", accept, priority=priority)

    def __call__(self, *args: Any, **settings: Any) -> Any:
        """Check the settings and return the decorator that switches the tool on."""
        self.check_settings(settings)
        return super().__call__(*args, **settings)

    def check_settings(self, given: Mapping[str, Any]) -> None:
        """Raise UnknownSettingError, AcceptSettingError or InvalidOfferError if one is wrong."""
        Settings.of({key: given[key] for key in given if key != "priority"}).check()

    def _setup(self) -> None:
        request = cherrypy.serving.request
        conf = request.toolmaps[self.namespace][self._name].copy()
        del conf["on"]
        priority = conf.pop("priority", self._priority)
        hook = Hook(_start, False, priority, settings=Settings.of(conf))
        request.hooks[self._point].append(hook)


def accept(media: Any = None, debug: bool = False, **settings: Any) -> str | None:
    """Return the one of *media* that the client likes best; for use inside a handler.

    Sees to ``Vary`` and leaves ``Content-Type`` to the handler. Takes ``on_none`` and ``strict``
    and raises as :class:`AcceptTool` does; but the last resort for a 406 is CherryPy's page.
    """
    if not media:
        return None
    vary_on("Accept")
    # The monitored way to read a field, so that the autovary tool knows of it.
    cherrypy.serving.request.headers.get("Accept")
    try:
        return _choose(Settings(media, debug=debug, **settings), last_resort="text/html")
    except (MalformedFieldError, FieldTooLargeError) as error:
        raise _refusal(error) from error


def _start(settings: Settings) -> None:
    try:
        if settings.media:
            vary_on("Accept")
            _make(settings, _choose(settings))
        if settings.languages:
            vary_on("Accept-Language")
            _speak(settings)
    except (MalformedFieldError, FieldTooLargeError) as error:
        if settings.errors:
            tell_errors(settings.errors)
        raise _refusal(error) from error


def _refusal(error: MalformedFieldError | FieldTooLargeError) -> cherrypy.HTTPError:
    """Return the answer to a field that is not read."""
    return cherrypy.HTTPError(400 if isinstance(error, MalformedFieldError) else 431, str(error))


def _make(settings: Settings, chosen: str) -> None:
    """See to it that the answer is the representation *chosen*."""
    # PERF: the map's own spelling of a name needs none of HeaderMap's folding of case.
    dict.__setitem__(cherrypy.serving.response.headers, "Content-Type", chosen)
    if settings.errors:
        tell_errors(settings.errors, chosen)
    media: Any = settings.media
    renderer = media[chosen] if hasattr(media, "keys") else None
    if renderer or needs_encoding(chosen):
        # After the tools that change the handler's arguments or its data, before encode (70).
        hooks = cherrypy.serving.request.hooks
        hooks.attach("before_handler", represent, priority=65, renderer=renderer)


def _speak(settings: Settings) -> None:
    """See to it that the answer is in the language that the client likes best."""
    request = cherrypy.serving.request
    field = dict.get(request.headers, "Accept-Language")
    chosen = negotiate_language(field, settings.languages or (), strict=settings.strict)
    request.language = cherrypy.serving.response.headers["Content-Language"] = chosen
    for point in AFTER_HANDLER:
        request.hooks.attach(point, _leave_errors_without_language)


def _leave_errors_without_language() -> None:
    response = cherrypy.serving.response
    if valid_status(response.status)[0] >= 400:
        response.headers.pop("Content-Language", None)


def _choose(settings: Settings, last_resort: str = problem.PROBLEM) -> str:
    request = cherrypy.serving.request
    field = dict.get(request.headers, "Accept")
    format_asked = _asked_in_query(settings.format_param) if settings.format_param else None
    if format_asked is not None:
        field = settings.field_for(format_asked)
    chosen = negotiate(field, settings.media or (), strict=settings.strict)
    if chosen is None:
        # A 404 or 405 of the dispatcher says more than a 406.
        if settings.on_none != "first" and not isinstance(request.handler, Exception):
            raise NotAcceptable(settings.offers, format_asked, last_resort)
        chosen = settings.offers[0]
    if settings.debug:
        cherrypy.log(f"{chosen} of {settings.offers} for {field!r}", "TOOLS.ACCEPT")
    request.accepted = chosen
    return chosen


def _asked_in_query(name: str) -> str | None:
    """Take the parameter *name* out of the query, which the handler does not know."""
    request = cherrypy.serving.request
    asked = dict(parse_qsl(request.query_string, keep_blank_values=True)).get(name)
    if asked is not None:
        # The query is parsed after this hook, and the form in the body after the next.
        request.hooks.attach("before_request_body", partial(request.params.pop, name, None))
    return asked
