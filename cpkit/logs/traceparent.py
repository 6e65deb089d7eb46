"""The field traceparent, by which a request says to which trace it belongs (W3C Trace Context)."""

from __future__ import annotations

import re

# 3.2.2: of a later version what is known of it is read.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)
_LONGEST = 256


def trace_id(traceparent: str) -> str:
    """Return the trace's id in the value of a traceparent field, "" if that is malformed."""
    found = _TRACEPARENT.fullmatch(traceparent) if len(traceparent) <= _LONGEST else None
    if found is None or (found[2] is not None and traceparent.startswith("00")):
        return ""
    return found[1]
