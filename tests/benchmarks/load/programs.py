"""The programs that the load is put on: one REST resource that keeps a string a session.

``python -m tests.benchmarks.load.programs raw --port 8080 --database sqlite:////tmp/x.db``

On SQLite *connecting* is chapter 9 of CherryPy's tutorial, written anew from its description: it
connects on every call. The *ceiling* does the same without a database. *raw*, *core* and *orm* are
cpkit's plugin and tool, with the three handles. All run on the same server, set up alike, and log
their accesses to standard output, as CherryPy does unless told otherwise. For gunicorn,
``tests.benchmarks.load.programs:wsgi("core", url)`` is the application.
"""

import argparse
import random
import string
import time
from collections.abc import Callable
from typing import Any

import cherrypy

from tests.benchmarks.strings import LENT, Strings, by_connecting, in_memory

SETTINGS: dict[str, Any] = {
    "request.dispatch": cherrypy.dispatch.MethodDispatcher(),
    "tools.sessions.on": True,
    "tools.response_headers.on": True,
    "tools.response_headers.headers": [("Content-Type", "text/plain")],
}


class Resource:
    """What a function answers to GET, and another to POST."""

    exposed = True

    def __init__(self, get: Callable[[], object], post: Callable[..., str] | None = None) -> None:
        self.GET = lambda: str(get())
        if post:
            self.POST = post


def root(of: Strings) -> object:
    """Return the root, whose *generator* makes and keeps a string for the session, and has it."""

    def generate(length: str = "8") -> str:
        cherrypy.session["made"] = True  # else each request has a session of its own
        made = "".join(random.sample(string.hexdigits, int(length)))
        of.keep(cherrypy.session.id, made)
        return made

    def visit() -> int:
        cherrypy.session["n"] = number = cherrypy.session.get("n", 0) + 1
        return number

    def work() -> int:
        time.sleep(0.01)
        return visit()

    resources = {"visit": Resource(visit), "work": Resource(work)}
    resources["generator"] = Resource(lambda: of.kept(cherrypy.session.id), generate)
    return type("Root", (), resources)()


def program(variant: str, url: str, locking: str = "", **engine: Any) -> tuple[object, str, Any]:
    """Return what is mounted for a *variant* on the database at *url*.

    With *locking* the database has the sessions too, for processes that share them, and no
    accesses are logged.
    """
    settings = dict(SETTINGS)
    if variant == "ceiling":
        made = in_memory()
    elif variant == "connecting":
        made = by_connecting(url)
    else:
        import cpkit.tools  # noqa: F401
        from cpkit.plugins import DatabasePlugin

        cherrypy.engine.db = DatabasePlugin(cherrypy.engine)
        options = {f"engine.db.{name}": value for name, value in engine.items() if value}
        cherrypy.config.update({"engine.db.on": True, "engine.db.url": url, **options})
        handle, strings = LENT[variant]
        settings |= {"cpkit.db.on": True, "cpkit.db.handle": handle}
        made = strings(url)
    if locking:
        from cpkit.sessions import DatabaseSession

        kept = {"storage_class": DatabaseSession, "locking": locking}
        settings |= {f"tools.sessions.{name}": value for name, value in kept.items()}
        cherrypy.config.update({"log.screen": False})
    return root(made), "", {"/": settings}


def wsgi(variant: str, url: str) -> Any:
    from cpkit.dispatchers import embedded_application

    cherrypy.config.update({"environment": "embedded"})
    cherrypy.tree.mount(*program(variant, url, "explicit"))  # as the demo's
    return embedded_application()


def main() -> None:
    """Serve one variant until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", choices=["connecting", "ceiling", *LENT])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", default="", help="a URL as SQLAlchemy writes them")
    parser.add_argument("--synchronous", help="SQLite's: FULL or NORMAL")
    parser.add_argument("--threads", type=int, default=10)
    parser.add_argument("--sessions", default="", help="in the database: explicit or implicit")
    told = parser.parse_args()
    # The queue's default of 5 makes fifty clients measure the kernel's retries of their connects.
    server = {"socket_port": told.port, "thread_pool": told.threads, "socket_queue_size": 128}
    cherrypy.config.update({f"server.{name}": value for name, value in server.items()})
    cherrypy.config.update({"engine.autoreload.on": False})
    mounted = program(told.variant, told.database, told.sessions, synchronous=told.synchronous)
    cherrypy.quickstart(*mounted)


if __name__ == "__main__":
    main()
