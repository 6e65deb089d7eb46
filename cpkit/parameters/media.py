"""The media type of a request's body (RFC 9110, 8.3)."""

from __future__ import annotations

from typing import Any, NamedTuple

from cpkit.errors import InvalidOfferError
from cpkit.negotiation import parse_offers

from .refusals import InvalidRequest

_UTF_8 = ("utf-8", "utf8", "us-ascii")


class Content(NamedTuple):
    """A media type in lower case, and the charset that goes with it."""

    kind: str
    charset: str

    def check_charset(self, accept: str) -> None:
        """Raise InvalidRequest (415) for another charset than UTF-8; *accept* is the field."""
        if self.charset not in _UTF_8:
            raise InvalidRequest(415, "Send UTF-8.", Accept=accept)


def check_coding(request: Any, accept: str) -> None:
    """Raise InvalidRequest (415) for a body in a content coding (RFC 9110, 8.4 and 15.5.16)."""
    coding = dict.get(request.headers, "Content-Encoding", "identity")
    if coding.strip().lower() not in ("", "identity"):
        detail = "Send it without a Content-Encoding."
        raise InvalidRequest(415, detail, Accept=accept, Accept_Encoding="identity")


def content_of(request: Any) -> Content | None:
    """Return what the Content-Type of *request* says; None: nothing that can be read."""
    field = dict.get(request.headers, "Content-Type")
    if not field:
        return None
    try:
        offer = parse_offers((field,))[0]
    except InvalidOfferError:
        return None
    return Content(offer.kind, offer.parameters.get("charset", "utf-8"))
