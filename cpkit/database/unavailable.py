"""The answer to a request that cannot have the database."""

from __future__ import annotations

import cherrypy

from cpkit.errors import DatabaseUnavailableError

from .faults import Fault, fault_of

# What is over soon, so that the answer is 503 and not 500, and in how many seconds.
_PASSING = (Fault.BUSY, Fault.CONFLICT, Fault.GONE, Fault.FULL)
_RETRY_AFTER = 1


class ServiceUnavailable(cherrypy.HTTPError):
    """Answer 503 with Retry-After, which CherryPy strips from its own errors."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(503, "The database is not available at the moment.")

    def set_response(self) -> None:
        """Set the error page and say when to come back (RFC 9110, 10.2.3)."""
        super().set_response()
        cherrypy.serving.response.headers["Retry-After"] = str(self.retry_after)


def refuse(error: DatabaseUnavailableError) -> ServiceUnavailable:
    """Return the answer that *error* means."""
    return ServiceUnavailable(error.retry_after)


def unavailable(error: BaseException | None) -> ServiceUnavailable | None:
    """Return the answer to a failure of the database that will pass, None to any other error."""
    if isinstance(error, ServiceUnavailable):
        return error
    if isinstance(error, DatabaseUnavailableError):
        return refuse(error)
    fault = fault_of(error)
    if fault is Fault.FULL:
        cherrypy.log("The disk of the database is full.", "CPKIT.DB", severity=50)
    return ServiceUnavailable(_RETRY_AFTER) if fault in _PASSING else None
