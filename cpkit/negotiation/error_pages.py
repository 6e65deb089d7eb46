"""Errors told in a form that the client accepts."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cherrypy

from cpkit.cherry import Hook, Request
from cpkit.errors import FieldTooLargeError

from . import negotiate, problems
from .rendering import AFTER_HANDLER, charset, chunks, take_padding_off
from .settings import AcceptSettings, Renderer


@dataclass(frozen=True)
class ErrorPage:
    """The page that tells an error in the negotiated type, or in one that the client accepts.

    CherryPy calls it, as one of ``request.error_page``.
    """

    settings: AcceptSettings
    offers: tuple[str, ...]
    last_resort: str = problems.PROBLEM

    def __call__(self, *, status: str, message: str, **others: str) -> bytes:
        """Return the page, and set its Content-Type; CherryPy has escaped all texts for HTML."""
        request = cherrypy.serving.request
        own, more = self._own_renderers(), self._more(request, status)
        form = self._form(request, status, tuple(own))
        if form == problems.HTML and form not in own:
            return _page_of_cherrypys(status, message, **others)
        # RFC 9457, 5: a problem is no place for the traceback, which is in the log.
        told = problems.problem(html.unescape(status), html.unescape(message), **more)
        if form in own:
            form, body = _made_by(own[form], told, form)
        else:
            body = problems.RENDERERS[form](told)
        content_type = form if charset(form) else f"{form};charset=utf-8"
        cherrypy.serving.response.headers["Content-Type"] = content_type
        for point in AFTER_HANDLER:
            # First: before the tools that compress or sign a body.
            unpad = Hook(take_padding_off, priority=float("-inf"), body=body)
            request.hooks[point].append(unpad)
        return body

    def _own_renderers(self) -> dict[str, Renderer]:
        errors = self.settings.errors if isinstance(self.settings.errors, Mapping) else {}
        return {kind: renderer for kind, renderer in errors.items() if renderer is not None}

    def _more(self, request: Request, status: str) -> dict[str, Any]:
        """Return the further members of the problem: what is offered, what a body lacks."""
        refused = getattr(request, "refusal", None)
        if refused is not None and refused.errors:
            return {"errors": refused.errors}
        return {"offers": self.offers} if status.startswith("406") else {}

    def _form(self, request: Request, status: str, own: tuple[str, ...]) -> str:
        header = field = dict.get(request.headers, "Accept")
        if self.settings.format_param:
            field, _ = self.settings.asked(header, request.query_string)
        accepted = getattr(request, "accepted", None)
        if accepted is None and not status.startswith("406"):  # another tool refused before
            accepted = self._negotiated(field)
        form = problems.form(header, accepted, self.last_resort, own)
        return form if field is header else problems.form(field, accepted, form, own)

    def _negotiated(self, field: str | None) -> str | None:
        try:
            return negotiate(field, self.offers)
        except FieldTooLargeError:
            return None


def _page_of_cherrypys(status: str, message: str, **others: str) -> bytes:
    request = cherrypy.serving.request
    pages = request.error_page.items()
    request.error_page = {at: page for at, page in pages if not isinstance(page, ErrorPage)}
    told = {name: html.unescape(text) for name, text in others.items()}
    error = cherrypy.HTTPError(int(status[:3]))
    page: bytes = error.get_error_page(status, message=html.unescape(message), **told)
    return page


def _made_by(renderer: Renderer, told: problems.Problem, form: str) -> tuple[str, bytes]:
    """Return *form* and what *renderer* makes of *told*; if it fails, problem details."""
    encoding = charset(form) or "utf-8"
    try:
        made: Any = renderer(told)
        parts = (made,) if isinstance(made, str | bytes) else made
        return form, b"".join(chunks(parts, encoding, form))
    except Exception:  # the error that is told counts for more
        cherrypy.log(f"The renderer of errors for {form} fails", "TOOLS.ACCEPT", 40, True)
        return problems.PROBLEM, problems.as_json(told)
