"""The databases of a test: the application's own plugins, run on copies of what they name."""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import cherrypy
from sqlalchemy import URL, make_url

from cpkit.errors import UnfitDatabaseError
from cpkit.plugins import DatabasePlugin

from ._copies import Copy, copy_of, is_in_memory, path_of

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

Url = str | URL | None
Told = Url | Mapping[str, Url]

_TESTS = re.compile(r"(?<![a-z])tests?(?![a-z])")
# What a driver's options and a URL's query call the database, where its path is not what counts.
_PLACES = frozenset({"dbname", "database", "db", "conninfo", "dsn", "service"})
_RUNNING: dict[DatabasePlugin, Copy] = {}  # what runs on a copy already, of a wider fixture


@contextmanager
def databases(told: Told) -> Iterator[DatabasePlugin]:
    """Run every database plugin of ``cherrypy.engine`` on a copy, and yield ``engine.db``.

    *told* is the URL of ``engine.db``'s database, or a mapping of URLs by the plugins' names; a
    plugin that there is not is made. Raises UnfitDatabaseError for a database that is not a
    test's, or is in use, unless told.
    """
    urls = told if isinstance(told, Mapping) else {"db": told}
    before = {name for name, _ in plugins()}
    for name in ("db", *urls):
        if name not in dict(plugins()):
            setattr(cherrypy.engine, name, DatabasePlugin(cherrypy.engine))
    try:
        with ExitStack() as stack:
            for name, plugin in plugins():
                stack.enter_context(on_a_copy(name, plugin, urls.get(name)))
            yield cherrypy.engine.db
    finally:
        for name, _ in plugins():
            if name not in before:
                delattr(cherrypy.engine, name)


def plugins() -> list[tuple[str, DatabasePlugin]]:
    """Return the database plugins that are attributes of the engine."""
    engine = vars(cherrypy.engine).items()
    return [(name, each) for name, each in engine if isinstance(each, DatabasePlugin)]


@contextmanager
def on_a_copy(name: str, plugin: DatabasePlugin, told: Url) -> Iterator[None]:
    """Run *plugin* on a copy of the database that it is told, or that it names itself."""
    outer, own = _RUNNING.get(plugin), plugin.url
    url = _text(told) or own
    _refuse_detour(name, plugin, url)
    if outer is not None:
        url = _text(outer.url)
    elif told is None:
        _refuse(name, plugin, url)
    with _paused(plugin) as contents:
        copy = copy_of(url)
        try:
            plugin.url = _text(copy.url)
            _start(plugin)
            _RUNNING[plugin] = copy
            _fill(plugin, contents)
            yield
        finally:
            plugin.stop()
            copy.drop()
            plugin.url = own
            if outer is None:
                _RUNNING.pop(plugin, None)
            else:
                _RUNNING[plugin] = outer


def _text(url: Url) -> str | None:
    return url.render_as_string(hide_password=False) if isinstance(url, URL) else url


def _refuse(name: str, plugin: DatabasePlugin, url: str | None) -> None:
    """Raise UnfitDatabaseError if the database is in use, or may hold what no test may touch."""
    shown = make_url(url or "sqlite:///").render_as_string()
    remedy = f"Override cp_db_url: return the URL of {name}'s database for tests."
    if plugin.running:
        problem = f"cherrypy.engine.{name} has it open already"
        raise UnfitDatabaseError(shown, problem, f"Ask for cp_db earlier. {remedy}")
    if url and not is_for_tests(make_url(url)):
        problem = "neither its name nor its place says that it is for tests"
        raise UnfitDatabaseError(shown, problem, remedy)


def _refuse_detour(name: str, plugin: DatabasePlugin, url: str | None) -> None:
    """Raise UnfitDatabaseError if more than its URL says which database *plugin* opens.

    It would open that one, and no copy.
    """
    options, parsed = plugin.engine_options, make_url(url or "sqlite:///")
    detours = {"creator", "async_creator", "pool"} & options.keys()
    detours |= _PLACES & {*options.get("connect_args", {}), *parsed.query}
    if detours:
        raise UnfitDatabaseError(
            parsed.render_as_string(),
            f"cherrypy.engine.{name} opens what its {', '.join(sorted(detours))} says",
            "Put the place into the URL's path alone, so that a copy can be opened in its place.",
        )


def is_for_tests(url: URL) -> bool:
    """Tell whether a database is in memory, in a temporary folder, or has "test" in its name."""
    if is_in_memory(url):
        return True
    name = url.database or ""
    if url.get_backend_name() == "sqlite":
        path = path_of(url).resolve()
        if path.is_relative_to(Path(tempfile.gettempdir()).resolve()):
            return True
        name = path.name
    return _TESTS.search(name.lower()) is not None


def _start(plugin: DatabasePlugin) -> None:
    try:
        plugin.start()
    except SystemExit as ended:
        raise ended.__cause__ or ended.__context__ or ended from None


@contextmanager
def _paused(plugin: DatabasePlugin) -> Iterator[sqlite3.Connection | None]:
    """Close a plugin that runs, and open it afterwards; yield what it held in memory."""
    if not plugin.running:
        yield None
        return
    setup, cleanup = plugin.setup, plugin.cleanup
    contents = _contents(plugin)
    plugin.setup = plugin.cleanup = None
    try:
        plugin.stop()
        plugin.setup, plugin.cleanup = setup, cleanup
        yield contents
    finally:
        plugin.setup = plugin.cleanup = None
        _start(plugin)
        _fill(plugin, contents)
        if contents is not None:
            contents.close()
        plugin.setup, plugin.cleanup = setup, cleanup


def _contents(plugin: DatabasePlugin) -> sqlite3.Connection | None:
    """Return a copy of what a plugin has in memory; None if it has nothing there."""
    if not is_in_memory(make_url(plugin.url or "")):
        return None
    held = sqlite3.connect(":memory:", check_same_thread=False)
    with _driver(plugin) as driver:
        driver.backup(held)
    return held


def _fill(plugin: DatabasePlugin, contents: sqlite3.Connection | None) -> None:
    if contents is not None:
        with _driver(plugin) as driver:
            contents.backup(driver)


@contextmanager
def _driver(plugin: DatabasePlugin) -> Iterator[sqlite3.Connection]:
    pooled = plugin.engine.raw_connection()
    try:
        driver: DBAPIConnection | None = pooled.driver_connection
        assert isinstance(driver, sqlite3.Connection)  # noqa: S101
        yield driver
    finally:
        pooled.close()
