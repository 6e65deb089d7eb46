"""What clients may send, as types: the params and body tools refuse all else, and say the range."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

# What ends a line, and what turns the direction of all that follows.
# NOTE: str.isprintable() has the joiners of Bengali, Persian and emoji, and wide spaces, refused.
# NOTE: PostgreSQL refuses NUL in a text, and no control character belongs in one line.
_NOT_PRINTABLE = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_PRINTABLE = f"[^{_NOT_PRINTABLE}]*"
_SAID = "printable text in one line, of {} to {} characters"

SHORTEST, LONGEST = 1, 64  # of a generated string

Id = Annotated[int, Meta(ge=0, le=999_999_999)]
Start = Annotated[int, Meta(ge=0, le=1_000_000, description="Where the page begins.")]
Version = Annotated[str, Meta(max_length=64)]
Copies = Annotated[int, Meta(ge=0, le=99)]
Length = Annotated[int, Meta(ge=SHORTEST, le=LONGEST)]
Number = Annotated[int, Meta(ge=0, le=20)]

# What a form is sent with once: a number that nobody guesses.
Order = Annotated[
    str,
    Meta(pattern=r"\A[0-9a-f]{0,32}\Z", extra={"expects": "the number that the form came with"}),
]
Words = Annotated[
    str, Meta(max_length=100, pattern=rf"\A{_PRINTABLE}\Z", extra={"expects": _SAID.format(0, 100)})
]
Language = Annotated[
    str, Meta(max_length=8, pattern=rf"\A{_PRINTABLE}\Z", extra={"expects": _SAID.format(0, 8)})
]
Note = Annotated[
    str, Meta(max_length=200, pattern=rf"\A{_PRINTABLE}\Z", extra={"expects": _SAID.format(0, 200)})
]
Line = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=rf"\A{_PRINTABLE}[^{_NOT_PRINTABLE} ]{_PRINTABLE}\Z",
        extra={"expects": _SAID.format(1, 200)},
    ),
]
