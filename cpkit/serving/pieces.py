"""Judge a body by its pieces, as they come: before a parser is given what it would choke on."""

from __future__ import annotations

from collections.abc import Callable

from .head import has_too_many_bad_escapes, malformed
from .limits import Limits, RefusedError
from .multipart import PREAMBLE_BYTES, begins_with_boundary
from .values import boundary_of

Judge = Callable[[bytes, bool], None]  # of a piece, and whether it is the last

_NESTED = 500  # Python's own parser of JSON fails at about a thousand
_OPENING, _CLOSING = b"[{", b"]}"
_NO_BRACKETS = bytes(set(range(256)) - set(_OPENING + _CLOSING))


def judge_of(content_type: str, limits: Limits) -> Judge:
    """Return what raises RefusedError for a piece of a body of *content_type* that is too much."""
    kind = content_type[:64].lower().strip()
    if kind.startswith("application/x-www-form-urlencoded"):
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
        brackets = piece.translate(None, _NO_BRACKETS)
        # PERF: as long as all of them could not nest too deeply, their order does not matter.
        if self._depth + len(brackets) <= _NESTED:
            self._depth += sum(map(brackets.count, (b"[", b"{")))
            self._depth = max(self._depth - sum(map(brackets.count, (b"]", b"}"))), 0)
            return
        for bracket in brackets:
            self._depth += 1 if bracket in _OPENING else -1
            if self._depth > _NESTED:
                malformed("The body is nested too deeply.")
            self._depth = max(self._depth, 0)


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
