"""What can go wrong in cpkit: each error carries its data and says what to do about it."""

from __future__ import annotations


class CpkitError(Exception):
    """Be the base of every error that cpkit raises on purpose."""
