"""A request's error pages: each is made when the work of its handler has ended."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import cherrypy

from cpkit.errors import handled


class Ending(Protocol):
    """A unit of work that has to end before the page is made."""

    def end_before_page(self) -> None:
        """End what the handler did."""

    def end(self, commit: bool) -> None:
        """Commit or roll back."""


class ErrorPages(dict[Any, Any]):
    """A request's error pages; each is made after the transactions of the handler have ended."""

    __slots__ = ("ending",)
    ending: list[Ending]

    def get(self, code: object, default: Any = None) -> Any:
        """Return the page for *code*."""
        page = super().get(code, default)
        return partial(self._make, page) if callable(page) else page

    def _make(self, page: Callable[..., object], **told: str) -> object:
        for unit in self.ending:
            unit.end_before_page()
        try:
            return page(**told)
        except BaseException:
            for unit in self.ending:
                unit.end(commit=False)
            raise


def makes_error_page() -> bool:
    """Tell whether the page of an HTTPError is made now: its status is that of the answer."""
    error = handled()
    status = cherrypy.serving.response.status
    return isinstance(error, cherrypy.HTTPError) and error.status == status
