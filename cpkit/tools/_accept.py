"""The accept tool: which representation of a resource a request gets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import cherrypy
from cherrypy._cprequest import Hook

from cpkit.errors import FieldTooLargeError, MalformedFieldError
from cpkit.negotiation import negotiate, negotiate_language, parse_offers, parse_tags, vary

from ._negotiated_errors import NotAcceptable, tell_errors_as
from ._representation import needs_encoding, represent

Renderers = Mapping[str, Callable[[Any], Any] | None]

ACCEPT_NOTHING = "*/*;q=0"
FORMATS = {
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
    "md": "text/markdown",
    "txt": "text/plain",
    "xml": "application/xml",
}


@dataclass
class Settings:
    """Hold the settings of the tool; :class:`AcceptTool` says what each means."""

    media: str | Iterable[str] | Renderers | None = None
    languages: str | Iterable[str] | None = None
    on_none: str = "406"
    strict: bool = False
    format_param: str | None = None
    formats: Mapping[str, str] | None = None
    errors: bool | Renderers = False
    debug: bool = False

    @property
    def offers(self) -> tuple[str, ...]:
        """Return the media types in the server's order."""
        return _listed(self.media)

    def check(self) -> None:
        """Raise what is wrong with the settings: a ValueError or :class:`InvalidOfferError`."""
        parse_offers(self.offers)
        parse_tags(_listed(self.languages))
        parse_offers(tuple((self.formats or FORMATS).values()))
        if self.on_none not in ("406", "first"):
            raise ValueError(f"on_none is {self.on_none!r}: write '406' or 'first'.")


def _listed(names: str | Iterable[str] | None) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names or ())


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
        Settings(**{key: settings[key] for key in settings if key != "priority"}).check()
        return super().__call__(*args, **settings)

    def _setup(self) -> None:
        conf = self._merged_args()
        priority = conf.pop("priority", self._priority)
        cherrypy.serving.request.hooks.attach(self._point, _start, priority=priority, **conf)


def accept(media: Any = None, debug: bool = False, **settings: Any) -> str | None:
    """Return the one of *media* that the client likes best; for use inside a handler.

    Sees to ``Vary`` and leaves ``Content-Type`` to the handler. Takes ``on_none`` and ``strict``
    and raises as :class:`AcceptTool` does; but the last resort for a 406 is CherryPy's page.
    """
    if not media:
        return None
    _vary_on("Accept")
    return _choose(Settings(media, debug=debug, **settings), last_resort="text/html")


def _start(**conf: Any) -> None:
    settings = Settings(**conf)
    if settings.media:
        _vary_on("Accept")
        _start_media(settings)
    if settings.languages:
        _vary_on("Accept-Language")
        _start_language(settings)


def _start_media(settings: Settings) -> None:
    request, media = cherrypy.serving.request, settings.media
    if isinstance(request.handler, cherrypy.CherryPyException):
        settings.on_none = "first"  # a 404 or 405 of the dispatcher says more than a 406
    chosen = _choose(settings)
    cherrypy.serving.response.headers["Content-Type"] = chosen
    if settings.errors:
        tell_errors_as(chosen, settings.errors if isinstance(settings.errors, Mapping) else {})
    renderer = media[chosen] if isinstance(media, Mapping) else None
    if renderer or needs_encoding(chosen):
        # After the tools that change the handler's arguments or its data, before encode (70).
        request.hooks.attach("before_handler", represent, priority=65, renderer=renderer)


def _start_language(settings: Settings) -> None:
    request = cherrypy.serving.request
    field = dict.get(request.headers, "Accept-Language")
    with _refusing():
        chosen = negotiate_language(field, _listed(settings.languages), strict=settings.strict)
    request.language = cherrypy.serving.response.headers["Content-Language"] = chosen


def _choose(settings: Settings, last_resort: str = "application/problem+json") -> str:
    request, offers = cherrypy.serving.request, settings.offers
    # PERF: "Accept" is the map's own spelling, so HeaderMap's folding of case is not needed.
    header = dict.get(request.headers, "Accept")
    wanted = _override(settings)
    with _refusing():
        chosen = negotiate(header if wanted is None else wanted, offers, strict=settings.strict)
    if chosen is None:
        if settings.on_none != "first":
            raise NotAcceptable(header, offers, last_resort)
        chosen = offers[0]
    if settings.debug:
        cherrypy.log(f"{chosen} of {offers} for {header!r}", "TOOLS.ACCEPT")
    request.accepted = chosen
    return chosen


@contextmanager
def _refusing() -> Iterator[None]:
    """Answer the errors of the core with the status that each means."""
    try:
        yield
    except MalformedFieldError as error:
        raise cherrypy.HTTPError(400, str(error)) from error
    except FieldTooLargeError as error:
        raise cherrypy.HTTPError(431, str(error)) from error


def _override(settings: Settings) -> str | None:
    """Return the Accept field that the query's format stands for, None if it names none."""
    request, name = cherrypy.serving.request, settings.format_param
    if not name or not request.query_string:
        return None
    asked = dict(parse_qsl(request.query_string, keep_blank_values=True)).get(name)
    if asked is None:
        return None
    # The handler does not know the parameter; the query is parsed after this hook.
    request.hooks.attach("before_request_body", request.params.pop, key=name)
    return (settings.formats or FORMATS).get(asked, ACCEPT_NOTHING)


def _vary_on(name: str) -> None:
    """Put *name* in the Vary field of the answer, whatever it will be."""
    hook = _VARY_HOOKS[name]
    hooks = cherrypy.serving.request.hooks
    hooks["before_finalize"].append(hook)
    # An error that nobody expected runs these hooks alone.
    hooks["after_error_response"].append(hook)


def _add_vary(name: str) -> None:
    headers = cherrypy.serving.response.headers
    dict.__setitem__(headers, "Vary", vary(dict.get(headers, "Vary"), (name,)))


# PERF: made once. 85: after gzip (80), which adds its own, before caching (90) stores the answer.
_VARY_HOOKS = {
    name: Hook(_add_vary, priority=85, name=name) for name in ("Accept", "Accept-Language")
}
