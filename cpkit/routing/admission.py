"""What a route asks beside path and method: the sub-domain, a function of the request."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from typing import Any, NamedTuple

Environ = dict[str, Any]
Admit = Callable[["Environ | None", dict[str, Any], list[str]], object]


class Domains(NamedTuple):
    """Hold a mapper's settings for sub-domains."""

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
