"""The units of work that are begun outside of requests: who leaves one open can be found."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from types import CodeType, FrameType

from .unit import Unit

_MOST = 256  # notes, before those of units that are gone are forgotten

Note = tuple[Callable[[], Unit | None], CodeType, int, int]


class Begun:
    """The units of work that may write and were begun by code of its own, and where."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._notes: list[Note] = []

    def note(self, unit: Unit, frame: FrameType | None) -> None:
        """Note that *unit* was begun by what runs in *frame*."""
        if frame is None:
            return
        # PERF: no more than what can be told later.
        note = weakref.ref(unit), frame.f_code, frame.f_lasti, threading.get_ident()
        with self._mutex:
            self._notes.append(note)
            if len(self._notes) > _MOST:
                self._notes = [each for each in self._notes if each[0]() is not None]

    def still_open(self) -> list[str]:
        """Return where each was begun that has a connection now."""
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        return [
            f"{code.co_filename}, line {_line(code, at)}, in the thread {names.get(thread, thread)}"
            for found, code, at, thread in list(self._notes)
            if (unit := found()) is not None and unit.opened
        ]


def _line(code: CodeType, at: int) -> int | None:
    return next((line for start, end, line in code.co_lines() if start <= at < end), None)
