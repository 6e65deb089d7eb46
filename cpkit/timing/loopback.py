"""Which clients are on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")


def is_local(environ: Mapping[str, Any]) -> bool:
    """Tell whether the client of this WSGI *environ* is on this machine.

    The peer of the socket must be a loopback address, and no proxy may have forwarded the
    request: what X-Forwarded-For says is never believed. A proxy on this machine that adds none
    of the usual fields cannot be told from a local client.
    """
    peer = environ.get("REMOTE_ADDR", "").removeprefix("::ffff:")
    return (peer.startswith("127.") or peer == "::1") and not any(f in environ for f in _FORWARDED)
