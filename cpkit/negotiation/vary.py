"""The Vary field: which request fields a response was chosen by (RFC 9110, 12.5.5)."""

from __future__ import annotations

from collections.abc import Iterable


def vary(existing: str | None, names: Iterable[str]) -> str:
    """Return the Vary field *existing* with *names* added, each once; ``*`` stays alone."""
    found: dict[str, str] = {}
    for part in (existing or "").split(","):
        if name := part.strip():
            found.setdefault(name.lower(), name)
    for name in names:
        found.setdefault(name.lower(), name)
    return "*" if "*" in found else ", ".join(found.values())
