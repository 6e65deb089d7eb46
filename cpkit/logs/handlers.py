"""The handlers of loggers, which write JSON for a while."""

from __future__ import annotations

import logging

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

    def reopen(self) -> None:
        """Open the files anew that stand behind a queue; CherryPy opens the others."""
        for _, queued in self._queued:
            if isinstance(queued.target, logging.FileHandler):
                queued.flush()
                queued.target.close()  # the next line opens it

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


def _writes_json(handler: logging.Handler) -> bool:
    return isinstance(handler.formatter, JsonFormatter)


def _writes_bare_messages(handler: logging.Handler) -> bool:
    if isinstance(handler, logging.NullHandler) or _writes_json(handler):
        return False
    try:
        return handler.formatter is None or handler.formatter.format(_PROBE) == "as it is"
    except Exception:  # it wants a field that this record has not
        return False
