"""Requests that read from a replica, and the others from the database that it follows."""

from __future__ import annotations

from dataclasses import replace

from cpkit.cherry import Request

from .requests import SAFE, Loan
from .retry import COMMITTED
from .terms import LoanSettings


class DividedLoan:
    """What one configuration lends to requests from two databases.

    A request that only reads, by its method or as ``write`` says, gets all of its unit from the
    replica; any other reads from the database to which it writes.
    """

    def __init__(self, name: str, plugin: str, settings: LoanSettings) -> None:
        assert settings.read_plugin is not None  # noqa: S101
        self._write = settings.write
        self._own = Loan(name, plugin, settings)
        self._replica = Loan(
            name, settings.read_plugin, replace(settings, plugin=None, write=False)
        )

    def lend(self, request: Request) -> None:
        """Put a unit of work on the request."""
        if self._write is None:
            reads = request.method in SAFE and not self._has_written(request)
        else:
            reads = not self._write
        (self._replica if reads else self._own).lend(request)

    def _has_written(self, request: Request) -> bool:
        """Tell whether what redirected to *request* internally has stored something.

        The replica may not have it yet.
        """
        before = vars(request).get("prev")
        while before is not None:
            known = vars(before)
            unit = known.get(self._own.key)
            if COMMITTED in known or (unit is not None and unit.committed):
                return True
            before = known.get("prev")
        return False
