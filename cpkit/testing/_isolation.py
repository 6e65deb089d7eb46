"""CherryPy's process-wide state: what of it a test may change, and how it is put back."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any, ClassVar, NoReturn

import cherrypy
from cherrypy.lib import caching, sessions
from cherrypy.process import wspbus
from cherrypy.process.plugins import BackgroundTask

from cpkit.errors import EngineExitError, EngineRestartError

from ._snapshot import Remembered, remember_format

# CherryPy's own, and those that applications give it; Windows has the first two.
_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2")


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

    _last: ClassVar[dict[int, Remembered]] = {}

    def __init__(self) -> None:
        self.owned = cherrypy.engine.state is not wspbus.states.STARTED
        if not self.owned:
            return
        self._modules = list(sys.modules)
        self._state = Isolation._last = {id(each): self._remember(each) for each in _targets()}
        self._threads, self._served = set(threading.enumerate()), cherrypy.server.running
        numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
        self._signals = {number: signal.getsignal(number) for number in numbers}
        self._handlers = set(_handlers())
        self._formats = [remember_format(each) for each in self._handlers]
        self._factory = logging.getLogRecordFactory()
        self._apps = set(map(id, cherrypy.tree.apps.values()))
        self._log_managers = _log_managers()
        self._cache = vars(cherrypy).get("_cache")
        wspbus.os = _GuardedOs()
        # NOTE: any true value keeps a session from starting its cleaner, a thread that sleeps
        # for five minutes and cannot be woken.
        sessions.Session.clean_thread = sessions.Session.clean_thread or "not while testing"
        caching.MemoryCache.expire_cache = _expire_until_retired
        # NOTE: CPWebCase's module counts requests from the start of the engine, and fails before.
        if counting := sys.modules.get("cherrypy.lib.gctools"):
            vars(counting.request_counter).setdefault("count", 0)

    def end(self) -> None:
        """Stop what was begun, and put everything back."""
        if not self.owned:
            return
        try:
            self._stop_what_began()
        finally:
            self._put_back()

    def _remember(self, target: Any) -> Remembered:
        """Return what *target* holds. PERF: as a rule it is what it held when a test began."""
        last = self._last.get(id(target))
        known = last is not None and last.target is target and last.is_unchanged()
        return last if known and last else Remembered(target)

    def _stop_what_began(self) -> None:
        engine, server = cherrypy.engine, cherrypy.server
        if engine.state not in (wspbus.states.STOPPED, wspbus.states.EXITING):
            engine.exit()
        if server.running and not self._served:
            server.stop()
        for thread in set(threading.enumerate()) - self._threads:
            if isinstance(thread, BackgroundTask):  # of a Monitor
                thread.cancel()
        _retire(vars(cherrypy).get("_cache"), self._cache)

    def _put_back(self) -> None:
        for app in cherrypy.tree.apps.values():
            if id(app) not in self._apps:
                _forget_favicon(getattr(app, "root", None))
        self._forget_loggers()
        imported = registered_since(self._modules)
        for each in self._state.values():
            each.put_back()
        for restore in self._formats:
            restore()
        for holder, name, value in imported:
            holder.setdefault(name, value)
        self._restore_process()

    def _forget_loggers(self) -> None:
        begun = _log_managers() - self._log_managers
        handlers = set(_handlers()) | {h for log in begun for h in _handlers_of(log)}
        for handler in handlers - self._handlers:
            handler.close()
        for log in begun:
            logging.Logger.manager.loggerDict.pop(log.error_log.name, None)
            logging.Logger.manager.loggerDict.pop(log.access_log.name, None)

    def _restore_process(self) -> None:
        logging.setLogRecordFactory(self._factory)
        atexit.unregister(cherrypy.engine._clean_exit)
        if threading.current_thread() is threading.main_thread():
            for number, handler in self._signals.items():
                if signal.getsignal(number) is not handler:
                    signal.signal(number, handler)


def _targets() -> Iterator[Any]:
    """Yield every object whose attributes are CherryPy's process-wide state."""
    yield from _code.found()
    yield from (cherrypy.engine, cherrypy.server, cherrypy.tree, cherrypy.log, cherrypy.checker)
    yield from (cherrypy.serving, cherrypy.thread_data)
    # Those outside of requests: the checker changes one, handlers that a test calls the other.
    yield from (type(cherrypy.serving).request, type(cherrypy.serving).response)
    for toolbox in cherrypy.Application.toolboxes.values():
        yield toolbox
        yield from (each for each in vars(toolbox).values() if isinstance(each, cherrypy.Tool))
    yield from getattr(cherrypy, "servers", {}).values()
    yield from (each for each in vars(cherrypy.engine).values() if hasattr(each, "bus"))
    yield from map(logging.getLogger, ("cherrypy", "cherrypy.error", "cherrypy.access"))
    if "_cache" in vars(cherrypy):
        yield cherrypy._cache
    for app in cherrypy.tree.apps.values():
        if isinstance(app, cherrypy.Application):
            yield from (app, app.log, app.wsgiapp, app.log.error_log, app.log.access_log)


class _Code:
    """CherryPy's modules and the classes in them, and those that applications are made of."""

    def __init__(self) -> None:
        self._modules: list[str] = []
        self._found: list[Any] = []

    def found(self) -> list[Any]:
        """Return them all. PERF: they are looked for where a module was imported."""
        modules = list(sys.modules)
        if modules != self._modules:
            self._modules = modules
            self._found = list(_modules_and_classes())
        return self._found


_code = _Code()


def _modules_and_classes() -> Iterator[ModuleType | type]:
    for name, module in list(sys.modules.items()):
        if f"{name}.".startswith("cherrypy.") and not f"{name}.".startswith("cherrypy.test."):
            yield module
            for each in vars(module).values():
                if isinstance(each, type) and each.__module__ == name:
                    yield each


def _log_managers() -> set[Any]:
    """Return the log managers of applications: what listens on the engine keeps each alive."""
    owners = {getattr(each, "__self__", None) for each in cherrypy.engine.listeners["graceful"]}
    # A LogPlugin listens in the place of those whose files it opens anew.
    owners.update(*(getattr(each, "reopens", ()) for each in owners))
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
    """Return the toolboxes, tools and sessions that came with modules imported since *modules*.

    A module registers them when it is first imported, and only then: were they taken back
    after the test in which that happened to be, every later test would miss them.
    """
    if modules == list(sys.modules):  # PERF: as a rule
        return []
    new = sys.modules.keys() - modules
    return [entry for entry in _registrations() if _came_with(new, entry[2])]


def _registrations() -> Iterator[_Registration]:
    boxes = cherrypy.Application.toolboxes
    # The kinds of sessions are the classes in CherryPy's module.
    for holder in (boxes, vars(sessions), *map(vars, boxes.values())):
        yield from ((holder, name, value) for name, value in list(holder.items()))


def _came_with(modules: set[str], value: object) -> bool:
    if isinstance(value, cherrypy.Tool):
        return getattr(value.callable, "__module__", None) in modules
    held = (vars(sys.modules[name]) for name in modules if name in sys.modules)
    return any(value is each for names in held for each in names.values())
