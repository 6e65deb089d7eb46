"""A database that is not to be had at the moment: a 503, and a line a minute in the log."""

from __future__ import annotations

import time

import cherrypy

from cpkit.errors import DatabaseUnavailableError, TransactionLostError
from cpkit.logs.printable import printable

from .faults import Fault, fault_of

# What is over soon, so that the answer is 503 and not 500, and in how many seconds.
_ANSWERED_503 = (Fault.BUSY, Fault.CONFLICT, Fault.GONE, Fault.FULL)
_RETRY_AFTER = 1


class ServiceUnavailable(cherrypy.HTTPError):
    """A 503 with Retry-After, which CherryPy strips from its own errors."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(503, "The database is not available at the moment.")

    def set_response(self) -> None:
        """Set the error page and say when to come back (RFC 9110, 10.2.3)."""
        super().set_response()
        cherrypy.serving.response.headers["Retry-After"] = str(self.retry_after)


class Minutes:
    """The minutes in each of which one line is enough."""

    _silent_until = 0.0

    def is_new(self) -> bool:
        """Tell whether a minute has passed since it was the last time."""
        now = time.monotonic()
        if now < self._silent_until:
            return False
        self._silent_until = now + 60
        return True


class Seldom:
    """What is said of failures that will pass: a line a minute, however many requests fail."""

    def __init__(self) -> None:
        self._minutes, self._failed = Minutes(), 0

    def __call__(self, error: BaseException | None, **_of_the_tool: object) -> None:
        """Log *error*, whose traceback tells nothing new, unless one was logged this minute."""
        self._failed += 1
        if not self._minutes.is_new():
            return
        count, self._failed = self._failed, 0
        reason = printable(str(getattr(error, "orig", error)))[:500]
        cherrypy.log(f"{count} failed, answered 503: {reason}", "CPKIT.DB", 30)


say_seldom = Seldom()
_minutes_of_a_full_disk = Minutes()


def unavailable(error: BaseException | None) -> ServiceUnavailable | None:
    """Return the answer to a failure of the database that will pass, None to any other error."""
    if isinstance(error, ServiceUnavailable):
        return error
    if isinstance(error, DatabaseUnavailableError):
        return ServiceUnavailable(error.retry_after)
    if isinstance(error, TransactionLostError):
        error = error.__cause__
    fault = fault_of(error)
    if fault is Fault.FULL and _minutes_of_a_full_disk.is_new():  # the log may be on that disk
        cherrypy.log("The disk of the database is full.", "CPKIT.DB", severity=50)
    return ServiceUnavailable(_RETRY_AFTER) if fault in _ANSWERED_503 else None
