"""A transaction on a borrowed connection: how it begins, and whether it is still there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cpkit.errors import DatabaseUnavailableError, TransactionLostError

if TYPE_CHECKING:
    from .pool import Borrowed
    from .terms import Terms


class Transaction:
    """A transaction of which the driver knows.

    It may be lost behind a handler's back: by an error that the handler has caught, or by what
    the server did for another's sake. So it is looked at before it is gone on with.
    """

    lost_by: Exception | None = None
    _failed = False  # a statement in it

    def __init__(self, borrowed: Borrowed, terms: Terms) -> None:
        """Begin; raise DatabaseBusyError if another process writes for too long."""
        self._borrowed, backend, driver = borrowed, borrowed.backend, borrowed.driver
        try:
            waited = backend.begin(driver, terms, borrowed.waited)
        except DatabaseUnavailableError:
            borrowed.since = time.monotonic()  # another process kept others from writing
            raise
        borrowed.since, borrowed.waited = borrowed.since + waited, 0.0
        if terms.set_local:
            values = {name: it() if callable(it) else it for name, it in terms.set_local.items()}
            backend.set_local(driver, values)

    def note_failure(self, error: Exception) -> None:
        """Take note that a statement failed with *error*, which may have ended all of it."""
        self._failed = True
        borrowed = self._borrowed
        if self.lost_by is None and borrowed.backend.is_lost_by(borrowed.driver, error):
            self.lost_by = error

    def check(self) -> None:
        """Raise TransactionLostError if COMMIT would keep nothing, or not all."""
        borrowed = self._borrowed
        if self.lost_by is not None or borrowed.backend.is_lost(borrowed.driver, self._failed):
            raise TransactionLostError from self.lost_by
