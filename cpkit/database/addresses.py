"""Database URLs that can be shown: the password is masked."""

from __future__ import annotations

import re

# A password may hold anything, "/" and "#" too, and a URL may lack its "://" by mistake: what
# could be a password is masked, at the price of a host where a query has an "@".
_USERINFO = re.compile(r"(?s)(://[^:@/?#]*|^(?!.*://)[^:@]*):.*(?=@)")
_QUERY = re.compile(r"(?i)([?&;][^=&;]*(?:password|passwd|pwd|secret|token)[^=&;]*=)[^&;#]*")


def mask_password(url: str) -> str:
    """Return *url* with each password in it replaced by three asterisks.

    The one before the host is masked, and those in query parameters whose names tell of one.
    """
    return _QUERY.sub(r"\1***", _USERINFO.sub(r"\1:***", url))
