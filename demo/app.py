"""The composition: routes to handlers, config to pieces, plugins to the bus."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import cherrypy
from cherrypy._cpdispatch import Dispatcher

from cpkit.dispatchers import RequestGuard, RoutesDispatcher
from cpkit.plugins import DatabasePlugin, LogPlugin, TimingPlugin, health_app, metrics_app
from cpkit.sessions import DatabaseSession

from .chapters.basics import Basics
from .chapters.generator import Generator
from .chapters.tour import Pages
from .library import handlers as library
from .operations.security import HEADERS, SecureRequest
from .operations.source import Source
from .operations.timings import Style, Timings
from .reading import FORMS
from .seed import prepare
from .store.handlers import Store, Till
from .store.staff import Staff
from .store.tills import TillDispatcher

STATIC = Path(__file__).parent / "static"
DATABASE = f"sqlite:///{Path(__file__).parent / 'demo.sqlite'}"


def routes() -> RoutesDispatcher:
    """Return the one table of the demo's URLs."""
    made = RoutesDispatcher()
    get = {"method": ["GET"]}
    pages, basics = Pages(), Basics()
    made.connect("tour", "/", pages, action="tour", conditions=get)
    made.connect("hello", "/hello", basics, action="hello", conditions=get)
    made.connect(
        "generate", "/generate", basics, action="generate", conditions={"method": ["GET", "POST"]}
    )
    made.connect("display", "/display", basics, action="display", conditions=get)
    made.connect("generator", "/generator", Generator())
    made.connect("ajax", "/ajax", pages, action="ajax", conditions=get)
    made.connect("app", "/app", pages, action="app", conditions=get)

    number = "[0-9]{1,9}"
    ids = {"library_id": number, "book_id": number}
    made.connect("libraries", "/libraries", library.Libraries())
    made.connect("library", "/library/{library_id}", library.Library(), requirements=ids)
    made.connect(
        "holding", "/library/{library_id}/book/{book_id}", library.Holding(), requirements=ids
    )
    made.connect("books", "/books", library.Books())
    made.connect("book", "/book/{book_id}", library.Book(), requirements=ids)

    made.connect("store", "/store", Store())
    made.connect("till", "/store/till/{kind}", Till())
    made.connect("timing", "/timing", Timings())
    made.connect("timing-style", "/timing.css", Style())
    made.connect("source", "/source/{path:.+}", Source())
    return made


dispatcher = routes()

SITE = {
    "engine.db.on": True,
    "engine.logs.on": True,
    "engine.staff.on": True,
    "engine.timing.on": True,
    "engine.timing.prometheus": True,
    "environment": "production",
    "server.instance": "demo.operations.serving.Server",
    "server.thread_pool": 10,
    "server.socket_queue_size": 128,
    "server.max_request_header_size": 16 * 1024,
    "server.max_request_body_size": 64 * 1024,
    "server.shutdown_timeout": 10,
}
APPLICATION = {
    "/": {
        **FORMS,
        # Before the application, whichever server it runs under.
        "wsgi.pipeline": [("guard", RequestGuard)],
        "wsgi.guard.headers": HEADERS,
        "wsgi.guard.max_field_bytes": 16 * 1024,  # the accept tool tells what is too long for it
        "wsgi.guard.checks_content_type": False,  # forms are read as UTF-8, whatever they say
        "request.dispatch": dispatcher,
        # Not as the production environment has it: a mistyped field is told by its name.
        "request.show_mismatched_params": True,
        "security.origin.on": True,
        "security.cookies.on": True,
        # Serialization conflicts (CockroachDB, YugabyteDB, deadlocks) are tried again.
        "cpkit.db.retry": 3,
        "cpkit.timing.on": True,
        # Everybody may see these timings: they are what the demo is for.
        "cpkit.timing.header": True,
        "tools.sessions.name": "cpkit_demo",
        "tools.sessions.storage_class": DatabaseSession,
        # A visitor's requests touch nothing of the session but its id: none has to wait.
        "tools.sessions.locking": "explicit",
    },
    "/static": {
        "request.dispatch": Dispatcher(),
        "tools.staticdir.on": True,
        "tools.staticdir.dir": str(STATIC),
        "tools.staticdir.content_types": {"js": "text/javascript", "svg": "image/svg+xml"},
    },
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
    application.request_class = SecureRequest
    if access_log is not None:
        application.log.access_log.addHandler(access_log)
    return application
