"""What the accept tool does to a request, worked out once for all requests of one configuration."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import cherrypy
from cherrypy.lib.httputil import valid_status

from cpkit.cherry import Hook
from cpkit.errors import FieldTooLargeError, MalformedFieldError

from . import negotiate, negotiate_language
from . import problems as problem
from .error_pages import NotAcceptable, tell_errors
from .rendering import needs_encoding, represent
from .settings import AcceptSettings
from .varying import AFTER_HANDLER, vary_on

# After the tools that change the handler's arguments or its data, before encode (70).
REPRESENT = 65


class Plan:
    """Hold settings, the hook that begins with them, and those that make each representation."""

    __slots__ = ("_hook", "_written", "makers", "offers", "settings")

    def __init__(self, settings: AcceptSettings, priority: float | None) -> None:
        self.settings = settings
        self._hook = Hook(self.start, False, priority)
        self._read_media()

    def _read_media(self) -> None:
        media = self.settings.media
        self.offers = self.settings.offers
        self.makers = {offer: _maker(media, offer) for offer in self.offers}
        self._written = _as_written(media)

    def begin(self, request: Any) -> None:
        """Have *request* negotiated when its hooks begin to run."""
        request.hooks["on_start_resource"].append(self._hook)

    def start(self) -> None:
        """Negotiate; a hook of on_start_resource."""
        settings, request = self.settings, cherrypy.serving.request
        if self._written != _as_written(
            settings.media
        ):  # a list or a mapping that was changed in place
            self._read_media()
        try:
            if self.offers:
                vary_on("Accept", request)
                self._make(*choose(settings, self.offers, request), request)
            if settings.languages:
                vary_on("Accept-Language", request)
                _speak(settings, request)
        except (MalformedFieldError, FieldTooLargeError) as error:
            if settings.errors:
                tell_errors(settings.errors)
            raise refusal(error) from error

    def _make(self, chosen: str, field: str | None, request: Any) -> None:
        """See to it that the answer is the representation *chosen*, for *field*."""
        # PERF: the map's own spelling of a name needs none of HeaderMap's folding of case.
        dict.__setitem__(cherrypy.serving.response.headers, "Content-Type", chosen)
        if self.settings.errors:
            tell_errors(self.settings.errors, chosen, field)
        maker = self.makers[chosen]
        if maker is not None:
            request.hooks["before_handler"].append(maker)


def _as_written(media: Any) -> object:
    """Return *media* as it is now, its order included."""
    return tuple(media.items()) if isinstance(media, Mapping) else tuple(media or ())


def _maker(media: Any, offer: str) -> Hook | None:
    """Return the hook that makes the representation *offer*, where CherryPy would not."""
    renderer = media[offer] if hasattr(media, "keys") else None
    if renderer or needs_encoding(offer):
        return Hook(represent, False, REPRESENT, renderer=renderer)
    return None


def _speak(settings: AcceptSettings, request: Any) -> None:
    """See to it that the answer is in the language that the client likes best."""
    field = dict.get(request.headers, "Accept-Language")
    chosen = negotiate_language(field, settings.languages or (), strict=settings.strict)
    request.language = cherrypy.serving.response.headers["Content-Language"] = chosen
    for point in AFTER_HANDLER:
        request.hooks.attach(point, _leave_errors_without_language)


def _leave_errors_without_language() -> None:
    response = cherrypy.serving.response
    if valid_status(response.status)[0] >= 400:
        response.headers.pop("Content-Language", None)


def choose(
    settings: AcceptSettings,
    offers: tuple[str, ...],
    request: Any,
    last_resort: str = problem.PROBLEM,
) -> tuple[str, str | None]:
    """Return the one of *offers* that the request asks for, and the field that asks for it.

    The field is Accept, or what the query says in its place. Leaves the choice on the request.
    Raises NotAcceptable (406), MalformedFieldError, FieldTooLargeError.
    """
    field = dict.get(request.headers, "Accept")
    format_asked = (
        _asked_in_query(settings.format_param, request) if settings.format_param else None
    )
    if format_asked is not None:
        field = settings.field_for(format_asked)
    chosen = negotiate(field, offers, strict=settings.strict)
    if chosen is None:
        # A 404 or 405 of the dispatcher says more than a 406.
        if settings.on_none != "first" and not isinstance(request.handler, Exception):
            raise NotAcceptable(offers, format_asked, last_resort)
        chosen = offers[0]
    if settings.debug:
        cherrypy.log(f"{chosen} of {offers} for {field!r}", "TOOLS.ACCEPT")
    request.accepted = chosen
    return chosen, field


def _asked_in_query(name: str, request: Any) -> str | None:
    """Take the parameter *name* out of the query, which the handler does not know."""
    asked = dict(parse_qsl(request.query_string, keep_blank_values=True)).get(name)
    if asked is not None:
        # The query is parsed after this hook, and the form in the body after the next.
        request.hooks.attach("before_request_body", partial(request.params.pop, name, None))
    return asked


def refusal(error: MalformedFieldError | FieldTooLargeError) -> cherrypy.HTTPError:
    """Return the answer to a field that is not read."""
    return cherrypy.HTTPError(400 if isinstance(error, MalformedFieldError) else 431, str(error))
