"""The answer to a request that cannot have the database."""

from __future__ import annotations

import cherrypy

from cpkit.errors import DatabaseUnavailableError


class ServiceUnavailable(cherrypy.HTTPError):  # type: ignore[misc]
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
