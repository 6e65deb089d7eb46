"""Errors told in a form that the client accepts."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import cherrypy

from cpkit import problem

Renderers = Mapping[str, Callable[[Any], Any] | None]


class NotAcceptable(cherrypy.HTTPError):
    """Answer 406 and list the *offers*, in a form that the client accepts."""

    def __init__(self, header: str | None, offers: tuple[str, ...], last_resort: str) -> None:
        sent = f"sent this Accept header: {header}." if header else "did not send an Accept header."
        super().__init__(
            406,
            f"Your client {sent} But this resource only emits these media types: "
            f"{', '.join(offers)}.",
        )
        self.header, self.offers, self.last_resort = header, offers, last_resort

    def get_error_page(self, *args: Any, **kwargs: Any) -> Any:
        """Write the page, unless the application has one of its own for 406."""
        pages = cherrypy.serving.request.error_page
        form = problem.form(self.header, last_resort=self.last_resort)
        if form == problem.HTML or 406 in pages or "default" in pages:
            return super().get_error_page(*args, **kwargs)
        cherrypy.serving.response.headers["Content-Type"] = form
        return problem.RENDERERS[form](
            problem.problem("406 Not Acceptable", self._message, offers=self.offers)
        )


def tell_errors_as(accepted: str, renderers: Renderers) -> None:
    """Tell errors in the media type *accepted*, where the application has no page of its own."""
    request = cherrypy.serving.request
    if renderer := renderers.get(accepted):
        form = accepted
    else:
        form = problem.form(dict.get(request.headers, "Accept"), accepted)
        if form == problem.HTML:
            return
        renderer = problem.RENDERERS[form]
    request.error_page.setdefault("default", partial(_page, form, renderer))


def _page(
    form: str, renderer: Callable[[Any], Any], *, status: str, message: str, **others: str
) -> Any:
    # RFC 9457, 5: a problem is no place for the traceback, which is in the log.
    cherrypy.serving.response.headers["Content-Type"] = form
    # CherryPy has escaped the message for HTML.
    return renderer(problem.problem(html.unescape(status), html.unescape(message)))
