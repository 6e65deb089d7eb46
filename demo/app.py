"""The composition: routes to handlers, config to pieces, plugins to the bus."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import cherrypy
from cherrypy._cpdispatch import Dispatcher
from cherrypy._cpreqbody import process_urlencoded

from cpkit import openapi
from cpkit.dispatchers import RequestGuard, RoutesDispatcher
from cpkit.plugins import DatabasePlugin, LogPlugin, TimingPlugin, health_app, metrics_app

from .chapters.basics import Basics
from .chapters.generator import Generator
from .chapters.source import Source
from .chapters.strings import Visit
from .chapters.tour import Pages
from .library import handlers as library
from .operations.security import HEADERS, TellingRequest
from .operations.timings import Style, Timings
from .seed import prepare
from .store.handlers import Receipts, Store, Till
from .store.staff import Staff
from .store.tills import TillDispatcher

STATIC = Path(__file__).parent / "static"
DESCRIPTION = "The CherryPy tutorial, grown up: each resource is HTML, JSON or plain text."
DATABASE = f"sqlite:///{Path(__file__).parent / 'demo.sqlite'}"


def routes() -> RoutesDispatcher:
    """Return the one table of the demo's URLs; each handler says its own beside it."""
    made = RoutesDispatcher()
    made.include(Pages(), Basics(), Generator())
    made.include(library.Libraries(), library.Library(), library.Holding())
    made.include(library.Books(), library.Book(), Store(), Till(), Receipts())
    made.include(Timings(), Style(), Source())
    told = {"title": "cpkit's demo", "version": "1", "description": DESCRIPTION}
    docs = openapi.Page(made, home="/", **told)
    get = {"method": ["GET"]}
    made.connect("docs", "/docs", docs, action="index", conditions=get)
    made.connect("openapi", "/openapi.json", docs, action="openapi_json", conditions=get)
    return made


dispatcher = routes()

SITE = {
    "engine.db.on": True,
    "engine.logs.on": True,
    # A thread writes the lines: requests wait neither for the disk nor for each other's.
    "engine.logs.queue": 10_000,
    "engine.staff.on": True,
    "engine.timing.on": True,
    "engine.timing.prometheus": True,
    "environment": "production",
    "server.instance": "demo.operations.serving.Server",
    "server.socket_queue_size": 128,
    "server.max_request_header_size": 16 * 1024,
    "server.max_request_body_size": 64 * 1024,
    "server.shutdown_timeout": 10,
}
APPLICATION = {
    "/": {
        # Path, query and form as the handlers' annotations have them; all else is refused.
        "cpkit.params.on": True,
        # Before the application, whichever server it runs under.
        "wsgi.pipeline": [("guard", RequestGuard)],
        "wsgi.guard.headers": HEADERS,
        "wsgi.guard.max_field_bytes": 16 * 1024,  # the accept tool tells what is too long for it
        "wsgi.guard.checks_content_type": False,  # forms are read as UTF-8, whatever they say
        "request.body.attempt_charsets": ["utf-8"],
        "request.body.processors": {"application/x-www-form-urlencoded": process_urlencoded},
        "request.dispatch": dispatcher,
        "cpkit.csrf.on": True,
        "cpkit.compress.on": True,
        # Serialization conflicts (CockroachDB, YugabyteDB, deadlocks) are tried again.
        "cpkit.db.retry": 3,
        "cpkit.timing.on": True,
        # Everybody may see these timings: they are what the demo is for.
        "cpkit.timing.header": True,
        "tools.sessions.name": "cpkit_demo",
        "tools.sessions.storage_class": Visit,
        # A visitor's requests touch nothing of the session but its id: none has to wait.
        "tools.sessions.locking": "explicit",
    },
    "/static": {
        "request.dispatch": Dispatcher(),
        "tools.allow.on": True,
        "tools.allow.methods": ["GET"],
        "tools.staticdir.on": True,
        "tools.staticdir.dir": str(STATIC),
        "tools.staticdir.content_types": {"js": "text/javascript", "svg": "image/svg+xml"},
    },
    "/docs": {"tools.trailing_slash.extra": True},  # as people write it
    "/store": {"request.dispatch": TillDispatcher(dispatcher)},
}


def assemble(url: str = DATABASE, access_log: logging.Handler | None = None) -> Any:
    """Mount the demo, subscribe its plugins and return the application; the caller starts the bus.

    *url* is SQLAlchemy's, of the database that holds everything which outlives a request;
    *access_log* gets a JSON object for each request.
    """
    engine = cherrypy.engine
    engine.db = DatabasePlugin(engine, url)
    engine.db.setup = prepare
    engine.staff = Staff(engine, engine.db)
    engine.timing = TimingPlugin(engine)
    engine.logs = LogPlugin(engine)
    cherrypy.config.update(SITE)
    cherrypy.tree.graft(metrics_app(), "/metrics")
    cherrypy.tree.graft(health_app(), "/healthz")
    application = cherrypy.tree.mount(None, "", APPLICATION)
    application.request_class = TellingRequest
    if access_log is not None:
        application.log.access_log.addHandler(access_log)
    return application
