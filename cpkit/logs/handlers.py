"""The handlers of loggers, which write JSON for a while."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator

from .lines import JsonFormatter
from .queued import QueuedHandler

_PROBE = logging.makeLogRecord({"msg": "as it is"})


class JsonHandlers:
    """Handlers that write bare messages, made to write lines of JSON until they are given back.

    Others have a format of their own, and keep it.
    """

    def __init__(self) -> None:
        self._formatted: list[tuple[logging.Handler, logging.Formatter | None]] = []
        self._queued: list[tuple[logging.Logger, QueuedHandler]] = []

    def take(self, logger: logging.Logger) -> None:
        """Have the handlers of *logger* write JSON, if they don't."""
        for handler in logger.handlers:
            if _writes_bare_messages(handler):
                self._formatted.append((handler, handler.formatter))
                handler.setFormatter(JsonFormatter())

    def queue(self, logger: logging.Logger, size: int) -> None:
        """Put a queue of *size* lines before the handlers of *logger* that write to a stream."""
        for number, handler in enumerate(logger.handlers):
            if isinstance(handler, logging.StreamHandler) and _writes_json(handler):
                logger.handlers[number] = queued = QueuedHandler(handler, size)
                self._queued.append((logger, queued))

    def reopen(self, loggers: Iterable[logging.Logger]) -> Iterator[OSError]:
        """Open the files of *loggers*, and those behind a queue, anew; yield what cannot be."""
        behind = [queued for _, queued in self._queued]
        for handler in dict.fromkeys([*behind, *(it for each in loggers for it in each.handlers)]):
            target = handler
            if isinstance(handler, QueuedHandler):
                handler.flush()
                target = handler.target
            if isinstance(target, logging.FileHandler):
                try:
                    _reopen(target)
                except OSError as error:
                    yield error

    def unqueue(self) -> None:
        """Write what waits; from here on lines are written at once."""
        for logger, queued in self._queued:
            queued.close()
            if queued in logger.handlers:
                logger.handlers[logger.handlers.index(queued)] = queued.target
        self._queued = []

    def give_back(self) -> None:
        """Leave the handlers as they were."""
        self.unqueue()
        for handler, formatter in self._formatted:
            handler.setFormatter(formatter)
        self._formatted = []


def _reopen(handler: logging.FileHandler) -> None:
    """Open the file of *handler* anew; if that raises OSError, it keeps the one that it has.

    NOTE: CherryPy closes the file first. Where another cannot be opened it keeps the handler's
    lock, for which every thread that logs then waits, and its error ends the main thread.
    """
    handler.acquire()
    try:
        before = handler.stream
        if before is None:  # the next line opens it
            return
        handler.stream = open(  # type: ignore[assignment]  # noqa: SIM115
            handler.baseFilename, handler.mode, encoding=handler.encoding, errors=handler.errors
        )
        with contextlib.suppress(OSError):  # of a disk that is full
            before.close()
    finally:
        handler.release()


def _writes_json(handler: logging.Handler) -> bool:
    return isinstance(handler.formatter, JsonFormatter)


def _writes_bare_messages(handler: logging.Handler) -> bool:
    if isinstance(handler, logging.NullHandler) or _writes_json(handler):
        return False
    try:
        return handler.formatter is None or handler.formatter.format(_PROBE) == "as it is"
    except Exception:  # it wants a field that this record has not
        return False
