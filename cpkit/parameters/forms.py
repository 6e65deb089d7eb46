"""Read the forms of request bodies: names and values, and files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import cherrypy

from cpkit.cherry import Part
from cpkit.serving.escapes import has_too_many_bad_escapes
from cpkit.serving.guard import GUARDED, GuardedPart, RefusedBodyError, refusing
from cpkit.serving.limits import Limits

from .query import parsed
from .refusals import InvalidRequest
from .settings import FORM

FILES = "multipart/form-data"
_FAILURES = (cherrypy.HTTPError, LookupError, ValueError, EOFError, OSError)
_LIMITS = Limits()
_CUT_OFF = "The body is shorter than its Content-Length says."


def prepare(body: Any) -> None:
    """Have *body*, a request's, read its forms by this module's rules."""
    read = dict(body.processors)
    read[FORM] = _read_form
    for kind in {FILES, "multipart"} & read.keys():
        read[kind] = partial(_read_files, read[kind])
    body.processors = read
    if body.part_class is Part:
        body.part_class = GuardedPart


def limits() -> Limits:
    """Return the limits of the guard that has let the request through, or those of any other."""
    guarded: Limits = cherrypy.serving.request.wsgi_environ.get(GUARDED, _LIMITS)
    return guarded


def check_fields(form: bytes) -> None:
    """Raise InvalidRequest for a form that takes too long to read: 413 or 400."""
    most = limits().max_form_fields
    if form.count(b"&") >= most:
        raise InvalidRequest(413, f"The form has more than {most} fields.")
    if has_too_many_bad_escapes(form):
        raise InvalidRequest(400, "The form is malformed.")


def _read_form(body: Any) -> None:
    """Read names and values into ``body.params``."""
    form = whole(body)
    check_fields(form)
    try:
        body.params.update(parsed(form.decode()))
    except UnicodeDecodeError as error:
        raise InvalidRequest(400, "The form is no UTF-8.") from error


def _read_files(read: Callable[[Any], None], body: Any) -> None:
    """Have CherryPy *read* a form of several parts; one that breaks its grammar is a 400."""
    try:
        read(body)
    except _FAILURES as error:
        for part in body.parts:  # which no handler will see
            if part.file:
                part.file.close()
        if isinstance(error, OSError) and "Too Large" not in str(error):
            raise  # of the disk, which the server answers for
        raise _refusal(error, "The parts of the body cannot be read.") from error
    check_whole(body)


def whole(body: Any) -> bytes:
    """Return the bytes of a request's body. Raise InvalidRequest (400) if it was cut off."""
    try:
        content: bytes = refusing(body.fp.read)
    except cherrypy.HTTPError as error:  # as of chunks that break their grammar
        raise _refusal(error, "The body cannot be read.") from error
    check_whole(body)
    return content


def _refusal(error: Exception, reason: str) -> InvalidRequest:
    """Return what tells the failure of reading a body as other faults are told."""
    if isinstance(error, RefusedBodyError):
        refusal = InvalidRequest(*error.args)
        refusal.leaves_body = True
        return refusal
    # NOTE: a body that is too large is an OSError of cheroot's; text may be in no charset at all.
    too_large = isinstance(error, OSError) or getattr(error, "code", 400) == 413
    return (
        InvalidRequest(413, "The body is too large.") if too_large else InvalidRequest(400, reason)
    )


def check_whole(body: Any) -> None:
    """Raise InvalidRequest (400) if the client went away in the middle of the *body*."""
    if body.fp.bytes_read < (body.length or 0):
        raise InvalidRequest(400, _CUT_OFF)


def is_empty(request: Any) -> bool:
    """Tell whether there is no body: none is announced, or one of no bytes (RFC 9112, 6.3)."""
    headers = request.headers
    length = dict.get(headers, "Content-Length")
    # NOTE: WSGI has an empty text for no length (PEP 3333), and so do some servers.
    return length in (None, "", "0") and not dict.__contains__(headers, "Transfer-Encoding")
