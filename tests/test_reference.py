"""The reference: every public name and every setting is in it, as it is in the code."""

import importlib.util
import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest
from cherrypy.lib.reprconf import Parser

import cpkit.errors
import cpkit.tools
from cpkit.plugins import TimingPlugin
from cpkit.serving.limits import Limits
from cpkit.sessions import DatabaseSession
from cpkit.settings import check_values, declared
from cpkit.testing._marker import NAMES

DOCS = Path(__file__).parent.parent / "docs"
_SPEC = importlib.util.spec_from_file_location("tables", DOCS / "tables.py")
tables = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(tables)
API = (DOCS / "api.md").read_text()

# ------------------------------ settings ------------------------------

FILE = re.compile(r"^```ini\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(page):
    return (DOCS / page).read_text()


def entries(page):
    """Return what the files of settings on a page say, read as CherryPy reads them."""
    said = {}
    for found in FILE.finditer(text_of(page)):
        parser = Parser()
        parser.read_string(found[1])
        for section in parser.as_dict().values():
            said.update(section)
    return said


def test_every_tool_has_a_page():
    assert {name for name, it in vars(cpkit.tools.toolbox).items() if hasattr(it, "settings")} == {
        *tables.TOOLS
    }


@pytest.mark.parametrize("prefix", tables.DECLARED)
def test_the_table_of_settings_is_the_declaration(prefix):
    assert tables.there(prefix) == tables.wanted(prefix), "run: make tables"


@pytest.mark.parametrize("prefix", tables.DECLARED)
def test_every_setting_has_an_example_that_can_be_used(prefix):
    declarations, page = tables.DECLARED[prefix]
    told = {
        key.removeprefix(f"{prefix}."): value
        for key, value in entries(page).items()
        if key.startswith(f"{prefix}.")
    }
    assert told.keys() == {"on", *declared(declarations)}
    check_values(
        prefix, declarations, {k: v for k, v in told.items() if k in declared(declarations)}
    )


def rows_of(page, prefix=""):
    """Return the cells of each row of a page's tables, by the name in the first."""
    row = re.compile(rf"^\| `{re.escape(prefix)}(\w+)` \| (.+) \|$", re.MULTILINE)
    return {found[1]: found[2].split(" | ") for found in row.finditer(text_of(page))}


def shown(default):
    return f'`"{default}"`' if isinstance(default, str) else f"`{default:g}`"


def test_the_limits_of_the_server_are_in_its_table_and_its_example():
    limits = {it.name: it.default for it in fields(Limits) if it.name.startswith("max_")}
    rows = rows_of("server.md", "server.")
    assert {name: cells[-1] for name, cells in rows.items()} == {
        name: str(default) for name, default in limits.items()
    }
    assert {f"server.{name}" for name in limits} - entries("server.md").keys() == set()


def test_the_settings_of_sessions_are_in_their_table_and_their_example():
    settings = {
        name: default
        for name, default in vars(DatabaseSession).items()
        if isinstance(default, str | float) and not name.startswith("_")
    }
    rows = rows_of("database.md")
    assert {name: rows[name][-1] for name in settings} == {
        name: shown(default) for name, default in settings.items()
    }
    assert {f"tools.sessions.{name}" for name in settings} - entries("database.md").keys() == set()


def test_the_arguments_of_the_timing_plugin_are_in_a_table_and_an_example():
    arguments = dict(inspect.signature(TimingPlugin).parameters)
    del arguments["bus"]
    rows = rows_of("timing.md")
    numbers = {name: it.default for name, it in arguments.items() if name != "methods"}
    assert {name: rows[name][0] for name in numbers} == {
        name: shown(default) for name, default in numbers.items()
    }
    assert "methods" in rows
    example = re.search(
        r"TimingPlugin\(cherrypy\.engine, (.*)\)$", text_of("timing.md"), re.MULTILINE
    )
    assert set(re.findall(r"(\w+)=", example[1])) == arguments.keys()


def test_the_arguments_of_the_marker_are_in_a_table():
    assert set(NAMES) - rows_of("testing.md").keys() == set()
    assert "cherrypy_isolation" in text_of("testing.md")


# ------------------------------ names ------------------------------

# What a request, a channel of the bus or a fixture hands out, though its room is private.
HANDED_OUT = {
    "cpkit.database.unit.Unit",
    "cpkit.database.health.Health",
    "cpkit.database.health.PoolFigures",
    "cpkit.timing.phases.RequestTiming",
    "cpkit.testing._server.Server",
    "cpkit.testing._session.Session",
}
# Functions and constants of rooms that a page of docs/ hands to applications.
LENT = {
    "cpkit.timing.report.fragment",
    "cpkit.timing.report.STYLE",
    "cpkit.timing.waterfall.html",
    "cpkit.timing.waterfall.COLOURS",
}
DIRECTIVE = re.compile(
    r"^\.\. auto(?:class|function|decorator|exception|data):: ([\w.]+)\n((?:   :.*\n)*)",
    re.MULTILINE,
)


def public():
    """Return what the public modules name in their ``__all__``, but for pytest's own hooks."""
    rooms = sorted((DOCS.parent / "cpkit").glob("*/__init__.py"))
    modules = [importlib.import_module(f"cpkit.{path.parent.name}") for path in rooms]
    names = {f"{it.__name__}.{name}" for it in modules for name in getattr(it, "__all__", ())}
    return {it for it in names if ".pytest_" not in it} | {"cpkit.sessions.DatabaseSession"}


def described():
    return {found[1]: found[2] for found in DIRECTIVE.finditer(API)}


def found(name):
    """Return the object of a dotted name."""
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def test_the_api_page_names_everything_public_and_no_more():
    named = set(re.findall(r"`(cpkit(?:\.\w+)+)`", API)) | described().keys()
    assert public() | HANDED_OUT | LENT == named


def test_every_member_on_the_api_page_exists_and_has_a_docstring():
    for name, options in described().items():
        listed = re.search(r":members: (.+)", options)
        for member in listed[1].split(", ") if listed else ():
            assert getattr(found(name), member).__doc__, f"{name}.{member}"


def test_the_errors_are_the_whole_of_their_module():
    assert ".. automodule:: cpkit.errors\n   :members:\n" in API
    kinds = [
        it
        for it in vars(cpkit.errors).values()
        if isinstance(it, type) and it.__module__ == "cpkit.errors"
    ]
    assert all(issubclass(it, cpkit.errors.CpkitError) for it in kinds)


def test_the_attributes_of_the_request_are_those_that_the_pieces_set():
    rows = set(re.findall(r"^\| `cherrypy\.request\.(\w+)` \|", API, re.MULTILINE))
    text = "".join(path.read_text() for path in (DOCS.parent / "cpkit").rglob("*.py"))
    assert {it for it in rows - {"db"} if f"request.{it} = " not in text} == set()
    pages = "".join(path.read_text() for path in DOCS.rglob("*.md") if path.name != "api.md")
    used = set(
        re.findall(r"request\.(accepted|language|document|refusal|route|timing|db)\b", pages)
    )
    assert used - rows == set()
