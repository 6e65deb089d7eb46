"""Errors told in a form that the client accepts."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import cherrypy

from cpkit.cherry import Hook, Request
from cpkit.errors import FieldTooLargeError

from . import negotiate, problems
from .rendering import charset, chunks
from .settings import AcceptSettings, Renderer

# An error that nobody expected runs the hooks of the second point alone.
AFTER_HANDLER = ("before_finalize", "after_error_response")
FIRST = float("-inf")  # before the tools that compress or sign a body


@dataclass(frozen=True)
class ErrorPage:
    """The page that tells an error in the negotiated type, or in one that the client accepts.

    CherryPy calls it, as one of ``request.error_page``.
    """

    settings: AcceptSettings
    last_resort: str = problems.PROBLEM

    def __call__(self, *, status: str, message: str, **others: str) -> bytes:
        """Return the page, and set its Content-Type; CherryPy has escaped all texts for HTML."""
        own = self.settings.own_error_renderers
        form = self._form(status, tuple(own))
        if form == problems.HTML and form not in own:
            return _page_of_cherrypys(status, message, **others)
        # RFC 9457, 5: a problem is no place for the traceback, which is in the log.
        told = problems.problem(html.unescape(status), html.unescape(message), **self._more(status))
        if form in own:
            form, body = _made_by(own[form], told, form)
        else:
            body = problems.RENDERERS[form](told)
        content_type = form if charset(form) else f"{form};charset=utf-8"
        cherrypy.serving.response.headers["Content-Type"] = content_type
        for point in AFTER_HANDLER:
            hook = Hook(_take_padding_off, priority=FIRST, body=body)
            cherrypy.serving.request.hooks[point].append(hook)
        return body

    def _more(self, status: str) -> dict[str, Any]:
        """Return the further members of the problem: what is offered, what a body lacks."""
        refused = getattr(cherrypy.serving.request, "refusal", None)
        if refused is not None and refused.errors:
            return {"errors": refused.errors}
        return {"offers": self.settings.offers} if status.startswith("406") else {}

    def _form(self, status: str, own: tuple[str, ...]) -> str:
        request: Request = cherrypy.serving.request
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
            return negotiate(field, self.settings.offers)
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


def _take_padding_off(body: bytes) -> None:
    """Take off the blanks that CherryPy adds to short error pages, for Internet Explorer 5.

    They spoil a form in which they have a meaning.
    """
    response = cherrypy.serving.response
    sent = response.collapse_body()
    if sent.startswith(body) and not sent[len(body) :].strip(b" "):
        response.body = body
        response.headers["Content-Length"] = str(len(body))
