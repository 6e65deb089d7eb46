"""Whether this process is alive, and ready for requests: for load balancers and watchdogs."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import cherrypy

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_UNREADY = ("STARTING", "STOPPING", "EXITING")  # of the engine; without one, requests are served
_READY = ("", "/ready")


class Health(Protocol):
    """What a database tells of itself on the channel ``database_health``."""

    name: str
    up: bool


def health_app(deadline: float = 1.0) -> WsgiApp:
    """Return a WSGI application that tells health: ``tree.graft(health_app(), "/health")``.

    - ``/live``: 200 as long as the process answers; for what restarts it
    - ``/ready``, and the application's root: 200 if the process should be sent requests, else 503;
      for what sends them. It asks the databases that plugins run, all at once, which have
      *deadline* seconds to answer, and whether the engine is about to stop.

    The body is JSON, ``{"status": "down", "down": ["db"], "checks": {…}}``, with the names of the
    plugins and no addresses; nobody may cache it. A slash at the end of a path changes nothing.
    """

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        # A slash too many in the config of what asks is no reason to call the process down.
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "").rstrip("/")
        if path not in (*_READY, "/live"):
            status, told = "404 Not Found", {"status": "unknown", "paths": ["/live", "/ready"]}
        elif method not in ("GET", "HEAD"):
            status, told = "405 Method Not Allowed", {"status": "unknown"}
        else:
            status, told = _answer({} if path == "/live" else _checks(deadline))
        body = json.dumps(told).encode() + b"\n"
        fields = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
        ]
        if status[:3] == "405":
            fields.append(("Allow", "GET, HEAD"))
        start_response(status, fields)
        return [] if method == "HEAD" else [body]

    return app


def _answer(checks: dict[str, bool]) -> tuple[str, dict[str, Any]]:
    down = [name for name, up in checks.items() if not up]
    told = {
        "status": "down" if down else "ok",
        "down": down,
        "checks": {name: "ok" if up else "down" for name, up in checks.items()},
    }
    return "503 Service Unavailable" if down else "200 OK", told


def _checks(deadline: float) -> dict[str, bool]:
    """Return what is asked, by name, and whether it is up."""
    bus = cherrypy.engine
    checks = {"engine": bus.state.name not in _UNREADY}
    try:
        healths = _asked(bus.listeners.get("database_health", ()), deadline)
        for health in healths:  # a name may be another's too
            checks[health.name] = checks.get(health.name, True) and health.up
    except Exception:  # one that cannot even tell
        bus.log("A database cannot tell its health.", level=40, traceback=True)
        checks["databases"] = False
    return checks


def _asked(databases: Collection[Callable[[float], Health]], deadline: float) -> list[Health]:
    """Ask the *databases* at the same time, so that all of them have answered by the deadline."""
    if len(databases) < 2:
        return [tell(deadline) for tell in databases]
    with ThreadPoolExecutor(len(databases), "cpkit-health") as pool:
        healths = list(pool.map(lambda tell: tell(deadline), databases))
    return sorted(healths, key=lambda health: health.name)
