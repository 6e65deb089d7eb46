"""Names and values of a query string or a form (WHATWG URL, application/x-www-form-urlencoded)."""

from __future__ import annotations

from cpkit.serving.escapes import unquoted


def parsed(text: str) -> dict[str, str | list[str]]:
    """Return the values of *text* by name; a name that is repeated has a list.

    Split at ``&`` alone: two readers that disagree about ``;`` are CVE-2021-23336. Raise
    UnicodeDecodeError for what is no UTF-8.
    """
    values: dict[str, str | list[str]] = {}
    if "+" in text:
        text = text.replace("+", " ")
    encoded = "%" in text
    # PERF: urllib's parse_qsl takes three times as long.
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if not pair:
            continue
        if encoded:
            name, value = _decoded(name), _decoded(value)
        known = values.get(name)
        if known is None:
            values[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            values[name] = [known, value]
    return values


def _decoded(text: str) -> str:
    return unquoted(text.encode()).decode()
