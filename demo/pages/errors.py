"""Errors in the form that the client likes best: a page, JSON, or a line of text."""

from __future__ import annotations

import html
from typing import Any
from urllib.parse import parse_qsl, urlencode

import cherrypy

from cpkit.negotiation import problems as problem

from . import render

CHARSET = ";charset=utf-8"
_CORRECTABLE = (400, 409, 412, 503)  # the last one is over soon, and what was written is kept


def error_page(status: str, message: str, traceback: str, version: str) -> bytes:
    """Return the body of an error; CherryPy's ``error_page.default``.

    The traceback is for the log alone (RFC 9457, 5).
    """
    request, headers = cherrypy.serving.request, cherrypy.serving.response.headers
    accepted = getattr(request, "accepted", None)
    form = problem.form(dict.get(request.headers, "Accept"), accepted)
    headers["Content-Type"] = form + CHARSET if form.startswith("text/") else form
    headers["Vary"] = "Accept"
    # NOTE: CherryPy has escaped both for HTML, which the template does itself.
    refusal = getattr(request, "refusal", None)
    errors = {"errors": refusal.errors} if refusal and refusal.errors else {}
    told = problem.problem(html.unescape(status), html.unescape(message), **errors)
    if form == problem.HTML:
        wrong = {each["name"]: each["detail"] for each in errors.get("errors", ())}
        again = _form_again(request, int(status[:3]), wrong)
        return render("error.html", {**told, "again": again, "back": _page_behind(request, again)})
    return problem.RENDERERS[form](told)


def _form_again(request: Any, status: int, wrong: dict[str, str]) -> dict[str, Any] | None:
    """Return the form that was sent, each field with what is wrong with it; None if there is none.

    A field that is not known is left out.
    """
    if status not in _CORRECTABLE or request.method not in ("GET", "POST"):
        return None
    query = str(request.query_string)
    sent = query if request.method == "GET" else _form_of(request)
    known = {name for name, detail in wrong.items() if name and detail != "is unknown"}
    values = {
        **dict.fromkeys(known, ""),
        **dict(parse_qsl(sent, keep_blank_values=True, errors="replace")),
        **getattr(request, "corrected", {}),
    }
    fields = [
        {"name": name, "value": value, "wrong": wrong.get(name)}
        for name, value in values.items()
        if name in known or name not in wrong
    ]
    if not fields:
        return None
    action = f"{request.path_info}?{query}" if query and request.method == "POST" else None
    return {"action": action or request.path_info, "method": request.method, "fields": fields}


def _page_behind(request: Any, again: dict[str, Any] | None) -> str | None:
    """Return the page to go back to: that of the form, or the same without its query."""
    return str(request.path_info) if again or request.query_string else None


def _form_of(request: Any) -> str:
    document: bytes = getattr(request, "document", b"")
    return document.decode(errors="replace") or urlencode(request.body.params or {}, doseq=True)
