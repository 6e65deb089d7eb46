"""Bodies that are sent while they are made, with a transaction of their own around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .unit import Unit


def carry(unit: Unit, body: Iterable[bytes], commit: bool) -> Iterator[bytes]:
    """Yield from *body*; *commit* what it did when it ends, undo it if it fails or is left.

    The commit comes before the end of the body is sent: if it fails, the client sees a body that
    was cut off. When the client has gone, this generator is closed after the request's last hook,
    so it holds the unit itself and not ``cherrypy.request``.
    """
    unit.streaming = True
    try:
        yield from body
        unit.end(commit)
    finally:
        try:
            unit.end(commit=False)
        finally:
            unit.over = True
