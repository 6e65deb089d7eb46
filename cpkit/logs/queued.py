"""Lines that a thread of their own writes: a request only adds its line to a queue."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections import deque
from typing import TextIO

from .lines import IS_JSON, JsonFormatter
from .request_ids import makes_plain_records

_EXTRA = {"is_json": IS_JSON}
_SECONDS = 0.1  # how long a line may wait


class QueuedHandler(logging.Handler):
    """A handler that hands lines to *target* in batches; at most *size* wait.

    Where more come than are written, those who log wait for the writing. A child process has no
    queue: many of them end without a word, and what waited would be lost.
    """

    def __init__(self, target: logging.StreamHandler[TextIO], size: int) -> None:
        super().__init__(target.level)
        self.target, self._size = target, size
        self._lines: deque[str] = deque()
        # A signal may interrupt the writing, and whoever handles it logs as well.
        self._writing = threading.RLock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        _handlers.add(self)

    def handle(self, record: logging.LogRecord) -> bool:
        """Add the line of *record* to the queue."""
        # PERF: no lock, since adding to a deque is one step; a lock would be handed over.
        for asked in (self, self.target):
            found = asked.filter(record)
            if not found:
                return False
            if isinstance(found, logging.LogRecord):  # since Python 3.12
                record = found
        try:
            self.add(self.target.format(record))
        except Exception:
            self.handleError(record)
        return True

    def add(self, line: str) -> None:
        """Add *line* to the queue."""
        self._lines.append(line)
        if self._thread is None:
            self.start()
        if len(self._lines) > self._size:
            self.flush()

    def takes_lines(self) -> bool:
        """Tell whether a line of JSON, of level INFO, is written as it is."""
        filters = self.filters or self.target.filters
        plain = type(self.target.formatter) is JsonFormatter
        return plain and not filters and self.level <= logging.INFO

    def start(self) -> None:
        """Start to write."""
        with self._writing:
            if self._thread is None and not self._stopped.is_set():
                self._thread = threading.Thread(target=self._run, name="cpkit-logs", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Write all lines that wait."""
        with self._writing:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if lines:
                text = self.target.terminator.join(lines)
                self._write(logging.makeLogRecord({"msg": text, "is_json": IS_JSON}))

    def _write(self, batch: logging.LogRecord) -> None:
        """Write *batch*, whose lines the target's filters have seen one by one."""
        self.target.acquire()
        try:
            self.target.emit(batch)
        except Exception:  # of a file that cannot be opened: else no line is written any more
            self.target.handleError(batch)
        finally:
            self.target.release()

    def close(self) -> None:
        """Write what waits, and what is logged from now on at once."""
        self._stopped.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._size = 0
        self.flush()
        super().close()

    def _run(self) -> None:
        while not self._stopped.wait(_SECONDS):
            self.flush()

    def _forget(self) -> None:
        """Leave to the parent what waits, and write at once from here on.

        NOTE: a lock that another thread had when the process was forked is never released.
        """
        self._lines.clear()
        self._writing, self._stopped = threading.RLock(), threading.Event()
        self._stopped.set()
        self._size, self._thread = 0, None


def log_line(logger: logging.Logger, line: str) -> None:
    """Log *line*, which is JSON, at level INFO.

    PERF: to make a record takes a twentieth of a request. None is made that nobody would see.
    """
    queue = _only_queue(logger)
    if queue is None:
        logger.info(line, extra=_EXTRA)
    elif logger.isEnabledFor(logging.INFO):
        queue.add(line)


def _only_queue(logger: logging.Logger) -> QueuedHandler | None:
    """Return the queue of *logger* if nothing else would see its records."""
    if logger.filters or type(logger) is not logging.Logger or not makes_plain_records():
        return None
    found, asked = None, logger
    while asked is not None:
        for handler in asked.handlers:
            if handler.lock is None:  # one that does nothing: CherryPy's, or logging's
                continue
            if found or type(handler) is not QueuedHandler or not handler.takes_lines():
                return None
            found = handler
        asked = asked.parent if asked.propagate else None  # type: ignore[assignment]
    return found


_handlers: weakref.WeakSet[QueuedHandler] = weakref.WeakSet()


def _after_fork() -> None:
    for handler in list(_handlers):
        handler._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
