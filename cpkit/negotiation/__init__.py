"""Proactive content negotiation (RFC 9110, 12) as functions of values: no framework, no I/O."""

from __future__ import annotations

from .fields import vary
from .languages import negotiate_language, parse_tags
from .media_types import negotiate, parse_offers

__all__ = ["negotiate", "negotiate_language", "parse_offers", "parse_tags", "vary"]
