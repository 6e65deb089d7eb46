"""Whether a page of another site had a browser send a request (W3C Fetch Metadata, RFC 6454)."""

from __future__ import annotations

from .origin import Origins, origin_of, same_authority

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, 9.2.1


def is_cross_site(site: str | None, origin: str | None, host: str | None, trusted: Origins) -> bool:
    """Tell whether a page of an origin that is not *trusted* had a browser send this.

    *site*, *origin* and *host* are the fields Sec-Fetch-Site, Origin and Host. A browser that
    sends the first is believed. One that does not, over plain http or for its age, sends Origin
    with every unsafe method, whose host is held against Host. What sends neither is no browser,
    and no page can make it send anything.
    """
    if site is not None and site.strip().lower() in ("same-origin", "none"):
        return False
    if site is None and origin is None:
        return False
    source = origin_of(origin)
    if source is not None and source in trusted:
        return False
    return site is not None or source is None or not same_authority(source, host)
