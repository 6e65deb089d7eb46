"""Numbers beyond 64 bits in a JSON text, in time that grows with its length.

msgspec takes a hundred times as long for 1e300 as for 1e-300, and stops at what no float holds.
"""

from __future__ import annotations

import math
import re

import msgspec

_LARGE = re.compile(rb"[0-9](?:[0-9]{18}|[eE]\+?[0-9]{2})")
# Digits of which Python makes no integer: 4,300 unless it is told another number, from 640 on.
_ENDLESS = re.compile(rb"[0-9]{641,}")


def has_large_numbers(document: bytes) -> bool:
    """Tell whether there may be large numbers in *document*: a text may look like one."""
    return _LARGE.search(document) is not None


def with_large_numbers(document: bytes) -> tuple[object, bool]:
    """Return what *document* says, and whether a number of it is infinity to a float.

    Raises as msgspec does. Text of very many digits is another one where a number has as many.
    """
    infinite = False

    def number(text: str) -> float:
        nonlocal infinite
        value = float(text)
        infinite = infinite or math.isinf(value)
        return value

    decoder = msgspec.json.Decoder(float_hook=number)
    try:
        return decoder.decode(document), infinite
    except msgspec.ValidationError:
        return decoder.decode(_ENDLESS.sub(b"1e999", document)), True
