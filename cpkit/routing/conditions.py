"""What a route asks of a request beside its path: method, sub-domain, a function.

Conditions are checked and made uniform when a route is declared; when a request has found the
route by path and method, its :func:`admission` tests the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, NamedTuple

from cpkit.errors import RouteError

Environ = dict[str, Any]
Admit = Callable[["Environ | None", dict[str, Any], list[str]], object]
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


class Domains(NamedTuple):
    """A mapper's settings for sub-domains."""

    enabled: bool
    ignored: Container[str]
    domain: str

    def of(self, environ: Environ | None) -> str | None:
        """Return the sub-domain of a request's Host, in lower case (RFC 4343), or None."""
        host = (environ or {}).get("HTTP_HOST")
        if not self.enabled or host is None:
            return None
        host = host.split(":")[0].lower()
        found = re.match(rf"(.+?)\.(?:{self.domain})$", host)
        sub_domain = found[1] if found else host
        return None if sub_domain == host or sub_domain in self.ignored else sub_domain


def admission(route: Any, domains: Domains) -> Admit | None:
    """Return the test of *route*'s conditions but the method; None if there is nothing to test."""
    conditions = route.conditions or {}
    function = conditions.get("function")
    if not (domains.enabled or function or "sub_domain" in conditions):
        return None
    conditioned, wanted = "sub_domain" in conditions, conditions.get("sub_domain")

    def admit(environ: Environ | None, result: dict[str, Any], _: list[str]) -> object:
        sub_domain = domains.of(environ)
        if conditioned and bool(wanted) != bool(sub_domain):
            return False
        if isinstance(wanted, list) and sub_domain not in wanted:
            return False
        if domains.enabled:
            result["sub_domain"] = sub_domain
        return function is None or function(environ, result)

    return admit


def opaque(route: Any, domains: Domains) -> Admit:
    """Return the test of a foreign route object: its own ``match`` decides."""

    def admit(environ: Environ | None, result: dict[str, Any], segments: list[str]) -> object:
        found = route.match("/".join(segments), environ, *domains)
        if isinstance(found, dict):
            result.update(found)
        return isinstance(found, dict)

    return admit


# The registry of methods (IANA, RFC 9110, 16.1), and some that are widely spoken.
STANDARD_METHODS = frozenset(
    re.findall(
        r"\S+",
        """
        ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE GET HEAD LABEL LINK LOCK
        MERGE MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE NOTIFY OPTIONS ORDERPATCH
        PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SUBSCRIBE TRACE UNBIND
        UNCHECKOUT UNLINK UNLOCK UNSUBSCRIBE UPDATE UPDATEREDIRECTREF VERSION-CONTROL
        """,
    )
)


def refuse_misplaced(template: str, arguments: Mapping[str, Any]) -> None:
    """Refuse *arguments* of ``connect`` that would be constants, and were meant as conditions.

    Raises RouteError; for a method in lower case too, which no request has (RFC 9110, 9.1).
    """
    for name, value in arguments.items():
        condition = misplaced(name, value)
        if condition:
            raise RouteError(
                template,
                f"{name}={value!r} is a constant for the handler, and no condition",
                f"Write conditions={{{condition!r}: ...}}.",
            )
    conditions = arguments.get("conditions")
    methods = conditions.get("method") if isinstance(conditions, Mapping) else None
    for method in _methods(template, methods) if methods else ():
        if method not in STANDARD_METHODS and method.upper() in STANDARD_METHODS:
            raise RouteError(
                template, f"no request has the method {method!r}", f"Write {method.upper()!r}."
            )


MISPLACEABLE = frozenset({"method", "methods", "function", "sub_domain"})


def misplaced(name: str, value: object) -> str | None:
    """Return the condition that an argument of ``connect`` was meant as, or None."""
    several = isinstance(value, (list, tuple, set, frozenset))
    if name in ("method", "methods"):
        known = isinstance(value, str) and value.upper() in STANDARD_METHODS
        return "method" if several or known else None
    if name == "function":
        return "function" if callable(value) else None
    if name == "sub_domain":
        return "sub_domain" if several or value is True else None
    return None
