"""What a handler gets anew when it is called again, as the db tool does after a conflict."""

from __future__ import annotations

from collections.abc import Callable

from cpkit.cherry import Handler, Request

# Inside what runs the handler again (the db tool's retry, 69), so that each run has its own values.
RENEW = 64


def is_repeated(request: Request) -> bool:
    """Tell whether a tool may run the handler again, as the db tool does with ``retry``."""
    for tools in request.toolmaps.values():
        for settings in tools.values():
            if settings.get("retry"):
                return True
    return False


class Renewing:
    """A page handler before each call of which, but the first, *renew* is called."""

    def __init__(self, renew: Callable[[], None], handler: Handler) -> None:
        self._renew, self._handler = renew, handler
        self._called = False

    def __call__(self, *args: object, **kwargs: object) -> object:
        if self._called:
            self._renew()
        self._called = True
        return self._handler(*args, **kwargs)
