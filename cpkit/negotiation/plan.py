"""What the accept tool does to a request, worked out once for all requests of one configuration."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import cherrypy

from cpkit.cherry import Hook, Request
from cpkit.errors import FieldTooLargeError, MalformedFieldError

from . import negotiate, negotiate_language
from .error_pages import ErrorPage
from .rendering import REPRESENT, NegotiatedRequest, representation, vary_hooks
from .settings import AcceptSettings, Names, Renderers

SHOWN = 200  # characters of what the client sent, in the text of a 406


class Plan:
    """The settings, the hooks that carry them out, and what makes each representation."""

    def __init__(self, settings: AcceptSettings, priority: float) -> None:
        self.settings = settings
        self._hooks = [
            ("on_start_resource", Hook(self.start, False, priority)),
            ("before_handler", REPRESENT),
            *(vary_hooks("Accept") if settings.media else ()),
            *(vary_hooks("Accept-Language") if settings.languages else ()),
        ]
        self._read_media()

    def _read_media(self) -> None:
        media = self.settings.media
        renderers = media if isinstance(media, Mapping) else {}
        self._offers = self.settings.offers
        self._page = ErrorPage(self.settings, self._offers)
        self._made = {offer: representation(offer, renderers.get(offer)) for offer in self._offers}
        self._written = None if isinstance(media, str | tuple) else _as_written(media)

    def begin(self, request: Request) -> None:
        """Have *request* negotiated when its hooks run, and its errors told as the settings say."""
        for point, hook in self._hooks:
            request.hooks[point].append(hook)
        if self.settings.errors:
            request.error_page.setdefault("default", self._page)

    def start(self) -> None:
        """Choose; a hook of on_start_resource."""
        settings = self.settings
        request: NegotiatedRequest = cherrypy.serving.request
        if self._written is not None and self._written != _as_written(settings.media):
            self._read_media()
        chosen = language = None
        try:
            if self._offers:
                chosen = choose(settings, self._offers, request, self._page)
            if settings.languages:
                language = _spoken(settings, request)
        except (MalformedFieldError, FieldTooLargeError) as error:
            raise refusal(error) from error
        request.accepted, request.language = chosen, language
        before = dict.get(cherrypy.serving.response.headers, "Content-Type")
        request.chosen = self._made[chosen] if chosen else None, language, before


def _as_written(media: Names | Renderers | None) -> tuple[object, ...]:
    """Return *media* as they are now, their order included: they may be changed in place."""
    return tuple(media.items()) if isinstance(media, Mapping) else tuple(media or ())


def _spoken(settings: AcceptSettings, request: Request) -> str | None:
    """Return the language that the client likes best."""
    field = dict.get(request.headers, "Accept-Language")
    return negotiate_language(field, settings.languages or (), strict=settings.strict)


def choose(
    settings: AcceptSettings, offers: tuple[str, ...], request: Request, page: ErrorPage
) -> str | None:
    """Return the one of *offers* that the request asks for.

    If there is none: None where the answer has no representation, or the first with
    ``on_none="first"``. Else raise HTTPError, a 406 that *page* tells; MalformedFieldError,
    FieldTooLargeError.
    """
    field, format_asked = dict.get(request.headers, "Accept"), None
    if settings.format_param:
        field, format_asked = settings.asked(field, request.query_string)
        # The query is parsed after this hook, and the form in the body after the next.
        take_out = partial(request.params.pop, settings.format_param, None)
        request.hooks.attach("before_request_body", take_out)
    chosen = negotiate(field, offers, strict=settings.strict)
    if chosen is None and settings.on_none == "first":
        chosen = offers[0]
    elif chosen is None and not isinstance(request.handler, Exception):
        # NOTE: a 404 or 405 of the dispatcher says more than a 406.
        if not getattr(request, "negotiable", True):  # an automatic OPTIONS, a redirect
            return None
        asked = f"asked for the format {(format_asked or '')[:SHOWN]!r}"
        if format_asked is None:
            # Of what UTF-8 cannot write, CherryPy may have made a part of the field.
            shown = field and field[:SHOWN].encode(errors="replace").decode()
            asked = f"sent this Accept header: {shown}"
        only = f"But this resource only emits these media types: {', '.join(offers)}."
        if not request.error_page.keys() & {406, "default"}:
            request.error_page[406] = page
        raise cherrypy.HTTPError(406, f"Your client {asked}. {only}")
    if settings.debug:
        cherrypy.log(f"{chosen} of {offers} for {field!r}", "TOOLS.ACCEPT")
    return chosen


def refusal(error: MalformedFieldError | FieldTooLargeError) -> cherrypy.HTTPError:
    """Return the answer to a field that is not read."""
    return cherrypy.HTTPError(400 if isinstance(error, MalformedFieldError) else 431, str(error))
