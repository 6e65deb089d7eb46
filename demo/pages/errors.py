"""Errors in the form that the client likes best: a page, JSON, or a line of text."""

from __future__ import annotations

import html

import cherrypy

from cpkit.negotiation import problems as problem

from . import render

CHARSET = ";charset=utf-8"


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
        return render("error.html", dict(told))
    return problem.RENDERERS[form](told)
