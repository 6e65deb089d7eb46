"""The units of work that are begun outside of requests: who leaves one open can be found."""

from __future__ import annotations

import threading
from types import FrameType
from weakref import WeakKeyDictionary

from .unit import Unit


class Begun:
    """The units of work that a database has lent to code of its own, and where each was begun."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._units: WeakKeyDictionary[Unit, tuple[str, int, str]] = WeakKeyDictionary()

    def note(self, unit: Unit, frame: FrameType | None) -> None:
        """Note that *unit* was begun by what runs in *frame*."""
        if frame is not None:
            thread = threading.current_thread().name
            with self._mutex:
                self._units[unit] = frame.f_code.co_filename, frame.f_lineno, thread

    def still_open(self) -> list[str]:
        """Return where each was begun that has a connection now."""
        with self._mutex:
            found = list(self._units.items())
        return [
            f"{file}, line {line}, in the thread {thread}"
            for unit, (file, line, thread) in found
            if unit.opened
        ]
