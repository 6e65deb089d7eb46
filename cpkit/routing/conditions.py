"""What a route asks of a request beside its path: method, sub-domain, a function."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from cpkit.errors import RouteError

KNOWN = frozenset({"method", "sub_domain", "function"})


def normalized(template: object, conditions: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return *conditions* with methods and sub-domains as lists of whole names.

    Raises RouteError for an unknown condition, a method that is no name, a function that can't
    be called.
    """
    if not conditions:
        return None
    unknown = sorted(set(conditions) - KNOWN)
    if unknown:
        raise RouteError(
            template, f"unknown condition {unknown[0]!r}", f"Known are {', '.join(sorted(KNOWN))}."
        )
    result = dict(conditions)
    if "method" in result:
        result["method"] = _methods(template, result["method"])
    if "sub_domain" in result:
        result["sub_domain"] = _sub_domains(result["sub_domain"])
    if "function" in result and not callable(result["function"]):
        raise RouteError(
            template, "its condition function can't be called", "Pass function(environ, result)."
        )
    return result


def _methods(template: object, methods: object) -> list[str]:
    # NOTE: Routes tests membership, which for a string is a substring: "OUTPUT" let PUT through.
    names = re.findall(r"[^\s,]+", methods) if isinstance(methods, str) else methods
    if not isinstance(names, Iterable) or not all(isinstance(name, str) for name in names):
        raise RouteError(
            template, f"{methods!r} names no methods", 'Write "GET" or ["GET", "POST"].'
        )
    return list(names)


def _sub_domains(wanted: Any) -> Any:
    # RFC 4343: host names are compared without case.
    if isinstance(wanted, str):
        return [wanted.lower()] if wanted else wanted
    if isinstance(wanted, (list, tuple, set, frozenset)):
        return [name.lower() if isinstance(name, str) else name for name in wanted]
    return wanted
