"""CherryPy's engine inside another WSGI server's process."""

from __future__ import annotations

import atexit
import logging
import sys
from typing import Any, NoReturn

import cherrypy

from cpkit.config_check import is_on_stderr

from .guard import RequestGuard

# gunicorn's "worker failed to boot", which ends it: after other codes it starts a worker again, and
# again. Others take it for any failure.
_FAILED = 3


def embedded_application(**guard: Any) -> RequestGuard:
    """Start CherryPy's engine for another WSGI server; return the application that it serves.

    Call it in the process that serves, after a fork. What is mounted is guarded by a
    :class:`RequestGuard`, which gets the keywords. CherryPy's own server stays out of it; errors
    that would be logged nowhere go to stderr, and to gunicorn's error log; the engine ends with the
    process. A start that fails ends the process with status 3, which has gunicorn end as well.
    """
    cherrypy.server.unsubscribe()
    if not _is_told(cherrypy.log.error_log):
        _tell(cherrypy.log.error_log)
    # A listener that fails has the engine exit, which would end the process with another status.
    cherrypy.engine.subscribe("exit", _fail, priority=100)
    try:
        cherrypy.engine.start()
    except SystemExit:
        _fail()
    finally:
        cherrypy.engine.unsubscribe("exit", _fail)
    # Before the engine's own handler (the last come first), which warns that nobody has done it.
    atexit.register(_end)
    return RequestGuard(cherrypy.tree, **guard)


def _is_told(logger: logging.Logger) -> bool:
    # CherryPy's own handler of nothing is no logging.NullHandler: it is known by what it lacks.
    return any(it.lock is not None for it in logger.handlers) or is_on_stderr(logger)


def _tell(logger: logging.Logger) -> None:
    """Have *logger* log to stderr, and to gunicorn's own log if that is elsewhere."""
    for handler in logging.getLogger("gunicorn.error").handlers:
        logger.addHandler(handler)
    if not is_on_stderr(logger):
        logger.addHandler(logging.StreamHandler())


def _end() -> None:
    """End the engine, unless it was stopped already, as after a test."""
    if cherrypy.engine.state is cherrypy.engine.states.STARTED:
        cherrypy.engine.exit()


def _fail() -> NoReturn:
    sys.exit(_FAILED)
