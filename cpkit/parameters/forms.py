"""Read the forms of request bodies: names and values, and files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .query import parsed
from .refusals import InvalidRequest
from .settings import FORM

FILES = "multipart/form-data"
_CUT_OFF = "The body is shorter than its Content-Length says."


def prepare(body: Any) -> None:
    """Have *body*, a request's, read its forms by this module's rules."""
    read = dict(body.processors)
    read[FORM] = _read_form
    if FILES in read:
        read[FILES] = partial(_read_files, read[FILES])
    body.processors = read


def _read_form(body: Any) -> None:
    """Read names and values into ``body.params``."""
    try:
        body.params.update(parsed(whole(body).decode()))
    except UnicodeDecodeError as error:
        raise InvalidRequest(400, "The form is no UTF-8.") from error


def _read_files(read: Callable[[Any], None], body: Any) -> None:
    """Have CherryPy *read* a form of several parts; one that breaks its grammar is a 400."""
    try:
        read(body)
    except (LookupError, ValueError, EOFError) as error:
        raise InvalidRequest(400, "The parts of the body cannot be told apart.") from error
    check_whole(body)


def whole(body: Any) -> bytes:
    """Return the bytes of a request's body. Raise InvalidRequest (400) if it was cut off."""
    try:
        content: bytes = body.fp.read()
    except (ValueError, EOFError) as error:  # chunks that break their grammar
        raise InvalidRequest(400, "The body cannot be read.") from error
    check_whole(body)
    return content


def check_whole(body: Any) -> None:
    """Raise InvalidRequest (400) if the client went away in the middle of the *body*."""
    if body.fp.bytes_read < (body.length or 0):
        raise InvalidRequest(400, _CUT_OFF)


def is_empty(request: Any) -> bool:
    """Tell whether there is no body: none is announced, or one of no bytes (RFC 9112, 6.3)."""
    headers = request.headers
    length = dict.get(headers, "Content-Length")
    return (length is None or length == "0") and not dict.__contains__(headers, "Transfer-Encoding")
