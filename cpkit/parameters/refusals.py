"""The answer to what cannot be used: problem details (RFC 9457) with every fault."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cherrypy

from cpkit.errors import FieldTooLargeError
from cpkit.negotiation import negotiate, vary
from cpkit.negotiation import problems as problem
from cpkit.serving.guard import end_connection

from .faults import Fault

_UNREAD = (413, 415)  # with these the body is left unread
_FORMS = (problem.PROBLEM, problem.JSON, problem.HTML, problem.TEXT)


class InvalidRequest(cherrypy.HTTPError):
    """The answer to a request that was refused for what it sent: 400, 404, 413, 415 or 422.

    ``errors`` holds a dict for each fault, with ``in`` ("path", "query", "form" or "body"),
    ``name`` (in a body, a JSON Pointer) and ``detail``. It is left on the request as ``refusal``
    for error pages of the application's own; without one, it is told as problem details.
    """

    def __init__(
        self, status: int, detail: str = "", faults: Iterable[Fault] = (), **fields: str
    ) -> None:
        self.errors = [fault.told() for fault in faults]
        self.fields = {name.replace("_", "-"): value for name, value in fields.items()}
        self.leaves_body = status in _UNREAD
        listed = [f"{each['name'] or each['in']} {each['detail']}" for each in self.errors]
        self.detail = detail or f"{'; '.join(listed)}."
        super().__init__(status, self.detail)
        self._told: bytes | None = None
        cherrypy.serving.request.refusal = self

    def set_response(self) -> None:
        """Make the answer, with the header fields that go with it."""
        super().set_response()
        response = cherrypy.serving.response
        response.headers.update(self.fields)
        if self.leaves_body:
            end_connection()
        if self._told is not None:
            response.body = self._told  # which CherryPy pads for a browser that is long gone
            response.headers.pop("Content-Length", None)

    def get_error_page(self, *args: Any, **kwargs: Any) -> Any:
        """Write the page, unless the application has one of its own for this status."""
        request, headers = cherrypy.serving.request, cherrypy.serving.response.headers
        pages = request.error_page
        if self.code in pages or "default" in pages:
            return super().get_error_page(*args, **kwargs)
        headers["Vary"] = vary(headers.get("Vary"), ("Accept",))
        form = _form(request)
        if form == problem.HTML:
            return super().get_error_page(*args, **kwargs)
        extensions = {"errors": self.errors} if self.errors else {}
        told = problem.problem(f"{self.code} {self.reason}", self.detail, **extensions)
        headers["Content-Type"] = form if "json" in form else f"{form};charset=utf-8"
        self._told = problem.RENDERERS[form](told)
        return self._told


def _form(request: Any) -> str:
    """Return the media type of the answer; a client that takes any gets problem details."""
    header, accepted = dict.get(request.headers, "Accept"), getattr(request, "accepted", None)
    if accepted is not None:
        return problem.form(header, accepted)
    try:
        return negotiate(header, _FORMS) or problem.PROBLEM
    except FieldTooLargeError:
        return problem.PROBLEM
