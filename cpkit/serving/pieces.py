"""Judge a body by its pieces, as they come: before a parser is given what it would choke on."""

from __future__ import annotations

import re
from collections.abc import Callable

from .escapes import has_too_many_bad_escapes
from .head import malformed
from .limits import Limits, RefusedError
from .multipart import PREAMBLE_BYTES, begins_with_boundary
from .values import boundary_of

Judge = Callable[[bytes, bool], None]  # of a piece, and whether it is the last

FORM = "application/x-www-form-urlencoded"
_NESTED = 500  # Python's own parser of JSON fails at about a thousand
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_RUN = re.compile(rb"\[+|\]+")


def judge_of(content_type: str, limits: Limits) -> Judge:
    """Return what raises RefusedError for a piece of a body of *content_type* that is too much."""
    kind = content_type[:64].lower().strip()
    if kind.startswith(FORM):
        return _Form(limits.max_form_fields)
    if "json" in kind:
        return _Json()
    boundary = boundary_of(content_type)
    return _anything if boundary is None else _Multipart(boundary.encode())


def _anything(piece: bytes, is_last: bool) -> None:
    """Let the piece pass."""


class _Form:
    """The fields of a form, counted."""

    def __init__(self, most: int) -> None:
        self._left = most

    def __call__(self, piece: bytes, is_last: bool) -> None:
        self._left -= piece.count(b"&") + piece.count(b";")
        if self._left <= 0:
            raise RefusedError(413, "The form has too many fields.")
        if has_too_many_bad_escapes(piece):
            malformed("The form is malformed.")


class _Json:
    """How deeply JSON is nested; brackets in strings count, too, as nobody closes so few."""

    def __init__(self) -> None:
        self._depth = 0

    def __call__(self, piece: bytes, is_last: bool) -> None:
        brackets = piece.translate(_ONE_KIND, _NO_BRACKETS)
        # PERF: pairs with nothing in them go first, in C, while that takes many away: a few levels
        # of what is nested, which the limit is far from needing.
        while self._depth + len(brackets) > _NESTED:
            fewer = brackets.replace(b"[]", b"")
            if 4 * len(fewer) > 3 * len(brackets):
                break
            brackets = fewer
        for run in _RUN.findall(brackets):
            self._depth = max(self._depth + len(run) * (1 if run[:1] == b"[" else -1), 0)
            if self._depth > _NESTED:
                malformed("The body is nested too deeply.")


class _Multipart:
    """The line of the boundary, which comes first, or after a few lines that nobody reads."""

    def __init__(self, boundary: bytes) -> None:
        self._boundary = boundary
        self._found = False

    def __call__(self, piece: bytes, is_last: bool) -> None:
        if self._found or not (len(piece) >= PREAMBLE_BYTES or is_last):
            return
        if not begins_with_boundary(piece, self._boundary):
            malformed("The body does not begin with its boundary.")
        self._found = True
