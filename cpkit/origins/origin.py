"""Web origins (RFC 6454) and lists of those that are trusted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address

from cpkit.errors import InvalidOriginError

# Scheme, a host of at most 253 characters (RFC 1035, 2.3.4) and a port: nothing longer is one.
MAX_CHARACTERS = 300
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LAST_PORT = 65535
_HOST = r"[a-z0-9](?:[a-z0-9_.\-]*[a-z0-9_.])?|\[[0-9a-f:.]+\]"
_ORIGIN = re.compile(rf"([a-z][a-z0-9+.\-]*)://({_HOST})(?::([0-9]{{1,5}}))?")
_LISTED = re.compile(rf"([a-z][a-z0-9+.\-]*)://(\*\.)?({_HOST})(?::([0-9]{{1,5}}))?")


def origin_of(field: str | None) -> str | None:
    """Return the origin in an Origin *field*, in lower case and without its scheme's default port.

    ``"null"`` is what a browser sends for an origin that it keeps to itself (RFC 6454, 6.1). None
    stands for a field that is missing or is no origin.
    """
    return None if field is None or len(field) > MAX_CHARACTERS else _read(field)


@lru_cache(maxsize=256)  # PERF: a site has few origins; what is longer than one is no key
def _read(field: str) -> str | None:
    text = field.strip().lower()
    if text == "null":
        return text
    found = _ORIGIN.fullmatch(text)
    return _written(found[1], found[2], found[3]) if found else None


def same_authority(origin: str, host: str | None) -> bool:
    """Tell whether a Host field names the host and port of *origin* (RFC 9110, 7.2)."""
    if host is None or origin == "null":
        return False
    scheme = origin.partition("://")[0]
    return origin_of(f"{scheme}://{host}") == origin


def _written(scheme: str, host: str, port: str | None) -> str | None:
    """Return the one spelling of an origin; None where no address is one like this."""
    try:
        if host.startswith("["):
            host = f"[{IPv6Address(host[1:-1])}]"
    except ValueError:
        return None
    number = _DEFAULT_PORTS.get(scheme) if port is None else int(port)
    if number is not None and number > _LAST_PORT:
        return None
    default = number == _DEFAULT_PORTS.get(scheme)
    return f"{scheme}://{host}" if default else f"{scheme}://{host}:{number}"


@dataclass(frozen=True)
class Origins:
    """A list of trusted origins: exact ones, ``https://*.example.org``, ``null``, or ``*``."""

    exact: frozenset[str]
    suffixes: tuple[tuple[str, str], ...]
    everyone: bool

    @classmethod
    def read(cls, listed: Iterable[str] | str) -> Origins:
        """Return the list that is written as *listed*. Raises InvalidOriginError."""
        exact, suffixes, everyone = set(), [], False
        for entry in (listed,) if isinstance(listed, str) else listed:
            text = entry.strip().lower() if isinstance(entry, str) else ""
            found = _LISTED.fullmatch(text)
            written = _written(found[1], found[3], found[4]) if found else None
            if text == "*":
                everyone = True
            elif text == "null":
                exact.add(text)
            elif found is None or written is None:
                raise InvalidOriginError(entry)
            elif found[2]:
                suffixes.append(_ends(written))
            else:
                exact.add(written)
        return cls(frozenset(exact), tuple(suffixes), everyone)

    def __contains__(self, origin: object) -> bool:
        """Tell whether *origin*, as :func:`origin_of` returned it, is trusted."""
        if self.everyone or origin in self.exact:
            return True
        return isinstance(origin, str) and any(
            origin.startswith(start) and origin.endswith(end) for start, end in self.suffixes
        )


def _ends(written: str) -> tuple[str, str]:
    """Return how an origin begins and ends whose host lies below that of *written*."""
    scheme, _, authority = written.partition("://")
    return f"{scheme}://", f".{authority}"
