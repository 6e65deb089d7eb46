"""A cookie jar as RFC 6265 describes it: domains, paths and expiry."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz
from http.cookies import SimpleCookie
from math import inf

from cpkit.errors import RequestArgumentError

from ._request import is_sendable

_CODEC: SimpleCookie = SimpleCookie()


@dataclass(frozen=True)
class Cookie:
    """A cookie: its value as it goes over the wire, and where it may be sent.

    *expires* is in seconds since the epoch.
    """

    name: str
    value: str
    domain: str
    path: str = "/"
    host_only: bool = True
    secure: bool = False
    expires: float = inf

    def fits(self, host: str, path: str, *, secure: bool) -> bool:
        """Tell whether a request for *path* of *host* carries this cookie (RFC 6265, 5.4)."""
        if self.secure and not secure:
            return False
        if self.host_only:
            return host == self.domain and _path_matches(path, self.path)
        return _domain_matches(host, self.domain) and _path_matches(path, self.path)


class Cookies(MutableMapping[str, str]):
    """The cookies that a client keeps between requests, read and written by name like a dict.

    A value that is set by hand is sent with every path of every host, until a server sets or
    expires the cookie of that name. *clock* tells the time in seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._jar: dict[tuple[str, str, str], Cookie] = {}

    def __repr__(self) -> str:
        return f"<Cookies {dict(self)}>"

    def copy(self) -> Cookies:
        """Return the same cookies, to be kept apart from now on."""
        other = Cookies(self.clock)
        other._jar = self._jar.copy()
        return other

    def receive(self, field: str, host: str, path: str) -> None:
        """Store the cookie of one Set-Cookie *field*, or forget the one it expires."""
        cookie = parse_set_cookie(field, host, path, self.clock())
        if cookie is None:
            return
        self._jar.pop(("", "/", cookie.name), None)  # set by hand, and now the server's
        key = (cookie.domain, cookie.path, cookie.name)
        if cookie.expires <= self.clock():
            self._jar.pop(key, None)
        else:
            self._jar[key] = cookie

    def field(self, host: str, path: str, *, secure: bool) -> str:
        """Return the Cookie field for a request, longer paths first (RFC 6265, 5.4)."""
        if not self._jar:
            return ""
        fitting = [each for each in self._live() if each.fits(host, path, secure=secure)]
        fitting.sort(key=lambda cookie: -len(cookie.path))
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in fitting)

    def __getitem__(self, name: str) -> str:
        for cookie in self._live():
            if cookie.name == name:
                return str(_CODEC.value_decode(cookie.value)[0])
        raise KeyError(name)

    def __setitem__(self, name: str, value: str) -> None:
        coded = _CODEC.value_encode(value)[1]
        if not is_sendable(coded):
            raise RequestArgumentError("cookies", f"has {value!r} in {name!r}: give Latin-1")
        del self[name]
        self._jar["", "/", name] = Cookie(name, coded, domain="", host_only=False)

    def __delitem__(self, name: str) -> None:
        self._jar = {key: cookie for key, cookie in self._jar.items() if cookie.name != name}

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(cookie.name for cookie in self._live()))

    def __len__(self) -> int:
        return len({cookie.name for cookie in self._live()})

    def _live(self) -> list[Cookie]:
        now = self.clock()
        return [cookie for cookie in self._jar.values() if cookie.expires > now]


def parse_set_cookie(field: str, host: str, path: str, now: float) -> Cookie | None:
    """Return the cookie of a Set-Cookie *field* that *host* sent for *path*; None if it may not.

    *now* is in seconds since the epoch. RFC 6265, 5.2 and 5.3.
    """
    pair, *attributes = field.split(";")
    name, _, value = (part.strip() for part in pair.partition("="))
    given = dict(_attribute(text) for text in attributes)
    domain = given.get("domain", "").lstrip(".").lower()
    if not name or (domain and not _domain_matches(host, domain)):
        return None
    wanted = given.get("path", "")
    return Cookie(
        name,
        value,
        domain=domain or host,
        path=wanted if wanted.startswith("/") else _default_path(path),
        host_only=not domain,
        secure="secure" in given,
        expires=_expiry(given, now),
    )


def _attribute(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip().lower(), value.strip()


def _expiry(given: dict[str, str], now: float) -> float:
    """Return when a cookie expires; Max-Age has the last word, what cannot be read has none."""
    age = given.get("max-age", "")
    if age.removeprefix("-").isdecimal():
        return now + int(age) if int(age) > 0 else -inf
    date = parsedate_tz(given.get("expires", ""))
    return mktime_tz(date) if date else inf


def _default_path(path: str) -> str:
    return path[: path.rfind("/")] or "/" if path.startswith("/") else "/"


def _path_matches(path: str, wanted: str) -> bool:
    """Tell whether *path* is *wanted* or lies below it (RFC 6265, 5.1.4)."""
    return path.startswith(wanted) and (
        len(path) == len(wanted) or wanted.endswith("/") or path[len(wanted)] == "/"
    )


def _domain_matches(host: str, domain: str) -> bool:
    """Tell whether *host* is *domain* or a subdomain (RFC 6265, 5.1.3); "" stands for any host."""
    if not domain or host == domain:
        return True
    is_address = host.rpartition(".")[2].isdecimal()
    return host.endswith("." + domain) and not is_address
