"""The programs that the load is put on: one REST resource that keeps a string a session.

``python -m tests.benchmarks.load.programs sqlite:////tmp/x.db 8080 raw threads=10``

On SQLite *connecting* is chapter 9 of CherryPy's tutorial, written anew from its description: it
connects on every call. The *ceiling* does the same without a database. *raw*, *core* and *orm* are
cpkit's plugin and tool, with the three handles. All run on the same server, set up alike, and log
their accesses to standard output, as CherryPy does unless told otherwise. For gunicorn,
``tests.benchmarks.load.programs:wsgi("core", url)`` is the application.
"""

import random
import string
import sys
import time
from types import SimpleNamespace
from typing import Any

import cherrypy

from tests.benchmarks.strings import LENT, Strings, by_connecting, in_memory, lent

SETTINGS: dict[str, Any] = {
    "request.dispatch": cherrypy.dispatch.MethodDispatcher(),
    "tools.sessions.on": True,
    "tools.response_headers.on": True,
    "tools.response_headers.headers": [("Content-Type", "text/plain")],
}


def root(of: Strings) -> object:
    """Return the root, whose *generator* makes and keeps a string for the session, and has it."""

    def generate(length: str = "8") -> str:
        cherrypy.session["made"] = True  # else each request has a session of its own
        made = "".join(random.sample(string.hexdigits, int(length)))
        of.keep(cherrypy.session.id, made)
        return made

    def visit() -> str:
        cherrypy.session["n"] = number = cherrypy.session.get("n", 0) + 1
        return str(number)

    def work() -> str:
        time.sleep(0.01)
        return visit()

    methods = {"visit": {"GET": visit}, "work": {"GET": work}}
    methods["generator"] = {"GET": lambda: of.kept(cherrypy.session.id), "POST": generate}
    resources = {name: SimpleNamespace(exposed=True, **each) for name, each in methods.items()}
    return SimpleNamespace(**resources)


def program(variant: str, url: str, sessions: str = "", **engine: Any) -> tuple[object, str, Any]:
    """Return what is mounted for a *variant* on the database at *url*.

    Where *sessions* names a locking, the database has them too, for processes that share them, and
    no accesses are logged.
    """
    settings = dict(SETTINGS)
    if variant in LENT:
        import cpkit.tools  # noqa: F401
        from cpkit.plugins import DatabasePlugin

        cherrypy.engine.db = DatabasePlugin(cherrypy.engine)
        options = {f"engine.db.{name}": value for name, value in engine.items()}
        cherrypy.config.update({"engine.db.on": True, "engine.db.url": url, **options})
        handle, by = LENT[variant]
        settings |= {"cpkit.db.on": True, "cpkit.db.handle": handle}
        strings = lent(by(url))
    else:
        strings = {"ceiling": in_memory, "connecting": by_connecting}[variant](url)
    if sessions:
        from cpkit.sessions import DatabaseSession

        kept = {"storage_class": DatabaseSession, "locking": sessions}
        settings |= {f"tools.sessions.{name}": value for name, value in kept.items()}
        cherrypy.config.update({"log.screen": False})
    return root(strings), "", {"/": settings}


def wsgi(variant: str, url: str) -> Any:
    from cpkit.dispatchers import embedded_application

    cherrypy.config.update({"environment": "embedded"})
    cherrypy.tree.mount(*program(variant, url, "explicit"))  # as the demo's
    return embedded_application()


def serve(url: str, port: str, variant: str, *options: str) -> None:
    """Serve one variant until the process is ended; of the options ``threads=10`` is the server's,
    ``sessions=explicit`` has them in the database, others are the plugin's."""
    told = dict(option.split("=") for option in options)
    # The queue's default of 5 makes fifty clients measure the kernel's retries of their connects.
    server = {"socket_port": int(port), "socket_queue_size": 128}
    server["thread_pool"] = int(told.pop("threads", 10))
    cherrypy.config.update({f"server.{name}": value for name, value in server.items()})
    cherrypy.config.update({"engine.autoreload.on": False})
    cherrypy.quickstart(*program(variant, url, **told))


if __name__ == "__main__":
    serve(*sys.argv[1:])
