"""CherryPy's process-wide state: what of it a test may change, and how it is put back."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

import cherrypy
from cherrypy.lib import caching, sessions
from cherrypy.process import wspbus

from cpkit.cherry import CPWSGIApp, Entity, LogManager, Part, RequestBody, Tree
from cpkit.errors import EngineExitError, EngineRestartError

from ._snapshot import remember_attributes, remember_format

_CLASSES = (
    cherrypy.Application,
    Tree,
    cherrypy.Application.request_class,
    cherrypy.Application.response_class,
    Entity,
    Part,
    RequestBody,
    CPWSGIApp,
    LogManager,
    sessions.Session,
    sessions.RamSession,
    sessions.FileSession,
    sessions.MemcachedSession,
    caching.MemoryCache,
    *type(cherrypy.config).__mro__[:2],
)
_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGUSR1")]


class _GuardedOs:
    """The ``os`` that CherryPy's engine sees: it leaves the test process alive."""

    def __init__(self) -> None:
        self._pid = os.getpid()

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def _exit(self, code: int) -> NoReturn:
        if os.getpid() != self._pid:  # a forked child ends as it likes
            os._exit(code)  # pragma: no cover
        raise EngineExitError(code)

    def execv(self, path: str, arguments: list[str]) -> NoReturn:
        raise EngineRestartError


class Isolation:
    """CherryPy's state as it was on creation; :meth:`end` puts it back and stops what was begun.

    If the engine already runs, a wider fixture owns the state and nothing is touched.
    """

    def __init__(self) -> None:
        self.owned = cherrypy.engine.state is not wspbus.states.STARTED
        if not self.owned:
            return
        self._modules = list(sys.modules)
        self._restores = [remember_attributes(target) for target in _targets()]
        self._signals = {number: signal.getsignal(number) for number in _SIGNALS}
        self._handlers = set(_handlers())
        self._restores += map(remember_format, self._handlers)
        self._factory = logging.getLogRecordFactory()
        self._apps = set(map(id, cherrypy.tree.apps.values()))
        self._log_managers = _log_managers()
        self._cache = vars(cherrypy).get("_cache")
        self._os, wspbus.os = wspbus.os, _GuardedOs()
        # NOTE: any true value keeps a session from starting its cleaner, a thread that sleeps
        # for five minutes and cannot be woken.
        sessions.Session.clean_thread = sessions.Session.clean_thread or "not while testing"
        caching.MemoryCache.expire_cache = _expire_until_retired
        # NOTE: CPWebCase's module counts requests from the start of the engine, and fails before.
        if counting := sys.modules.get("cherrypy.lib.gctools"):
            vars(counting.request_counter).setdefault("count", 0)

    def end(self) -> None:
        """Put everything back."""
        if not self.owned:
            return
        _retire(vars(cherrypy).get("_cache"), self._cache)
        for app in cherrypy.tree.apps.values():
            if id(app) not in self._apps:
                _forget_favicon(getattr(app, "root", None))
        begun = _log_managers() - self._log_managers
        handlers = set(_handlers()) | {h for log in begun for h in _handlers_of(log)}
        for handler in handlers - self._handlers:
            handler.close()
        for log in begun:
            logging.Logger.manager.loggerDict.pop(log.error_log.name, None)
            logging.Logger.manager.loggerDict.pop(log.access_log.name, None)
        imported = registered_since(self._modules)
        for restore in self._restores:
            restore()
        for holder, name, value in imported:
            holder.setdefault(name, value)
        self._restore_process()

    def _restore_process(self) -> None:
        wspbus.os = self._os
        logging.setLogRecordFactory(self._factory)
        atexit.unregister(cherrypy.engine._clean_exit)
        if threading.current_thread() is threading.main_thread():
            for number, handler in self._signals.items():
                if signal.getsignal(number) is not handler:
                    signal.signal(number, handler)


def _targets() -> Iterator[Any]:
    """Yield every object whose attributes are CherryPy's process-wide state."""
    yield cherrypy
    yield from (cherrypy.engine, cherrypy.server, cherrypy.tree, cherrypy.log, cherrypy.checker)
    yield from (cherrypy.serving, cherrypy.thread_data)
    # Those outside of requests: the checker changes one, handlers that a test calls the other.
    yield from (type(cherrypy.serving).request, type(cherrypy.serving).response)
    yield from _CLASSES
    yield from cherrypy.Application.toolboxes.values()
    yield cherrypy.tools.log_headers  # of which LogPlugin changes the callable
    yield from getattr(cherrypy, "servers", {}).values()
    yield from (each for each in vars(cherrypy.engine).values() if hasattr(each, "bus"))
    yield from (logging.getLogger(name) for name in ("cherrypy.error", "cherrypy.access"))
    if "_cache" in vars(cherrypy):
        yield cherrypy._cache
    for app in cherrypy.tree.apps.values():
        if isinstance(app, cherrypy.Application):
            yield from (app, app.log, app.wsgiapp, app.log.error_log, app.log.access_log)


def _log_managers() -> set[Any]:
    """Return the log managers of applications: each listens on the engine, and so stays alive."""
    owners = (getattr(each, "__self__", None) for each in cherrypy.engine.listeners["graceful"])
    return {each for each in owners if getattr(each, "appid", None) is not None}


def _handlers() -> list[logging.Handler]:
    apps = (app for app in cherrypy.tree.apps.values() if isinstance(app, cherrypy.Application))
    return [h for log in (cherrypy.log, *(app.log for app in apps)) for h in _handlers_of(log)]


def _handlers_of(log: Any) -> list[logging.Handler]:
    return [*log.error_log.handlers, *log.access_log.handlers]


def _forget_favicon(root: Any) -> None:
    """Take back the favicon handler that ``tree.mount`` puts on a root object."""
    handler = getattr(root, "__dict__", {}).get("favicon_ico")
    held = [cell.cell_contents for cell in getattr(handler, "__closure__", None) or ()]
    if (_FAVICON,) in held:
        del root.favicon_ico


_FAVICON = os.path.join(os.getcwd(), os.path.dirname(cherrypy.__file__), "favicon.ico")
_expire = caching.MemoryCache.expire_cache


class _Retired:
    """What ends the thread of a cache that looks here for what has expired."""

    def copy(self) -> NoReturn:
        raise SystemExit


def _expire_until_retired(cache: Any) -> None:
    # NOTE: CherryPy's loop has no end of its own; SystemExit is what its caller lets pass.
    try:
        _expire(cache)
    except SystemExit:
        return


def _retire(cache: Any, before: Any) -> None:
    if cache is not None and cache is not before and hasattr(cache, "expirations"):
        cache.expirations = _Retired()


_Registration = tuple[dict[str, Any], str, object]


def registered_since(modules: list[str]) -> list[_Registration]:
    """Return the toolboxes and tools that came with modules imported since *modules* were.

    A module registers its tools when it is first imported, and only then: were they taken back
    after the test in which that happened to be, every later test would miss them.
    """
    if modules == list(sys.modules):  # PERF: as a rule
        return []
    new = sys.modules.keys() - modules
    return [entry for entry in _registrations() if _came_with(new, entry[2])]


def _registrations() -> Iterator[_Registration]:
    boxes = cherrypy.Application.toolboxes
    for holder in (boxes, *map(vars, boxes.values())):
        yield from ((holder, name, value) for name, value in list(holder.items()))


def _came_with(modules: set[str], value: object) -> bool:
    if isinstance(value, cherrypy.Tool):
        return getattr(value.callable, "__module__", None) in modules
    held = (vars(sys.modules[name]) for name in modules if name in sys.modules)
    return any(value is each for names in held for each in names.values())
