"""What a server says of cross-origin requests: the CORS protocol (Fetch standard, 3.3)."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from .origin import Origins, origin_of

Fields = dict[str, str]

MAX_HEADERS = 64  # names that a preflight may ask for
MAX_CHARACTERS = 4096  # of Access-Control-Request-Headers
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}")  # RFC 9110, 5.6.2
PREFLIGHT_VARY = ("Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers")


@dataclass(frozen=True)
class Policy:
    """Which origins may read which answers, and what they may send.

    *headers* are the request fields that a page may set, in lower case; None lets it set any.
    *expose* are the response fields that it may read, *max_age* the seconds that a browser may
    remember a preflight.
    """

    origins: Origins
    credentials: bool = False
    headers: frozenset[str] | None = None
    expose: tuple[str, ...] = ()
    max_age: int = 600

    @property
    def is_same_for_all(self) -> bool:
        """Tell whether every origin gets the same fields, so that nothing varies by it."""
        return self.origins.everyone and not self.credentials

    def allowed_origin(self, field: str | None) -> str | None:
        """Return what Access-Control-Allow-Origin says to the Origin *field*; None for nothing."""
        if self.is_same_for_all:
            # Without the field too: caches between may give that answer to another page.
            return "*"
        origin = origin_of(field)
        if field is None or origin is None or origin not in self.origins:
            return None
        # NOTE: the browser compares byte by byte (Fetch, 4.10), so it gets its own spelling.
        return field.strip()

    def answer(self, field: str | None) -> Fields:
        """Return the fields of an answer to a request with the Origin *field*."""
        fields = self._granted(field)
        if fields and self.expose:
            fields["Access-Control-Expose-Headers"] = ", ".join(self.expose)
        return fields

    def preflight(
        self, field: str | None, method: str, asked: str | None, allowed: Collection[str]
    ) -> Fields:
        """Return the fields of the answer to a preflight; nothing is granted without them.

        *method* is Access-Control-Request-Method, *asked* Access-Control-Request-Headers, and
        *allowed* the methods that the resource has.
        """
        names = _names(asked)
        fields = self._granted(field)
        if not fields or names is None or method not in allowed:
            return {}
        if not TOKEN.fullmatch(method):  # a dispatcher may allow whatever is asked for
            return {}
        if self.headers is not None and not self.headers.issuperset(map(str.lower, names)):
            return {}
        fields["Access-Control-Allow-Methods"] = ", ".join(sorted(allowed))
        if names:
            fields["Access-Control-Allow-Headers"] = ", ".join(names)
        fields["Access-Control-Max-Age"] = str(self.max_age)
        return fields

    def _granted(self, field: str | None) -> Fields:
        origin = self.allowed_origin(field)
        if origin is None:
            return {}
        fields = {"Access-Control-Allow-Origin": origin}
        if self.credentials:
            fields["Access-Control-Allow-Credentials"] = "true"
        return fields


def _names(asked: str | None) -> list[str] | None:
    """Return the names in Access-Control-Request-Headers; None for what is no list of names."""
    if asked is None:
        return []
    if len(asked) > MAX_CHARACTERS:
        return None
    names = [name for part in asked.split(",") if (name := part.strip(" \t"))]
    if len(names) > MAX_HEADERS or not all(map(TOKEN.fullmatch, names)):
        return None
    return names
