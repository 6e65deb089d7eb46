"""Errors told in a form that the client accepts."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import cherrypy

from . import problems as problem
from .rendering import charset
from .settings import Renderers

SHOWN_CHARACTERS = 200


class NotAcceptable(cherrypy.HTTPError):
    """Answer 406 and list the *offers*, in a form that the client accepts.

    *format_asked* is what the query asked for in place of the Accept field.
    """

    def __init__(self, offers: tuple[str, ...], format_asked: str | None, last_resort: str) -> None:
        self.header = dict.get(cherrypy.serving.request.headers, "Accept")
        self.offers, self.last_resort = offers, last_resort
        asked = f"sent this Accept header: {self.header and _shown(self.header)}"
        if format_asked is not None:
            asked = f"asked for the format {format_asked[:SHOWN_CHARACTERS]!r}"
        only = f"But this resource only emits these media types: {', '.join(offers)}."
        super().__init__(406, f"Your client {asked}. {only}")

    def get_error_page(self, *args: Any, **kwargs: Any) -> Any:
        """Write the page, unless the application has one of its own for 406."""
        pages = cherrypy.serving.request.error_page
        form = problem.form(self.header, last_resort=self.last_resort)
        if form == problem.HTML or 406 in pages or "default" in pages:
            return super().get_error_page(*args, **kwargs)
        told = problem.problem("406 Not Acceptable", self._message, offers=self.offers)
        return _told(told, form, problem.RENDERERS[form])


def _shown(field: str) -> str:
    """Return the head of *field*, of which CherryPy may have made what UTF-8 cannot write."""
    return field[:SHOWN_CHARACTERS].encode(errors="replace").decode()


def tell_errors(
    renderers: bool | Renderers, accepted: str | None = None, field: str | None = None
) -> None:
    """Tell errors in the media type *accepted*, where the application has no page of its own.

    *field* is what it was chosen by, if the query put something in the place of Accept.
    """
    request = cherrypy.serving.request
    own = renderers.get(accepted) if isinstance(renderers, Mapping) and accepted else None
    header = dict.get(request.headers, "Accept")
    form = problem.form(header, accepted)
    if field is not None and field != header:
        form = problem.form(field, accepted, last_resort=form)
    if accepted and own:
        request.error_page.setdefault("default", partial(_page, accepted, own))
    elif form != problem.HTML:
        request.error_page.setdefault("default", partial(_page, form, problem.RENDERERS[form]))


def _page(
    form: str, renderer: Callable[[Any], Any], *, status: str, message: str, **others: str
) -> Any:
    # RFC 9457, 5: a problem is no place for the traceback, which is in the log.
    # CherryPy has escaped both for HTML.
    faults = getattr(cherrypy.serving.request, "refusal", None)
    extensions = {"errors": faults.errors} if faults and faults.errors else {}
    told = problem.problem(html.unescape(status), html.unescape(message), **extensions)
    return _told(told, form, renderer)


def _told(told: problem.Problem, form: str, renderer: Callable[[Any], Any]) -> bytes:
    named = charset(form)
    content_type = form if named else f"{form};charset=utf-8"
    cherrypy.serving.response.headers["Content-Type"] = content_type
    body = renderer(told)
    return body.encode(named or "utf-8") if isinstance(body, str) else body
