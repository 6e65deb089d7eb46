"""The escapes of URLs and forms (RFC 3986, 2.1), undone in C."""

from __future__ import annotations

import re
from binascii import a2b_qp
from itertools import islice

BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_MOST_BAD = 100  # each takes Python as long as ten good ones


def has_too_many_bad_escapes(text: bytes) -> bool:
    """Tell whether *text* has more percent signs that begin no escape than it may have."""
    return text.count(b"%") > _MOST_BAD and any(islice(BAD_ESCAPE.finditer(text), _MOST_BAD, None))


def unquoted(text: bytes) -> bytes:
    """Return *text* with its escapes undone; a percent sign that begins none stays."""
    return unescaped(BAD_ESCAPE.sub(b"%25", text)) if b"%" in text else text


def unescaped(text: bytes) -> bytes:
    """Return *text*, in which each percent sign begins an escape, with these undone."""
    # PERF: they are those of quoted-printable but for the sign, and urllib undoes one at a time.
    return a2b_qp(text.replace(b"=", b"=3D").replace(b"%", b"="))
