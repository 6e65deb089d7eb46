"""What is mounted on ``cherrypy.tree``: how a test's application gets there, and what answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import cherrypy

from cpkit.cherry import Tree
from cpkit.config_check import faults
from cpkit.errors import CpkitError, DatabaseNotRunningError, NothingMountedError

from ._exchange import StartResponse
from ._marker import Options, Sections


def mount(options: Options, root: object) -> None:
    """Apply the configuration of *options*, and mount *root* with it where they say.

    A tree of applications takes the place of ``cherrypy.tree``.
    Without a root an application is mounted only if there are sections of one: it may have a
    dispatcher that needs none.
    """
    config = Sections(options.config, options.beside)
    cherrypy.config.update(config.entries)
    if isinstance(root, type):
        root = root()
    if isinstance(root, Tree):
        cherrypy.tree = root
    elif root is not None or config.sections:
        cherrypy.tree.mount(root, options.mount, config.sections)


@contextmanager
def stopped_engine() -> Iterator[Any]:
    """Yield CherryPy's engine without HTTP servers and autoreloader; stop it if it was started.

    CherryPy's own checks are left out unless ``checker.on`` is set: they warn of what is usual in
    tests, such as an application without config.
    """
    engine = cherrypy.engine
    for each in (cherrypy.server, engine.autoreload, *getattr(cherrypy, "servers", {}).values()):
        each.unsubscribe()
    if "checker.on" not in cherrypy.config:
        cherrypy.checker.on = False
    try:
        yield engine
    finally:
        if engine.state not in (engine.states.STOPPED, engine.states.EXITING):
            engine.exit()


class Mounted:
    """The applications on ``cherrypy.tree``; before a first request their settings are checked.

    It is a WSGI application. Calling it raises NothingMountedError if there is none, and the
    error of a setting that would end the start of CherryPy's engine.
    """

    def __init__(self, *, check: bool = True) -> None:
        self._check = check
        self._known: list[object] = []

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on."""
        apps = list(cherrypy.tree.apps.values())
        if apps != self._known:
            self._known = apps
            if self._check:
                check_settings()
        if not apps:
            raise NothingMountedError
        answer: Iterable[bytes] = cherrypy.tree(environ, start_response)
        return answer


class ServedMounted(Mounted):
    """The same behind a server, where what it raises becomes the text of a 500."""

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on, or say why not."""
        try:
            return super().__call__(environ, start_response)
        except CpkitError as error:
            self._known = []
            body = f"{type(error).__name__}: {error}\n".encode()
            headers = [("Content-Type", "text/plain; charset=utf-8")]
            start_response(
                "500 Internal Server Error", [*headers, ("Content-Length", str(len(body)))]
            )
            return [body]


def check_settings() -> None:
    """Raise the error of the first setting that would end the start of CherryPy's engine.

    It is what a request with that setting would raise; its cause tells where the setting stands.
    A database that does not run is no error: a test may well need no database.
    """
    for fault in faults():
        error = fault.__cause__
        if not isinstance(error, DatabaseNotRunningError):
            fault.__cause__ = None
            raise error or fault from fault
