"""Names and values of a query string or a form (WHATWG URL, application/x-www-form-urlencoded)."""

from __future__ import annotations

from urllib.parse import parse_qsl


def parsed(text: str) -> dict[str, str | list[str]]:
    """Return the values of *text* by name; a name that is repeated has a list.

    Split at ``&`` alone: two readers that disagree about ``;`` are CVE-2021-23336. Raise
    UnicodeDecodeError for what is no UTF-8.
    """
    values: dict[str, str | list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, errors="strict"):
        known = values.get(name)
        if known is None:
            values[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            values[name] = [known, value]
    return values
